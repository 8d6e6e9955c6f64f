// An f32 master as bf16 weights and 16 bits: weights = master rounded to the nearest bf16, ties away from zero; remainder = the
// difference of the bit patterns, master = (weights << 16) + remainder. Ties away from zero because it is exact: each bf16 then
// stands for 65,536 masters, as many as the remainder can tell apart. (With ties to even a bf16 of even bits stands for 65,537, one
// of odd bits for 65,535.) Every pattern comes back but a NaN's payload: NaN is kept as the quiet NaN of its sign.
#pragma once

#include "train/ops/cpu/simd.h"

namespace mathcoder::train::ops::cpu::MC_ISA {

using Bits = Lanes<float>::U;

MC_INLINE Bits LoadHalves(const std::uint16_t* p, int count) { return (Bits)Load(reinterpret_cast<const Bf16*>(p), count) >> 16; }
MC_INLINE void StoreHalves(std::uint16_t* p, Bits v, int count) {
  Lanes<float>::H halves = __builtin_convertvector(v, Lanes<float>::H);
  if (count == kLanes<float>) {
    __builtin_memcpy(p, &halves, sizeof halves);
    return;
  }
  for (int i = 0; i < count; ++i) p[i] = halves[i];
}

MC_INLINE F32 LoadMaster(const Bf16* weights, const std::int16_t* remainder, int count) {
  const Bits high = LoadHalves(&weights->bits, count) << 16;
  const Bits low = LoadHalves(reinterpret_cast<const std::uint16_t*>(remainder), count);
  return (F32)(high + (Bits)((Lanes<float>::I)(low << 16) >> 16));
}
MC_INLINE void StoreMaster(F32 master, Bf16* weights, std::int16_t* remainder, int count) {
  using I = Lanes<float>::I;
  const Bits bits = (Bits)master;
  const I nan = master != master;
  const Bits quiet = (bits & 0x80000000u) | 0x7fc00000u;
  const Bits kept = (Bits)(nan ? (I)quiet : (I)bits);
  StoreHalves(&weights->bits, (kept + 0x8000u) >> 16, count);
  StoreHalves(reinterpret_cast<std::uint16_t*>(remainder), kept & 0xffffu, count);
}

}  // namespace mathcoder::train::ops::cpu::MC_ISA
