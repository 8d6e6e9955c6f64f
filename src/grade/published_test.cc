#include "grade/published.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "grade/published_text.h"
#include "grade/test_data.h"

namespace mathcoder::grade {
namespace {

struct Case {
  const char* gold;
  const char* message;
  bool correct;
  const char* why;
};

// What the published program answers (measured with latex2sympy2 1.9.1 and sympy 1.14).
constexpr Case kCases[] = {
    {"1.02", "1.01", true, "absolute tolerance; exactly 0.01 is within it"},
    {"15.62", "15.63", true, "the same, where doubles say a little more"},
    {"5.02", "5", false, "beyond the tolerance"},
    {"0", "\\frac{1}{144}", true, "absolute tolerance"},
    {"24", "24trees", true, "a prefix: tr is a word of its alphabet"},
    {"5", "5ones", true, "a prefix"},
    {"5", "5. ", true, "a prefix"},
    {"5", "5)", true, "a prefix"},
    {"5", "5%", false, "not of its alphabet"},
    {"5", "5@", false, "not of its alphabet"},
    {"12", "12,", false, "a list that ends too early"},
    {"77", "(77,310)", false, "one number of thousands"},
    {"77310", "(77,310)", true, "one number of thousands"},
    {"8", "\\log_2(256)", true, ""},
    {"2", "\\log(100)", true, "of base 10"},
    {"2.302585", "\\ln(10)", false, "e is printed as a name that is not there"},
    {"2.718", "e", false, "the same"},
    {"7.389", "e^{2}", true, ""},
    {"7.389", "e^2", false, "squares are dropped"},
    {"5", "|5|", false, "no absolute values"},
    {"3", "\\lfloor 3.5\\rfloor", true, ""},
    {"120", "5!", true, ""},
    {"10", "\\binom{5}{2}", true, ""},
    {"0.5", "\\sin(\\frac{\\pi}{6})", true, "radians"},
    {"0.5", "\\sin\\frac{\\pi}{6}", true, ""},
    {"2", "\\sqrt[3]{8}", false, "\\sqrt[ becomes \\sqrt{[}"},
    {"2", "8^{1/3}", true, ""},
    {"(3,1)", "(6/2,1)", false, "3.0 is not 3 as text"},
    {"(3.0,1)", "(3,1)", true, "tuples are evaluated"},
    {"(0.5,1)", "(\\frac{1}{2},1)", true, ""},
    {"1,2", "2,1", false, "lists have an order"},
    {"1,2", "[1,2]", true, "a list"},
    {"1,2", "(1,2)", false, "no list"},
    {"1,2.0", "1,2", true, "the same numbers"},
    {"1,\\frac{1}{2}", "1,0.5", false, "lists are compared as written"},
    {"[0,1)", "[0,1.0)", false, ""},
    {"(-\\infty,3)\\cup(4,5)", "(-\\infty,3.0)\\cup(4,5)", true, ""},
    {"25", "5^2", false, "squares are dropped"},
    {"5", "5^2", true, "squares are dropped"},
    {"25", "5^{2}", true, ""},
    {"0", "-9>0", true, "a comparison is a number"},
    {"1", "1<2<3", true, ""},
    {"80", "79>80", false, ""},
    {"-312*u", "-312u", false, "variables are not read"},
    {"-1", "{(b)}", false, "variables are not read"},
    {"13", "\\boxed{12} and \\boxed{13}", false, "from the first box to the last brace"},
    {"12", "\\boxed{12} and \\boxed{13}", true, ""},
    {"A", "so \\boxed{A}.", true, "choices"},
    {"A", "Answer: A because it is so", true, "choices"},
    {"5", "The answer is 5", true, ""},
    {"48", "\\boxed{48\\text{grams}}", true, "rams and {g} are units"},
    {"48", "\\boxed{48\\text{ pounds}}", false, "pounds are not"},
    {"48", "\\boxed{48\\text{ kg}}", true, ""},
    {"1000000", "1,000,000", true, ""},
    {"100000000000", "99999999999", false, ""},
    {"100000000000000000001", "10^{20}", false, "integers are exact"},
    {"0.5", "50\\%", false, "percent signs are dropped"},
    {"5", "5/0", false, ""},
    {"5", "5+", false, ""},
    {"5", "(5", false, ""},
    {"30", "5(6)", true, ""},
    {"12", "12.5.5", false, "a product"},
    {"1", "2^{2^{2^{49}}}", false, "and at once"},
    {"4", "", false, ""},
};

TEST(Published, Cases) {
  for (const Case& item : kCases) {
    const PublishedVerdict verdict = GradePublished(item.gold, item.message);
    EXPECT_EQ(verdict.correct, item.correct) << item.gold << " | " << item.message << " (" << item.why << "): " << verdict.rule
                                             << ", " << verdict.reference << " ~ " << verdict.answer;
  }
}

TEST(Published, LettersAreDroppedForGsm8k) {
  EXPECT_FALSE(GradePublished("18", "18 dollars").correct);
  EXPECT_TRUE(GradePublished("18", "18 dollars", {.drop_letters = true}).correct);
}

TEST(Published, WhatItTakesForTheAnswer) {
  const std::map<std::string, std::string> cases = {
      {"The result is \\(\\boxed{x = 3\\text{ cm}}\\).", "3"},
      {"\\frac12", "\\frac12"},
      {"\\sqrt2+\\frac12", "\\sqrt{2}+\\frac{1}{2}"},
      {"3/4", "\\frac{3}{4}"},
      {"03/4", "03/4"},
      {".5", "\\frac{1}{2}"},
      {"0.5", "\\frac{1}{2}"},
      {"45^\\circ", "45"},
      {"$\\$12.50$", "12.50"},
  };
  for (const auto& [text, answer] : cases) EXPECT_EQ(PublishedAnswer(text), answer) << text;
}

TEST(Published, HostileInputIsBounded) {
  for (const std::string_view unit : {"(", "{", "5!", "1/", "2^{", "-", "\\frac{", "[", "e^", "\\sin", "1<", ","}) {
    std::string text;
    while (text.size() < 200000) text += unit;
    EXPECT_FALSE(GradePublished("7", text).correct) << unit;
    EXPECT_FALSE(GradePublished(text + "1", "7").correct) << unit;
  }
}

// The labels are the verdicts of the published program.
TEST(Published, AgreesWithTheLabels) {
  MC_REQUIRE_SHARED("transcripts");
  std::size_t n = 0;
  std::size_t disagreed = 0;
  for (const Labelled& item : PublishedTranscripts()) {
    const chat::Transcript& transcript = item.transcript;
    const std::string completion =
        transcript.final_answer.empty() ? PublishedCompletion(transcript.blocks) : transcript.final_answer;
    const PublishedVerdict verdict =
        GradePublished(item.gold, completion, {.drop_letters = item.file.find("GSM8K") != std::string::npos});
    ++n;
    if (verdict.correct == item.correct) continue;
    ++disagreed;
    if (disagreed < 20)
      std::printf("%s: %s ~ %s: %s\n", item.where.c_str(), verdict.reference.c_str(), verdict.answer.c_str(), verdict.rule.c_str());
  }
  ASSERT_GT(n, 0u);
  EXPECT_LE(static_cast<double>(disagreed), 0.002 * static_cast<double>(n)) << disagreed << " of " << n;
}

// The same from the message alone, as `eval` grades what it solved itself.
TEST(Published, AgreesFromTheBlocksAlone) {
  MC_REQUIRE_SHARED("transcripts");
  std::size_t n = 0;
  std::size_t disagreed = 0;
  for (const Labelled& item : PublishedTranscripts()) {
    ++n;
    const PublishedVerdict verdict = GradePublished(item.gold, PublishedCompletion(item.transcript.blocks),
                                                    {.drop_letters = item.file.find("GSM8K") != std::string::npos});
    if (verdict.correct != item.correct) ++disagreed;
  }
  EXPECT_LE(static_cast<double>(disagreed), 0.01 * static_cast<double>(n)) << disagreed << " of " << n;
  RecordProperty("disagreed", static_cast<int>(disagreed));
  std::printf("from the last block: %zu of %zu differ\n", disagreed, n);
}

}  // namespace
}  // namespace mathcoder::grade
