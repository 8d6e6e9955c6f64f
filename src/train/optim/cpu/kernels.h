// Kernels of the optimizers: plain functions over contiguous pieces, compiled once for each instruction set (cmake/kernels.cmake).
// Elementwise to the bit: an element's result does not depend on where a piece begins or ends.
#pragma once

#include <cstdint>

#include "train/ops/cpu/kernels.h"

namespace mathcoder::train::optim_cpu {

using ops::cpu::Bf16;

inline constexpr std::int64_t kMomentBlock = 256;  // elements that share a scale of 8-bit moments

// Pointers to the first element; the kernel adds the offset. Of each group of alternatives one is not null.
struct AdamWArgs {
  float* weights_f32 = nullptr;
  Bf16* weights_bf16 = nullptr;
  std::int16_t* remainder = nullptr;  // with weights_bf16
  const float* gradient_f32 = nullptr;
  const Bf16* gradient_bf16 = nullptr;
  float *first_f32 = nullptr, *second_f32 = nullptr;
  Bf16 *first_bf16 = nullptr, *second_bf16 = nullptr;
  std::uint8_t *first_code = nullptr, *second_code = nullptr;
  float *first_scale = nullptr, *second_scale = nullptr;  // of 8-bit moments, one a block
  std::int64_t index = 0;                                 // of the first element in the whole
  float beta1, beta2, one_minus_beta1, one_minus_beta2;
  float epsilon, keep /* 1 - learning_rate * decay */, step_size /* learning_rate / (1 - beta1^step) */;
  float second_correction;  // 1 / sqrt(1 - beta2^step)
  float gradient_scale;
  std::uint64_t hash_seed;  // of (seed, step), for stochastic rounding
};

struct Kernels {
  const char* name;
  // Elements [begin, end) of the slice; with 8-bit moments begin is a multiple of 256 of the whole's index.
  void (*adamw)(const AdamWArgs&, std::int64_t begin, std::int64_t end);
  // w = keep * w - rate * update.
  void (*apply)(float* weights_f32, Bf16* weights_bf16, std::int16_t* remainder, const float* update, float keep, float rate,
                std::int64_t n);
  // momentum = factor * momentum + scale * gradient; out = scale * gradient + factor * momentum.
  void (*nesterov)(const float* gradient_f32, const Bf16* gradient_bf16, float* momentum, float* out, float factor, float scale,
                   std::int64_t n);
  void (*join)(const Bf16* weights, const std::int16_t* remainder, float* master, std::int64_t n);
  void (*split)(const float* master, Bf16* weights, std::int16_t* remainder, std::int64_t n);
  double (*sum_of_squares)(const float* f32, const Bf16* bf16, std::int64_t n);
};

// The set that ops/cpu/select.h has chosen.
const Kernels& ActiveKernels();

}  // namespace mathcoder::train::optim_cpu
