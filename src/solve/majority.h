// The answer that most samples of one problem agree on.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "chat/transcript.h"

namespace mathcoder::solve {

struct Majority {
  std::string answer;  // empty where no sample has one
  std::size_t count = 0;
  std::vector<std::pair<std::string, std::size_t>> counts;  // most first; equal counts in the order of their first sample
};

// Answers are compared as text without blanks and enclosing dollar signs. Pure, thread-safe.
Majority MajorityAnswer(std::span<const chat::Transcript> samples);

}  // namespace mathcoder::solve
