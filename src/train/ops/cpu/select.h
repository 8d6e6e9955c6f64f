// Which instruction set's kernels run: the best that this CPU has, or the one that $MATHCODER_KERNELS names.
#pragma once

#include <span>
#include <string>

#include "train/ops/cpu/kernels.h"

namespace mathcoder::train::ops::cpu {

// The compiled tables that this CPU can run, the best first.
std::span<const Kernels* const> SupportedKernels();

// The table in use. Throws base::Error (usage) where $MATHCODER_KERNELS names one that is not supported here.
const Kernels& ActiveKernels();

// For tests and benchmarks: from now on the table of this name, "" for the best. Not while kernels run. False: not supported here.
bool UseKernels(const std::string& name);

}  // namespace mathcoder::train::ops::cpu
