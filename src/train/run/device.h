// The device a process trains on, and how fast it multiplies.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/run/config.h"

namespace mathcoder::train {

// parallel.device; `auto` takes a GPU where libtorch sees one, the one of this process's place on its machine. Throws
// base::Unavailable.
at::Device DeviceOf(const Config& config);

at::ScalarType ComputeTypeOf(const Config& config);

// Threads of this process: parallel.threads, else the machine's cores over the processes that mpirun or srun placed on it.
void SetThreads(const Config& config);

// Floating-point operations a second that a large matrix product reaches here, for MFU: measured for a CPU (a quarter of a second),
// a data sheet's figure for a known GPU. 0: unknown.
double PeakFlops(at::Device device, at::ScalarType type);

}  // namespace mathcoder::train
