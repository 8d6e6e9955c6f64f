#include "sandbox/sandbox.h"

namespace mathcoder::sandbox {

char Letter(Tier tier) {
  switch (tier) {
    case Tier::kA:
      return 'A';
    case Tier::kB:
      return 'B';
    case Tier::kC:
      return 'C';
    case Tier::kNone:
      break;
  }
  return '-';
}

const char* Name(RunStatus status) {
  switch (status) {
    case RunStatus::kOk:
      return "ok";
    case RunStatus::kError:
      return "error";
    case RunStatus::kTimeout:
      return "timeout";
    case RunStatus::kSessionLost:
      return "session_lost";
    case RunStatus::kMemoryLost:
      return "memory";
    case RunStatus::kInfrastructure:
      break;
  }
  return "infrastructure";
}

}  // namespace mathcoder::sandbox
