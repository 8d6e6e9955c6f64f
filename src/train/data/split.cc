#include "train/data/split.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "train/data/checksum.h"

namespace mathcoder::train {
namespace {

std::uint64_t Rank(std::uint64_t problem, std::uint64_t seed) { return Mix(problem ^ Mix(seed)); }

// Problems in the order of their ranks, until they have `count` examples.
std::unordered_set<std::uint64_t> FirstProblems(const TokenCache& cache, const SplitOptions& options) {
  std::unordered_map<std::uint64_t, std::size_t> examples;
  for (std::size_t i = 0; i < cache.size(); ++i) ++examples[cache.problem(i)];
  std::vector<std::pair<std::uint64_t, std::uint64_t>> order;
  order.reserve(examples.size());
  for (const auto& [problem, n] : examples) order.emplace_back(Rank(problem, options.seed), problem);
  std::sort(order.begin(), order.end());
  std::unordered_set<std::uint64_t> chosen;
  std::size_t count = 0;
  for (const auto& [rank, problem] : order) {
    if (count >= options.count) break;
    chosen.insert(problem);
    count += examples[problem];
  }
  return chosen;
}

}  // namespace

Split MakeSplit(const TokenCache& cache, const SplitOptions& options) {
  if (!(options.fraction >= 0 && options.fraction < 1)) {
    throw base::BadInput("the held-out fraction is " + std::to_string(options.fraction) + "; it must be at least 0 and below 1");
  }
  if (options.fraction > 0 && options.count > 0) {
    throw base::BadInput("both a fraction and a number of examples are to be held out; give one of them");
  }
  std::unordered_set<std::uint64_t> chosen;
  if (options.count > 0) chosen = FirstProblems(cache, options);
  Split split;
  for (std::size_t i = 0; i < cache.size(); ++i) {
    const std::uint64_t problem = cache.problem(i);
    const bool held_out = options.count > 0 ? chosen.contains(problem)
                                            : static_cast<double>(Rank(problem, options.seed)) * 0x1p-64 < options.fraction;
    (held_out ? split.held_out : split.train).push_back(static_cast<std::uint32_t>(i));
  }
  if (split.train.empty()) {
    throw base::BadInput("all " + std::to_string(cache.size()) + " examples would be held out; hold out fewer, or give more data");
  }
  return split;
}

}  // namespace mathcoder::train
