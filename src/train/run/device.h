// The device a process trains on, and how fast it multiplies.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/run/config.h"

namespace mathcoder::train {

// parallel.device; `auto` takes a GPU where libtorch sees one, the one of this process's place on its machine. Throws
// base::Unavailable.
at::Device DeviceOf(const Config& config);

at::ScalarType ComputeTypeOf(const Config& config);

// Threads of this process: parallel.threads, else OMP_NUM_THREADS, else the cores that it may use, at most its share of the
// machine's.
void SetThreads(const Config& config);

// Floating-point operations a second that a large matrix product reaches here, for MFU: measured on a CPU (a quarter of a second).
// 0 on a GPU: unknown; bench/train_gpu_bench has MFU there.
double PeakFlops(at::Device device, at::ScalarType type);

}  // namespace mathcoder::train
