// One element of the optimizers' arithmetic: an f32 master in two halves, moments in 16 and 8 bits. The formulas are those of
// optim/cpu/master.h and optim/cpu/moments.h, where their reasons stand; optim/cuda/cuda_optim_test.cc compares the two.
#pragma once

#include "train/ops/cuda/kernels/element.h"

namespace mathcoder::train::cuda {

__device__ inline float JoinHalves(Bf16 weight, std::int16_t remainder) {
  return BitsToFloat((static_cast<std::uint32_t>(weight.bits) << 16) +
                     static_cast<std::uint32_t>(static_cast<std::int32_t>(remainder)));
}
__device__ inline void SplitHalves(float master, Bf16& weight, std::int16_t& remainder) {
  std::uint32_t bits = FloatToBits(master);
  if (master != master) bits = (bits & 0x80000000u) | 0x7fc00000u;
  weight.bits = static_cast<std::uint16_t>((bits + 0x8000u) >> 16);
  remainder = static_cast<std::int16_t>(bits & 0xffffu);
}

__device__ inline std::uint32_t Hash(std::uint32_t seed, std::uint32_t index) {
  std::uint32_t h = index * 0x9e3779b1u + seed;
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  h ^= h >> 16;
  return h;
}
// The index in the whole, of 64 bits, as 32.
__device__ inline std::uint32_t MixIndex(std::uint64_t index) {
  return static_cast<std::uint32_t>(index) ^ static_cast<std::uint32_t>(index >> 32) * 0x85ebca77u;
}
__device__ inline Bf16 RoundStochastic(float value, std::uint32_t random) {
  const std::uint32_t bits = FloatToBits(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return {static_cast<std::uint16_t>(bits >> 16 | (value != value ? 0x40 : 0))};
  return {static_cast<std::uint16_t>((bits + (random & 0xffffu)) >> 16)};
}

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
  codes.signed_value[0] = codes.unsigned_value[255] = 1;
  return codes;
}

// The code of a in 0 .. 1 among bins of first_bins * 2^i: first_bins * 2^i + bin.
__device__ inline int BinOf(float a, float first_bins) {
  float up = 1e6f, bins = first_bins;
  const float from[kDecades - 1] = {1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f},
                              scale[kDecades - 1] = {1e5f, 1e4f, 1e3f, 1e2f, 1e1f, 1.0f};
  for (int i = 0; i < kDecades - 1; ++i) {
    if (a >= from[i]) {
      up = scale[i];
      bins *= 2;
    }
  }
  float bin = (a * up - 0.1f) * (1 / 0.9f) * bins;
  if (!(bin > 0)) bin = 0;
  if (bin > bins - 1) bin = bins - 1;
  return static_cast<int>(bins) + static_cast<int>(bin);
}
__device__ inline std::uint8_t SignedCode(float x, float inverse_scale) {
  const float a = BitsToFloat(FloatToBits(x) & 0x7fffffffu) * inverse_scale;
  if (a >= 1.0f && x > 0.0f) return 0;
  if (a < 1e-7f) return 128;
  const int bin = BinOf(a, 1);
  return static_cast<std::uint8_t>(x < 0.0f ? 128 - bin : 128 + bin);
}
__device__ inline std::uint8_t UnsignedCode(float x, float inverse_scale) {
  if (!(x > 0.0f)) return 0;
  const float a = x * inverse_scale;
  return static_cast<std::uint8_t>(a >= 1.0f ? 255 : BinOf(a, 2) - 1);
}

}  // namespace mathcoder::train::cuda
