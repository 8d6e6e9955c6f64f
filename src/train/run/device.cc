#include "train/run/device.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/error.h"
#include "train/parallel/communicator.h"

namespace mathcoder::train {
namespace {

// Of processes that share this machine: 0 where none of the launchers says so.
int FromLauncher(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const char* value = std::getenv(name)) return std::atoi(value);
  }
  return 0;
}

int LocalSize() { return std::max(1, FromLauncher({"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "SLURM_NTASKS_PER_NODE"})); }

}  // namespace

at::Device DeviceOf(const Config& config) {
  if (config.parallel.device == "cpu") return at::kCPU;
  if (at::hasCUDA()) {
    const auto devices = static_cast<int>(at::detail::getCUDAHooks().deviceCount());
    if (devices > 0) return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(LocalRank() % devices));
  }
  if (config.parallel.device == "cuda") {
    throw base::Unavailable(
        "parallel.device is cuda, and this libtorch sees no GPU; use parallel.device=cpu, or a CUDA build of the pinned libtorch");
  }
  return at::kCPU;
}

at::ScalarType ComputeTypeOf(const Config& config) { return config.model.compute == "bf16" ? at::kBFloat16 : at::kFloat; }

void SetThreads(const Config& config) {
  if (config.parallel.threads > 0) return at::set_num_threads(static_cast<int>(config.parallel.threads));
  if (std::getenv("OMP_NUM_THREADS") != nullptr) return;  // libtorch has it already
  cpu_set_t mine;                                         // fewer than the machine's where the launcher bound this process to some
  CPU_ZERO(&mine);
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int bound = ::sched_getaffinity(0, sizeof(mine), &mine) == 0 ? CPU_COUNT(&mine) : cores;
  at::set_num_threads(std::max(1, std::min(bound, cores / LocalSize())));
}

double PeakFlops(at::Device device, at::ScalarType type) {
  constexpr std::int64_t n = 1024;
  if (device.is_cuda()) return 0;
  const at::Tensor a = at::ones({n, n}, at::TensorOptions().dtype(type).device(device));
  at::Tensor c = at::empty({n, n}, a.options());
  at::mm_out(c, a, a);
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    at::mm_out(c, a, a);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::max(best, 2.0 * n * n * n / time.count());
  }
  return best;
}

}  // namespace mathcoder::train
