#include "train/ops/cpu/select.h"

#include <cstring>

#include "base/check.h"
#include "train/optim/cpu/kernels.h"

namespace mathcoder::train {

#define MC_DECLARE_KERNELS(isa)                  \
  namespace ops::cpu::isa {                      \
  extern const optim_cpu::Kernels kOptimKernels; \
  }
#if defined(__x86_64__)
MC_DECLARE_KERNELS(avx512bf16)
MC_DECLARE_KERNELS(avx512)
MC_DECLARE_KERNELS(avx2)
#endif
MC_DECLARE_KERNELS(baseline)

namespace optim_cpu {

const Kernels& ActiveKernels() {
  const char* name = ops::cpu::ActiveKernels().name;
  for (const Kernels* kernels : {
#if defined(__x86_64__)
         &ops::cpu::avx512bf16::kOptimKernels, &ops::cpu::avx512::kOptimKernels, &ops::cpu::avx2::kOptimKernels,
#endif
             &ops::cpu::baseline::kOptimKernels
       }) {
    if (std::strcmp(kernels->name, name) == 0) return *kernels;
  }
  MC_CHECK(false);
  return ops::cpu::baseline::kOptimKernels;
}

}  // namespace optim_cpu
}  // namespace mathcoder::train
