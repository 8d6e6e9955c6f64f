// Forms that are rarer than read_test.cc's: other cultures, words, several units, second readings.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "math/read.h"

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

TEST(ReadForms, NumbersOfSeveralCultures) {
  Expect({
      {"1'234'567", "1234567"},
      {"1_000_000", "1000000"},
      {"1~000", "1000"},
      {"1{\\,}000", "1000"},
      {"1.234.567", "1234567"},
      {"1.234", "1.234"},
      {"12,34,567", "(list 12 34 567)"},  // a list as well as an Indian number
      {"10\u202f000", "10000"},
      {"\uff17\uff15", "75"},
      {"\u0667", "7"},
      {".\\overline{5}", ".(5)"},
      {"0.\\dot{1}4285\\dot{7}", "0.(142857)"},
      {"A3_{16}", "(based A3 #16)"},
      {"A_{16}", "A_16"},
      {"5C_2", "(multiply 5 C_2)"},
      {"{}_5C_2", "(call binomial 5 2)"},
      {"_5P_2", "(call permutations 5 2)"},
      {"1.5 x 10^3", "(multiply 1.5 (power 10 3))"},
      {"2x", "(multiply 2 x)"},
      {"(3+4j)", "(add 3 (multiply 4 i))"},
      {"3i+4j", "(add (multiply 3 i) (multiply 4 j))"},
      {"1\\over 2", "(divide 1 2)"},
      {"{a+b \\over c}", "(divide (add a b) c)"},
      {"sqrt2", "(call sqrt 2)"},
      {"√23", "(call sqrt 23)"},
      {"\\sqrt23", "(multiply (call sqrt 2) 3)"},  // as TeX reads it
      {"5&nbsp;", "5"},
      {"Decimal('0.5')", "0.5"},
      {"float(\"inf\")", "infinity"},
      {"['1', '2']", "(group [] 1 2)"},
      {"f'(x)", "(apply f' x)"},
  });
}

TEST(ReadForms, NumbersInWords) {
  Expect({
      {"three", "3"},
      {"\\text{three}", "3"},
      {"Twenty-One", "21"},
      {"forty", "40"},
      {"one hundred and five", "105"},
      {"one thousand two hundred", "1200"},
      {"two and three", "(list 2 3)"},
      {"zero", "0"},
      {"negative five", "(negate 5)"},
      {"one half", "(divide 1 2)"},
      {"three-fourths", "(divide 3 4)"},
      {"two and a half", "(mixed 2 (divide 1 2))"},
      {"three point one four", "3.14"},
      {"third", "(ordinal 3)"},
      {"twenty-first", "(ordinal 21)"},
      {"a dozen", "(unit dozen 1)"},
      {"2 million", "(multiply 2 1000000)"},
      {"$2.5 million", "(money $ (multiply 2.5 1000000))"},
      {"2.5 million dollars", "(money $ (multiply 2.5 1000000))"},
      {"three apples", "(unit apples 3)"},
      {"five dollars", "(money $ 5)"},
      {"x = three", "(relation = x 3)"},
      {"one of them", "(text \"one of them\")"},
      {"no two", "(text \"no two\")"},
      {"three plus four", "(text \"three plus four\")"},
      {"3 to 2", "(ratio 3 2)"},
  });
}

TEST(ReadForms, WordsForOtherThings) {
  Expect({
      {"no solutions", "(set)"},
      {"empty set", "(set)"},
      {"There is no solution.", "(set)"},
      {"\\text{DNE}", "undefined"},
      {"infinitely many solutions", "(text \"infinitely many\")"},
      {"a parabola", "(text parabola)"},
      {"III only", "(text iii)"},
      {"I, II and III", "(list I II III)"},
      {"XY", "(multiply X Y)"},
      {"noon", "(time pm 12 00)"},
      {"all real numbers except 2", "(call setminus Reals (set 2))"},
      {"all real numbers except 0 and 1", "(call setminus Reals (set 0 1))"},
      {"greater than 5", "(group \"()\" 5 infinity)"},
      {"at most 3", "(group \"(]\" (negate infinity) 3)"},
      {"option C", "(choice C)"},
      {"July 4, 1776", "(text \"july 4 1776\")"},
      {"parallel", "(text parallel)"},
      {"not (sure = safe)", "(text \"not (sure = safe)\")"},
      {"12\\mathrm{ }cm", "(unit cm 12)"},
      {"1.5xx10^3", "(multiply 1.5 (power 10 3))"},
      {"x_{1+n}", "x_n+1"},
      {"x_(1+n)", "x_n+1"},
      {"a_{1+2}", "a_1+2"},
      {"4th of July 1776", "(text \"july 4 1776\")"},
      {"1776-07-04", "(text \"july 4 1776\")"},
      {"Dec. 25th", "(text \"december 25\")"},
  });
}

