// Buffers for whole units, used again and again: pages that are touched for the first time are slow, and an allocator that gives
// them back makes every step touch them again. Units of nearly one size (the embedding and the head) share buffers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace mathcoder::train {

class BufferPool {
 public:
  // `sizes`: of the units, in elements.
  BufferPool(std::vector<std::int64_t> sizes, at::TensorOptions options);

  // A flat tensor of at least `size` elements, contents undefined.
  at::Tensor Take(std::int64_t size);
  void Give(at::Tensor buffer);
  // How many elements Take(size) would give: two units of one capacity can take over each other's buffer.
  std::int64_t Capacity(std::int64_t size) const;

  std::int64_t bytes() const { return bytes_; }  // of all buffers there ever were at once: none is freed

 private:
  std::vector<std::int64_t> sizes_;  // ascending
  at::TensorOptions options_;
  std::vector<at::Tensor> free_;
  std::int64_t bytes_ = 0;
};

}  // namespace mathcoder::train
