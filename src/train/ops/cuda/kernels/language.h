// What kernels are written in. Under nvcc: CUDA. Under a C++ compiler: the same words, executed by emulation.h on the CPU, so that
// the kernels' own code is tested where no GPU is. For .cu files alone.
#pragma once

#if defined(__CUDACC__)

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

#define MC_DYNAMIC_SHARED(type, name)                       \
  extern __shared__ __align__(16) unsigned char mc_bytes[]; \
  type* name = reinterpret_cast<type*>(mc_bytes)

namespace mathcoder::train::cuda {

// kernel<<<grid, threads, shared_bytes, stream>>>(args...). Throws std::runtime_error where the launch is refused; what goes wrong
// later is found by the next call that waits.
template <class... P, class... A>
void Launch(const char* name, dim3 grid, int threads, std::size_t shared_bytes, cudaStream_t stream, void (*kernel)(P...),
            A... args) {
  if (grid.x == 0 || grid.y == 0) return;
  kernel<<<grid, threads, shared_bytes, stream>>>(args...);
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) throw std::runtime_error(std::string("CUDA kernel ") + name + ": " + cudaGetErrorString(error));
}

// A bug in the caller (MC_CHECK of kernels): the context is lost, the next call that waits says so.
__device__ inline void Bug() { __trap(); }

}  // namespace mathcoder::train::cuda

#else

#include "train/ops/cuda/kernels/emulation.h"

#endif
