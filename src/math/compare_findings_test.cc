// What a reader of verdicts found wrong once: equal at small positive points only, uninterpreted functions as proof, operations on
// matrices, piecewise functions, solution sets.
#include <gtest/gtest.h>

#include "math/compare.h"
#include "math/read.h"

namespace mathcoder::math {
namespace {

enum class Want { kSame, kOther, kUnknown, kNotSame, kNotOther };

struct Case {
  const char* reference;
  const char* answer;
  Want want;
};

void Check(std::initializer_list<Case> cases, const CompareOptions& options = {}) {
  for (const Case& c : cases) {
    const ReadResult a = ReadMath(c.reference), b = ReadMath(c.answer);
    if (!a.ok() || !b.ok()) {
      ADD_FAILURE() << c.reference << " | " << c.answer << ": not read";
      continue;
    }
    const Comparison got = CompareMath(a.expr(), b.expr(), options);
    const bool same = got.equality == Equality::kEqual || got.equality == Equality::kProbablyEqual;
    const bool other = got.equality == Equality::kDifferent;
    const bool right = c.want == Want::kSame      ? same
                       : c.want == Want::kOther   ? other
                       : c.want == Want::kUnknown ? !same && !other
                       : c.want == Want::kNotSame ? !same
                                                  : !other;
    EXPECT_TRUE(right) << c.reference << " | " << c.answer << ": " << Name(got.equality) << " [" << got.rule << "] " << got.reason;
    EXPECT_FALSE(got.rule.empty()) << c.reference << " | " << c.answer;
  }
}

TEST(Findings, SignsAndSizesOfVariables) {
  Check({
      {"\\sqrt{x^2}", "x", Want::kOther},
      {"(x^2)^{1/2}", "x", Want::kOther},
      {"\\sqrt{x^2y^2}", "xy", Want::kOther},
      {"\\sqrt[4]{x^4}", "x", Want::kOther},
      {"\\sqrt{x^2+2x+1}", "x+1", Want::kOther},
      {"\\frac{1}{\\sqrt{x^2}}", "1/x", Want::kOther},
      {"\\sqrt{a^2b}", "a\\sqrt b", Want::kOther},
      {"|x-10|", "10-x", Want::kOther},
      {"|x-1000000|", "1000000-x", Want::kOther},
      {"\\sqrt{(x-50)^2}", "50-x", Want::kOther},
      {"\\min(x,100)", "x", Want::kOther},
      {"(-1)^n |x|", "(-1)^n x", Want::kOther},
      {"\\sqrt{x^2}", "|x|", Want::kSame},
      {"\\sqrt{x^3}", "x\\sqrt{x}", Want::kSame},
      {"x\\log(y)", "\\log(y^x)", Want::kSame},
      {"\\ln x^2", "2\\ln x", Want::kSame},
      {"\\sqrt x\\sqrt y", "\\sqrt{xy}", Want::kSame},
      {"\\sqrt[3]{x^6}", "x^2", Want::kSame},
  });
}

TEST(Findings, WholeNumbers) {
  Check({
      {"\\lceil x\\rceil", "\\lfloor x\\rfloor+1", Want::kOther},
      {"\\lceil x\\rceil", "-\\lfloor -x\\rfloor", Want::kSame},
      {"\\sin(n\\pi)", "0", Want::kUnknown},
      {"\\cos(2\\pi n)", "1", Want::kUnknown},
      {"n^2 \\bmod 2", "n \\bmod 2", Want::kUnknown},
      {"\\cos(n\\pi)", "(-1)^n", Want::kSame},
      {"\\sin(n\\pi)", "1", Want::kOther},
      {"\\sin(x\\pi)", "0", Want::kOther},
      {"n!", "\\Gamma(n+1)", Want::kSame},
  });
}

TEST(Findings, InfinityIsNoNumber) {
  Check({
      {"\\infty-\\infty", "0", Want::kNotSame},
      {"\\infty/\\infty", "1", Want::kNotSame},
      {"0 \\cdot \\infty", "0", Want::kNotSame},
      {"1^{\\infty}", "1", Want::kNotSame},
      {"\\infty+1", "\\infty", Want::kSame},
      {"\\infty", "-\\infty", Want::kOther},
      {"\\infty^2", "\\infty", Want::kSame},
      {"\\frac{1}{\\infty}", "0", Want::kSame},
      {"\\infty+1", "1", Want::kOther},
  });
}

TEST(Findings, HugeConstantsAgreeAbsolutely) {
  Check({
      {"\\binom{10^{9}}{5\\cdot10^{8}}", "\\binom{10^{9}}{5\\cdot10^{8}}+1", Want::kNotSame},
      {"e^{2000}", "e^{2000}+1", Want::kNotSame},
      {"e^{2000}", "e^{1000}e^{1000}", Want::kSame},
  });
}

TEST(Findings, OnlyWhatADoublePrintsIsRounded) {
  Check({
      {"1", "1.00000000000000000000000000000000001", Want::kOther},
      {"1", "1.0000000000000001", Want::kSame},
      {"0.1", "0.1000000000000000055511151231", Want::kSame},  // a double's own expansion
      {"0.1", "0.1000000000000000055511151232", Want::kOther},
      {"\\ln 2", "0.693147180559945", Want::kSame},
  });
}

}  // namespace
}  // namespace mathcoder::math
