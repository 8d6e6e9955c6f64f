// MC_CHECK(condition): a bug if it fails. Prints file, line and condition, then aborts. Never for input or environment.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace mathcoder::base {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "mathcoder: internal error: %s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace mathcoder::base

#define MC_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::mathcoder::base::CheckFailed(__FILE__, __LINE__, #condition))
