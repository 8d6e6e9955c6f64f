// CUDA's words for a C++ compiler: a kernel runs on the CPU, one block after another, each thread of a block a fiber, with real
// barriers. For tests of kernels where no GPU is (they are compiled a second time, as C++), never for work: a switch of fibers
// costs as much as a thousand additions. What it finds: wrong indices and formulas, barriers that not all threads reach (an abort
// with the kernel's name), and races, by other results under another order of threads (SetOrder). Not thread-safe.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __launch_bounds__(...)
#define MC_DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(::mathcoder::train::cuda::emulation::DynamicShared())

struct CUstream_st;
using cudaStream_t = CUstream_st*;

namespace mathcoder::train::cuda {

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  dim3() = default;
  dim3(unsigned x_in, unsigned y_in = 1, unsigned z_in = 1) : x(x_in), y(y_in), z(z_in) {}  // NOLINT: as CUDA's
};

namespace emulation {

enum class Order : std::uint8_t { kForward, kBackward };
void SetOrder(Order order);  // in which the threads of a block take turns

void Run(const char* name, dim3 grid, int threads, std::size_t shared_bytes, const std::function<void()>& body);
void* DynamicShared();
void WaitForBlock();
// All 32 lanes give `bytes` bytes and receive those of lane `from`.
void Exchange(const void* mine, void* theirs, std::size_t bytes, int from);
int Lane();

inline constexpr std::size_t kSharedBytes = 48 << 10;

}  // namespace emulation

extern dim3 threadIdx, blockIdx, blockDim, gridDim;  // of the thread that runs

inline void __syncthreads() { emulation::WaitForBlock(); }
inline void __syncwarp() {
  const char mine = 0;
  char theirs;
  emulation::Exchange(&mine, &theirs, 1, 0);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  T theirs;
  emulation::Exchange(&value, &theirs, sizeof(T), emulation::Lane() ^ mask);
  return theirs;
}

template <class... P, class... A>
void Launch(const char* name, dim3 grid, int threads, std::size_t shared_bytes, cudaStream_t, void (*kernel)(P...), A... args) {
  emulation::Run(name, grid, threads, shared_bytes, [&] { kernel(args...); });
}
[[noreturn]] void Bug();

}  // namespace mathcoder::train::cuda
