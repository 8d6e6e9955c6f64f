// Vectors for kernels, in terms of the compiler's vector extension: 64, 32 or 16 bytes as the instruction set has them.
// For files that are compiled once for each instruction set, in a namespace of the set's name (MC_ISA): such a file includes no
// header whose inline functions another file may share, because the linker would keep one copy, perhaps that of a newer instruction
// set.
#pragma once

#ifndef MC_ISA
#error "MC_ISA names the instruction set: see cmake/kernels.cmake"
#endif

#include <cstdint>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "train/ops/cpu/kernels.h"

#define MC_INLINE static inline __attribute__((always_inline))

namespace mathcoder::train::ops::cpu::MC_ISA {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

template <class A>
struct Lanes;
template <>
struct Lanes<float> {
  static constexpr int kCount = kVectorBytes / 4;
  typedef float V __attribute__((vector_size(kVectorBytes)));
  typedef std::int32_t I __attribute__((vector_size(kVectorBytes)));
  typedef std::uint32_t U __attribute__((vector_size(kVectorBytes)));
  typedef std::uint16_t H __attribute__((vector_size(kVectorBytes / 2)));
};
template <>
struct Lanes<double> {
  static constexpr int kCount = kVectorBytes / 8;
  typedef double V __attribute__((vector_size(kVectorBytes)));
  typedef std::int64_t I __attribute__((vector_size(kVectorBytes)));
  typedef std::uint64_t U __attribute__((vector_size(kVectorBytes)));
};
template <class A>
using Vec = typename Lanes<A>::V;
template <class A>
inline constexpr int kLanes = Lanes<A>::kCount;
using F32 = Vec<float>;
using F64 = Vec<double>;

template <class A>
MC_INLINE Vec<A> Splat(A value) {
  return value - Vec<A>{};  // x - 0 is x, -0 included
}
template <class T>
MC_INLINE T Larger(T a, T b) {
  return a > b ? a : b;
}
template <class T>
MC_INLINE T Smaller(T a, T b) {
  return a < b ? a : b;
}

// Elements to lanes of the accumulator's type.
MC_INLINE F32 Load(const float* p) {
  F32 v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
MC_INLINE F64 Load(const double* p) {
  F64 v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
MC_INLINE F32 Load(const Bf16* p) {
#if defined(__AVX512F__)
  const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return (F32)_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
#else
  Lanes<float>::H h;
  __builtin_memcpy(&h, p, sizeof h);
  return (F32)(__builtin_convertvector(h, Lanes<float>::U) << 16);
#endif
}

// f32 to the bits of bf16 in the low halves: to nearest, ties to even; NaN stays NaN.
MC_INLINE Lanes<float>::U RoundToBf16(F32 v) {
  using U = Lanes<float>::U;
  const U bits = (U)v;
  const U rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const U nan = (bits >> 16) | 0x40u;
  return (U)(v != v ? (Lanes<float>::I)nan : (Lanes<float>::I)rounded);
}
MC_INLINE void Store(float* p, F32 v) { __builtin_memcpy(p, &v, sizeof v); }
MC_INLINE void Store(double* p, F64 v) { __builtin_memcpy(p, &v, sizeof v); }
MC_INLINE void Store(Bf16* p, F32 v) {
#if defined(__AVX512BF16__)
  const __m256bh h = _mm512_cvtneps_pbh((__m512)v);
  __builtin_memcpy(p, &h, sizeof h);
#elif defined(__AVX512F__)
  const __m256i h = _mm512_cvtepi32_epi16((__m512i)RoundToBf16(v));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), h);
#else
  const auto h = __builtin_convertvector(RoundToBf16(v), Lanes<float>::H);
  __builtin_memcpy(p, &h, sizeof h);
#endif
}

// The same for the first `count` lanes; lanes not loaded are zero. A tail takes the way of full vectors, so that an element's
// result does not depend on where in a slice it lies.
template <class T>
MC_INLINE Vec<Accumulator<T>> Load(const T* p, int count) {
  constexpr int kCount = kLanes<Accumulator<T>>;
  if (count == kCount) return Load(p);
  T buffer[kCount] = {};
  for (int i = 0; i < count; ++i) buffer[i] = p[i];
  return Load(buffer);
}
template <class T>
MC_INLINE void Store(T* p, Vec<Accumulator<T>> v, int count) {
  constexpr int kCount = kLanes<Accumulator<T>>;
  if (count == kCount) return Store(p, v);
  T buffer[kCount];
  Store(buffer, v);
  for (int i = 0; i < count; ++i) p[i] = buffer[i];
}

// f(i, count) for i = 0, lanes, 2 lanes ... < n. The full vectors see a constant count.
template <class A, class F>
MC_INLINE void ForVectors(std::int64_t n, F&& f) {
  std::int64_t i = 0;
  for (; i + kLanes<A> <= n; i += kLanes<A>) f(i, kLanes<A>);
  if (i < n) f(i, static_cast<int>(n - i));
}

// Lanes are summed by halves: one order.
template <class V>
MC_INLINE auto SumLanes(V v) {
  using A = decltype(v[0] + v[0]);
  constexpr int kCount = sizeof(V) / sizeof(A);
  A lanes[kCount];
  __builtin_memcpy(lanes, &v, sizeof v);
  for (int width = kCount / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}
template <class V>
MC_INLINE auto MaxLanes(V v) {
  using A = decltype(v[0] + v[0]);
  constexpr int kCount = sizeof(V) / sizeof(A);
  A lanes[kCount];
  __builtin_memcpy(lanes, &v, sizeof v);
  for (int width = kCount / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] = Larger(lanes[i], lanes[i + width]);
  }
  return lanes[0];
}
template <class V>
MC_INLINE V Max(V a, V b) {
  return a > b ? a : b;
}
template <class V>
MC_INLINE V Min(V a, V b) {
  return a < b ? a : b;
}

// e^x to about 2 units in the last place. 0 below the smallest normal number; above the largest, the largest; NaN stays NaN.
MC_INLINE F32 Exp(F32 x) {
  using I = Lanes<float>::I;
  const F32 limited = Max(Min(x, Splat(88.37f)), Splat(-87.3f));
  const F32 magic = Splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer, in the low bits
  const F32 shifted = limited * 1.44269504088896341f + magic;
  const I n = (I)shifted - (I)magic;
  const F32 whole = shifted - magic;
  const F32 r = (limited - whole * 0.693359375f) - whole * -2.12194440e-4f;
  F32 p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const F32 result = p * (F32)((n + 127) << 23);
  const F32 flushed = x < -87.3f ? F32{} : result;
  return x != x ? x : flushed;
}
MC_INLINE F64 Exp(F64 x) {
  using I = Lanes<double>::I;
  const F64 limited = Max(Min(x, Splat(709.4)), Splat(-708.0));
  const F64 magic = Splat(6755399441055744.0);  // 1.5 * 2^52
  const F64 shifted = limited * 1.4426950408889634074 + magic;
  const I n = (I)shifted - (I)magic;
  const F64 whole = shifted - magic;
  const F64 r = (limited - whole * 6.93145751953125e-1) - whole * 1.42860682030941723212e-6;
  F64 p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * (r * r) + r + 1.0;
  const F64 result = p * (F64)((n + 1023) << 52);
  const F64 flushed = x < -708.0 ? F64{} : result;
  return x != x ? x : flushed;
}

MC_INLINE float Log(float x) { return __builtin_logf(x); }
MC_INLINE double Log(double x) { return __builtin_log(x); }
MC_INLINE float Sqrt(float x) { return __builtin_sqrtf(x); }
MC_INLINE double Sqrt(double x) { return __builtin_sqrt(x); }

}  // namespace mathcoder::train::ops::cpu::MC_ISA
