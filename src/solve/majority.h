// The answer that most samples of one problem agree on.
#pragma once

#include <cstddef>
#include <functional>
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

// Do two answers, the first of them seen before, say the same?
using SameAnswer = std::function<bool(const std::string&, const std::string&)>;

// Answers are compared as text without blanks and enclosing dollar signs, then by `same` where it is given: it is asked once for
// each pair of different texts at most. Thread-safe where `same` is.
Majority MajorityAnswer(std::span<const chat::Transcript> samples, const SameAnswer& same = {});

}  // namespace mathcoder::solve
