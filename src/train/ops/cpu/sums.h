// Sums over rows in an order that does not depend on the number of threads: blocks of 32 rows, each summed by one thread, then the
// blocks in order.
#pragma once

#include <algorithm>

#include "train/ops/cpu/driver.h"

namespace mathcoder::train::ops::cpu {

inline constexpr std::int64_t kSumRows = 32;

// sum_rows(begin, end, sums): sums of rows [begin, end), `width` of them; null where `gradient` is undefined, which leaves only the
// work that goes along. gradient += scale * the sums; its type is T or the accumulator's.
template <class T, class F>
void SumOverRows(const TypeKernels<T>& kernels, std::int64_t rows, std::int64_t width, double scale, const at::Tensor& gradient,
                 F&& sum_rows) {
  using A = Accumulator<T>;
  const std::int64_t blocks = (rows + kSumRows - 1) / kSumRows;
  thread_local Scratch scratch;
  A* sums = gradient.defined() ? scratch.Get<A>((blocks + 1) * width) : nullptr;
  Parallel(blocks, std::max<std::int64_t>(1, 16384 / (kSumRows * std::max<std::int64_t>(1, width))),
           [&](std::int64_t begin, std::int64_t end) {
             for (std::int64_t block = begin; block < end; ++block) {
               sum_rows(block * kSumRows, std::min(rows, (block + 1) * kSumRows), sums == nullptr ? nullptr : sums + block * width);
             }
           });
  if (sums == nullptr || blocks == 0) return;
  A* total = sums + blocks * width;
  std::fill_n(total, width, A{0});
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (std::int64_t i = 0; i < width; ++i) total[i] += sums[block * width + i];
  }
  if (gradient.scalar_type() == at::kBFloat16) {
    kernels.add_sums(total, static_cast<A>(scale), Data<T>(gradient), width);
  } else {
    A* to = Data<A>(gradient);
    for (std::int64_t i = 0; i < width; ++i) to[i] += static_cast<A>(scale) * total[i];
  }
}

}  // namespace mathcoder::train::ops::cpu
