// Norms, rotations, SwiGLU and the embedding on the CPU: rows shared among threads, each row by one.
#include <cstring>

#include "train/ops/cpu/cpu_ops.h"
#include "train/ops/cpu/driver.h"
#include "train/ops/cpu/sums.h"

namespace mathcoder::train::ops::cpu {

void RmsNorm(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight, double eps, bool again, const at::Tensor& y,
             const at::Tensor& inverse_rms) {
  WithKernels(x, [&](auto type, const auto& kernels) {
    using T = decltype(type);
    const RmsNormArgs<T> args{
        RowsOf<T>(x), RowsOf<const T>(delta), Data<const T>(weight), RowsOf<T>(y), Data<Accumulator<T>>(inverse_rms), eps, again,
        x.size(1)};
    ParallelRows(x.size(0), x.size(1), [&](std::int64_t begin, std::int64_t end) { kernels.rms_norm(args, begin, end); });
  });
}

void RmsNormBackward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms,
                     const at::Tensor& dx, const at::Tensor& dweight) {
  WithKernels(x, [&](auto type, const auto& kernels) {
    using T = decltype(type);
    const RmsNormBackwardArgs<T> args{RowsOf<const T>(dy),   RowsOf<const T>(x),
                                      Data<const T>(weight), Data<Accumulator<T>>(inverse_rms),
                                      RowsOf<T>(dx),         x.size(1)};
    SumOverRows<T>(kernels, x.size(0), x.size(1), 1, dweight, [&](std::int64_t begin, std::int64_t end, Accumulator<T>* sums) {
      kernels.rms_norm_backward(args, begin, end, sums);
    });
  });
}

void Rope(const at::Tensor& x, const at::Tensor& positions, const RopeTable& table, bool back) {
  WithKernels(x, [&](auto type, const auto& kernels) {
    using T = decltype(type);
    const RopeArgs<T> args{Data<T>(x),
                           x.stride(0),
                           x.stride(1),
                           x.size(1),
                           x.size(2),
                           Data<const std::int32_t>(positions),
                           Data<Accumulator<T>>(table.cos),
                           Data<Accumulator<T>>(table.sin),
                           back};
    ParallelRows(x.size(0), x.size(1) * x.size(2), [&](std::int64_t begin, std::int64_t end) { kernels.rope(args, begin, end); });
  });
}

void SwiGlu(const at::Tensor& gate_up, const at::Tensor& out) {
  WithKernels(gate_up, [&](auto type, const auto& kernels) {
    using T = decltype(type);
    const SwiGluArgs<T> args{RowsOf<T>(gate_up), {}, RowsOf<T>(out), out.size(1)};
    ParallelRows(out.size(0), out.size(1) * 4, [&](std::int64_t begin, std::int64_t end) { kernels.swiglu(args, begin, end); });
  });
}

void SwiGluBackward(const at::Tensor& dout, const at::Tensor& gate_up, const at::Tensor& out_again) {
  WithKernels(gate_up, [&](auto type, const auto& kernels) {
    using T = decltype(type);
    const SwiGluArgs<T> args{RowsOf<T>(gate_up), RowsOf<const T>(dout), RowsOf<T>(out_again), dout.size(1)};
    ParallelRows(dout.size(0), dout.size(1) * 4,
                 [&](std::int64_t begin, std::int64_t end) { kernels.swiglu_backward(args, begin, end); });
  });
}

void Embedding(const at::Tensor& ids, const at::Tensor& weight, const at::Tensor& out) {
  const auto* from = static_cast<const char*>(weight.data_ptr());
  auto* to = static_cast<char*>(out.data_ptr());
  const auto* id = Data<const std::int32_t>(ids);
  const std::int64_t size = weight.element_size();
  ParallelRows(out.size(0), out.size(1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      MC_CHECK(id[row] >= 0 && id[row] < weight.size(0));
      std::memcpy(to + row * out.stride(0) * size, from + id[row] * weight.stride(0) * size,
                  static_cast<std::size_t>(out.size(1) * size));
    }
  });
}

// Threads share the columns, so that each row of the gradient is added to in the order of tokens.
void EmbeddingBackward(const at::Tensor& ids, const at::Tensor& dout, const at::Tensor& dweight) {
  const auto* id = Data<const std::int32_t>(ids);
  const std::int64_t tokens = dout.size(0), width = dout.size(1);
  WithKernels(dout, [&](auto type, const auto& kernels) {
    using T = decltype(type);
    Parallel((width + 63) / 64, 2, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t first = begin * 64, count = std::min(end * 64, width) - first;
      for (std::int64_t row = 0; row < tokens; ++row) {
        MC_CHECK(id[row] >= 0 && id[row] < dweight.size(0));
        const T* from = Data<const T>(dout) + row * dout.stride(0) + first;
        const std::int64_t at = id[row] * dweight.stride(0) + first;
        if (dweight.scalar_type() == dout.scalar_type()) {
          kernels.add(from, 1, Data<T>(dweight) + at, count);
        } else {
          kernels.add_to_sums(from, 1, Data<Accumulator<T>>(dweight) + at, count);
        }
      }
    });
  });
}

}  // namespace mathcoder::train::ops::cpu
