// What the results of a run depend on besides their tasks, as JSON: {"solve": settings, "questions": {benchmark: hash of its
// file}}.
#pragma once

#include <string>

namespace mathcoder::evaluate {

struct JoinedIdentity {
  std::string identity;  // of both; empty where they disagree
  std::string differs;   // for a message: "sampling.temperature (0.0 then, 0.7 now)"
};

// A run may come to hold more benchmarks; what both name must be the same. Pure.
JoinedIdentity JoinIdentities(const std::string& then, const std::string& now);

}  // namespace mathcoder::evaluate
