// What launches the optimizers' kernels, with the arguments of optim/cpu/kernels.h: the same formulas, an element at a time.
// Asynchronous. Results depend on the input alone. Throw std::runtime_error where CUDA refuses a launch.
#pragma once

#include "train/ops/cuda/kernels/types.h"
#include "train/optim/cpu/kernels.h"

namespace mathcoder::train::cuda {

void AdamW(const optim_cpu::AdamWArgs& args, std::int64_t size, Stream stream);
// w = keep * w - rate * update; of the weights f32 or bf16 with remainder.
void Apply(float* weights_f32, Bf16* weights_bf16, std::int16_t* remainder, const float* update, float keep, float rate,
           std::int64_t size, Stream stream);
// momentum = factor * momentum + scale * gradient; out = scale * gradient + factor * momentum. G: float or Bf16.
template <class G>
void Nesterov(const G* gradient, float* momentum, float* out, float factor, float scale, std::int64_t size, Stream stream);
void Join(const Bf16* weights, const std::int16_t* remainder, float* master, std::int64_t size, Stream stream);
void Split(const float* master, Bf16* weights, std::int16_t* remainder, std::int64_t size, Stream stream);
// partials [SquarePartials(size)] receives sums of squares, *total the sum of them. G: float or Bf16.
std::int64_t SquarePartials(std::int64_t size);
template <class G>
void SumOfSquares(const G* gradient, std::int64_t size, double* partials, double* total, Stream stream);

}  // namespace mathcoder::train::cuda
