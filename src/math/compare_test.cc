#include "math/compare.h"

#include <gtest/gtest.h>

#include <thread>

#include "math/read.h"
#include "math/worker.h"

namespace mathcoder::math {
namespace {

enum class Want { kSame, kOther, kUnknown };

struct Case {
  const char* reference;
  const char* answer;
  Want want;
};

Comparison Verdict(const Case& c, const CompareOptions& options = {}) {
  const ReadResult a = ReadMath(c.reference), b = ReadMath(c.answer);
  EXPECT_TRUE(a.ok()) << c.reference << ": " << (a.ok() ? "" : a.error().message);
  EXPECT_TRUE(b.ok()) << c.answer << ": " << (b.ok() ? "" : b.error().message);
  if (!a.ok() || !b.ok()) return {};
  return CompareMath(a.expr(), b.expr(), options);
}

void Check(const Case& c, const CompareOptions& options = {}) {
  const Comparison got = Verdict(c, options);
  const Want is = got.equality == Equality::kUnknown     ? Want::kUnknown
                  : got.equality == Equality::kDifferent ? Want::kOther
                                                         : Want::kSame;
  EXPECT_EQ(static_cast<int>(is), static_cast<int>(c.want))
      << c.reference << " | " << c.answer << ": " << Name(got.equality) << " [" << got.rule << "] " << got.reason;
  EXPECT_FALSE(got.rule.empty()) << c.reference << " | " << c.answer;
  EXPECT_EQ(got.reason.find('\n'), std::string::npos);
}

TEST(Compare, Rationals) {
  for (const Case& c : std::initializer_list<Case>{
           {"1/2", "2/4", Want::kSame},
           {"1/2", "0.5", Want::kSame},
           {"-1/3", "1/(-3)", Want::kSame},
           {"3 1/2", "7/2", Want::kSame},
           {"0.1(6)", "1/6", Want::kSame},
           {"1.5 \\times 10^3", "1500", Want::kSame},
           {"100000000001000000000", "100000000000000000000", Want::kOther},
           {"1/3", "0.333333333333333", Want::kOther},
           {"0.1+0.2", "0.30000000000000004", Want::kSame},  // what a double prints
           {"10^{-30}", "2*10^{-30}", Want::kOther},
           {"12345678901234567890123", "12345678901234567890124", Want::kOther},
           {"\\frac{2^{2005}+1}{3 \\cdot 2^{2006}}", "\\frac{1}{3 \\cdot 2^{2006}}", Want::kOther},
           {"1/0", "1", Want::kOther},
       }) {
    Check(c);
  }
}

TEST(Compare, NumbersTooLargeToWriteDown) {
  for (const Case& c : std::initializer_list<Case>{
           {"1", "2^{2^{2^{49}}}", Want::kOther},
           {"\\frac{1}{2004!}", "\\frac{1}{2006!}", Want::kOther},
           {"2006!", "2006 * 2005!", Want::kSame},
           {"3^{2025}", "2^{2025}", Want::kOther},
           {"2024^{4046}", "2024^{4045} * 2024", Want::kSame},
           {"4^{1000000000}", "2^{2000000000}", Want::kSame},
           {"4^{1000000000}", "2^{2000000001}", Want::kOther},
           {"\\binom{2026}{1013}", "\\frac{2026!}{1013! 1013!}", Want::kSame},
           {"10^{10^{10}}", "10^{10^{11}}", Want::kOther},
       }) {
    Check(c);
  }
}

TEST(Compare, Algebra) {
  for (const Case& c : std::initializer_list<Case>{
           {"x^2-1", "(x-1)(x+1)", Want::kSame},
           {"x^2 + 2x - 1", "(x+1)^2", Want::kOther},
           {"1/(1-1/x)", "x/(x-1)", Want::kSame},
           {"(x^2-1)/(x+1)", "x-1", Want::kSame},
           {"\\frac{n(n-1)(n-2)}{6}", "C_n^3", Want::kSame},
           {"(n+1)*n!", "(n+1)!", Want::kSame},
           {"n!*n!", "(2n)!", Want::kOther},
           {"x^{100} - 1", "(x-1)(x^{99}+1)", Want::kOther},
           {"(x+y+z)^{40}", "(z+x+y)^{40}", Want::kSame},  // never expanded
           {"x", "y", Want::kOther},
           {"abs(x)", "x", Want::kOther},
           {"sqrt(x^2)", "abs(x)", Want::kSame},
           {"2^{n+1}", "2 * 2^n", Want::kSame},
           {"gcd(125, 50x)", "25", Want::kSame},
           {"\\lceil 2y-y-y \\rceil", "0", Want::kSame},
       }) {
    Check(c);
  }
}

TEST(Compare, RadicalsLogarithmsTrigonometry) {
  for (const Case& c : std::initializer_list<Case>{
           {"sqrt(8)", "2 sqrt(2)", Want::kSame},
           {"sqrt(11+6*sqrt(2))", "3+sqrt(2)", Want::kSame},
           {"\\sqrt{\\sqrt{2}}", "2**(1/4)", Want::kSame},
           {"\\sqrt[3]{-8}", "-2", Want::kSame},
           {"log(6)", "log(2)+log(3)", Want::kSame},
           {"log(a^2*b)", "2*log(a)+log(b)", Want::kSame},
           {"cos(pi/5)", "(1+sqrt(5))/4", Want::kSame},
           {"cos(x)^2+sin(x)^2", "1", Want::kSame},
           {"sin(2x)", "2 sin(x) cos(x)", Want::kSame},
           {"sin(x)", "x - x^3/6 + x^5/120", Want::kOther},
           {"e^{10x}+sin(10x)", "e^{10x}+sin(10x)+0.0000001", Want::kOther},
           {"1 - \\frac{1}{e}", "1 + \\frac{1}{e}", Want::kOther},
           {"e^{i\\pi}", "-1", Want::kSame},
           {"(1+i)^2", "2i", Want::kSame},
           {"45^\\circ", "\\frac{\\pi}{4}", Want::kSame},
           {"\\sin(30^\\circ)", "1/2", Want::kSame},
       }) {
    Check(c);
  }
}

TEST(Compare, SumsIntegralsDerivatives) {
  for (const Case& c : std::initializer_list<Case>{
           {"\\sum_{k=1}^{10} k", "55", Want::kSame},
           {"\\sum_{k=1}^{n} k", "\\frac{n(n+1)}{2}", Want::kSame},
           {"\\sum_{k=1}^{n} k", "\\frac{n(n-1)}{2}", Want::kOther},
           {"\\sum_{k=1}^{n} a_k", "\\sum_{j=0}^{n-1} a_{j+1}", Want::kSame},
           {"F_n = \\sum_{k=0}^{n-1} F_k F_{n-k-1}", "F_n = \\sum_{k=0}^{n-2} F_k F_{n-k-2}", Want::kOther},
           {"\\sum_{k=1}^{\\infty} \\frac{1}{2^k}", "1", Want::kSame},
           {"\\int_0^1 x^2 dx", "1/3", Want::kSame},
           {"\\int_0^1 e^{x^2} dx", "\\int_0^1 e^{t^2} dt", Want::kSame},
           {"\\int_0^1 e^{x^2} dx", "1", Want::kUnknown},  // not computed: nothing is claimed
           {"\\frac{d}{dx} x^3", "3x^2", Want::kSame},
           {"x \\equiv 2 \\pmod 3", "x \\equiv 5 \\pmod 3", Want::kSame},
           {"x \\equiv 2 \\pmod 3", "x \\equiv 4 \\pmod 3", Want::kOther},
           {"x=\\frac{\\pi}{4} + k\\pi, k \\in \\mathbb{Z}", "x=n\\pi + \\frac{\\pi}{4}, n \\in \\mathbb{Z}", Want::kSame},
           {"x = \\frac{\\pi}{2} + k\\pi", "x = -\\frac{\\pi}{2} + n\\pi", Want::kSame},
           {"\\frac{\\pi}{6} + 2\\pi k", "2\\pi n + \\frac{\\pi}{6}", Want::kSame},
           {"\\frac{\\pi}{6} + 2\\pi k", "\\frac{\\pi}{6} + \\pi n", Want::kOther},
           {"\\frac{\\pi}{6} + 2\\pi k", "\\frac{\\pi}{3} + 2\\pi n", Want::kOther},
           {"\\pi + 2\\pi k", "2\\pi k - \\pi", Want::kOther},  // one letter is one number
           {"2\\pi n", "2\\pi k", Want::kOther},                // may be lengths
           {"3 + 2k", "3 + 2n", Want::kOther},
           {"|x-1| < 2", "(-1, 3)", Want::kSame},
           {"|x| \\ge 2", "(-\\infty,-2] \\cup [2,\\infty)", Want::kSame},
       }) {
    Check(c);
  }
}

TEST(Compare, DifferentAndPolynomialEqualityAreProven) {
  EXPECT_EQ(Verdict({"x^2-1", "(x-1)(x+1)", Want::kSame}).equality, Equality::kEqual);
  EXPECT_EQ(Verdict({"cos(x)^2+sin(x)^2", "1", Want::kSame}).equality, Equality::kEqual);
  EXPECT_EQ(Verdict({"sqrt(8)", "2 sqrt(2)", Want::kSame}).equality, Equality::kEqual);
  EXPECT_EQ(Verdict({"1/2", "0.5", Want::kSame}).equality, Equality::kEqual);
  // overlapping balls are evidence, not proof
  EXPECT_EQ(Verdict({"sin(2x)", "2 sin(x) cos(x)", Want::kSame}).equality, Equality::kProbablyEqual);
}

TEST(Compare, UnitsMoneyTime) {
  for (const Case& c : std::initializer_list<Case>{
           {"10", "10\\text{ cm}", Want::kSame},
           {"10 \\text{ m}", "1000 \\text{ cm}", Want::kSame},
           {"10 \\text{ m}", "10 \\text{ cm}", Want::kOther},
           {"0.0 m/s", "0.0 m", Want::kOther},
           {"60 \\text{ miles per hour}", "88 \\text{ feet per second}", Want::kSame},
           {"1 \\text{ hour}", "60 \\text{ minutes}", Want::kSame},
           {"15000", "\\$15,\\!000", Want::kSame},
           {"\\$5", "\\$6", Want::kOther},
           {"0.335", "33.5\\%", Want::kSame},
           {"12:00", "1:00", Want::kOther},
           {"74^\\circ", "74", Want::kSame},
           {"60^\\circ", "60 \\text{ radians}", Want::kOther},
           {"60^\\circ", "\\frac{\\pi}{3} \\text{ radians}", Want::kSame},
           {"5^\\circ", "5 \\text{ cm}", Want::kOther},
       }) {
    Check(c);
  }
}

TEST(Compare, Collections) {
  for (const Case& c : std::initializer_list<Case>{
           {"x=1, y=2", "[{x: 1, y: 2}]", Want::kSame},
           {"x=1, y=2", "[{x: 2, y: 1}]", Want::kOther},
           {"x notelementof A", "not (x elementof A)", Want::kSame},
           {"not (x = y)", "x = y", Want::kOther},
           {"A perp B", "B ⊥ A", Want::kSame},
           {"A \\ B", "B \\ A", Want::kUnknown},
           {"\\mathbb{R} \\setminus \\{0\\}", "R \\ {0}", Want::kSame},
           {"(f∘g)(x)", "f(g(x))", Want::kSame},
           {"(f∘g)(x)", "g(f(x))", Want::kOther},
           {"A perp B", "A parallel B", Want::kOther},
           {"A subset B", "B superset A", Want::kSame},
           {"A subset B", "A superset B", Want::kOther},
           {"A intersect B", "B \\cap A", Want::kSame},
           {"[2, 3]", "2,3", Want::kSame},
           {"2, 3", "3, 2", Want::kSame},
           {"2, 3", "2, 3, 3", Want::kOther},
           {"\\{1, 2, 2\\}", "\\{2, 1\\}", Want::kSame},
           {"(1, 2)", "(2, 1)", Want::kOther},
           {"(1,2]", "[1,2)", Want::kOther},
           {"12", "(1,2)", Want::kOther},
           {"100101", "(100,101)", Want::kOther},
           {"2", "[]", Want::kOther},
           {"\\pm 2021", "2021", Want::kOther},
           {"\\pm 3", "3, -3", Want::kSame},
           {"\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", Want::kSame},
           {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1&2\\\\3&5\\end{pmatrix}", Want::kOther},
           {"n=2, 3, 4", "n=1, 2, 3", Want::kOther},
           {"\\{1,2\\} \\cup \\{2,3\\}", "\\{1,2,3\\}", Want::kSame},
           {"1:2:3", "2:4:6", Want::kSame},
           {"1:2:3", "2:4:7", Want::kOther},
       }) {
    Check(c);
  }
}

TEST(Compare, Statements) {
  for (const Case& c : std::initializer_list<Case>{
           {"2=x", "x=2", Want::kSame},
           {"2x+4y-3=0", "y = -\\frac{1}{2}x + \\frac{3}{4}", Want::kSame},
           {"5x + 2y = 3", "6-4y = 10x", Want::kSame},
           {"a*b=0", "a^3*b^3=1", Want::kOther},
           {"e^{10x}=0", "e^{10x}+0.0000001=0", Want::kOther},
           {"y = \\frac{x}{x+1}", "y(x+1) = x", Want::kSame},
           {"3x-1y+13=0", "3x + 4y + 14=0", Want::kOther},
           {"5q > 9z", "-5q > -9z", Want::kOther},
           {"5q > 9z", "-5q < -9z", Want::kSame},
           {"m \\geq \\sqrt{2}", "m \\in [\\sqrt{2}, +\\infty)", Want::kSame},
           {"x < 3", "x \\le 3", Want::kOther},
           {"x^2 < 4", "-2 < x < 2", Want::kSame},
           {"x < -1 \\text{ or } x > 1", "(-\\infty, -1) \\cup (1, \\infty)", Want::kSame},
           {"[0,1] \\cup [1,2]", "[0,2]", Want::kSame},
           {"[0,1) \\cup (1,2]", "[0,2]", Want::kOther},
           {"y = 2", "2", Want::kSame},
           {"n=3k", "3", Want::kOther},
           {"0", "t=4", Want::kOther},
           {"x=1, y=2", "y=2, x=1", Want::kSame},
       }) {
    Check(c);
  }
}

TEST(Compare, Options) {
  CompareOptions rounding;
  rounding.round_to_reference = true;
  Check({"0.33", "0.333", Want::kSame}, rounding);
  Check({"3.1416", "3.14159", Want::kSame}, rounding);
  Check({"3.15", "3.14159", Want::kOther}, rounding);
  Check({"-0.33", "-1/3", Want::kSame}, rounding);
  Check({"0.33", "0.333", Want::kOther});
  CompareOptions cut;
  cut.reference_is_rounded = true;
  Check({"0.333333333333333", "1/3", Want::kSame}, cut);
  Check({"0.3", "1/3", Want::kOther}, cut);
  CompareOptions tolerance;
  tolerance.relative_tolerance = 1e-3;
  Check({"2.0001", "2", Want::kSame}, tolerance);
  Check({"2.01", "2", Want::kOther}, tolerance);
  CompareOptions percent;
  percent.percent_either_way = true;
  Check({"0.75", "75", Want::kSame}, percent);
  Check({"0.80", "75", Want::kOther}, percent);
  CompareOptions units;
  units.ignore_units = false;
  Check({"10", "10 \\text{ cm}", Want::kOther}, units);
  CompareOptions ordered;
  ordered.ordered_lists = true;
  Check({"2, 3", "3, 2", Want::kOther}, ordered);
  CompareOptions bare;
  bare.value_of_equation = false;
  Check({"y = 2", "2", Want::kOther}, bare);
}

Expr Tree(const char* text) {
  const ReadResult read = ReadMath(text);
  EXPECT_TRUE(read.ok()) << text;
  return read.ok() ? read.expr() : Expr{};
}

TEST(Worker, WireCarriesEverything) {
  CompareOptions options;
  options.symmetric = true;
  options.ignore_units = false;
  options.relative_tolerance = 0.125;
  const std::string request = WriteRequest(Tree("x^2+1"), Tree("[1,2)"), options);
  const auto read = ReadRequest(request);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->reference, Tree("x^2+1"));
  EXPECT_EQ(read->answer, Tree("[1,2)"));
  EXPECT_TRUE(read->options.symmetric);
  EXPECT_FALSE(read->options.ignore_units);
  EXPECT_EQ(read->options.relative_tolerance, 0.125);
  for (std::size_t cut = 0; cut < request.size(); ++cut) EXPECT_FALSE(ReadRequest(request.substr(0, cut)).has_value()) << cut;
}

TEST(Worker, ProvesWhatIsOnlyProbableHere) {
  const Expr a = Tree("sqrt(5+2*sqrt(6))"), b = Tree("sqrt(2)+sqrt(3)");
  EXPECT_EQ(CompareMath(a, b).equality, Equality::kProbablyEqual);
  Comparer comparer({.deadline = std::chrono::milliseconds(5000), .workers = 1});
  const Comparison proven = comparer.Compare(a, b);
  EXPECT_EQ(proven.equality, Equality::kEqual);
  EXPECT_EQ(proven.rule, "calcium");
  Comparer alone({.deadline = std::chrono::milliseconds(5000), .workers = 0});
  EXPECT_EQ(alone.Compare(a, b).equality, Equality::kProbablyEqual);
}

TEST(Worker, ManyThreadsShareFewWorkers) {
  const Expr a = Tree("cos(pi/5)"), b = Tree("(1+sqrt(5))/4");
  Comparer comparer({.deadline = std::chrono::milliseconds(5000), .workers = 2});
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      for (int k = 0; k < 5; ++k) EXPECT_EQ(comparer.Compare(a, b).equality, Equality::kEqual);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Worker, ADeadlineInThePastStillGivesTheVerdictOfThisProcess) {
  Comparer comparer({.deadline = std::chrono::milliseconds(0), .workers = 1});
  EXPECT_EQ(comparer.Compare(Tree("cos(pi/5)"), Tree("(1+sqrt(5))/4")).equality, Equality::kProbablyEqual);
}

}  // namespace
}  // namespace mathcoder::math
