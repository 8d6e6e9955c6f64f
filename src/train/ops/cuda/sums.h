// The second stage of a sum over rows.
#pragma once

#include "train/ops/cuda/kernels/kernels.h"
#include "train/ops/cuda/tensors.h"

namespace mathcoder::train::cuda {

// gradient [width] += scale * the sum over partials [count, width]; gradient of any type, partials of that type's sums.
inline void AddPartials(const at::Tensor& partials, double scale, const at::Tensor& gradient, Stream stream) {
  MC_CHECK(gradient.is_contiguous());
  WithType(gradient, [&](auto type) {
    using G = decltype(type);
    AddPartials<G>(Data<const Accumulator<G>>(partials), partials.size(0), partials.size(1), scale, Data<G>(gradient), stream);
  });
}

}  // namespace mathcoder::train::cuda
