// 16 x 16 words of 32 bits, transposed in registers.
#pragma once

#include "train/ops/cpu/simd.h"

#if defined(__AVX512F__)
namespace mathcoder::train::ops::cpu::MC_ISA {

MC_INLINE void TransposeWords(__m512i rows[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  // rows[4 g + j] holds column j (+ 4 a lane of 128 bits) of rows 4 g .. 4 g + 3.
  for (int j = 0; j < 4; ++j) {
    t[j] = _mm512_shuffle_i32x4(rows[j], rows[4 + j], 0x88);
    t[4 + j] = _mm512_shuffle_i32x4(rows[j], rows[4 + j], 0xdd);
    t[8 + j] = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], 0x88);
    t[12 + j] = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], 0xdd);
  }
  for (int j = 0; j < 4; ++j) {
    rows[j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0x88);
    rows[8 + j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0xdd);
    rows[4 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0x88);
    rows[12 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0xdd);
  }
}

// out[w * out_stride + r] = word w of row r: up to 16 rows (`stride` bytes apart) and `words` words; lanes beyond `count` are zero.
// `bytes`: of each row; the last word may be half there.
MC_INLINE void TransposeRows(const void* x, std::int64_t stride, std::int64_t count, std::int64_t bytes, std::uint32_t* out,
                             std::int64_t out_stride) {
  const char* rows = static_cast<const char*>(x);
  for (std::int64_t w = 0; w * 4 < bytes; w += 16) {
    const std::int64_t left = bytes - w * 4;
    const __mmask32 mask = left >= 64 ? 0xffffffffu : (1u << (left / 2)) - 1;
    __m512i block[16];
    for (int r = 0; r < 16; ++r) {
      block[r] = r < count ? _mm512_maskz_loadu_epi16(mask, rows + r * stride + w * 4) : _mm512_setzero_si512();
    }
    TransposeWords(block);
    const std::int64_t words = left >= 64 ? 16 : (left + 3) / 4;
    for (int i = 0; i < 16; ++i) {
      if (i < words) _mm512_storeu_si512(out + (w + i) * out_stride, block[i]);
    }
  }
}

}  // namespace mathcoder::train::ops::cpu::MC_ISA
#endif
