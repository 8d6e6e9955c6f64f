#include "train/optim/cuda/cuda_optim.h"

#include <ATen/ops/empty.h>

#include "train/ops/cuda/device.h"
#include "train/ops/cuda/tensors.h"
#include "train/optim/cuda/kernels/kernels.h"

namespace mathcoder::train::optim_cuda {

using cuda::Bf16;
using cuda::Data;
using cuda::OnDeviceOf;

void AdamW(const optim_cpu::AdamWArgs& args, const at::Tensor& weights) {
  const OnDeviceOf device(weights);
  cuda::AdamW(args, weights.numel(), device.stream());
}

void Apply(const at::Tensor& weights, const at::Tensor& remainder, const at::Tensor& update, float keep, float rate) {
  const OnDeviceOf device(weights);
  const bool wide = weights.scalar_type() == at::kFloat;
  cuda::Apply(wide ? Data<float>(weights) : nullptr, wide ? nullptr : Data<Bf16>(weights),
              wide ? nullptr : Data<std::int16_t>(remainder), Data<const float>(update), keep, rate, weights.numel(),
              device.stream());
}

void Nesterov(const at::Tensor& gradient, const at::Tensor& momentum, const at::Tensor& out, float factor, float scale) {
  const OnDeviceOf device(gradient);
  const auto run = [&](auto type) {
    using G = decltype(type);
    cuda::Nesterov(Data<const G>(gradient), Data<float>(momentum), Data<float>(out), factor, scale, gradient.numel(),
                   device.stream());
  };
  gradient.scalar_type() == at::kFloat ? run(float{}) : run(Bf16{});
}

void Join(const at::Tensor& weights, const at::Tensor& remainder, const at::Tensor& master) {
  const OnDeviceOf device(weights);
  cuda::Join(Data<const Bf16>(weights), Data<const std::int16_t>(remainder), Data<float>(master), weights.numel(), device.stream());
}

void Split(const at::Tensor& master, const at::Tensor& weights, const at::Tensor& remainder) {
  const OnDeviceOf device(weights);
  cuda::Split(Data<const float>(master), Data<Bf16>(weights), Data<std::int16_t>(remainder), weights.numel(), device.stream());
}

double SumOfSquares(const at::Tensor& gradient) {
  if (gradient.numel() == 0) return 0;
  const OnDeviceOf device(gradient);
  const std::int64_t count = cuda::SquarePartials(gradient.numel());
  const at::Tensor sums = at::empty({count + 1}, gradient.options().dtype(at::kDouble));
  const auto run = [&](auto type) {
    using G = decltype(type);
    cuda::SumOfSquares(Data<const G>(gradient), gradient.numel(), Data<double>(sums), Data<double>(sums) + count, device.stream());
  };
  gradient.scalar_type() == at::kFloat ? run(float{}) : run(Bf16{});
  return sums.select(0, count).item<double>();
}

}  // namespace mathcoder::train::optim_cuda
