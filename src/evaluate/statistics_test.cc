// Constants come from SciPy 1.17 (binomtest, proportion_ci("wilson"), chi2.sf, bootstrap), exact fractions, and a brute force over
// subsets in another language.
#include "evaluate/statistics.h"

#include <gtest/gtest.h>

#include <vector>

namespace mathcoder::evaluate {
namespace {

TEST(Statistics, Wilson) {
  struct Case {
    std::size_t successes, n;
    double low, high;
  };
  for (const Case& c : std::vector<Case>{{0, 10, 0.000000000000, 0.277532799863},
                                         {10, 10, 0.722467200137, 1.000000000000},
                                         {1, 2, 0.094531205734, 0.905468794266},
                                         {849, 1319, 0.617440995826, 0.669063480937},
                                         {1179, 5000, 0.224239333742, 0.247766319966},
                                         {243, 514, 0.429963640562, 0.515965756316},
                                         {5, 7, 0.358934451833, 0.917781075996},
                                         {1, 1000, 0.000176546371, 0.005642558598}}) {
    const Interval interval = WilsonInterval(c.successes, c.n);
    EXPECT_NEAR(interval.low, c.low, 1e-11) << c.successes << "/" << c.n;
    EXPECT_NEAR(interval.high, c.high, 1e-11) << c.successes << "/" << c.n;
  }
  EXPECT_EQ(WilsonInterval(0, 0).low, 0);
  EXPECT_EQ(WilsonInterval(0, 0).high, 1);
}

TEST(Statistics, PassAtK) {
  struct Case {
    std::size_t n, c, k;
    double value;
  };
  for (const Case& c : std::vector<Case>{{1, 0, 1, 0},
                                         {1, 1, 1, 1},
                                         {10, 3, 1, 0.3},
                                         {10, 3, 5, 0.916666666667},
                                         {100, 1, 50, 0.5},
                                         {200, 7, 10, 0.305598811618},
                                         {16, 8, 8, 0.999922299922},
                                         {5, 4, 2, 1},
                                         {5, 0, 5, 0}}) {
    EXPECT_NEAR(PassAtK(c.n, c.c, c.k), c.value, 1e-11) << c.n << " " << c.c << " " << c.k;
  }
}

const std::vector<Vote> kVotes = {{0, true}, {1, false}, {0, true}, {-1, false}, {2, false}, {1, false}, {0, true}, {1, false}};

TEST(Statistics, MajorityOverAllSubsets) {
  const std::vector<double> expected = {0.375, 0.5, 0.517857142857, 0.542857142857, 0.589285714286, 0.607142857143, 0.625, 1};
  for (std::size_t k = 1; k <= kVotes.size(); ++k) EXPECT_NEAR(MajorityAtK(kVotes, k, 0), expected[k - 1], 1e-11) << k;
}

TEST(Statistics, MajorityOfManySamplesIsDrawn) {
  std::vector<Vote> votes;
  for (int i = 0; i < 64; ++i) votes.push_back(i % 3 == 0 ? Vote{0, true} : i % 3 == 1 ? Vote{i, false} : Vote{-1, false});
  const double drawn = MajorityAtK(votes, 32, 5);
  EXPECT_EQ(drawn, MajorityAtK(votes, 32, 5)) << "the same seed";
  EXPECT_GT(drawn, 0.99) << "a third agrees, the others differ among themselves";
  EXPECT_NEAR(MajorityAtK(votes, 1, 5), 22.0 / 64, 1e-12);
}

TEST(Statistics, MajorityWithoutAnswersIsWrong) { EXPECT_EQ(MajorityAtK(std::vector<Vote>{{-1, true}, {-1, true}}, 2, 0), 0); }

TEST(Statistics, McNemar) {
  struct Case {
    std::size_t first, second;
    double exact, chi, p;
  };
  for (const Case& c : std::vector<Case>{{0, 5, 0.0625, 3.2, 0.0736382701203},
                                         {3, 10, 0.09228515625, 2.76923076923, 0.0960923294557},
                                         {121, 59, 4.43444926376e-06, 20.6722222222, 5.45009482543e-06},
                                         {10, 10, 1, 0, 1},
                                         {1, 0, 1, 0, 1},
                                         {600, 500, 0.00281954499144, 8.91, 0.00283613265565},
                                         {37, 61, 0.0196901847998, 5.39795918367, 0.0201603120582}}) {
    const McNemar test = McNemarTest(c.first, c.second);
    EXPECT_NEAR(test.exact_p, c.exact, 1e-9 * c.exact + 1e-14) << c.first << " " << c.second;
    EXPECT_NEAR(test.chi_squared, c.chi, 1e-9) << c.first << " " << c.second;
    EXPECT_NEAR(test.chi_squared_p, c.p, 1e-9) << c.first << " " << c.second;
    EXPECT_EQ(McNemarTest(c.second, c.first).exact_p, test.exact_p) << "symmetric";
  }
  EXPECT_EQ(McNemarTest(0, 0).exact_p, 1);
}

TEST(Statistics, Bootstrap) {
  // 40 ones, 150 zeros, 10 minus ones: SciPy's percentile interval over 200,000 resamples is [0.085, 0.215].
  std::vector<double> values(200, 0.0);
  for (int i = 0; i < 40; ++i) values[static_cast<std::size_t>(i)] = 1;
  for (int i = 40; i < 50; ++i) values[static_cast<std::size_t>(i)] = -1;
  const Interval interval = BootstrapMean(values, 1, 20000);
  EXPECT_NEAR(interval.low, 0.085, 0.0051);
  EXPECT_NEAR(interval.high, 0.215, 0.0051);
  const Interval again = BootstrapMean(values, 1, 20000);
  EXPECT_EQ(interval.low, again.low);
  EXPECT_EQ(interval.high, again.high);
  EXPECT_EQ(BootstrapMean({}, 1).high, 0);
}

}  // namespace
}  // namespace mathcoder::evaluate
