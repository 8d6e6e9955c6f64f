// Memory that is kept from row to row: fresh pages cost more than what is written into them.
// Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>

namespace mathcoder::train {

class Buffer {
 public:
  // A contiguous [rows, columns] whose content is undefined. It is valid until the next call. Room is made for rows up to the next
  // multiple of 256, so that rows of nearly the same length share it.
  at::Tensor Take(std::int64_t rows, std::int64_t columns, const at::TensorOptions& options) {
    constexpr std::int64_t kStep = 256;
    if (!flat_.defined() || flat_.numel() < rows * columns) {
      flat_.reset();  // the old memory goes before the new comes
      flat_ = at::empty({(rows + kStep - 1) / kStep * kStep * columns}, options);
    }
    return flat_.narrow(0, 0, rows * columns).view({rows, columns});
  }

 private:
  at::Tensor flat_;
};

}  // namespace mathcoder::train
