// The published case files, where they are at hand: the counts that issue 4 asks for.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/jsonl.h"
#include "math/compare.h"
#include "math/read.h"

namespace mathcoder::math {
namespace {

std::filesystem::path Shared() {
  const char* own = std::getenv("MATHCODER_SHARED");
  return own != nullptr ? std::filesystem::path(own) : std::filesystem::path(MATHCODER_SOURCE_DIR) / "../shared";
}

struct Count {
  int cases = 0, right = 0, wrong_equal = 0;
  std::string failures;
};

Count RunFile(const std::filesystem::path& path) {
  Count count;
  base::JsonLines lines(path);
  Comparer comparer;
  while (auto record = lines.Next()) {
    const base::Json& row = record->value();
    const std::string gold = row["gold"], prediction = row["pred"];
    const bool expected = row["expected"];
    ++count.cases;
    const ReadResult a = ReadMath(gold), b = ReadMath(prediction);
    Comparison c;
    if (a.ok() && b.ok()) c = comparer.Compare(a.expr(), b.expr());
    const bool equal = c.equality == Equality::kEqual || c.equality == Equality::kProbablyEqual;
    const bool right = expected ? equal : c.equality == Equality::kDifferent;
    count.right += right ? 1 : 0;
    count.wrong_equal += equal && !expected ? 1 : 0;
    if (!right)
      count.failures += gold + " | " + prediction + ": " + std::string(Name(c.equality)) + " [" + c.rule + "] " + c.reason + "\n";
  }
  return count;
}

TEST(CompareCases, Doenet) {
  const auto path = Shared() / "grader/doenet_equality_ascii.jsonl";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path << ": set MATHCODER_SHARED";
  const Count count = RunFile(path);
  EXPECT_GT(count.cases, 200);
  EXPECT_GE(count.right, count.cases * 98 / 100) << count.failures;
  EXPECT_EQ(count.wrong_equal, 0) << count.failures;
}

TEST(CompareCases, Latex2Sympy) {
  const auto path = Shared() / "grader/latex2sympy_parse.jsonl";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path << ": set MATHCODER_SHARED";
  const Count count = RunFile(path);
  EXPECT_GT(count.cases, 1000);
  EXPECT_GE(count.right, count.cases * 97 / 100) << count.failures;
}

}  // namespace
}  // namespace mathcoder::math
