#include "train/optim/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "train/optim/cpu/kernels.h"
#include "train/optim/cuda/cuda_optim.h"

namespace mathcoder::train {
namespace {

using optim_cpu::Bf16;
using optim_cpu::kMomentBlock;

// Elements of a piece of work; a multiple of the blocks of 8-bit moments.
constexpr std::int64_t kPiece = 16384;

// True where the kernels of x's device are CUDA's.
bool OnCuda(const at::Tensor& x) {
  if (x.is_cpu()) return false;
  if (optim_cuda::kBuilt && x.is_cuda()) return true;
  throw base::Unavailable("the optimizer on " + x.device().str() + ": this build has kernels for the CPU alone");
}

bool IsFlat(const at::Tensor& x, at::ScalarType type, std::int64_t size) {
  return x.defined() && x.scalar_type() == type && x.numel() == size && x.is_contiguous();
}

template <class T>
T* Data(const at::Tensor& x, at::ScalarType type) {
  return x.defined() && x.scalar_type() == type ? static_cast<T*>(x.data_ptr()) : nullptr;
}

// SplitMix64's finaliser (public domain, Vigna): one seed a step.
std::uint64_t Mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

void CheckSlice(const AdamWSlice& slice, MomentType moments) {
  const std::int64_t size = slice.weights.numel();
  if (slice.weights.scalar_type() == at::kBFloat16) {
    MC_CHECK(slice.weights.is_contiguous() && IsFlat(slice.remainder, at::kShort, size));
  } else {
    MC_CHECK(IsFlat(slice.weights, at::kFloat, size) && !slice.remainder.defined());
  }
  MC_CHECK(IsFlat(slice.gradient, at::kFloat, size) || IsFlat(slice.gradient, at::kBFloat16, size));
  const at::ScalarType type = moments == MomentType::kF32 ? at::kFloat : moments == MomentType::kBf16 ? at::kBFloat16 : at::kByte;
  MC_CHECK(IsFlat(slice.first, type, size) && IsFlat(slice.second, type, size));
  if (moments == MomentType::kInt8) {
    const std::int64_t blocks = (size + kMomentBlock - 1) / kMomentBlock;
    MC_CHECK(slice.begin % kMomentBlock == 0 && IsFlat(slice.first_scale, at::kFloat, blocks) &&
             IsFlat(slice.second_scale, at::kFloat, blocks));
  }
}

}  // namespace

void AdamWStep(AdamWSlice& slice, const AdamWOptions& options, double learning_rate, std::int64_t step, double gradient_scale) {
  [[maybe_unused]] const bool on_cuda = OnCuda(slice.weights);
  CheckSlice(slice, options.moments);
  MC_CHECK(step >= 1);
  optim_cpu::AdamWArgs args{};
  args.weights_f32 = Data<float>(slice.weights, at::kFloat);
  args.weights_bf16 = Data<Bf16>(slice.weights, at::kBFloat16);
  args.remainder = Data<std::int16_t>(slice.remainder, at::kShort);
  args.gradient_f32 = Data<float>(slice.gradient, at::kFloat);
  args.gradient_bf16 = Data<Bf16>(slice.gradient, at::kBFloat16);
  args.first_f32 = Data<float>(slice.first, at::kFloat), args.second_f32 = Data<float>(slice.second, at::kFloat);
  args.first_bf16 = Data<Bf16>(slice.first, at::kBFloat16), args.second_bf16 = Data<Bf16>(slice.second, at::kBFloat16);
  args.first_code = Data<std::uint8_t>(slice.first, at::kByte), args.second_code = Data<std::uint8_t>(slice.second, at::kByte);
  args.first_scale = Data<float>(slice.first_scale, at::kFloat), args.second_scale = Data<float>(slice.second_scale, at::kFloat);
  args.index = slice.begin;
  args.beta1 = static_cast<float>(options.beta1), args.beta2 = static_cast<float>(options.beta2);
  args.one_minus_beta1 = static_cast<float>(1 - options.beta1), args.one_minus_beta2 = static_cast<float>(1 - options.beta2);
  args.epsilon = static_cast<float>(options.epsilon);
  args.keep = static_cast<float>(1 - (slice.decay ? learning_rate * options.weight_decay : 0));
  args.step_size = static_cast<float>(learning_rate / (1 - std::pow(options.beta1, static_cast<double>(step))));
  args.second_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(options.beta2, static_cast<double>(step))));
  args.gradient_scale = static_cast<float>(gradient_scale);
  args.hash_seed = Mix(Mix(options.seed) + static_cast<std::uint64_t>(step));
  if constexpr (optim_cuda::kBuilt) {
    if (on_cuda) return optim_cuda::AdamW(args, slice.weights);
  }
  const auto& kernels = optim_cpu::ActiveKernels();
  const std::int64_t size = slice.weights.numel();
  at::parallel_for(0, (size + kPiece - 1) / kPiece, 4, [&](std::int64_t begin, std::int64_t end) {
    kernels.adamw(args, begin * kPiece, std::min(size, end * kPiece));
  });
}

