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
      {"0.1", "0.1000000000000000055511151231", Want::kSame},  // noise behind the 16th digit
      {"1", "1.000000000000000000000001", Want::kOther},
      {"\\ln 2", "0.693147180559945", Want::kSame},
  });
}

TEST(Findings, OperationsOnMatrices) {
  Check({
      {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}^T", "\\begin{pmatrix}1&3\\\\2&4\\end{pmatrix}", Want::kSame},
      {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}^T", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", Want::kOther},
      {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}^{-1}", "\\begin{pmatrix}-2&1\\\\3/2&-1/2\\end{pmatrix}", Want::kSame},
      {"\\begin{pmatrix}1&1\\\\0&1\\end{pmatrix}^5", "\\begin{pmatrix}1&5\\\\0&1\\end{pmatrix}", Want::kSame},
      {"2\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}2&4\\\\6&8\\end{pmatrix}", Want::kSame},
      {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}\\begin{pmatrix}1\\\\1\\end{pmatrix}", "\\begin{pmatrix}3\\\\7\\end{pmatrix}",
       Want::kSame},
      {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}+\\begin{pmatrix}1&0\\\\0&1\\end{pmatrix}",
       "\\begin{pmatrix}2&2\\\\3&5\\end{pmatrix}", Want::kSame},
      {"\\begin{pmatrix}1&2\\\\2&4\\end{pmatrix}^{-1}", "\\begin{pmatrix}1&0\\\\0&1\\end{pmatrix}", Want::kUnknown},
      {"\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", "-2", Want::kSame},
      {"\\det\\begin{pmatrix}1&2&3\\\\0&4&5\\\\0&0&6\\end{pmatrix}", "24", Want::kSame},
      {"\\det\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "2", Want::kOther},
      {"3\\hat{i}-2\\hat{j}+\\hat{k}", "\\begin{pmatrix}3\\\\-2\\\\1\\end{pmatrix}", Want::kSame},
      {"\\mathbf{i}+2\\mathbf{j}", "\\langle 1,2\\rangle", Want::kSame},
      {"\\mathbf{i}+2\\mathbf{j}", "\\langle 2,1\\rangle", Want::kOther},
  });
}

TEST(Findings, WhatIsNotComputedIsNoProof) {
  Check({
      {"\\overline{3+4i}", "3-4i", Want::kSame},
      {"\\overline{3+4i}", "3+4i", Want::kOther},
      {"z\\overline{z}", "|z|^2", Want::kSame},
      {"C(5,2)", "10", Want::kSame},
      {"P(5,2)", "20", Want::kSame},
      {"C(5,2)", "20", Want::kOther},
      {"f'(x)", "\\frac{df}{dx}", Want::kSame},
      {"\\frac{dy}{dx}", "y'", Want::kSame},
      {"\\frac{d^2y}{dx^2}", "y''", Want::kSame},
      {"\\frac{d^2y}{dx^2}", "y'", Want::kOther},
      {"\\frac{dy}{dx}=2x", "y'=2x", Want::kSame},
      {"\\frac{dy}{dx}=2x", "2x", Want::kSame},
      {"\\overline{AB}", "\\overline{BA}", Want::kSame},
      {"rank(A)", "2", Want::kNotOther},
      {"y=x^2", "f(x)=x^2", Want::kSame},
      {"y=x^2", "f(x)=x^3", Want::kOther},
  });
}

TEST(Findings, Piecewise) {
  Check({
      {"\\begin{cases}x&x>0\\\\-x&x\\le0\\end{cases}", "|x|", Want::kSame},
      {"\\begin{cases}x&x>0\\\\-x&\\text{otherwise}\\end{cases}", "|x|", Want::kSame},
      {"\\begin{cases}x&x>0\\\\-x&x\\le0\\end{cases}", "x", Want::kOther},
      {"\\begin{cases}1&x>0\\\\0&x\\le0\\end{cases}", "\\begin{cases}1&x\\ge0\\\\0&x<0\\end{cases}", Want::kOther},
      {"\\begin{cases}0&x\\le0\\\\1&x>0\\end{cases}", "\\begin{cases}1&x>0\\\\0&x\\le0\\end{cases}", Want::kSame},
      {"\\begin{cases}x&x<100\\\\100&x\\ge100\\end{cases}", "x", Want::kOther},
  });
}

