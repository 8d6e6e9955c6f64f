#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "grade/grade.h"
#include "grade/test_data.h"

namespace mathcoder::grade {
namespace {

using chat::Block;
using chat::BlockKind;

struct Case {
  const char* message;
  const char* answer;
  const char* rule;
};

constexpr Case kCases[] = {
    // Boxes
    {"so \\boxed{42}.", "42", "box"},
    {"\\boxed{\\frac{1}{\\sqrt{2}}}", "\\frac{1}{\\sqrt{2}}", "box"},
    {"\\boxed{ 7 }", "7", "box"},
    {"\\boxed {7}", "7", "box"},
    {"\\boxed 7.", "7", "box"},
    {"$\\boxed 7$", "7", "box"},
    {"\\fbox{12}", "12", "box"},
    {"\\beginboxed{8\\sqrt{6}}", "8\\sqrt{6}", "box"},
    {"\\begin{boxed}3\\end{boxed}", "3", "box"},
    {"\boxed{9}", "9", "box"},
    {"\\boxed{\\{1, 2\\}}", "\\{1, 2\\}", "box"},
    {"\\boxed{\\boxed{5}}", "5", "box"},
    {"put it in \\boxed{}: \\[\\boxed{94}\\]", "94", "box"},
    {"first \\boxed{3}. That was not all. So \\boxed{4}.", "4", "box"},
    {"could answer therefore\\boxed{840}.,but let me explain.  **Final Answer** \\boxed{840}", "840", "box"},
    {"I think the answer is \\boxed{1}. Yeah so the reason why the answer is \\boxed{1} is because", "1", "box"},
    {"\\boxed{42", "42", "none or other"},
    // Several boxes of one answer
    {"The numbers are \\(\\boxed{20}\\) and \\(\\boxed{160}\\).", "20, 160", "merged boxes"},
    {"\\[\\boxed{x = 1}\\]\n\\[\\boxed{y = 2}\\]", "x = 1, y = 2", "merged boxes"},
    {"there are \\(\\boxed{3}\\) chickens and \\(\\boxed{8}\\) cows in the yard.", "3, 8", "merged boxes"},
    {"\\boxed{1}, \\boxed{2}, \\boxed{3}", "1, 2, 3", "merged boxes"},
    {"\\boxed{5} crackers and \\boxed{5} cakes", "5", "box"},
    {"\\boxed{3} \\text{ or } \\boxed{4}", "3, 4", "merged boxes"},
    {"We get \\boxed{4}, so the answer is \\boxed{5}", "5", "box"},
    {"The area is \\boxed{4}.\n\nThe perimeter is \\boxed{8}.", "8", "box"},
    // Cues
    {"The answer is 42 because geometry proves it", "42", "cue"},
    {"The answer is $42$.", "42", "cue"},
    {"The answer is 3.5.", "3.5", "cue"},
    {"the answer is: \\(\\frac{3}{4}\\), as shown above.", "\\frac{3}{4}", "cue"},
    {"5*3 = 15\n#### 15", "15", "cue"},
    {"Answer: 12 cm", "12 cm", "cue"},
    {"ANSWER: (C)", "(C)", "cue"},
    {"... \u2705 Final Answer: **73**", "73", "cue"},
    {"**Final Answer**\n\n$x^2+1$", "x^2+1", "cue"},
    {"**Final Answer:** 17", "17", "cue"},
    {"Final answer: x = 5", "x = 5", "cue"},
    {"So the result is 18.", "18", "cue"},
    {"Our solution is correct. The answer is 7.\nOur solution is verified and correct!", "7", "cue"},
    {"The answers are $3$ and $5$.", "$3$ and $5$", "cue"},
    {"The answer is $\\$15,000$.", "\\$15,000", "cue"},
    {"The answer is $15,000.", "$15,000", "cue"},
    {"The answer is 5! = 120 ways", "5! = 120 ways", "cue"},
    {"I was asked for the answer: ", "I was asked for the answer:", "given"},
    // Bold, last line
    {"We add them.\nThat makes **73** in the end", "73", "bold"},
    {"The perimeter is 7", "7", "last line"},
    {"We add.\nTherefore, x is 12.", "12", "last line"},
    {"We add.\nYou answered 70 questions correctly.", "70", "last line"},
    {"We add.\n3/4", "3/4", "last line"},
    {"Hence $x = 2$.", "x = 2", "last line"},
    {"We divide $4$ by $2$ and get $x = 2$.", "x = 2", "last line"},
    {"We get\n\\[\nx = 5\n\\]", "x = 5", "last line"},
    {"```output\n3\n```", "3", "last line"},
    {"think\n<answer>3</answer>", "3", "cue"},
    {"The result is therefore \\(17\\), which matches.", "17", "cue"},
    // As given
    {"42", "42", "given"},
    {"$\\frac{1}{2}$", "\\frac{1}{2}", "given"},
    {"x \\in [1, 2)", "x \\in [1, 2)", "given"},
    // Nothing
    {"", "", "none"},
    {"[]", "", "none"},
    {"\\boxed{}", "\\boxed{}", "none or other"},
    {"None", "", "none"},
};

TEST(FindAnswer, InMessages) {
  for (const Case& item : kCases) {
    const FinalAnswer found = FindAnswer(item.message);
    if (std::string_view(item.rule) == "none or other") {
      EXPECT_TRUE(found.rule != "box" && found.rule != "merged boxes") << item.message;
      continue;
    }
    EXPECT_EQ(found.text, item.answer) << item.message;
    EXPECT_EQ(found.rule, item.rule) << item.message;
  }
}

TEST(FindAnswer, InBlocks) {
  const auto text = [](const char* words) { return Block{BlockKind::kText, words}; };
  const auto code = Block{BlockKind::kCode, "print(6*7)"};
  const auto output = [](const char* words) { return Block{BlockKind::kExecution, words}; };
  struct BlockCase {
    std::vector<Block> blocks;
    const char* answer;
    const char* rule;
  };
  const BlockCase cases[] = {
      {{code, output("42"), text("It is \\boxed{42}.")}, "42", "box"},
      {{text("It is \\boxed{41}."), code, output("42")}, "41", "box"},
      {{text("The answer is 41."), code, output("42")}, "41", "cue"},
      {{code, output("6\n42\n")}, "42", "last output"},
      {{code, output("Traceback (most recent call last)\nNameError: name 'x' is not defined")}, "", "none"},
      {{code, output("42"), text("Let me correct it and proceed.")}, "42", "last output"},
      {{code, output("[]"), text("There is no solution.")}, "There is no solution", "last line"},
      {{code}, "", "none"},
      {{}, "", "none"},
  };
  for (const BlockCase& item : cases) {
    const FinalAnswer found = FindAnswer(item.blocks);
    EXPECT_EQ(found.text, item.answer);
    EXPECT_EQ(found.rule, item.rule) << item.answer;
  }
}

// A number inside a formula that is no answer of its own is never taken out of it.
TEST(FindAnswer, NoNumberFromInsideAFormula) {
  for (const char* message : {"We have\n$x^2 + 3 = y_{7}$ and so on", "First this.\nThen 3x + 4y", "It holds.\nf(3) = g(3) + h"}) {
    const FinalAnswer found = FindAnswer(message);
    EXPECT_NE(found.text, "3") << message;
    EXPECT_NE(found.text, "7") << message;
    EXPECT_NE(found.text, "4") << message;
  }
}

TEST(FindAnswer, LongHostileMessagesAreLinear) {
  for (const char* unit :
       {"\\boxed{", "{", "answer is ", "**", "#### ", "$", "\\(", "\\boxed", "\\boxed{1} and ", " is ", "solution is ", "."}) {
    std::string message;
    while (message.size() < 1000000) message += unit;
    const auto start = std::chrono::steady_clock::now();
    FindAnswer(message);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    // Quadratic work on a megabyte would be minutes; this only has to tell the two apart on a busy machine.
    EXPECT_LT(took.count(), 20.0) << unit;
  }
}

TEST(FindAnswer, PublishedMessagesStateOne) {
  MC_REQUIRE_SHARED("transcripts");
  std::size_t correct = 0;
  std::size_t none = 0;
  for (const Labelled& item : PublishedTranscripts()) {
    if (!item.correct) continue;
    ++correct;
    if (FindAnswer(item.transcript.blocks).rule == "none") ++none;
  }
  EXPECT_GT(correct, 0u);
  EXPECT_EQ(none, 0u);
}

}  // namespace
}  // namespace mathcoder::grade
