// Printed trees read back: plain notation to the same tree, LaTeX to one that prints the same again.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "math/read.h"

namespace mathcoder::math {
namespace {

const char* const kTexts[] = {
    "-\\frac{1}{2}x + 3", "2^{2^{3}}", "(x-1)(x+1)", "a*(b*c)", "-(x*y)", "x*(-y)", "(-2)^2", "-2^2", "\\sqrt[3]{x+1}", "|x|-|y|", "x!!!", "(x+1)!",
    "\\log_2 8", "\\log x", "log(x)", "\\sin^2 x", "3\\frac{1}{2}", "0.\\overline{3}", "152A_{11}", "1.5E-3", "33.5\\%", "x%", "74^\\circ",
    "10\\text{ cm}", "\\$15,\\!000", "€77", "12:00 pm", "1:2:3", "3rd", "x_{ij}^2", "\\overline{x}_n", "\\mathbb{R}", "f''(x)", "f^2(x)", "g(x, y)",
    "y(t) = 6t", "x = 2, y = 3", "n=2, 3, 4", "-80 <= g(x) <= 82", "a \\equiv b \\pmod{7}", "x \\in [a,b)", "(-\\infty,5)\\cup(5,\\infty)",
    "{1,2} \\setminus {2}", "\\{3\\}", "{x | x > 2}", "<1, 2>", "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
    "\\begin{cases} x & x > 0 \\\\ 0 & \\text{otherwise} \\end{cases}", "\\int_a^b x dx", "\\sum_{k=1}^{n} k^2", "\\lim_{x \\to 3^{-}} x^2",
    "\\frac{d}{dx} (x^2)", "d = 16, i = 2", "e^{i\\pi}", "\\text{neither}", "\\text{(C)}", "1, 2, \\ldots, n", "x \\pm \\sqrt2", "\\binom{5}{2}",
    "\\angle ABC", "p \\lor \\neg q", "-2 \\text{ or } 3", "((1,2),(3,4))", "[[1,2],[3,4]]", "[x]", "7 % 3", "x!", "1/2/3", "1/(2/3)"};

TEST(Print, PlainReadsBackToTheSameTree) {
  for (const char* text : kTexts) {
    const ReadResult first = ReadMath(text);
    ASSERT_TRUE(first.ok()) << text << ": " << first.error().message;
    const std::string plain = ToPlain(first.expr());
    const ReadResult again = ReadMath(plain);
    ASSERT_TRUE(again.ok()) << text << " -> " << plain << ": " << again.error().message;
    EXPECT_EQ(ToSexpr(again.expr()), ToSexpr(first.expr())) << text << " -> " << plain;
  }
}

TEST(Print, LatexReadsBackToWhatPrintsTheSame) {
  for (const char* text : kTexts) {
    const std::string latex = ToLatex(ReadMath(text).expr());
    const ReadResult again = ReadMath(latex);
    ASSERT_TRUE(again.ok()) << text << " -> " << latex << ": " << again.error().message;
    EXPECT_EQ(ToLatex(again.expr()), latex) << text;
  }
}

TEST(Print, LatexIsWhatAPersonWrites) {
  const auto latex = [](const char* text) { return ToLatex(ReadMath(text).expr()); };
  EXPECT_EQ(latex("-x**2/2 + sqrt(3)"), "-\\frac{x^{2}}{2} + \\sqrt{3}");
  EXPECT_EQ(latex("2*x*(x+1)"), "2x \\cdot \\left(x + 1\\right)");
  EXPECT_EQ(latex("Eq(x, oo)"), "x = \\infty ");
  EXPECT_EQ(latex("Interval.Ropen(0, 1)"), "\\left[0, 1\\right)");
}

// Random trees of arithmetic: the printer's brackets against the reader's precedences.
Expr Random(std::mt19937_64* random, int depth) {
  const auto below = [&](std::uint64_t n) { return (*random)() % n; };
  Expr e;
  if (depth == 0 || below(4) == 0) {
    switch (below(4)) {
      case 0: e.kind = Kind::kInteger; e.text = std::to_string(below(100)); break;
      case 1: e.kind = Kind::kDecimal; e.text = "0." + std::to_string(1 + below(99)); break;
      case 2: e.kind = Kind::kConstant; e.text = below(2) == 0 ? "pi" : "e"; break;
      default: e.kind = Kind::kSymbol; e.text = below(2) == 0 ? "x" : "alpha_1";
    }
    return e;
  }
  const Kind kinds[] = {Kind::kAdd, Kind::kMultiply, Kind::kDivide, Kind::kPower, Kind::kNegate, Kind::kCall, Kind::kPercent, Kind::kGroup};
  e.kind = kinds[below(8)];
  std::size_t arity = 2;
  if (e.kind == Kind::kAdd || e.kind == Kind::kMultiply) arity = 2 + below(3);
  if (e.kind == Kind::kNegate || e.kind == Kind::kPercent) arity = 1;
  if (e.kind == Kind::kCall) {
    const char* const names[] = {"sin", "sqrt", "abs", "factorial", "ln"};
    e.text = names[below(5)];
    arity = 1;
  }
  if (e.kind == Kind::kGroup) e.text = "()";
  for (std::size_t i = 0; i < arity; ++i) e.args.push_back(Random(random, depth - 1));
  // Signs are read together: --x is x.
  if (e.kind == Kind::kNegate && e.args[0].kind == Kind::kNegate) e = Expr(e.args[0]);
  return e;
}

TEST(Print, RandomTreesReadBack) {
  const std::uint64_t seed = std::random_device()();
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20000; ++i) {
    const Expr tree = Random(&random, 4);
    const std::string plain = ToPlain(tree);
    const ReadResult again = ReadMath(plain);
    ASSERT_TRUE(again.ok()) << plain << ": " << again.error().message << " (seed " << seed << ")";
    ASSERT_EQ(ToSexpr(again.expr()), ToSexpr(tree)) << plain << " (seed " << seed << ")";
    const std::string latex = ToLatex(tree);
    ASSERT_TRUE(ReadMath(latex).ok()) << latex << ": " << ReadMath(latex).error().message << " (seed " << seed << ")";
  }
}

}  // namespace
}  // namespace mathcoder::math