TEST(Findings, Solutions) {
  Check({
      {"x^2=4", "x=2,-2", Want::kSame},
      {"x^2=4", "x=\\pm 2", Want::kSame},
      {"x(x-1)=0", "x=0 \\text{ or } x=1", Want::kSame},
      {"x^3-6x^2+11x-6=0", "x=1,2,3", Want::kSame},
      {"x^2-x-1=0", "x=\\frac{1\\pm\\sqrt5}{2}", Want::kSame},
      {"x^2=0", "x=0", Want::kSame},
      {"x^2=4", "x=2", Want::kOther},
      {"x^2=4", "x=3,-2", Want::kOther},
      {"x=2,-2", "x^2=4", Want::kUnknown},  // does not state them
      {"x^3=1", "x=1", Want::kSame},
      {"\\sqrt{x}=2", "x=4", Want::kNotOther},
      {"e^x=2", "x=\\ln 2", Want::kNotOther},
      {"e^x=2", "x=2", Want::kOther},
      {"(x-1)^2=0", "x-1=0", Want::kUnknown},
      {"x^2+y^2=1", "x^2+y^2=2", Want::kOther},
      {"xy=1", "x=y", Want::kOther},
  });
}

TEST(Findings, ResidueClasses) {
  Check({
      {"x\\equiv2 \\pmod 4", "x=4k+2", Want::kSame},
      {"x=4k-2", "x\\equiv2 \\pmod 4", Want::kSame},
      {"x\\equiv2 \\pmod 4", "x=4k+1", Want::kOther},
      {"x\\equiv 2 \\pmod 4", "2x\\equiv 4 \\pmod 8", Want::kSame},
      {"x\\equiv 2 \\pmod 4", "x\\equiv 2 \\pmod 8", Want::kOther},
      {"\\{2k \\mid k\\in\\mathbb{Z}\\}", "\\{2n : n\\in\\mathbb{Z}\\}", Want::kSame},
      {"\\{2k+1 \\mid k\\in\\mathbb{Z}\\}", "\\{2n-1 : n\\in\\mathbb{Z}\\}", Want::kSame},
      {"\\{2k \\mid k\\in\\mathbb{Z}\\}", "\\{4n : n\\in\\mathbb{Z}\\}", Want::kOther},
      {"x=\\frac{\\pi}{4} + k\\pi, k \\in \\mathbb{Z}", "x=\\frac{5\\pi}{4}+n\\pi, n \\in \\mathbb{Z}", Want::kSame},
      {"\\{x^2 | x\\in\\mathbb{R}\\}", "\\{y^2|y\\in\\mathbb{R}\\}", Want::kSame},
      {"\\{x^2 | x\\in\\mathbb{R}\\}", "\\{x^3|x\\in\\mathbb{R}\\}", Want::kUnknown},
  });
}

