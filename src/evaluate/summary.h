// Counts and statistics of graded transcripts: what summary.json holds (docs/evaluation.md lists its fields). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "evaluate/item.h"
#include "evaluate/statistics.h"

namespace mathcoder::evaluate {

struct Score {
  std::size_t n = 0;  // scored: failures of the infrastructure are not
  std::size_t correct = 0;
  std::size_t wrong = 0;
  std::size_t unknown = 0;    // the grader could not decide; not correct
  std::size_t no_answer = 0;  // not correct
  std::size_t truncated = 0;
  std::size_t timed_out = 0;
  std::size_t session_lost = 0;
  std::size_t infrastructure_failures = 0;
  Interval interval;  // Wilson; of several samples a question: bootstrap over questions
  double accuracy() const { return n == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(n); }
};

using Breakdown = std::vector<std::pair<std::string, Score>>;
using Curve = std::vector<std::pair<std::size_t, double>>;  // k, value

struct Group {
  std::string benchmark;
  std::string model;
  std::size_t questions = 0;
  std::size_t samples = 1;  // the most that a question has
  Score score;
  std::optional<double> seconds;
  Curve pass_at, majority_at;  // for 1, 2, 4, ... and all samples; empty for one sample
  Breakdown by_subject, by_level, by_blocks;
};

struct FileCount {
  std::string file;
  std::string benchmark;
  std::string model;
  Score score;
};

struct Summary {
  std::vector<Group> groups;  // benchmarks in the order of their first item, models within
  std::vector<FileCount> files;
};

// True where two answers to one question are the same answer.
using SameAnswer = std::function<bool(const std::string& benchmark, const std::string& first, const std::string& second)>;

struct SummaryOptions {
  std::uint64_t seed = 0;                 // of bootstrap and majority draws
  SameAnswer same;                        // for majorities; without it answers are compared as text
  std::map<std::string, double> seconds;  // of a benchmark; absent: unknown
};
Summary Summarize(std::span<const Item> items, const SummaryOptions& options);

Score ScoreOf(std::span<const Item* const> items, std::uint64_t seed);

base::Json ToJson(const Score& score);
// {"benchmarks": {NAME: {n, correct, accuracy, interval, ...}}, "files"?: [...]}; where a benchmark has several models, its entry
// counts all of them and holds each under "models".
base::Json ToJson(const Summary& summary, std::span<const Item> items, std::uint64_t seed);

}  // namespace mathcoder::evaluate