TEST(ReadForms, QuantitiesInSeveralUnits) {
  Expect({
      {"5 feet 6 inches", "(add (unit feet 5) (unit inches 6))"},
      {"1 hour and 30 minutes", "(add (unit hour 1) (unit minutes 30))"},
      {"5 dollars and 25 cents", "(add (money $ 5) (money ¢ 25))"},
      {"3 cm and 20 mm", "(list (unit cm 3) (unit mm 20))"},  // two lengths
      {"128 \\text{ children and } 150 \\text{ adults}", "(list (unit children 128) (unit adults 150))"},
      {"45^\\circ 30'", "(degree (add 45 (divide 30 60)))"},
      {"12°30'36\"", "(degree (add 12 (divide 30 60) (divide 36 3600)))"},
      {"45^{\\text{o}}", "(degree 45)"},
      {"100^\\circ C", "(unit °C 100)"},
      {"75¢", "(money ¢ 75)"},
      {"18.90\\$", "(money $ 18.90)"},
      {"15 €", "(money € 15)"},
      {"USD 20", "(money $ 20)"},
      {"20 USD", "(money $ 20)"},
      {"US$10", "(money $ 10)"},
      {"Rs. 500", "(money ₹ 500)"},
      {"100 yen", "(money ¥ 100)"},
      {"20 per cent", "(percent 20)"},
      {"7\\text{:}05", "(time 7 05)"},
  });
}

// Found by the fuzzer: a unit with "-13" in it was read without end.
TEST(ReadForms, AUnitWithDigitsBehindASignEnds) {
  EXPECT_TRUE(ReadMath("4 \\text{ blue boxes E-13and } 6 \\text{ red ones}").ok());
}

TEST(ReadForms, ConditionsInWords) {
  Expect({
      {"\\begin{cases}x&\\text{if }x>0\\\\-x&\\text{otherwise}\\end{cases}",
       "(cases x (relation > x 0) (negate x) (text otherwise))"},
      {"\\begin{cases}x, & \\text{for $x>0$}\\\\-x, & x \\le 0\\end{cases}",
       "(cases x (relation > x 0) (negate x) (relation <= x 0))"},
      {"\\begin{cases}1 \\text{ if } x>0\\\\0 \\text{ otherwise}\\end{cases}", "(cases 1 (relation > x 0) 0 (text otherwise))"},
  });
}

TEST(ReadForms, Decorations) {
  Expect({
      {"\\underline{5}", "5"},
      {"\\overline{3+4i}", "(call conjugate (add 3 (multiply 4 i)))"},
      {"\\overline{z}", "bar(z)"},
      {"\\Gamma(5)", "(call gamma 5)"},
  });
}