TEST(Findings, ListsSignsTuples) {
  Check({
      {"2,2", "2", Want::kOther},
      {"\\{2\\}", "2", Want::kSame},
      {"x<1 \\text{ and } x>0", "0<x<1", Want::kSame},
      {"x<1, x>3", "(-\\infty,1)\\cup(3,\\infty)", Want::kSame},
      {"\\pm 1 \\pm i", "1+i, 1-i, -1+i, -1-i", Want::kSame},
      {"\\pm 1 \\pm i", "1+i, 1-i", Want::kOther},
      {"2 \\pm \\sqrt 3", "2-\\sqrt 3, 2+\\sqrt 3", Want::kSame},
      {"(x,y)=(1,2)", "(1,2)", Want::kSame},
      {"(x,y)=(1,2)", "(2,1)", Want::kOther},
      {"(x, y) = (3, -2)", "x = 3, y = -2", Want::kSame},
      {"(x,y)=(1,2)", "y=2, x=1", Want::kSame},
      {"y=2, x=1", "(1,2)", Want::kSame},
      {"(x,y)=(1,2)", "x=2, y=1", Want::kOther},
      {"(a,b,c)=(1,2,3)", "a=1, b=2, c=3", Want::kSame},
      {"a=1,b=2", "2,1", Want::kOther},
      {"a=1,b=2", "1,2", Want::kSame},
      {"x=1,x=2", "2,1", Want::kSame},
      {"AB=5", "5", Want::kSame},
      {"xy=0", "x=0 \\text{ or } y=0", Want::kNotOther},
      {"\\frac{x-1}{x+2}\\le0", "-2<x\\le1", Want::kNotOther},
      {"A(1,2)", "(1,2)", Want::kSame},
      {"A(1,2)", "(2,1)", Want::kOther},
  });
}

TEST(Findings, SmallTermsBesideLargeOnes) {
  Check({
      {"e^{1000}+\\sin x", "e^{1000}+\\cos x", Want::kNotSame},
      {"10^{600}+\\sin x", "10^{600}+\\cos x", Want::kNotSame},
      {"x + \\pi^{500}", "y + \\pi^{500}", Want::kNotSame},
      {"e^x+10^{-800}", "e^x", Want::kNotSame},
      {"\\sqrt{x^2+10^{-400}}", "|x|", Want::kNotSame},
      {"\\sin(10^{-500}x)", "10^{-500}x", Want::kNotSame},
      {"\\cos(10^{-1000})", "1", Want::kNotSame},
      {"\\arctan(10^{2000})", "\\frac\\pi2", Want::kNotSame},
      {"\\sqrt{x+10^{500}}", "\\sqrt{x+10^{500}+1}", Want::kNotSame},
      {"\\min(4, x)", "\\min(\\frac{4000001}{1000000}, x)", Want::kOther},
      {"\\sin(2x)", "2\\sin x\\cos x", Want::kSame},
      {"10^{50}\\sin(2x)", "2 \\cdot 10^{50}\\sin x\\cos x", Want::kSame},
  });
}

TEST(Findings, StatementsAndTruth) {
  Check({
      {"x = 4", "no", Want::kOther},
      {"x \\neq 2", "yes", Want::kOther},
      {"1 < 2", "true", Want::kSame},
      {"1 = 2", "no", Want::kSame},
      {"p\\land q", "p\\lor q", Want::kOther},
      {"x\\neq\\pm1", "x\\ne1", Want::kNotSame},
      {"x>1 \\text{ and } x>2", "x>1", Want::kOther},
      {"x>1 \\text{ and } x>2", "x>2", Want::kSame},
      {"\\langle 1,2\\rangle", "1<y<2", Want::kNotSame},
      {"1/2", "15:30", Want::kNotSame},
      {"1/2", "1:2", Want::kSame},
      {"x^3>8", "x>2", Want::kNotOther},
      {"x^3>8", "x>3", Want::kOther},
  });
}

TEST(Findings, LongSetsInLinearTime) {
  std::string a = "\\{0", b = "\\{";
  for (int i = 1; i < 900; ++i) a += "," + std::to_string(i);
  for (int i = 899; i > 0; --i) b += std::to_string(i) + ",";
  const std::string same = b + "0\\}", other = b + "1000\\}";
  a += "\\}";
  Check({{a.c_str(), same.c_str(), Want::kSame}, {a.c_str(), other.c_str(), Want::kOther}});
}

}  // namespace
}  // namespace mathcoder::math
