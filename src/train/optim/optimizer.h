// One step of an optimizer over flat slices of parameters. Formulas: AdamW, arXiv 1711.05101; Muon, see optim/muon.h.
// Every function is elementwise over its slice (Muon aside): a slice may be cut anywhere, and the result is the same to the bit.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace mathcoder::train {

// How the two moments of AdamW are kept.
enum class MomentType : std::uint8_t {
  kF32,   // 8 bytes a parameter
  kBf16,  // 4 bytes; rounded stochastically by a counter-based hash of (seed, step, index), so that small changes are not lost
  kInt8,  // 2 bytes and 8 for each block of 256: block-wise dynamic quantisation (arXiv 2110.02861)
};

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  MomentType moments = MomentType::kF32;
  std::uint64_t seed = 0;  // of stochastic rounding
};

// State of a slice of `size` elements that begins at element `begin` of the whole (blocks of kInt8 are cut at multiples of 256 of the whole).
// Bf16 weights carry their f32 master as the 16 bits that rounding takes away: master = weights and remainder together, exactly.
struct AdamWSlice {
  at::Tensor weights;    // [size], f32 or bf16; updated
  at::Tensor remainder;  // [size] i16 for bf16 weights, else undefined; updated
  at::Tensor gradient;   // [size], f32 or bf16
  at::Tensor first, second;              // [size]: f32, bf16, or u8 codes
  at::Tensor first_scale, second_scale;  // [blocks] f32 for kInt8, else undefined
  std::int64_t begin = 0;                // index of the first element in the whole, for rounding and blocks; of kInt8 a multiple of 256
  bool decay = false;
};

// gradient_scale multiplies the gradient first (clipping). `step` counts from 1.
void AdamWStep(AdamWSlice& slice, const AdamWOptions& options, double learning_rate, std::int64_t step, double gradient_scale);

// master f32 = bf16 weights and remainder; and back: the weights are the master rounded to the nearest bf16, ties away from zero (to even,
// 16 bits could not bring every tie back: optim/cpu/master.h). Exact for every f32; of a NaN the sign alone is kept.
at::Tensor JoinMaster(const at::Tensor& weights, const at::Tensor& remainder);
void SplitMaster(const at::Tensor& master, at::Tensor& weights, at::Tensor& remainder);

// Sum of squares of a slice in f64, in an order that depends on its length alone.
double SumOfSquares(const at::Tensor& gradient);

}  // namespace mathcoder::train