TEST(ReadForms, ShorthandsOfSystems) {
  Expect({
      {"(x > 1) & (x < 2)", "(and (relation > x 1) (relation < x 2))"},
      {"(x < 1) | (x > 3)", "(or (relation < x 1) (relation > x 3))"},
      {"(x-1) | (x^2-1)", "(relation divides (add x (negate 1)) (add (power x 2) (negate 1)))"},
      {"7//2", "(call floor (divide 7 2))"},
      {"sqrt x", "(call sqrt x)"},
      {"sum_(k=1)^3 k", "(call sum k k 1 3)"},
      {"int_0^1 x dx", "(call integral x x 0 1)"},
      {"x_(n+1)", "x_n+1"},
      {"x in [0, 1]", "(relation in x (group [] 0 1))"},
      {"5 in", "(unit in 5)"},
      {"x \\in \\R", "(relation in x Reals)"},
      {"\\nicefrac12", "(divide 1 2)"},
      {"Interval(-oo, 1)", "(group \"(]\" (negate infinity) 1)"},
      {"\\frac{1}{2}at^2", "(multiply (divide 1 2) a (power t 2))"},
      {"11,\\! 111,\\! 100", "11111100"},
      {"S.Reals", "Reals"},
      {"0{.}5", "0.5"},
      {"2\\text{cis}\\frac{\\pi}{2}", "(multiply 2 (call cis (divide pi 2)))"},
      {"A uu B", "(call union A B)"},
      {"x in RR", "(relation in x Reals)"},
      {"A _|_ B", "(relation perpendicular A B)"},
      {"root(3)(8)", "(call root 8 3)"},
      {"mpf('0.5')", "0.5"},
      {"\\mathbb{N}_0", "Naturals0"},
      {"langle 1, 2 rangle", "(group <> 1 2)"},
      {"\\begin{cases}1 & x>1,\\\\ 3 &\\text{if } x<1.\\end{cases}", "(cases 1 (relation > x 1) 3 (relation < x 1))"},
      {"erf(0)", "(call erf 0)"},
      {"\\begin{cases} a & \\text{for}\\: x < 1 \\\\ b & \\text{otherwise} \\end{cases}",
       "(cases a (relation < x 1) b (text otherwise))"},
  });
}

TEST(ReadForms, SecondReadings) {
  ReadOptions second;
  second.second = true;
  ReadOptions flat;
  flat.doubtful = true;
  const struct {
    const char* text;
    const ReadOptions& options;
    const char* tree;
  } kCases[] = {
      {"5 m", second, "(unit m 5)"},
      {"5m^2", second, "(unit m^2 5)"},
      {"12,34,567", second, "1234567"},
      {"4.2 J", second, "(unit J 4.2)"},
      {"3 pounds", second, "(money £ 3)"},
      {"C(5,2)", second, "(call binomial 5 2)"},
      {"III", flat, "3"},
      {"1/2x", flat, "(multiply (divide 1 2) x)"},
  };
  for (const auto& c : kCases) {
    const ReadResult result = ReadMath(c.text, c.options);
    ASSERT_TRUE(result.ok()) << c.text;
    EXPECT_EQ(ToSexpr(result.expr()), c.tree) << c.text;
    const ReadResult usual = ReadMath(c.text);
    EXPECT_NE(ToSexpr(usual.expr()), c.tree) << c.text << ": the usual reading is another";
    EXPECT_EQ(usual.doubts.second, c.options.second) << c.text;
    EXPECT_EQ(usual.doubts.doubtful, c.options.doubtful) << c.text;
  }
}

TEST(ReadForms, MostTextsMeetNoDoubt) {
  for (const char* text :
       {"42", "x^2 + 1", "\\frac{1}{2}", "5 cm", "1,234", "C(x)", "the answer is unknown", "TypeError: 'int' object", "("}) {
    const ReadResult read = ReadMath(text);
    EXPECT_FALSE(read.doubts.second || read.doubts.doubtful) << text;
  }
}

TEST(ReadForms, RefusesWhatCannotBeMeant) {
  const struct {
    const char* text;
    std::size_t position;
  } kCases[] = {{"7\xff", 1}, {"7\u0336", 1}, {"x + \xc3(", 4},  {"7,,", 2},
                {"2 3", 2},   {"x^{}", 2},    {"\\mathrm{}", 9}, {"\uff17\uff15 \xff", 7}};
  for (const auto& c : kCases) {
    const ReadResult result = ReadMath(c.text);
    ASSERT_FALSE(result.ok()) << c.text << " is " << ToSexpr(result.expr());
    EXPECT_EQ(result.error().position, c.position) << c.text << ": " << result.error().message;
  }
}

}  // namespace
}  // namespace mathcoder::math
