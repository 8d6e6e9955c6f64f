#include "train/optim/muon.h"

#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/error.h"
#include "train/ops/cpu/gemm.h"
#include "train/optim/cpu/kernels.h"
#include "train/optim/cuda/cuda_optim.h"
#include "train/optim/optimizer.h"

namespace mathcoder::train {
namespace {

using optim_cpu::Bf16;

constexpr std::int64_t kPiece = 16384;

bool IsFlat(const at::Tensor& x, at::ScalarType type) { return x.defined() && x.scalar_type() == type && x.is_contiguous(); }

// True where the kernels of x's device are CUDA's.
bool OnCuda(const at::Tensor& x) {
  if (x.is_cpu()) return false;
  if (optim_cuda::kBuilt && x.is_cuda()) return true;
  throw base::Unavailable("the optimizer on " + x.device().str() + ": this build has kernels for the CPU alone");
}

// c = factor * d + scale * a b.
void Product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& d, double factor, double scale, at::Tensor& c) {
  if (c.is_cpu() && c.scalar_type() == at::kBFloat16) {
    if (factor != 0) at::mul_out(c, d, at::scalar_tensor(factor, d.options()));
    if (ops::cpu::Bf16Product(a, b, c, factor != 0, scale)) return;
  }
  at::addmm_out(c, factor != 0 ? d : c, a, b, factor, scale);
}

// The quintic iteration x <- a x + (b s + c s s) x with s = x x^T, whose coefficients push every singular value into about 0.7
// .. 1.2. In bf16 on a GPU and where the CPU multiplies it fast, as the method was published (it pulls errors back each time), else in
// f32.
at::Tensor NewtonSchulz(at::Tensor x, int iterations, bool full_precision) {
  constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;
  const bool tall = x.size(0) > x.size(1);  // s is the smaller of the two squares
  const double norm = std::sqrt(SumOfSquares(x)) + 1e-7;
  x = x.div(norm);
  if (!full_precision && (x.is_cuda() || ops::cpu::HasFastBf16())) x = x.to(at::kBFloat16);
  if (tall) x = x.t().contiguous();
  at::Tensor square = at::empty({x.size(0), x.size(0)}, x.options()), mixed = at::empty_like(square), next = at::empty_like(x);
  for (int i = 0; i < iterations; ++i) {
    Product(x, x.t(), {}, 0, 1, square);
    Product(square, square, square, kB, kC, mixed);
    Product(mixed, x, x, kA, 1, next);
    std::swap(x, next);
  }
  return (tall ? x.t() : x).to(at::kFloat).contiguous();
}

void Nesterov(const at::Tensor& gradient, const at::Tensor& momentum, const at::Tensor& direction, float factor, float scale) {
  [[maybe_unused]] const bool on_cuda = OnCuda(gradient);
  if constexpr (optim_cuda::kBuilt) {
    if (on_cuda) return optim_cuda::Nesterov(gradient, momentum, direction, factor, scale);
  }
  const auto& kernels = optim_cpu::ActiveKernels();
  const bool wide = gradient.scalar_type() == at::kFloat;
  const auto* f32 = wide ? static_cast<const float*>(gradient.data_ptr()) : nullptr;
  const auto* bf16 = wide ? nullptr : static_cast<const Bf16*>(gradient.data_ptr());
  auto* moving = static_cast<float*>(momentum.data_ptr());
  auto* out = static_cast<float*>(direction.data_ptr());
  at::parallel_for(0, gradient.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
    kernels.nesterov(wide ? f32 + begin : nullptr, wide ? nullptr : bf16 + begin, moving + begin, out + begin, factor, scale,
                     end - begin);
  });
}

}  // namespace

at::Tensor MuonUpdate(const at::Tensor& gradient, at::Tensor& momentum, const MuonOptions& options, double gradient_scale) {
  MC_CHECK(gradient.dim() == 2 && gradient.sizes() == momentum.sizes() && IsFlat(momentum, at::kFloat));
  MC_CHECK(IsFlat(gradient, at::kFloat) || IsFlat(gradient, at::kBFloat16));
  at::Tensor direction = at::empty(gradient.sizes(), momentum.options());
  Nesterov(gradient, momentum, direction, static_cast<float>(options.momentum), static_cast<float>(gradient_scale));
  at::Tensor update = NewtonSchulz(direction, options.iterations, options.full_precision);
  update.mul_(0.2 * std::sqrt(static_cast<double>(std::max(gradient.size(0), gradient.size(1)))));
  return update;
}

void ApplyUpdate(at::Tensor& weights, at::Tensor& remainder, const at::Tensor& update, double learning_rate, double weight_decay) {
  [[maybe_unused]] const bool on_cuda = OnCuda(weights);
  const bool wide = weights.scalar_type() == at::kFloat;
  MC_CHECK(weights.numel() == update.numel() && IsFlat(update, at::kFloat));
  MC_CHECK(wide ? IsFlat(weights, at::kFloat) && !remainder.defined()
                : IsFlat(weights, at::kBFloat16) && IsFlat(remainder, at::kShort) && remainder.numel() == weights.numel());
  const auto keep = static_cast<float>(1 - learning_rate * weight_decay), rate = static_cast<float>(learning_rate);
  if constexpr (optim_cuda::kBuilt) {
    if (on_cuda) return optim_cuda::Apply(weights, remainder, update, keep, rate);
  }
  const auto& kernels = optim_cpu::ActiveKernels();
  auto* f32 = wide ? static_cast<float*>(weights.data_ptr()) : nullptr;
  auto* bf16 = wide ? nullptr : static_cast<Bf16*>(weights.data_ptr());
  auto* low = wide ? nullptr : static_cast<std::int16_t*>(remainder.data_ptr());
  const auto* from = static_cast<const float*>(update.data_ptr());
  at::parallel_for(0, weights.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
    kernels.apply(wide ? f32 + begin : nullptr, wide ? nullptr : bf16 + begin, wide ? nullptr : low + begin, from + begin, keep,
                  rate, end - begin);
  });
}

}  // namespace mathcoder::train
