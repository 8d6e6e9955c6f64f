#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "grade/grade.h"

namespace mathcoder::grade {
namespace {

TEST(Policy, Modes) {
  EXPECT_EQ(PolicyOf("strict").mode, Mode::kStrict);
  EXPECT_FALSE(PolicyOf("strict").compare.round_to_reference);
  EXPECT_EQ(PolicyOf("strict").compare.relative_tolerance, 0);
  EXPECT_TRUE(PolicyOf("lenient").compare.round_to_reference);
  EXPECT_TRUE(PolicyOf("lenient").compare.percent_either_way);
  EXPECT_GT(PolicyOf("lenient").compare.relative_tolerance, 0);
  EXPECT_EQ(PolicyOf("mathcoder").mode, Mode::kMathCoder);
  for (const Mode mode : {Mode::kStrict, Mode::kLenient, Mode::kMathCoder}) EXPECT_EQ(ModeOf(Name(mode)), mode);
  EXPECT_FALSE(ModeOf("Strict"));
}

TEST(Policy, Flags) {
  EXPECT_TRUE(PolicyOf("strict,round_to_reference").compare.round_to_reference);
  EXPECT_FALSE(PolicyOf("lenient,round_to_reference=off").compare.round_to_reference);
  EXPECT_FALSE(PolicyOf("strict,units=exact").compare.ignore_units);
  EXPECT_TRUE(PolicyOf("strict,units=exact,units=ignore").compare.ignore_units);
  EXPECT_TRUE(PolicyOf("strict,percent=either").compare.percent_either_way);
  EXPECT_FALSE(PolicyOf("strict,choice_letters=off").choice_letters);
  EXPECT_TRUE(PolicyOf("mathcoder,drop_letters").drop_letters);
  EXPECT_DOUBLE_EQ(PolicyOf("strict,relative_tolerance=1e-2").compare.relative_tolerance, 1e-2);
  EXPECT_TRUE(PolicyOf("strict,symmetric,ordered_lists").compare.ordered_lists);
}

TEST(Policy, WrongNamesAreSaid) {
  struct Case {
    const char* spelled;
    const char* said;
  };
  for (const Case& item :
       {Case{"loose", "known are strict, lenient, mathcoder"}, Case{"strict,rounding", "unknown flag 'rounding'"},
        Case{"strict,units=metric", "found 'metric'"}, Case{"strict,relative_tolerance=x", "needs a number"},
        Case{"strict,relative_tolerance=2", "needs a number"}, Case{"", "unknown mode ''"}, Case{"strict,", "unknown flag ''"}}) {
    try {
      PolicyOf(item.spelled);
      ADD_FAILURE() << item.spelled;
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ExitCode::kUsage);
      EXPECT_NE(std::string(error.what()).find(item.said), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace mathcoder::grade
