#include "train/parallel/buffer_pool.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "base/check.h"

namespace mathcoder::train {

BufferPool::BufferPool(std::vector<std::int64_t> sizes, at::TensorOptions options) : sizes_(std::move(sizes)), options_(options) {
  std::ranges::sort(sizes_);
}

// The largest size that is at most a quarter larger.
std::int64_t BufferPool::Capacity(std::int64_t size) const {
  const auto above = std::ranges::upper_bound(sizes_, size + size / 4);
  return above == sizes_.begin() ? size : std::max(size, *(above - 1));
}

at::Tensor BufferPool::Take(std::int64_t size) {
  const std::int64_t capacity = Capacity(size);
  for (auto buffer = free_.begin(); buffer != free_.end(); ++buffer) {
    if (buffer->numel() != capacity) continue;
    at::Tensor taken = std::move(*buffer);
    free_.erase(buffer);
    return taken;
  }
  at::Tensor made = at::empty({capacity}, options_);
  bytes_ += static_cast<std::int64_t>(made.numel() * made.element_size());
  return made;
}

void BufferPool::Give(at::Tensor buffer) {
  MC_CHECK(buffer.defined());
  free_.push_back(std::move(buffer));
}

}  // namespace mathcoder::train
