#include "train/ops/cpu/select.h"

#include <atomic>
#include <cstdlib>
#include <vector>

#include "base/error.h"

namespace mathcoder::train::ops::cpu {

#define MC_DECLARE_KERNELS(isa)  \
  namespace isa {                \
  extern const Kernels kKernels; \
  }
#if defined(__x86_64__)
MC_DECLARE_KERNELS(avx512bf16)
MC_DECLARE_KERNELS(avx512)
MC_DECLARE_KERNELS(avx2)
#endif
MC_DECLARE_KERNELS(baseline)

namespace {

std::vector<const Kernels*> FindSupported() {
  std::vector<const Kernels*> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (avx512 && __builtin_cpu_supports("avx512bf16")) found.push_back(&avx512bf16::kKernels);
  if (avx512) found.push_back(&avx512::kKernels);
  if (avx2) found.push_back(&avx2::kKernels);
#endif
  found.push_back(&baseline::kKernels);
  return found;
}

const Kernels* Find(const std::string& name) {
  for (const Kernels* kernels : SupportedKernels()) {
    if (name.empty() || name == kernels->name) return kernels;
  }
  return nullptr;
}

std::atomic<const Kernels*> active{nullptr};

}  // namespace

std::span<const Kernels* const> SupportedKernels() {
  static const std::vector<const Kernels*> supported = FindSupported();
  return supported;
}

bool UseKernels(const std::string& name) {
  const Kernels* found = Find(name);
  if (found != nullptr) active = found;
  return found != nullptr;
}

const Kernels& ActiveKernels() {
  const Kernels* kernels = active.load(std::memory_order_acquire);
  if (kernels != nullptr) return *kernels;
  const char* wanted = std::getenv("MATHCODER_KERNELS");
  const std::string name = wanted == nullptr ? "" : wanted;
  if (!UseKernels(name)) {
    std::string names;
    for (const Kernels* supported : SupportedKernels()) names += std::string(names.empty() ? "" : ", ") + supported->name;
    throw base::Error("MATHCODER_KERNELS=" + name + ": this CPU can run: " + names, base::ExitCode::kUsage);
  }
  return *active.load(std::memory_order_acquire);
}

}  // namespace mathcoder::train::ops::cpu
