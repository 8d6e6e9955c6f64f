// Whole messages and the verdicts that a person would give: finding the answer and comparing it together.
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "grade/grade.h"

namespace mathcoder::grade {
namespace {

struct Case {
  const char* gold;
  const char* message;
  Outcome outcome;
};

constexpr Outcome kYes = Outcome::kCorrect;
constexpr Outcome kNo = Outcome::kWrong;

void Check(std::initializer_list<Case> cases) {
  const Grader grader;
  for (const Case& item : cases) {
    const Verdict verdict = grader.Grade(item.gold, item.message);
    EXPECT_EQ(Name(verdict.outcome), Name(item.outcome))
        << item.gold << " | " << item.message << ": " << verdict.reason << " [" << verdict.rule << "], answer "
        << verdict.answer.text << " by " << verdict.answer.rule;
  }
}

TEST(Messages, ChainsOfEqualities) {
  Check({
      {"x+y=5", "5", kNo},
      {"5", "x+y=5", kYes},
      {"x+y=5", "y+x=5", kYes},
      {"(1,2)", "A(1,2)", kYes},
      {"(1,2)", "A(2,1)", kNo},
      {"A(1,2)", "(1,2)", kYes},
      {"(x,y)=(1,2)", "(1,2)", kYes},
      {"10", "x*2 = 10", kNo},
      {"10", "2x = 10", kNo},
      {"2\\sqrt{3}", "AB \\approx 3.464", kNo},
      {"1/2", "\\boxed{\\frac{1}{2} = 0.5}", kYes},
      {"8", "The answer is 2^3 = 8.", kYes},
      {"42", "... total is $6 \\times 7 = 42$.", kYes},
      {"42", "$a+b = 40+2 = \\mathbf{42}$", kYes},
      {"1/3", "\\boxed{\\frac13 \\approx 0.333}", kYes},
      {"\\pi", "\\pi \\approx 3.14", kYes},
      {"1/3", "1/3 ≈ 0.333", kYes},
      {"9", "The answer is 2^3 = 9.", kNo},
      {"43", "\\boxed{6\\cdot 7=43}", kNo},
      {"x=5", "\\boxed{x=\\frac{10}{2}=5}", kYes},
      {"42", "\\boxed{m+n=42}", kYes},
      {"5", "\\boxed{x+1=5}", kNo},
      {"0", "\\boxed{2x+3y=0}", kNo},
      {"5", "\\boxed{x=\\frac{10}{2}=5}", kYes},
      {"0.333", "\\boxed{\\frac13 \\approx 0.333}", kNo},
      {"3.14", "\\boxed{x \\approx 3.14}", kYes},
      {"x^2-1", "\\boxed{f(x)=(x-1)(x+1)=x^2-1}", kYes},
      {"x^2-1", "\\boxed{(x-1)(x+1)=x^2-1}", kYes},
      {"2\\sqrt{3}", "BC = 2√3", kYes},
      {"2\\sqrt3", "\\boxed{BC=2\\sqrt{3}}", kYes},
      {"72", "The final answer is $\\boxed{8 \\cdot 9 = 72}$", kYes},
      {"3", "\\boxed{P(2)=3}", kYes},
      {"x=2, y=3", "\\boxed{x=2=\\frac42, y=3}", kYes},
      {"25", "\\boxed{x^2+y^2=25}", kYes},
  });
}

// Python's power is not Markdown's bold.
TEST(Messages, PowersAreNotBold) {
  Check({
      {"3*x_2", "5*omega**3*x_2**3/3 - 204*omega*x_2/11", kNo},
      {"5\\omega^3 x_2^3/3 - 204 \\omega x_2/11", "5*omega**3*x_2**3/3 - 204*omega*x_2/11", kYes},
      {"x^2+y^2", "(x)**2 + y**2", kYes},
      {"73", "So it is **73**.", kYes},
      {"73", "... (**73**)", kYes},
      {"73", "**73**", kYes},
  });
}

TEST(Messages, CuesInMarkup) {
  Check({
      {"42", "**Answer: 42**", kYes},
      {"42", "**Answer:** 42", kYes},
      {"42", "**Final Answer: 42**", kYes},
      {"42", "**The answer is 42.**", kYes},
      {"42", "**Answer: $42$**", kYes},
      {"42", "### Answer: 42", kYes},
      {"42", "**Answer**: 42", kYes},
      {"42", "*Answer:* 42", kYes},
      {"42", "__Answer:__ 42", kYes},
  });
}

TEST(Messages, BoxesWithNames) {
  Check({
      {"1,2", "$x=\\boxed{1}$ or $x=\\boxed{2}$", kYes},
      {"(1,2)", "$x = \\boxed{1}$ and $y = \\boxed{2}$", kYes},
      {"2", "$x=\\boxed{1}$ or $x=\\boxed{2}$", kNo},
  });
}

TEST(Messages, Sentences) {
  Check({
      {"42", "So John has 42 apples.", kYes},
      {"no solution", "The equation has no solution.", kYes},
      {"42", "Also ist das Ergebnis 42.", kYes},
      {"42", "Hence we have $a = 6$, so $6a + 6 = 42$.", kNo},
      {"42", "Hence, $n = 42$.", kYes},
      {"42", "we obtain $n=42$", kYes},
      {"x^2+1", "Thus $f(x) = x^2+1$.", kYes},
      {"no solution", "There is no solution.", kYes},
      {"42", "So the answer must be 42!", kYes},
      {"42", "Result = 42", kYes},
      {"42", "Therefore, we get n = 42", kYes},
      {"42", "So $a=6$ and $b=7$, hence $ab = 42$.", kYes},
  });
}

TEST(Messages, CuesOfManyWordings) {
  Check({
      {"42", "Ans: 42", kYes},
      {"42", "Ans. 42", kYes},
      {"42", "A: 42", kYes},
      {"42", "The answer must be 42", kYes},
      {"42", "Final Answer:\n- 42", kYes},
      {"42", "<answer>42</answer>", kYes},
      {"42", "[ANSWER]42[/ANSWER]", kYes},
      {"42", "{\"answer\": 42}", kYes},
      {"42", "So.\n{\"final_answer\": \"42\"}", kYes},
      {"42", "text\n```json\n{\n  \"reasoning\": \"a {b}\",\n  \"answer\": \"42\"\n}\n```", kYes},
      {"42", "Die Antwort ist 42.", kYes},
      {"42", "Antwort: 42", kYes},
      {"42", "Die Lösung ist 42.", kYes},
      {"42", "Lösung: $x=42$", kYes},
      {"42", "La réponse est 42.", kYes},
      {"42", "Réponse : 42", kYes},
      {"42", "答案是42。", kYes},
      {"42", "答案：$42$", kYes},
      {"42", "故答案为：42", kYes},
      {"42", "所以答案为 $42$。", kYes},
      {"C", "故选：C", kYes},
      {"C", "故选C．", kYes},
      {"42", "La respuesta es 42.", kYes},
      {"42", "Respuesta: 42", kYes},
      {"42", "La risposta è 42.", kYes},
      {"42", "Risposta: 42", kYes},
      {"42", "A resposta é 42.", kYes},
      {"42", "Resposta: 42", kYes},
      {"42", "Ответ: 42", kYes},
      {"42", "Ответ: $42$.", kYes},
      {"42", "答えは42です。", kYes},
      {"42", "答え：42", kYes},
      {"42", "정답은 42입니다.", kYes},
      {"42", "답: 42", kYes},
      {"42", "정답: 42", kYes},
      {"42", "Odpowiedź: 42", kYes},
      {"42", "Het antwoord is 42.", kYes},
      {"42", "Final Answer:\n* 42", kYes},
      {"42", "Final Answer:\n1. 42", kYes},
      {"-42", "Final Answer:\n-42", kYes},
      {"-42", "Final Answer: - 42", kYes},
      {"42", "The final answer is:\n\n- $x = 42$", kYes},
  });
}

TEST(Messages, Thoughts) {
  Check({
      {"42", "<think>maybe \\boxed{7}</think>\nThe answer is 42.", kYes},
      {"7", "<think>maybe \\boxed{7}</think>\nThe answer is 42.", kNo},
      {"7", "<think>the answer is 8, so \\boxed{7}", kYes},
      {"7", "maybe \\boxed{8}</think>\n\\boxed{7}", kYes},
      {"7", "maybe \\boxed{8}</think>\nIt is 7", kYes},
      {"7", "<think>\\boxed{7}</think>", kYes},
  });
}

TEST(Messages, Contrasts) {
  Check({
      {"B", "So the answer is B, not C.", kYes},
      {"C", "So the answer is B, not C.", kNo},
      {"3", "The answer is not 4 but 3.", kYes},
      {"4", "The answer is not 4 but 3.", kNo},
      {"C", "Option C is correct.", kYes},
      {"C", "The correct option is (C).", kYes},
      {"C", "The correct answer is option C", kYes},
      {"C", "The answer is C: 12", kYes},
      {"C", "The correct choice is **C**", kYes},
  });
}

TEST(Messages, Slips) {
  Check({
      {"42", "\\boxed{\\text{The answer is } 42}", kYes},
      {"42", "boxed{42}", kYes},
      {"42", "```output\n42\n```", kYes},
      {"42", "So\n```\n42\n```", kYes},
      {"7", "I cannot solve this. There are 7 variables.", kNo},
  });
}

TEST(Messages, Choices) {
  Check({
      {"A", "(A) and (B)", kNo},
      {"A", "\\boxed{A, B}", kNo},
      {"A, B", "\\boxed{A and B}", kYes},
      {"A,C", "AC", kYes},
      {"A", "\\boxed{\\text{A}}", kYes},
      {"A", "A or B", kNo},
      {"(C) 15", "C", kYes},
      {"C", "(C) 15", kYes},
      {"15", "(C) 15", kYes},
      {"\\textbf{(A) } 7", "\\textbf{(A)}", kYes},
      {"C", "option C", kYes},
      {"B", "Option (B)", kYes},
      {"B", "choice B", kYes},
      {"A", "a", kYes},
      {"(C)", "c", kYes},
      {"(C) 15", "(C) 16", kNo},
      {"(C) 15", "(B) 15", kNo},
      {"(C) 15", "15", kYes},
      {"C", "c+d", kNo},
      {"B", "\\boxed{b}", kYes},
      {"B", "Both A and B", kNo},
      {"D", "D. None of the above", kYes},
      {"A", "A and B are wrong", kNo},
  });
}

TEST(Messages, PercentSigns) {
  Check({
      {"60\\%", "60", kYes},
      {"60", "60\\%", kYes},
      {"0.5\\%", "1/2", kNo},
      {"5\\%", "5", kYes},
      {"5", "5\\%", kYes},
      {"1/2", "0.5\\%", kNo},
      {"0.5", "50\\%", kYes},
      {"1/2", "50\\%", kYes},
      {"50", "50\\%", kYes},
      {"12.5\\%", "12.5", kYes},
      {"0.5", "0.5\\%", kNo},
      {"33.5\\%", "0.335", kYes},
      {"1", "1\\%", kNo},
      {"100\\%", "1", kYes},
      {"100\\%", "100", kYes},
      {"1", "100\\%", kYes},
  });
}

TEST(Messages, Others) {
  Check({
      {"2023-01-02", "2020", kNo},
      {"2023-01-02", "2023-02-01", kNo},
      {"2023-01-02", "2023-01-02.", kYes},
      {"60^\\circ", "60 radians", kNo},
      {"5", "The answer is 5!", kYes},
      {"120", "The answer is 5!", kYes},
      {"5", "\\boxed{5!}", kNo},
      {"42", "\\begin{align*}\nx &= 6\\cdot 7\\\\\n&= 42\n\\end{align*}", kYes},
      {"12", "$\\frac{24}{2}$, or 12", kYes},
      {"12", "11, or 12", kNo},
      {"60^\\circ", "60", kYes},
      {"\\pi/3", "60^\\circ", kYes},
      {"60", "60^\\circ", kYes},
      {"\\cos 1", "\\cos 1^\\circ", kNo},
      {"\\cos 36", "\\cos 36^\\circ", kNo},
      {"12", "1 2", kNo},
      {"1 234 567", "1234567", kYes},
      {"1 2", "1  2", kYes},
      {"x + 1", "x+1", kYes},
      {"x - 1", "f^{-1}(x) = x-1", kYes},
      {"f^{-1}(x) = x-1", "x + 1", kNo},
      {"3", "The answer is $\\frac53$", kNo},
      {"42", "The answer to question 3 is 42.", kYes},
      {"42", "# Step 3\nThe answer is 42.\n\n# Check\nIt works since 6*7 = 42.", kYes},
      {"42", "The final answer is $42$. I hope it is correct.", kYes},
      {"42", "Final Answer: The final answer is $42$. I hope it is correct.", kYes},
      {"\\frac{1}{2}", "Final Answer\n\\[\n\\frac{1}{2}\n\\]", kYes},
      {"2,3", "The solutions are x = 2 and x = 3.", kYes},
      {"x=2,x=3", "The solutions are $x = 2$ and $x = 3$.", kYes},
      {"1.5", "The answer is 1.5 km", kYes},
      {"$5.25", "The total cost is $5.25.", kYes},
      {"even", "The function is even", kYes},
  });
}

// What was cut within its box states nothing: it may be half of a number.
TEST(Messages, AnOpenBoxIsNone) {
  const Grader grader;
  for (const char* message : {"so \\boxed{42", "\\boxed{\\frac{1}{2", "we get \\boxed{4"}) {
    EXPECT_EQ(grader.Grade("42", message).outcome, Outcome::kNoAnswer) << message;
  }
}

TEST(Messages, ThoughtsInBlocks) {
  using chat::Block;
  using chat::BlockKind;
  const std::vector<Block> blocks = {{BlockKind::kText, "<think>maybe \\boxed{7}"},
                                     {BlockKind::kCode, "print(42)"},
                                     {BlockKind::kExecution, "42"},
                                     {BlockKind::kText, "so it is</think>\nThe answer is 42."}};
  EXPECT_EQ(FindAnswer(blocks).text, "42");
  const std::vector<Block> only = {{BlockKind::kText, "<think>\\boxed{7}</think>"}};
  EXPECT_EQ(FindAnswer(only).text, "7");
}

}  // namespace
}  // namespace mathcoder::grade
