// Two runs over the same questions, paired: what changed, and whether it could be chance.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluate/item.h"
#include "evaluate/statistics.h"

namespace mathcoder::evaluate {

struct PairedScore {
  std::string benchmark;  // "all" for the sum of several
  std::size_t questions = 0;
  std::size_t pairs = 0;                                               // a question with a sample in both runs
  std::size_t both = 0, only_first = 0, only_second = 0, neither = 0;  // pairs by who is right
  double first = 0, second = 0;                                        // accuracy on the pairs
  McNemar test;         // of the pairs; samples of one question are not independent: then the interval is what counts
  Interval difference;  // second - first, 95%, bootstrap over questions
  std::vector<std::string> lost, gained;  // ids or numbers of questions that only the first, only the second got right
};

struct Comparison {
  std::vector<PairedScore> benchmarks;
  std::size_t unpaired = 0;  // verdicts that only one run has, and failures of the infrastructure in either
};

// Verdicts are paired by benchmark, question (its text) and sample; by model as well where a run holds several.
Comparison Compare(std::span<const Item> first, std::span<const Item> second, std::uint64_t seed);

// The verdicts of RUN/. Throws base::BadInput where it holds none.
std::vector<Item> ReadVerdicts(const std::filesystem::path& run);

base::Json ToJson(const Comparison& comparison);
std::string ToText(const Comparison& comparison, const std::string& first_name, const std::string& second_name);

}  // namespace mathcoder::evaluate
