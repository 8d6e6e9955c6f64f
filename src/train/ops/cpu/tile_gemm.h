// C[m, n] (+)= A[m, k] B[k, n] on packed pieces that lie in a core's caches: the inner product of attention and of ops/cpu/gemm.
//
// k goes in units: one element, or for bf16 with dot products of pairs two neighbours in 32 bits. A unit of A is broadcast, so A
// may have any strides; a unit row of B is contiguous along n and padded to whole vectors. Sums go along k in order: one
// accumulator an element.
#pragma once

#include "train/ops/cpu/simd.h"

namespace mathcoder::train::ops::cpu::MC_ISA {

struct F32Units {
  using A = float;
  using Unit = float;
  static constexpr int kDepth = 1;
  MC_INLINE F32 MultiplyAdd(Unit a, F32 b, F32 c) { return Splat(a) * b + c; }
  MC_INLINE F32 LoadB(const Unit* p) { return Load(p); }
};
struct F64Units {
  using A = double;
  using Unit = double;
  static constexpr int kDepth = 1;
  MC_INLINE F64 MultiplyAdd(Unit a, F64 b, F64 c) { return Splat(a) * b + c; }
  MC_INLINE F64 LoadB(const Unit* p) { return Load(p); }
};
#if defined(__AVX512BF16__)
struct PairUnits {
  using A = float;
  using Unit = std::uint32_t;
  static constexpr int kDepth = 2;
  MC_INLINE F32 MultiplyAdd(Unit a, F32 b, F32 c) {
    return (F32)_mm512_dpbf16_ps((__m512)c, (__m512bh)_mm512_set1_epi32(static_cast<int>(a)), (__m512bh)b);
  }
  MC_INLINE F32 LoadB(const Unit* p) {
    F32 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
};
#endif

template <class T>
struct UnitsOf {
  using type = F32Units;
};
template <>
struct UnitsOf<double> {
  using type = F64Units;
};
#if defined(__AVX512BF16__)
template <>
struct UnitsOf<Bf16> {
  using type = PairUnits;
};
#endif

// A register tile: 6 rows and as many vectors as the registers hold.
inline constexpr int kTileRows = 6;
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int kTileVectors = 4;
#else
inline constexpr int kTileVectors = 2;
#endif

template <class M>
struct TileOperands {
  const typename M::Unit* a;
  std::int64_t a_row, a_unit;  // strides
  const typename M::Unit* b;
  std::int64_t b_unit;
  typename M::A* c;
  std::int64_t c_row;
  std::int64_t units;
};

template <class M, bool kAdd, int kRows, int kVectors>
MC_INLINE void RegisterTile(const TileOperands<M>& t) {
  using A = typename M::A;
  constexpr int kWidth = kLanes<A>;
  Vec<A> sums[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sums[r][v] = kAdd ? Load(t.c + r * t.c_row + v * kWidth) : Vec<A>{};
  }
  const typename M::Unit* a = t.a;
  const typename M::Unit* b = t.b;
  for (std::int64_t k = 0; k < t.units; ++k, a += t.a_unit, b += t.b_unit) {
    Vec<A> columns[kVectors];
    for (int v = 0; v < kVectors; ++v) columns[v] = M::LoadB(b + v * kWidth);
    for (int r = 0; r < kRows; ++r) {
      const typename M::Unit unit = a[r * t.a_row];
      for (int v = 0; v < kVectors; ++v) sums[r][v] = M::MultiplyAdd(unit, columns[v], sums[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) Store(t.c + r * t.c_row + v * kWidth, sums[r][v]);
  }
}

template <class M, bool kAdd, int kVectors>
MC_INLINE void RowsOfTiles(TileOperands<M> t, std::int64_t rows) {
  for (; rows >= kTileRows; rows -= kTileRows, t.a += kTileRows * t.a_row, t.c += kTileRows * t.c_row) {
    RegisterTile<M, kAdd, kTileRows, kVectors>(t);
  }
  switch (rows) {
    case 5:
      return RegisterTile<M, kAdd, 5, kVectors>(t);
    case 4:
      return RegisterTile<M, kAdd, 4, kVectors>(t);
    case 3:
      return RegisterTile<M, kAdd, 3, kVectors>(t);
    case 2:
      return RegisterTile<M, kAdd, 2, kVectors>(t);
    case 1:
      return RegisterTile<M, kAdd, 1, kVectors>(t);
    default:
      return;
  }
}

// columns: a multiple of the vector's lanes (B's and C's padding is computed too).
template <class M, bool kAdd>
__attribute__((noinline)) void TileGemm(TileOperands<M> t, std::int64_t rows, std::int64_t columns) {
  constexpr int kStep = kTileVectors * kLanes<typename M::A>;
  for (; columns >= kStep; columns -= kStep, t.b += kStep, t.c += kStep) RowsOfTiles<M, kAdd, kTileVectors>(t, rows);
  if constexpr (kTileVectors == 4) {
    if (columns == 3 * kLanes<typename M::A>) return RowsOfTiles<M, kAdd, 3>(t, rows);
    if (columns == 2 * kLanes<typename M::A>) return RowsOfTiles<M, kAdd, 2>(t, rows);
  }
  if (columns == kLanes<typename M::A>) RowsOfTiles<M, kAdd, 1>(t, rows);
}

}  // namespace mathcoder::train::ops::cpu::MC_ISA
