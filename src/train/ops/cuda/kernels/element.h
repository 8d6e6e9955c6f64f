// Elements of tensors in kernels: bf16, the type of sums, 16 bytes at a time, sums over warps and blocks in a fixed order.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "train/ops/cuda/kernels/language.h"
#include "train/ops/cuda/kernels/types.h"

namespace mathcoder::train::cuda {

__host__ __device__ inline float BitsToFloat(std::uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
#endif
}
__host__ __device__ inline std::uint32_t FloatToBits(float value) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(value);
#else
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
#endif
}

__host__ __device__ inline float ToSum(float x) { return x; }
__host__ __device__ inline double ToSum(double x) { return x; }
__host__ __device__ inline float ToSum(Bf16 x) { return BitsToFloat(static_cast<std::uint32_t>(x.bits) << 16); }

template <class T>
__host__ __device__ inline T FromSum(Accumulator<T> x) {
  if constexpr (std::is_same_v<T, Bf16>) {  // to nearest even
#if defined(__CUDA_ARCH__)
    return {__bfloat16_as_ushort(__float2bfloat16_rn(x))};
#else
    const std::uint32_t bits = FloatToBits(x);
    if ((bits & 0x7fffffff) > 0x7f800000) return {static_cast<std::uint16_t>(bits >> 16 | 0x40)};
    return {static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
#endif
  } else {
    return x;
  }
}

__device__ inline float Exp(float x) { return expf(x); }
__device__ inline double Exp(double x) { return exp(x); }
__device__ inline float Log(float x) { return logf(x); }
__device__ inline double Log(double x) { return log(x); }
__device__ inline float Sqrt(float x) { return sqrtf(x); }
__device__ inline double Sqrt(double x) { return sqrt(x); }
template <class A>
__device__ inline A Larger(A a, A b) {
  return a > b ? a : b;
}
template <class A>
__device__ inline A Infinity() {
  return static_cast<A>(HUGE_VAL);
}

// N elements that lie together, N * sizeof(T) a power of two: read and written at once, in pieces of at most 16 bytes.
template <class T, int N>
struct alignas(N * sizeof(T) < 16 ? N * sizeof(T)
               : N == 1           ? alignof(T)
                                  : 16) Pack {
  T at[N];
};
template <int N, class T>
__device__ inline Pack<std::remove_const_t<T>, N> LoadPack(T* p) {
#if defined(__CUDACC__)
  return *reinterpret_cast<const Pack<std::remove_const_t<T>, N>*>(p);
#else
  Pack<std::remove_const_t<T>, N> pack;
  std::memcpy(&pack, p, sizeof pack);
  if (reinterpret_cast<std::uintptr_t>(p) % alignof(decltype(pack)) != 0) Bug();  // a device would trap
  return pack;
#endif
}
template <class T, int N>
__device__ inline void StorePack(T* p, const Pack<T, N>& pack) {
#if defined(__CUDACC__)
  *reinterpret_cast<Pack<T, N>*>(p) = pack;
#else
  std::memcpy(p, &pack, sizeof pack);
  if (reinterpret_cast<std::uintptr_t>(p) % alignof(Pack<T, N>) != 0) Bug();
#endif
}

template <int N>
using Width = std::integral_constant<int, N>;

// f(Width<V>, i) for each pack of a row of n elements, then f(Width<1>, i) for the rest; an index belongs to the same thread of the
// block whenever n is the same.
template <int V, class F>
__device__ inline void OverRow(std::int64_t n, F&& f) {
  const std::int64_t packed = n / V * V;
  for (std::int64_t i = static_cast<std::int64_t>(threadIdx.x) * V; i < packed; i += static_cast<std::int64_t>(blockDim.x) * V)
    f(Width<V>(), i);
  if constexpr (V > 1) {
    for (std::int64_t i = packed + threadIdx.x; i < n; i += blockDim.x) f(Width<1>(), i);
  }
}

template <class A>
__device__ inline A WarpSum(A x) {
  for (int mask = 16; mask > 0; mask /= 2) x += __shfl_xor_sync(0xffffffffu, x, mask);
  return x;
}
template <class A>
__device__ inline A WarpMax(A x) {
  for (int mask = 16; mask > 0; mask /= 2) x = Larger(x, __shfl_xor_sync(0xffffffffu, x, mask));
  return x;
}

// Over all threads of a block (a multiple of 32), given to all of them.
template <class A>
__device__ inline A BlockSum(A x) {
  __shared__ A warps[32];
  x = WarpSum(x);
  __syncthreads();  // the last use of `warps` is over
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = x;
  __syncthreads();
  return WarpSum(threadIdx.x % 32 < blockDim.x / 32 ? warps[threadIdx.x % 32] : A(0));
}
template <class A>
__device__ inline A BlockMax(A x) {
  __shared__ A warps[32];
  x = WarpMax(x);
  __syncthreads();
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = x;
  __syncthreads();
  return WarpMax(threadIdx.x % 32 < blockDim.x / 32 ? warps[threadIdx.x % 32] : -Infinity<A>());
}

// --- on the host: how to launch ---

template <class T>
inline constexpr int kPackSize = 16 / static_cast<int>(sizeof(T));

template <class T>
bool Packs(const T* p, std::int64_t stride = 0) {
  return reinterpret_cast<std::uintptr_t>(p) % 16 == 0 && stride % kPackSize<T> == 0;
}
template <class T>
bool Packs(const Rows<T>& rows) {
  return Packs(rows.data, rows.stride);
}
// f(Width<elements of 16 bytes>) or f(Width<1>).
template <class T, class F>
void WithWidth(bool packs, F&& f) {
  if (packs) {
    f(Width<kPackSize<T>>());
  } else {
    f(Width<1>());
  }
}
// Threads of a block that shares a row of n elements, V at a time.
inline int ThreadsFor(std::int64_t n, int v, int most = 512) {
  const std::int64_t wanted = (n / v + 31) / 32 * 32;
  return static_cast<int>(wanted < 32 ? 32 : wanted > most ? most : wanted);
}
inline unsigned Blocks(std::int64_t items, std::int64_t each) { return static_cast<unsigned>((items + each - 1) / each); }

}  // namespace mathcoder::train::cuda
