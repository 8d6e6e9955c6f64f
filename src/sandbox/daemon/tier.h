// What this machine can enforce, and the tier that makes.
#pragma once

#include <string>
#include <vector>

#include "sandbox/python_layout.h"
#include "sandbox/sandbox.h"

namespace mathcoder::sandbox {

struct Probe {
  std::vector<Layer> layers;
  std::string seccomp_filter;
};

// Tries each layer for real, in a child process where it would change this one. A few milliseconds.
Probe ProbeLayers(const PythonLayout& layout, const std::string& native_library, int proc, const SandboxOptions& options);

Tier TierOf(const Probe& probe);
std::string WhyNotHigher(const TierReport& report);

}  // namespace mathcoder::sandbox
