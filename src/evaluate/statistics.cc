#include "evaluate/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "base/check.h"

namespace mathcoder::evaluate {
namespace {

// std::uniform_int_distribution differs between standard libraries; the generator does not. Unbiased by rejection.
std::size_t Below(std::mt19937_64& random, std::size_t bound) {
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t value = random();
  while (value >= limit) value = random();
  return static_cast<std::size_t>(value % bound);
}

double LogChoose(std::size_t n, std::size_t k) {
  return std::lgamma(static_cast<double>(n) + 1) - std::lgamma(static_cast<double>(k) + 1) -
         std::lgamma(static_cast<double>(n - k) + 1);
}

// `members`: indices into votes, ascending.
bool MajorityIsRight(std::span<const Vote> votes, std::span<const std::size_t> members) {
  std::vector<std::pair<int, std::size_t>> counts;  // in the order of the first vote
  std::size_t best = SIZE_MAX;
  bool correct = false;
  for (const std::size_t member : members) {
    if (votes[member].answer < 0) continue;
    const auto found = std::ranges::find(counts, votes[member].answer, &std::pair<int, std::size_t>::first);
    if (found == counts.end()) {
      counts.emplace_back(votes[member].answer, 1);
    } else {
      ++found->second;
    }
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (best == SIZE_MAX || counts[i].second > counts[best].second) best = i;
  }
  if (best == SIZE_MAX) return false;
  for (const std::size_t member : members) {
    if (votes[member].answer == counts[best].first) {
      correct = votes[member].correct;
      break;
    }
  }
  return correct;
}

// The next subset of k of n indices in lexicographic order; false after the last.
bool NextSubset(std::vector<std::size_t>& subset, std::size_t n) {
  const std::size_t k = subset.size();
  for (std::size_t i = k; i-- > 0;) {
    if (subset[i] == n - k + i) continue;
    ++subset[i];
    for (std::size_t j = i + 1; j < k; ++j) subset[j] = subset[j - 1] + 1;
    return true;
  }
  return false;
}

}  // namespace

Interval WilsonInterval(std::size_t successes, std::size_t n, double z) {
  MC_CHECK(successes <= n);
  if (n == 0) return {0, 1};
  const double count = static_cast<double>(n);
  const double p = static_cast<double>(successes) / count;
  const double z2 = z * z;
  const double centre = (p + z2 / (2 * count)) / (1 + z2 / count);
  const double half = z / (1 + z2 / count) * std::sqrt(p * (1 - p) / count + z2 / (4 * count * count));
  // At the ends the formula gives 0 and 1 but for the last bit.
  return {successes == 0 ? 0 : std::max(0.0, centre - half), successes == n ? 1 : std::min(1.0, centre + half)};
}

double PassAtK(std::size_t n, std::size_t c, std::size_t k) {
  MC_CHECK(c <= n && k >= 1 && k <= n);
  if (n - c < k) return 1;
  double miss = 1;
  for (std::size_t i = n - c + 1; i <= n; ++i) miss *= 1 - static_cast<double>(k) / static_cast<double>(i);
  return 1 - miss;
}

double MajorityAtK(std::span<const Vote> votes, std::size_t k, std::uint64_t seed) {
  const std::size_t n = votes.size();
  MC_CHECK(k >= 1 && k <= n);
  constexpr std::size_t kDraws = 2000;
  std::vector<std::size_t> subset(k);
  std::iota(subset.begin(), subset.end(), std::size_t{0});
  std::size_t right = 0;
  std::size_t total = 0;
  if (LogChoose(n, k) <= std::log(static_cast<double>(kDraws)) + 1e-9) {
    do {
      right += MajorityIsRight(votes, subset) ? 1 : 0;
      ++total;
    } while (NextSubset(subset, n));
    return static_cast<double>(right) / static_cast<double>(total);
  }
  std::mt19937_64 random(seed);
  std::vector<std::size_t> all(n);
  std::iota(all.begin(), all.end(), std::size_t{0});
  for (total = 0; total < kDraws; ++total) {
    for (std::size_t i = 0; i < k; ++i) std::swap(all[i], all[i + Below(random, n - i)]);
    subset.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k));
    std::ranges::sort(subset);
    right += MajorityIsRight(votes, subset) ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(total);
}

McNemar McNemarTest(std::size_t only_first, std::size_t only_second) {
  const std::size_t n = only_first + only_second;
  McNemar test;
  if (n == 0) return test;
  const std::size_t fewer = std::min(only_first, only_second);
  double tail = 0;
  for (std::size_t i = 0; i <= fewer; ++i) tail += std::exp(LogChoose(n, i) - static_cast<double>(n) * std::log(2.0));
  test.exact_p = std::min(1.0, 2 * tail);
  const double difference = static_cast<double>(std::max(only_first, only_second) - fewer);
  const double corrected = std::max(0.0, difference - 1);
  test.chi_squared = corrected * corrected / static_cast<double>(n);
  test.chi_squared_p = std::erfc(std::sqrt(test.chi_squared / 2));  // one degree of freedom
  return test;
}

Interval BootstrapMean(std::span<const double> values, std::uint64_t seed, std::size_t resamples) {
  if (values.empty() || resamples == 0) return {0, 0};
  std::mt19937_64 random(seed);
  std::vector<double> means(resamples);
  for (double& mean : means) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[Below(random, values.size())];
    mean = sum / static_cast<double>(values.size());
  }
  std::ranges::sort(means);
  // Linear interpolation between order statistics, as most statistics packages do by default.
  const auto quantile = [&](double q) {
    const double at = q * static_cast<double>(resamples - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, resamples - 1);
    return means[below] + (at - static_cast<double>(below)) * (means[above] - means[below]);
  };
  return {quantile(0.025), quantile(0.975)};
}

double Mean(std::span<const double> values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace mathcoder::evaluate
