// Norms, rotations, SwiGLU and the embedding on CUDA.
#include <ATen/ops/empty.h>
#include <ATen/ops/sort.h>

#include "train/ops/cuda/cuda_ops.h"
#include "train/ops/cuda/device.h"
#include "train/ops/cuda/kernels/kernels.h"
#include "train/ops/cuda/sums.h"
#include "train/ops/cuda/tensors.h"

namespace mathcoder::train::ops::cuda {

using train::cuda::Accumulator;
using train::cuda::Data;
using train::cuda::OnDeviceOf;
using train::cuda::RowsOf;
using train::cuda::WithType;

void RmsNorm(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight, double eps, bool again, const at::Tensor& y,
             const at::Tensor& inverse_rms) {
  const OnDeviceOf device(x);
  WithType(x, [&](auto type) {
    using T = decltype(type);
    const train::cuda::RmsNormArgs<T> args{RowsOf<T>(x),
                                           RowsOf<const T>(delta),
                                           Data<const T>(weight),
                                           RowsOf<T>(y),
                                           Data<Accumulator<T>>(inverse_rms),
                                           eps,
                                           again,
                                           x.size(0),
                                           x.size(1)};
    train::cuda::RmsNorm(args, device.stream());
  });
}

void RmsNormBackward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms,
                     const at::Tensor& dx, const at::Tensor& dweight) {
  const OnDeviceOf device(x);
  const std::int64_t count = train::cuda::RmsNormPartials(x.size(0));
  at::Tensor partials;
  if (dweight.defined()) partials = at::empty({count, x.size(1)}, train::cuda::Sums(x));
  WithType(x, [&](auto type) {
    using T = decltype(type);
    const train::cuda::RmsNormBackwardArgs<T> args{RowsOf<const T>(dy),
                                                   RowsOf<const T>(x),
                                                   Data<const T>(weight),
                                                   Data<const Accumulator<T>>(inverse_rms),
                                                   RowsOf<T>(dx),
                                                   Data<Accumulator<T>>(partials),
                                                   x.size(0),
                                                   x.size(1)};
    train::cuda::RmsNormBackward(args, device.stream());
  });
  if (dweight.defined()) train::cuda::AddPartials(partials, 1, dweight, device.stream());
}

void Rope(const at::Tensor& x, const at::Tensor& positions, const RopeTable& table, bool back) {
  const OnDeviceOf device(x);
  WithType(x, [&](auto type) {
    using T = decltype(type);
    const train::cuda::RopeArgs<T> args{Data<T>(x),
                                        x.size(0),
                                        x.size(1),
                                        x.size(2),
                                        x.stride(0),
                                        x.stride(1),
                                        Data<const std::int32_t>(positions),
                                        Data<const Accumulator<T>>(table.cos),
                                        Data<const Accumulator<T>>(table.sin),
                                        back};
    train::cuda::Rope(args, device.stream());
  });
}

void SwiGlu(const at::Tensor& gate_up, const at::Tensor& out) {
  const OnDeviceOf device(out);
  WithType(out, [&](auto type) {
    using T = decltype(type);
    train::cuda::SwiGlu(train::cuda::SwiGluArgs<T>{RowsOf<T>(gate_up), {}, RowsOf<T>(out), out.size(0), out.size(1)},
                        device.stream());
  });
}

void SwiGluBackward(const at::Tensor& dout, const at::Tensor& gate_up, const at::Tensor& out_again) {
  const OnDeviceOf device(dout);
  WithType(dout, [&](auto type) {
    using T = decltype(type);
    const train::cuda::SwiGluArgs<T> args{RowsOf<T>(gate_up), RowsOf<const T>(dout), RowsOf<T>(out_again), dout.size(0),
                                          dout.size(1)};
    train::cuda::SwiGluBackward(args, device.stream());
  });
}

void Embedding(const at::Tensor& ids, const at::Tensor& weight, const at::Tensor& out) {
  const OnDeviceOf device(weight);
  WithType(weight, [&](auto type) {
    using T = decltype(type);
    train::cuda::Embedding<T>(Data<const std::int32_t>(ids), RowsOf<const T>(weight), weight.size(0), RowsOf<T>(out), out.size(0),
                              out.size(1), device.stream());
  });
}

void EmbeddingBackward(const at::Tensor& ids, const at::Tensor& dout, const at::Tensor& dweight) {
  if (ids.numel() == 0) return;
  const OnDeviceOf device(dweight);
  const auto [sorted, token_of] = at::sort(ids, /*stable=*/true, /*dim=*/0, /*descending=*/false);
  const at::Tensor order = token_of, values = sorted;
  WithType(dout, [&](auto type) {
    using T = decltype(type);
    const auto run = [&](auto gradient) {
      using G = decltype(gradient);
      train::cuda::EmbeddingBackward<T, G>(Data<const std::int32_t>(values), Data<const std::int64_t>(order), RowsOf<const T>(dout),
                                           RowsOf<G>(dweight), dweight.size(0), dout.size(0), dout.size(1), device.stream());
    };
    if (dweight.scalar_type() == dout.scalar_type()) {
      run(T{});
    } else {
      run(Accumulator<T>{});
    }
  });
}

}  // namespace mathcoder::train::ops::cuda
