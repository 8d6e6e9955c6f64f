// Types that kernels and those who launch them share. No CUDA here: plain C++ may include it.
#pragma once

#include <cstdint>

#include "train/ops/cpu/kernels.h"

struct CUstream_st;

namespace mathcoder::train::cuda {

using Stream = CUstream_st*;  // cudaStream_t

using ops::cpu::Accumulator;
using ops::cpu::Bf16;
using ops::cpu::Rows;

}  // namespace mathcoder::train::cuda
