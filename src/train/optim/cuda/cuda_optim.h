// The optimizers' passes on CUDA: what optim/optimizer.cc and optim/muon.cc call for tensors of a GPU, checked by them. Enqueued on
// the current stream of the tensors' device; SumOfSquares alone waits for its result.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/optim/cpu/kernels.h"

namespace mathcoder::train::optim_cuda {

// Whether this build has them; in one without CUDA they are declared only.
#ifdef MATHCODER_TRAIN_CUDA
inline constexpr bool kBuilt = true;
#else
inline constexpr bool kBuilt = false;
#endif

// Pointers in args are on the device of `weights`.
void AdamW(const optim_cpu::AdamWArgs& args, const at::Tensor& weights);
// weights (with remainder where bf16) = keep * weights - rate * update.
void Apply(const at::Tensor& weights, const at::Tensor& remainder, const at::Tensor& update, float keep, float rate);
// momentum f32 = factor * momentum + scale * gradient; out f32 = scale * gradient + factor * momentum.
void Nesterov(const at::Tensor& gradient, const at::Tensor& momentum, const at::Tensor& out, float factor, float scale);
void Join(const at::Tensor& weights, const at::Tensor& remainder, const at::Tensor& master);
void Split(const at::Tensor& master, const at::Tensor& weights, const at::Tensor& remainder);
double SumOfSquares(const at::Tensor& gradient);

}  // namespace mathcoder::train::optim_cuda
