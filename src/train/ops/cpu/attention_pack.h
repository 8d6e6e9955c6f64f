// Operands of tile_gemm.h from rows of a tensor [tokens, heads, head_dim]. Padding is zero and never another sequence's.
#pragma once

#include "train/ops/cpu/tile_gemm.h"
#include "train/ops/cpu/transpose.h"

namespace mathcoder::train::ops::cpu::MC_ISA {

MC_INLINE std::int64_t RoundUp(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }

template <class T>
struct Packing {
  using M = typename UnitsOf<T>::type;
  using A = Accumulator<T>;
  using Unit = typename M::Unit;
  static constexpr int kDepth = M::kDepth;

  std::int64_t dim, units, padded;  // head_dim; units of it along k; rounded up to vectors along n
  explicit Packing(std::int64_t head_dim)
      : dim(head_dim), units((head_dim + kDepth - 1) / kDepth), padded(RoundUp(head_dim, kLanes<A>)) {}

  static Unit UnitAt(const T* row, std::int64_t unit, std::int64_t n) {
    if constexpr (kDepth == 2) {
      const std::uint32_t high = 2 * unit + 1 < n ? row[2 * unit + 1].bits : 0u;
      return row[2 * unit].bits | high << 16;
    } else {
      (void)n;
      return Load(row + unit, 1)[0];
    }
  }

  // A operand: rows along m, head_dim along k. out [rows, units].
  void RowsAlongM(const T* x, std::int64_t stride, std::int64_t rows, Unit* out) const {
    for (std::int64_t r = 0; r < rows; ++r, x += stride, out += units) {
      if constexpr (kDepth == 2) {
        __builtin_memcpy(out, x, static_cast<unsigned long>(dim / 2) * 4);
        if (dim % 2 != 0) out[units - 1] = UnitAt(x, units - 1, dim);
      } else {
        ForVectors<A>(
            dim, [&](std::int64_t i, int count) __attribute__((always_inline)) { Store(out + i, Load(x + i, count), count); });
      }
    }
  }

  // B operand: rows along n, head_dim along k. out [units, kAttentionTile]; lanes from `rows` on are zero.
  void RowsAlongN(const T* x, std::int64_t stride, std::int64_t rows, Unit* out) const {
#if defined(__AVX512F__)
    if constexpr (sizeof(Unit) == 4 && sizeof(T) * kDepth == 4) {
      for (std::int64_t r = 0; r < kAttentionTile; r += 16) {
        TransposeRows(x + r * stride, stride * static_cast<std::int64_t>(sizeof(T)), rows - r,
                      dim * static_cast<std::int64_t>(sizeof(T)), reinterpret_cast<std::uint32_t*>(out) + r, kAttentionTile);
      }
      return;
    }
#endif
    for (std::int64_t r = 0; r < rows; ++r, x += stride) {
      for (std::int64_t u = 0; u < units; ++u) out[u * kAttentionTile + r] = UnitAt(x, u, dim);
    }
    for (std::int64_t u = 0; u < units; ++u) {
      for (std::int64_t r = rows; r < kAttentionTile; ++r) out[u * kAttentionTile + r] = Unit{};
    }
  }

  // B operand: rows along k, head_dim along n. out [rows / depth rounded up, padded].
  void RowsAlongK(const T* x, std::int64_t stride, std::int64_t rows, Unit* out) const {
    for (std::int64_t r = 0; r < rows; r += kDepth, x += kDepth * stride, out += padded) {
      if constexpr (kDepth == 2) {
        const bool two = r + 1 < rows;
        std::int64_t i = 0;
#if defined(__AVX512F__)
        for (; i + 16 <= dim; i += 16) {
          const __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i)));
          __m512i high = _mm512_setzero_si512();
          if (two)
            high =
                _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + stride + i))), 16);
          _mm512_storeu_si512(out + i, _mm512_or_si512(low, high));
        }
#endif
        for (; i < padded; ++i) {
          const std::uint32_t low = i < dim ? x[i].bits : 0u, high = two && i < dim ? x[stride + i].bits : 0u;
          out[i] = low | high << 16;
        }
      } else {
        ForVectors<A>(
            padded, [&](std::int64_t i, int) __attribute__((always_inline)) {
              Store(out + i, Load(x + i, static_cast<int>(Smaller<std::int64_t>(Larger<std::int64_t>(dim - i, 0), kLanes<A>))));
            });
      }
    }
  }
};

#if defined(__AVX512BF16__)
// Two rows of lanes as pairs of bf16: the first in the low halves.
MC_INLINE void StorePairs(std::uint32_t* p, F32 low, F32 high) {
  const __m512i l = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)low));
  const __m512i h = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)high));
  _mm512_storeu_si512(p, _mm512_or_si512(l, _mm512_slli_epi32(h, 16)));
}
#endif

}  // namespace mathcoder::train::ops::cpu::MC_ISA
