// What the reader makes of every form, as s-expressions (expr.h, ToSexpr).
#include "math/read.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/jsonl.h"

namespace mathcoder::math {
namespace {

struct Case {
  const char* text;
  const char* tree;
};

void Expect(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const ReadResult result = ReadMath(c.text);
    if (!result.ok()) {
      ADD_FAILURE() << c.text << ": " << result.error().message << " at " << result.error().position;
      continue;
    }
    EXPECT_EQ(ToSexpr(result.expr()), c.tree) << c.text;
  }
}

TEST(Read, Numbers) {
  Expect({
      {"007", "007"},
      {".5", ".5"},
      {"-8,192", "(negate 8192)"},
      {"1,234,567", "1234567"},
      {"10{,}000", "10000"},
      {"1\\,234", "1234"},
      {"15,\\!000", "15000"},
      {"\\frac{2469}{20,\\!000}", "(divide 2469 20000)"},
      {"1,234.5", "1234.5"},
      {"1,23", "(list 1 23)"},
      {"19, 46", "(list 19 46)"},
      {"(100,101)", "(group \"()\" 100 101)"},
      {"[1,234]", "(group [] 1 234)"},
      {"1.43E-13", "1.43e-13"},
      {"2.5e3", "2.5e3"},
      {"1.5\\times10^3", "(multiply 1.5 (power 10 3))"},
      {"0.\\overline{3}", "0.(3)"},
      {"0.1\\overline{6}", "0.1(6)"},
      {"0.(142857)", "0.(142857)"},
      {"0.333...", "0.(3)"},
      {"101_2", "(based 101 #2)"},
      {"152A_{11}", "(based 152A #11)"},
      {"\\text{A5}_{11}", "(based A5 #11)"},
      {"-221_3", "(negate (based 221 #3))"},
      {"3 1/2", "(mixed 3 (divide 1 2))"},
      {"3\\frac{1}{2}", "(mixed 3 (divide 1 2))"},
      {"3\\frac12", "(mixed 3 (divide 1 2))"},
      {"3½", "(mixed 3 (divide 1 2))"},
      {"3.1\\frac12", "(multiply 3.1 (divide 1 2))"},
      {"2\\frac{5}{3}", "(multiply 2 (divide 5 3))"},
      {"3 1\\frac{1}{2}", "(multiply 3 (mixed 1 (divide 1 2)))"},
      {"⅓", "(divide 1 3)"},
      {"3rd", "(ordinal 3)"},
      {"7^{\\text{th}}", "(ordinal 7)"},
      {"5.", "5"},
      {"12 3 0", "(list 12 3 0)"},
      {"7 -1", "(add 7 (negate 1))"},
      {"1 000 000", "1000000"},
      {"0x1f", "(based 1F #16)"},
      {"FF_{16}", "(based FF #16)"},
      {"1010_{\\text{two}}", "(based 1010 #2)"},
  });
}

TEST(Read, PercentDegreesMoneyTime) {
  Expect({
      {"33.5\\%", "(percent 33.5)"},
      {"33.5 percent", "(percent 33.5)"},
      {"\\frac12\\%", "(percent (divide 1 2))"},
      {"x%", "(percent x)"},
      {"7 % 3", "(call mod 7 3)"},
      {"74^\\circ", "(degree 74)"},
      {"74^{\\circ}", "(degree 74)"},
      {"74°", "(degree 74)"},
      {"18 \\text{ degrees}", "(degree 18)"},
      {"25°C", "(unit °C 25)"},
      {"\\$15,\\!000", "(money $ 15000)"},
      {"$5", "(money $ 5)"},
      {"$3+$2", "(add (money $ 3) (money $ 2))"},
      {"$x$", "x"},
      {"€77", "(money € 77)"},
      {"2 \\text{ euros}", "(money € 2)"},
      {"5 dollars", "(money $ 5)"},
      {"12:00", "(time 12 00)"},
      {"4\\!:\\!51\\!:\\!06 \\text{ p.m.}", "(time pm 4 51 06)"},
      {"\\text{1:03PM}", "(time pm 1 03)"},
      {"\\text{4:30p.m.}", "(time pm 4 30)"},
      {"5 p.m.", "(time pm 5 00)"},
      {"3:5", "(ratio 3 5)"},
      {"1:2:3:\\ldots", "(ratio 1 2 3 (ellipsis))"},
  });
}

TEST(Read, Units) {
  Expect({
      {"48 grams", "(unit grams 48)"},
      {"48{grams}", "(unit grams 48)"},
      {"6840{ft}^2", "(unit ft^2 6840)"},
      {"10\\text{ cm}", "(unit cm 10)"},
      {"2400 \\mbox{ cm}^2", "(unit cm^2 2400)"},
      {"5\\,\\mathrm{cm}^3", "(unit cm^3 5)"},
      {"32\\text{ square cm}", "(unit \"square cm\" 32)"},
      {"9.75 \\, \\text{km/h}", "(unit km/h 9.75)"},
      {"0.0 m/s", "(unit m/s 0.0)"},
      {"12\\sqrt{13}\\text{ feet}", "(unit feet (multiply 12 (call sqrt 13)))"},
      {"480 + 480\\sqrt{3}\\text{ feet}", "(unit feet (add 480 (multiply 480 (call sqrt 3))))"},
      {"5 \\text{ cm} + 3 \\text{ cm}", "(add (unit cm 5) (unit cm 3))"},
      {"14 \\text{ right triangles}", "(unit \"right triangles\" 14)"},
      {"21 dogs", "(unit dogs 21)"},
      {"128 \\text{ children and } 150 \\text{ adults}", "(list (unit children 128) (unit adults 150))"},
      {"15\\mathrm{~km/h}", "(unit km/h 15)"},
      {"3.0×10⁸ m/s", "(unit m/s (multiply 3.0 (power 10 8)))"},
      {"6 g", "(multiply 6 g)"},
      {"5m", "(multiply 5 m)"},
  });
  ReadOptions without;
  without.units = false;
  EXPECT_EQ(ToSexpr(ReadMath("2 cm", without).expr()), "(multiply 2 c m)");
}

TEST(Read, ProductsWithoutASign) {
  Expect({
      {"2x", "(multiply 2 x)"},
      {"xy(x+y)", "(multiply x y (add x y))"},
      {"-20x", "(negate (multiply 20 x))"},
      {"2 sin t cos t", "(multiply 2 (call sin t) (call cos t))"},
      {"(a+b)(c+d)", "(multiply (add a b) (add c d))"},
      {"1/2 e^(2x)", "(multiply (divide 1 2) (power e (multiply 2 x)))"},
      {"1/2x", "(divide 1 (multiply 2 x))"},
      {"x(x+1)", "(multiply x (add x 1))"},
      {"2x2y", "(multiply 2 x 2 y)"},
      {"\\frac12xy", "(multiply (divide 1 2) x y)"},
      {"xcosx", "(multiply x (call cos x))"},
      {"[1+2][3-4]", "(multiply (add 1 2) (add 3 (negate 4)))"},
      {"{1+2}{3-4}", "(multiply (add 1 2) (add 3 (negate 4)))"},
      {"abcd", "(multiply a b c d)"},
      {"5!7!", "(multiply (call factorial 5) (call factorial 7))"},
      {"a*(b*c)", "(multiply a (multiply b c))"},
  });
}

TEST(Read, SignsAndPowers) {
  Expect({
      {"-x^2", "(negate (power x 2))"},
      {"x++--y", "(add x y)"},
      {"++x", "x"},
      {"14.0 + -1.0i", "(add 14.0 (negate (multiply 1.0 i)))"},
      {"2^3^2", "(power 2 (power 3 2))"},
      {"x**-2", "(power x (negate 2))"},
      {"2^nx", "(multiply (power 2 n) x)"},
      {"10^32", "(power 10 32)"},
      {"x²³", "(power x 23)"},
      {"x⁻¹", "(power x (negate 1))"},
      {"x^{\\left[2\\right]}", "(power x 2)"},
      {"x \\pm \\sqrt2", "(plusminus x (call sqrt 2))"},
      {"\\mp 3", "(plusminus #1 3)"},
      {"-3\\mod 2", "(call mod (negate 3) 2)"},
      {"1+1\\mod 2", "(add 1 (call mod 1 2))"},
      {"21/-2", "(divide 21 (negate 2))"},
      {"x!!!", "(call factorial (call factorial (call factorial x)))"},
      {"x!!", "(call factorial2 x)"},
      {"a != b", "(relation != a b)"},
      {"5!=120", "(relation = (call factorial 5) 120)"},
  });
}

TEST(Read, Functions) {
  Expect({
      {"sin^2 x", "(power (call sin x) 2)"},
      {"\\sin^{-1} x", "(call asin x)"},
      {"cos^(-1)(x)", "(call acos x)"},
      {"\\arctan\\frac12", "(call atan (divide 1 2))"},
      {"\\sin \\cos \\theta", "(call sin (call cos theta))"},
      {"\\sin\\left\\{\\theta\\right\\}", "(call sin theta)"},
      {"\\sin -x", "(call sin (negate x))"},
      {"\\log_2 8", "(call log 8 2)"},
      {"\\log_{a} x", "(call log x a)"},
      {"log_10(100)", "(call log 100 10)"},
      {"\\log x", "(call log #10 x)"},
      {"log(x)", "(call log x)"},
      {"\\ln xy", "(call ln (multiply x y))"},
      {"\\sqrt[3]{x}", "(call root x 3)"},
      {"\\sqrt2", "(call sqrt 2)"},
      {"\\sqrt(2)", "(call sqrt 2)"},
      {"√2", "(call sqrt 2)"},
      {"cbrt(x)", "(call root x 3)"},
      {"gcd(6, 4)", "(call gcd 6 4)"},
      {"\\max\\{a, b\\}", "(call max a b)"},
      {"\\binom{5}{2}", "(call binomial 5 2)"},
      {"{5 \\choose 2}", "(call binomial 5 2)"},
      {"C_n^3", "(call binomial n 3)"},
      {"nPr(8,3)", "(call permutations 8 3)"},
      {"f(x)", "(call f x)"},
      {"f_2(a)", "(call f_2 a)"},
      {"f^2(x)", "(apply (power f 2) x)"},
      {"f''(x)", "(apply f'' x)"},
      {"f(x)''", "(apply f'' x)"},
      {"f(f-2)", "(multiply f (add f (negate 2)))"},
      {"y(t) = 6t", "(relation = (call y t) (multiply 6 t))"},
      {"{}_{10}C_3", "(call binomial 10 3)"},
      {"\\Re(z)", "(call re z)"},
      {"P(X > 2)", "(call P (relation > X 2))"},
      {"(f \\circ g)(x)", "(apply (call compose f g) x)"},
      {"(a + b)(x)", "(multiply (add a b) x)"},
      {"math.sqrt(2)", "(call sqrt 2)"},
      {"\\lfloor x \\rfloor", "(call floor x)"},
      {"\\left\\ulcorner 1.1\\right\\urcorner", "(call ceil 1.1)"},
  });
}

TEST(Read, Bars) {
  Expect({
      {"|x|", "(call abs x)"},
      {"||x||", "(call abs (call abs x))"},
      {"|x||y|", "(multiply (call abs x) (call abs y))"},
      {"||x||y||", "(call abs (multiply (call abs x) (call abs y)))"},
      {"|x|-|y|", "(add (call abs x) (negate (call abs y)))"},
      {"|x-|y||", "(call abs (add x (negate (call abs y))))"},
      {"2|x+1|", "(multiply 2 (call abs (add x 1)))"},
      {"\\vertx\\vert", "(call abs x)"},
      {"\\left\\lvert x\\right\\rvert", "(call abs x)"},
      {"{x | x > 2}", "(setbuilder x (relation > x 2))"},
      {"{x | |x| > 2}", "(setbuilder x (relation > (call abs x) 2))"},
      {"{|x| | x > 2}", "(setbuilder (call abs x) (relation > x 2))"},
      {"3 | n", "(relation divides 3 n)"},
      {"\\left|\\begin{matrix}1&2\\\\3&4\\end{matrix}\\right|", "(call det (matrix #2 1 2 3 4))"},
  });
}

TEST(Read, CollectionsAndIntervals) {
  Expect({
      {"(1, 2)", "(group \"()\" 1 2)"},
      {"\\left[-3,-\\frac{4}{3}\\right)", "(group \"[)\" (negate 3) (negate (divide 4 3)))"},
      {"\\lbrack 1, 2\\rbrack", "(group [] 1 2)"},
      {"]0, 1[", "(group \"()\" 0 1)"},
      {"[1 2 -3]", "(group [] 1 2 (negate 3))"},
      {"[1. 2.5]", "(group [] 1.0 2.5)"},
      {"(3 -1)", "(add 3 (negate 1))"},
      {"[x]", "(group [] x)"},
      {"[]", "(group [])"},
      {"\\{\\}", "(set)"},
      {"∅", "(set)"},
      {"{1, 2}", "(set 1 2)"},
      {"\\{3\\}", "(set 3)"},
      {"{1,2} \\setminus {2}", "(call setminus (set 1 2) (set 2))"},
      {"(-\\infty,5)\\cup(5,\\infty)", "(call union (group \"()\" (negate infinity) 5) (group \"()\" 5 infinity))"},
      {"x \\in [a,b)", "(relation in x (group \"[)\" a b))"},
      {"Interval.Lopen(a, b)", "(group \"(]\" a b)"},
      {"Union({1, 2}, {3})", "(call union (set 1 2) (set 3))"},
      {"FiniteSet({1}, {2})", "(set (set 1) (set 2))"},
      {"<1, 2>", "(group <> 1 2)"},
      {"\\langle 1, 2 \\rangle", "(group <> 1 2)"},
      {"2, 3, \\text{ and } 4", "(list 2 3 4)"},
      {"19, 46, and 82", "(list 19 46 82)"},
      {"-2 \\text{ or } -12", "(list or (negate 2) (negate 12))"},
      {"1,2;3,4", "(list (group \"()\" 1 2) (group \"()\" 3 4))"},
      {"(0;0;6)", "(group \"()\" 0 0 6)"},
      {"1, 2, \\ldots, n", "(list 1 2 (ellipsis) n)"},
  });
}

TEST(Read, Statements) {
  Expect({
      {"x = 2", "(relation = x 2)"},
      {"-80 <= g(x) <= 82", "(and (relation <= (negate 80) (call g x)) (relation <= (call g x) 82))"},
      {"m \\geq \\sqrt2", "(relation >= m (call sqrt 2))"},
      {"a=1 or b=2", "(list or (relation = a 1) (relation = b 2))"},
      {"n=2, 3, 4", "(relation = n (list 2 3 4))"},
      {"d = 16, i = 2", "(list (relation = d 16) (relation = i 2))"},
      {"a \\equiv b \\pmod{7}", "(relation congruent a b 7)"},
      {"a ≡ b (mod 7)", "(relation congruent a b 7)"},
      {"A ∋ x", "(relation in x A)"},
      {"A \\not\\subseteq B", "(relation notsubseteq A B)"},
      {"\\neg p \\land q", "(and (not p) q)"},
      {"\\angle ABC = 74^\\circ", "(relation = (call angle A B C) (degree 74))"},
      {"p = 5, q = 2 \\quad ; \\quad p = 7, q = 2",
       "(list (list (relation = p 5) (relation = q 2)) (list (relation = p 7) (relation = q 2)))"},
      {"S_{AB}:S=7:32", "(relation = (ratio S_AB S) (ratio 7 32))"},
      {"{x: 1, y: 2}", "(set (relation = x 1) (relation = y 2))"},
      {"\\text{Net Loss} = \\$160", "(relation = (text \"net loss\") (money $ 160))"},
  });
}

TEST(Read, CalculusAndMatrices) {
  Expect({
      {"\\int \\frac{3 dz}{z}", "(call integral (divide 3 z) z)"},
      {"∫_a^b xdx", "(call integral x x a b)"},
      {"\\int x + a dx", "(call integral (add x a) x)"},
      {"\\int_0^1 x dx + 3", "(add (call integral x x 0 1) 3)"},
      {"\\iint xy dx dy", "(call integral (call integral (multiply x y) x) y)"},
      {"\\sum^3_{k = 1} k^2", "(call sum (power k 2) k 1 3)"},
      {"\\sum_{i=0}^{n} i \\cdot x", "(call sum (multiply i x) i 0 n)"},
      {"\\lim_{x \\to 3^{-}} a", "(call limit #-1 a x 3)"},
      {"Limit(a, x, 3, dir='+')", "(call limit #1 a x 3)"},
      {"\\frac{d}{dx} \\tan x", "(call derivative (call tan x) x)"},
      {"\\frac{d^2 y}{dx^2}", "(call derivative y x 2)"},
      {"dy/dx", "(call derivative y x)"},
      {"Integral(x, (x, a, b))", "(call integral x x a b)"},
      {"\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "(matrix #2 1 2 3 4)"},
      {"\\begin{pmatrix}1&2\\-3&4\\end{pmatrix}", "(matrix #2 1 2 (negate 3) 4)"},
      {"Matrix([[1, 2], [3, 4]])", "(matrix #2 1 2 3 4)"},
      {"Matrix([1, 2])", "(matrix #1 1 2)"},
      {"\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", "(call det (matrix #2 1 2 3 4))"},
      {"\\begin{cases} x & x > 0 \\\\ 0 & \\text{otherwise} \\end{cases}", "(cases x (relation > x 0) 0 (text otherwise))"},
      {"Piecewise((x, x > 0), (0, True))", "(cases x (relation > x 0) 0 (text otherwise))"},
      {"\\left\\{\\begin{array}{l} x=1 \\\\ y=2 \\end{array}\\right.", "(list (relation = x 1) (relation = y 2))"},
      {"\\begin{aligned} x &= 1 \\\\ y &= 2 \\end{aligned}", "(list (relation = x 1) (relation = y 2))"},
  });
}

TEST(Read, NamesAndText) {
  Expect({
      {"x_{ij}^2", "(power x_ij 2)"},
      {"x^2_1", "(power x_1 2)"},
      {"\\overline{x}_n", "bar(x)_n"},
      {"bar{x}_n", "bar(x)_n"},
      {"\\mathbb{R}", "Reals"},
      {"ℝ", "Reals"},
      {"\\mathrm{e}^2", "(power e 2)"},
      {"a + I*b", "(add a (multiply i b))"},
      {"I", "I"},
      {"E", "E"},
      {"exp(3*E)", "(call exp (multiply 3 e))"},
      {"value1 + value_2", "(add value1 value_2)"},
      {"\\text{(C)}", "(choice C)"},
      {"C.", "(choice C)"},
      {"(C)", "C"},
      {"\\text{odd}", "(text odd)"},
      {"odd $n$", "(text \"odd n\")"},
      {"No solution", "(set)"},
      {"True", "(text true)"},
      {"does not exist", "undefined"},
      {"\\boxed{\\frac{1}{2}}.", "(divide 1 2)"},
      {"\\(x\\)", "x"},
      {"The answer is 42 because geometry proves it", "(text \"the answer is 42 because geometry proves it\")"},
  });
  ReadOptions strict;
  strict.prose = false;
  EXPECT_FALSE(ReadMath("The answer is 42 because geometry proves it", strict).ok());
}

TEST(Read, ErrorsSayWhere) {
  struct Bad {
    const char* text;
    std::size_t position;
  };
  for (const Bad& bad : std::vector<Bad>{{"", 0},
                                         {"(", 0},
                                         {"x + (y", 4},
                                         {"x)", 1},
                                         {"()", 1},
                                         {"\\frac{}{2}", 5},
                                         {"1 + * 2", 4},
                                         {"||x|", 0},
                                         {"a\\%", 1},
                                         {"\\%100", 0},
                                         {"\\sin^x", 6},
                                         {"\\unknowncommand x", 0},
                                         {"x^", 2},
                                         {"!0", 0},
                                         {"\\lfloor a \\rceil", 10},
                                         {"@", 0},
                                         {"x @ y", 2},
                                         {"\\frac{(2 + x}{1 - x)}", 12}}) {
    const ReadResult result = ReadMath(bad.text);
    ASSERT_FALSE(result.ok()) << bad.text << " is " << ToSexpr(result.expr());
    EXPECT_FALSE(result.error().message.empty());
    EXPECT_NEAR(static_cast<double>(result.error().position), static_cast<double>(bad.position), 1.0)
        << bad.text << ": " << result.error().message;
  }
}

TEST(Read, CapsHold) {
  EXPECT_FALSE(ReadMath(std::string(9000, '1')).ok());
  EXPECT_TRUE(ReadMath(std::string(8000, '1')).ok());
  std::string nested(100, '-');
  EXPECT_EQ(ToSexpr(ReadMath(nested + "x").expr()), "x");
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "\\sqrt{";
  deep += "x" + std::string(1000, '}');
  EXPECT_FALSE(ReadMath(deep).ok());
  std::string wide = "x";
  for (int i = 0; i < 3000; ++i) wide += "+x";
  ReadOptions small;
  small.max_nodes = 100;
  EXPECT_TRUE(ReadMath("x+x+x", small).ok());
  EXPECT_FALSE(ReadMath(wide, small).ok());
  // a/b/c/... is deep without brackets
  std::string chain = "x";
  for (int i = 0; i < 200; ++i) chain += "/x";
  EXPECT_FALSE(ReadMath(chain).ok());
}

// ---- the shared cases

std::filesystem::path Shared() {
  const char* set = std::getenv("MATHCODER_SHARED");
  return set != nullptr ? std::filesystem::path(set) : std::filesystem::path(MATHCODER_SOURCE_DIR).parent_path() / "shared";
}

struct Count {
  std::size_t n = 0, read = 0;
};
// Both sides of the cases of a file, or only the right one.
Count ReadFile(const std::string& name, bool gold) {
  Count count;
  base::JsonLines lines(Shared() / "grader" / name);
  while (auto line = lines.Next()) {
    if (!line->ok()) continue;
    for (const char* side : {"gold", "pred"}) {
      if (!gold && std::string_view(side) == "gold") continue;
      const std::string text = (**line)[side].get<std::string>();
      if (text.empty()) continue;
      ++count.n;
      if (ReadMath(text).ok()) ++count.read;
    }
  }
  return count;
}

class ReadShared : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(Shared() / "grader"))
      GTEST_SKIP() << "no shared cases at " << Shared() << "; set MATHCODER_SHARED";
  }
};

TEST_F(ReadShared, EveryCaseReads) {
  const Count curated = ReadFile("curated_tricky.jsonl", true);
  EXPECT_EQ(curated.read, curated.n);
  const Count doenet = ReadFile("doenet_equality_ascii.jsonl", true);
  EXPECT_EQ(doenet.read, doenet.n);
  const Count latex = ReadFile("latex2sympy_parse.jsonl", true);
  EXPECT_GT(latex.n, 2000u);
  EXPECT_LE(latex.n - latex.read, latex.n / 200);
}

TEST_F(ReadShared, NothingMalformedReads) {
  const Count malformed = ReadFile("latex_malformed_must_not_parse.jsonl", false);
  EXPECT_GT(malformed.n, 30u);
  EXPECT_EQ(malformed.read, 0u);
}

}  // namespace
}  // namespace mathcoder::math
