#include "engine/thread_ladder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace mathcoder::engine {

ThreadLadder::ThreadLadder(int most)
    : loadavg_(::open("/proc/loadavg", O_RDONLY | O_CLOEXEC)),
      machine_cores_(static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)))),
      cores_(static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))),  // those of the affinity mask
      most_(std::max(1, most)) {}

int ThreadLadder::Rule(int running, int machine_cores, int cores, int most) {
  // Where this process may use a part of the machine only, a part of the others is taken to be there as well.
  const int others = std::max(0, running - 1) * cores / std::max(1, machine_cores);
  return std::clamp(cores - others, 1, std::max(1, most));
}

int ThreadLadder::Choose() {
  if (most_ == 1 || !loadavg_.valid()) return most_;
  char text[128];
  const ssize_t n = ::pread(loadavg_.get(), text, sizeof text - 1, 0);
  if (n <= 0) return most_;
  text[n] = '\0';
  // "0.52 0.58 0.59 2/817 12345": the fourth field begins with the tasks that run or wait for a core now.
  const char* at = text;
  for (int field = 0; field < 3 && at != nullptr; ++field) {
    at = std::strchr(at, ' ');
    if (at != nullptr) ++at;
  }
  if (at == nullptr) return most_;
  const long running = std::strtol(at, nullptr, 10);
  return running > 0 ? Rule(static_cast<int>(std::min(running, 100000L)), machine_cores_, cores_, most_) : most_;
}

}  // namespace mathcoder::engine
