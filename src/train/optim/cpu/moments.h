// Moments in 16 and 8 bits.
#pragma once

#include "train/optim/cpu/kernels.h"
#include "train/optim/cpu/master.h"

namespace mathcoder::train::ops::cpu::MC_ISA {

// 32 random bits of (seed, index): two rounds of multiplication and shifts (the finaliser of MurmurHash3, public domain).
MC_INLINE Bits Hash(std::uint32_t seed, Bits index) {
  Bits h = index * 0x9e3779b1u + seed;
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  h ^= h >> 16;
  return h;
}

// Rounded up with the probability of the part that is cut off: the mean of many roundings is the value.
MC_INLINE void StoreStochastic(F32 v, Bf16* p, Bits random, int count) {
  using I = Lanes<float>::I;
  const Bits bits = (Bits)v;
  const I special = (bits & 0x7f800000u) == 0x7f800000u;  // infinities and NaN stay
  const Bits rounded = (bits + (random & 0xffffu)) >> 16;
  const Bits kept = (bits >> 16) | (Bits)((v != v) & 0x40);
  StoreHalves(&p->bits, (Bits)(special ? (I)kept : (I)rounded), count);
}

// The dynamic map of arXiv 2110.02861: seven decades below the block's largest magnitude, the d-th from above with 64 / 2^d
// (signed) or 128 / 2^d (unsigned) equal bins; a code's value is the middle of its bin. 0 and the largest have codes of their own.
//   signed code: 128 = zero, 0 = +scale, 128 +- (2^i + bin), i = 0 (lowest decade) .. 6, bin 0 .. 2^i - 1
//   unsigned code: 0 = zero, 255 = scale, 2^(i+1) - 1 + bin, bin 0 .. 2^(i+1) - 1
inline constexpr int kDecades = 7;

struct MomentCodes {
  float signed_value[256], unsigned_value[256];
};
constexpr MomentCodes MakeMomentCodes() {
  MomentCodes codes{};
  double decade = 1e-6;
  for (int i = 0; i < kDecades; ++i, decade *= 10) {
    for (int bin = 0; bin < (1 << i); ++bin) {
      const double value = decade * (0.1 + 0.9 * (bin + 0.5) / (1 << i));
      codes.signed_value[128 + (1 << i) + bin] = static_cast<float>(value);
      codes.signed_value[128 - (1 << i) - bin] = static_cast<float>(-value);
    }
    for (int bin = 0; bin < (2 << i); ++bin) {
      codes.unsigned_value[(2 << i) - 1 + bin] = static_cast<float>(decade * (0.1 + 0.9 * (bin + 0.5) / (2 << i)));
    }
  }
  codes.signed_value[128] = 0;
  codes.signed_value[0] = 1;
  codes.unsigned_value[0] = 0;
  codes.unsigned_value[255] = 1;
  return codes;
}
inline constexpr MomentCodes kMomentCodes = MakeMomentCodes();

// The code of |a| in 0 .. 1 among the bins of `first_bins` * 2^i: 2^i * first_bins + bin.
MC_INLINE Bits BinOf(F32 a, float first_bins) {
  using I = Lanes<float>::I;
  F32 up = Splat(1e6f), bins = Splat(first_bins);
  constexpr float kSteps[kDecades - 1][2] = {{1e-6f, 1e5f}, {1e-5f, 1e4f}, {1e-4f, 1e3f},
                                             {1e-3f, 1e2f}, {1e-2f, 1e1f}, {1e-1f, 1.0f}};
  float next_bins = first_bins;
  for (const auto& step : kSteps) {
    const I above = a >= step[0];
    next_bins *= 2;
    up = above ? Splat(step[1]) : up;
    bins = above ? Splat(next_bins) : bins;
  }
  const F32 bin = Min(Max((a * up - 0.1f) * (1 / 0.9f) * bins, F32{}), bins - 1.0f);
  return (Bits) __builtin_convertvector(bins, I) + (Bits) __builtin_convertvector(bin, I);
}
MC_INLINE Bits SignedCode(F32 x, float inverse_scale) {
  using I = Lanes<float>::I;
  const F32 a = (F32)((Bits)x & 0x7fffffffu) * inverse_scale;
  const I bin = (I)BinOf(a, 1);
  I code = x < 0.0f ? 128 - bin : 128 + bin;
  code = a < 1e-7f ? I{} + 128 : code;
  return (Bits)(((a >= 1.0f) & (x > 0.0f)) ? I{} : code);
}
// What is not zero has no code of zero: the update divides by its root.
MC_INLINE Bits UnsignedCode(F32 x, float inverse_scale) {
  using I = Lanes<float>::I;
  const F32 a = x * inverse_scale;
  I code = (I)BinOf(a, 2) - 1;
  code = a >= 1.0f ? I{} + 255 : code;
  return (Bits)(x > 0.0f ? code : I{});
}

}  // namespace mathcoder::train::ops::cpu::MC_ISA
