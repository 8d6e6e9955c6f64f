// Compares what a replay observed with what was recorded, code block by code block.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "chat/agreement.h"
#include "chat/observation.h"
#include "chat/transcript.h"

namespace mathcoder::solve {

struct Disagreement {
  std::size_t nth = 0;  // which of the transcript's code blocks, from 0
  std::string recorded;
  std::string observed;
  chat::ExecutionVerdict verdict = chat::ExecutionVerdict::kOk;
  std::string detail;
};

// Not thread-safe.
struct ReplayReport {
  std::size_t problems = 0;
  std::size_t blocks = 0;  // code blocks that have a recorded output
  std::size_t agreed = 0;  // the same text, the same exception, or the same timeout
  std::map<chat::Agreement, std::size_t> by_agreement;
  std::size_t infrastructure_failures = 0;  // blocks that the sandbox could not run: they count in `blocks` and not as agreed
  std::chrono::microseconds overhead{0};    // time of the loops that was neither the engine's nor the sandbox's

  // Takes in one replayed transcript and returns its disagreements (chat/agreement.h says what agrees). A block that never ran (the
  // session was lost before) disagrees.
  std::vector<Disagreement> Add(const chat::ObservationPolicy& policy, const chat::Transcript& recorded,
                                const chat::Transcript& replayed);
  double LoopMillisecondsPerBlock() const;
};

}  // namespace mathcoder::solve
