#include "train/run/parts/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"

namespace mathcoder::train {
namespace {

using Action = Guard::Action;
using Policy = GuardOptions::Policy;
using ::testing::HasSubstr;

// Quiet steps 1 .. count.
void Warm(Guard& guard, std::int64_t count, std::int64_t from = 1) {
  for (std::int64_t step = from; step < from + count; ++step) {
    ASSERT_EQ(guard.Observe(step, 1 + 0.05 * std::sin(static_cast<double>(step)), 0.5).action, Action::kGo) << step;
  }
}

TEST(Guard, WhatIsNoNumberFollowsThePolicy) {
  const double bad[] = {NAN, INFINITY, -INFINITY};
  for (const double value : bad) {
    for (const bool norm : {false, true}) {
      const std::pair<Policy, Action> cases[] = {{Policy::kStop, Action::kStop},
                                                 {Policy::kIgnore, Action::kStop},
                                                 {Policy::kSkip, Action::kSkip},
                                                 {Policy::kRollBack, Action::kRollBack}};
      for (const auto& [policy, action] : cases) {
        GuardOptions options;
        options.nan = policy;
        Guard guard(options);
        const auto verdict = guard.Observe(1, norm ? 1 : value, norm ? value : 1);
        EXPECT_EQ(verdict.action, action);
        EXPECT_THAT(verdict.reason, HasSubstr(norm ? "step 1: the norm of the gradients is" : "step 1: the loss is"));
      }
    }
  }
}

TEST(Guard, LeapsByDeviationAndByFactor) {
  GuardOptions options;
  options.deviations = 6;
  Guard guard(options);
  for (int step = 1; step < options.least; ++step) EXPECT_EQ(guard.Observe(step, 1, 0.5).action, Action::kGo);
  EXPECT_EQ(guard.Observe(20, 9, 0.5).action, Action::kGo);  // too early to tell
  Guard by_norm(options);
  Warm(by_norm, 50);
  EXPECT_EQ(by_norm.Observe(51, 1.2, 0.5).action, Action::kGo);    // deviations: about 0.035
  EXPECT_EQ(by_norm.Observe(52, 0.001, 0.5).action, Action::kGo);  // a fall is no leap
  Warm(by_norm, 100, 53);
  const auto verdict = by_norm.Observe(153, 1, 0.6);  // 20 deviations of a hundredth of the mean
  EXPECT_EQ(verdict.action, Action::kSkip);
  EXPECT_THAT(
      verdict.reason,
      HasSubstr("the norm of the gradients 0.6 is 20 deviations above the mean 0.5 of the last 100 steps; the step is skipped"));
  options.deviations = 0;
  options.factor = 2;
  Guard by_factor(options);
  Warm(by_factor, 50);
  EXPECT_EQ(by_factor.Observe(51, 1.9, 0.5).action, Action::kGo);
  EXPECT_THAT(by_factor.Observe(52, 2.2, 0.5).reason, HasSubstr("times the median"));
  options.spike = Policy::kIgnore;
  Guard ignores(options);
  Warm(ignores, 50);
  EXPECT_EQ(ignores.Observe(51, 100, 100).action, Action::kGo);
}

TEST(Guard, SkipsInARowAreLimited) {
  GuardOptions options;
  options.limit = 3;
  Guard guard(options);
  Warm(guard, 30);
  EXPECT_EQ(guard.Observe(31, 9, 1).action, Action::kSkip);
  EXPECT_EQ(guard.Observe(32, 9, 1).action, Action::kSkip);
  Warm(guard, 1, 33);  // a good one between
  EXPECT_EQ(guard.Observe(34, 9, 1).action, Action::kSkip);
  EXPECT_EQ(guard.Observe(35, 9, 1).action, Action::kSkip);
  const auto verdict = guard.Observe(36, 9, 1);
  EXPECT_EQ(verdict.action, Action::kStop);
  EXPECT_THAT(verdict.reason, HasSubstr("3 such steps in a row"));
}

TEST(Guard, ARollbackIsNotRepeatedForEver) {
  GuardOptions options;
  options.spike = Policy::kRollBack;
  options.limit = 3;
  Guard guard(options);
  Warm(guard, 40);
  const base::Json checkpoint = guard.ToJson();
  Warm(guard, 5, 41);
  EXPECT_EQ(guard.Observe(46, 9, 1).action, Action::kRollBack);
  guard.RolledBack(checkpoint);
  Warm(guard, 5, 41);
  EXPECT_EQ(guard.Observe(46, 9, 1).action, Action::kSkip);  // the batch is to blame
  Warm(guard, 5, 47);
  EXPECT_EQ(guard.Observe(52, 9, 1).action, Action::kRollBack);
  guard.RolledBack(checkpoint);
  Warm(guard, 12, 41);                                       // this time it was not in the data
  EXPECT_EQ(guard.Observe(53, 9, 1).action, Action::kStop);  // the third without a window of good steps
  Guard other(options);
  Warm(other, 40);
  for (std::int64_t step = 41; step < 1000; step += 201) {
    EXPECT_EQ(other.Observe(step, 9, 1).action, Action::kRollBack) << step;
    Warm(other, 200, step + 1);  // forgiven
  }
}

TEST(Guard, ResumesToTheBit) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  GuardOptions options;
  options.spike = Policy::kSkip;
  options.nan = Policy::kRollBack;
  options.window = 30;
  options.deviations = 2;
  options.limit = 4;
  std::lognormal_distribution<double> values(0, 1);
  for (int round = 0; round < 50; ++round) {
    Guard whole(options), resumed(options);
    for (std::int64_t step = 1; step < 200; ++step) {
      const double loss = random() % 50 == 0 ? NAN : values(random), norm = values(random);
      if (random() % 10 == 0) {
        Guard next(options);
        next.Restore(base::Json::parse(resumed.ToJson().dump()));
        resumed = next;
      }
      const auto a = whole.Observe(step, loss, norm), b = resumed.Observe(step, loss, norm);
      ASSERT_EQ(a.action, b.action) << "seed " << seed;
      ASSERT_EQ(a.reason, b.reason) << "seed " << seed;
      ASSERT_EQ(whole.ToJson(), resumed.ToJson()) << "seed " << seed;
    }
  }
  Guard guard(options);
  EXPECT_THROW(guard.Restore({{"losses", "x"}}), base::Error);
  EXPECT_EQ(PolicyFromName("rollback"), Policy::kRollBack);
  EXPECT_THROW(PolicyFromName("roll back"), base::Error);
}

}  // namespace
}  // namespace mathcoder::train