at::Tensor JoinMaster(const at::Tensor& weights, const at::Tensor& remainder) {
  [[maybe_unused]] const bool on_cuda = OnCuda(weights);
  MC_CHECK(IsFlat(weights, at::kBFloat16, weights.numel()) && IsFlat(remainder, at::kShort, weights.numel()));
  at::Tensor master = at::empty(weights.sizes(), weights.options().dtype(at::kFloat));
  if constexpr (optim_cuda::kBuilt) {
    if (on_cuda) return optim_cuda::Join(weights, remainder, master), master;
  }
  const auto& kernels = optim_cpu::ActiveKernels();
  at::parallel_for(0, weights.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
    kernels.join(Data<Bf16>(weights, at::kBFloat16) + begin, Data<std::int16_t>(remainder, at::kShort) + begin,
                 Data<float>(master, at::kFloat) + begin, end - begin);
  });
  return master;
}

void SplitMaster(const at::Tensor& master, at::Tensor& weights, at::Tensor& remainder) {
  [[maybe_unused]] const bool on_cuda = OnCuda(master);
  const std::int64_t size = master.numel();
  MC_CHECK(IsFlat(master, at::kFloat, size) && IsFlat(weights, at::kBFloat16, size) && IsFlat(remainder, at::kShort, size));
  if constexpr (optim_cuda::kBuilt) {
    if (on_cuda) return optim_cuda::Split(master, weights, remainder);
  }
  const auto& kernels = optim_cpu::ActiveKernels();
  at::parallel_for(0, size, kPiece, [&](std::int64_t begin, std::int64_t end) {
    kernels.split(Data<float>(master, at::kFloat) + begin, Data<Bf16>(weights, at::kBFloat16) + begin,
                  Data<std::int16_t>(remainder, at::kShort) + begin, end - begin);
  });
}

double SumOfSquares(const at::Tensor& gradient) {
  [[maybe_unused]] const bool on_cuda = OnCuda(gradient);
  const std::int64_t size = gradient.numel();
  MC_CHECK(IsFlat(gradient, at::kFloat, size) || IsFlat(gradient, at::kBFloat16, size));
  if constexpr (optim_cuda::kBuilt) {
    if (on_cuda) return optim_cuda::SumOfSquares(gradient);
  }
  const std::int64_t pieces = (size + kPiece - 1) / kPiece;
  std::vector<double> sums(static_cast<std::size_t>(pieces));
  const auto& kernels = optim_cpu::ActiveKernels();
  const float* f32 = Data<float>(gradient, at::kFloat);
  const Bf16* bf16 = Data<Bf16>(gradient, at::kBFloat16);
  at::parallel_for(0, pieces, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t piece = begin; piece < end; ++piece) {
      const std::int64_t at = piece * kPiece;
      sums[static_cast<std::size_t>(piece)] = kernels.sum_of_squares(
          f32 == nullptr ? nullptr : f32 + at, bf16 == nullptr ? nullptr : bf16 + at, std::min(kPiece, size - at));
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace mathcoder::train
