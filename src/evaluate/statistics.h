// The numbers behind a score, and nothing else: no files, no records. Each formula is tested against constants that other
// implementations gave (statistics_test.cc). Pure functions, thread-safe; what is random takes a seed and gives the same
// everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mathcoder::evaluate {

struct Interval {
  double low = 0;
  double high = 1;
};

// Wilson's score interval of a proportion, without continuity correction; 95% at the default z. [0, 1] for n = 0.
// Precondition: successes <= n.
Interval WilsonInterval(std::size_t successes, std::size_t n, double z = 1.959963984540054);

// Unbiased estimate of the chance that at least one of k samples is right, when c of n were (arXiv 2107.03374):
// 1 - C(n - c, k) / C(n, k). Precondition: c <= n, 1 <= k <= n.
double PassAtK(std::size_t n, std::size_t c, std::size_t k);

// One sample's vote: which answer it gave (samples that gave equal answers share a number; negative: none) and whether that is
// right.
struct Vote {
  int answer = -1;
  bool correct = false;
};
// The chance that the most frequent answer among k of the samples is right; a tie goes to the answer whose first vote came first,
// and samples without an answer do not vote. Exact over all subsets where they are few, else over 2,000 draws with `seed`.
// Precondition: 1 <= k <= votes.size().
double MajorityAtK(std::span<const Vote> votes, std::size_t k, std::uint64_t seed);

// Paired comparison. `only_first` and `only_second`: questions that exactly one of the two runs got right.
struct McNemar {
  double exact_p = 1;      // two-sided, binomial
  double chi_squared = 0;  // with continuity correction
  double chi_squared_p = 1;
};
McNemar McNemarTest(std::size_t only_first, std::size_t only_second);

// Percentile bootstrap interval (95%) of the mean of `values`. One value a question: where a question has several samples, their
// mean is the value, so that questions are resampled and not samples. {0, 0} for no values.
Interval BootstrapMean(std::span<const double> values, std::uint64_t seed, std::size_t resamples = 10000);

double Mean(std::span<const double> values);  // 0 for none

}  // namespace mathcoder::evaluate
