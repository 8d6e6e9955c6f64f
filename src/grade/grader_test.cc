#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "grade/grade.h"
#include "grade/test_data.h"

namespace mathcoder::grade {
namespace {

struct Case {
  const char* gold;
  const char* pred;
  Outcome outcome;
};

void Check(const Grader& grader, const Case& item) {
  const Verdict verdict = grader.Grade(item.gold, item.pred);
  EXPECT_EQ(Name(verdict.outcome), Name(item.outcome))
      << item.gold << " | " << item.pred << ": " << verdict.reason << " [" << verdict.rule << "], answer " << verdict.answer.text
      << " by " << verdict.answer.rule;
  EXPECT_FALSE(verdict.reason.empty()) << item.gold << " | " << item.pred;
}

constexpr Outcome kYes = Outcome::kCorrect;
constexpr Outcome kNo = Outcome::kWrong;

TEST(Grader, Strict) {
  const Grader grader;
  for (const Case& item : std::initializer_list<Case>{
           {"42", "The answer is 42 because geometry proves it", kYes},
           {"73", "... Final Answer: **73**", kYes},
           {"\\boxed{5}", "5.0", kYes},
           {"x^2-1", "so \\boxed{(x-1)(x+1)}", kYes},
           {"\\text{even}", "The function is even.", kYes},
           {"\\text{even}", "The function is not even.", kNo},
           {"no solution", "No solution.", kYes},
           {"f is continuous", "f is continuous", kYes},
           {"3", "4", kNo},
           {"0", "0.001", kNo},
           {"3.1416", "3.14159", kNo},
           {"0.75", "75", kNo},
           {"32", "\\boxed{32} and \\boxed{64}", kNo},
           {"32, 64", "\\boxed{64} and \\boxed{32}", kYes},
           {"4", "4\\sqrt(2", kNo},
           {"60", "\\boxed{60\\%}", kYes},
           {"0.6", "60\\%", kYes},
           {"6", "60\\%", kNo},
           {"60\\%", "60", kYes},
           {"6 4 0", "6, 4, 0", kYes},
           {"6 4 0", "4, 6, 0", kNo},
           {"6, 4, 0", "4, 6, 0", kYes},
           {"-0.5", "(b) -\\frac{1}{2}", kYes},
           {"31", "(f) 31", kYes},
           {"30", "(f) 31", kNo},
           {"30.0", "\\boxed{30 \\text{ (with a Remainder of } 0 \\text{)}}", kYes},
           {"30", "\\boxed{3 \\text{ (with a Remainder of } 0 \\text{)}}", kNo},
           {"2", "[]", Outcome::kNoAnswer},
           {"2", "", Outcome::kNoAnswer},
           {"", "2", Outcome::kUnknown},
           {"\\frac{1", "3", Outcome::kUnknown},
           {"", "\\frac{}{2}", kNo},
       }) {
    Check(grader, item);
  }
}

TEST(Grader, ChoiceLetters) {
  const Grader on;
  for (const Case& item : std::initializer_list<Case>{{"C", "(C)", kYes},
                                                      {"(C)", "C", kYes},
                                                      {"C", "\\boxed{\\text{(C)}}", kYes},
                                                      {"C", "\\boxed{\\textbf{(C) } 12}", kYes},
                                                      {"C", "(C) 12 cm", kYes},
                                                      {"C", "C. twelve", kYes},
                                                      {"B", "A", kNo},
                                                      {"B", "(A)", kNo}}) {
    Check(on, item);
  }
}

TEST(Grader, Lenient) {
  const Grader grader({.policy = PolicyOf("lenient")});
  for (const Case& item : std::initializer_list<Case>{{"3.1416", "3.14159", kYes},
                                                      {"3.15", "3.14159", kNo},
                                                      {"2.0001", "2", kYes},
                                                      {"0.75", "75", kYes},
                                                      {"0.80", "75", kNo},
                                                      {"32", "\\boxed{32} and \\boxed{64}", kYes},
                                                      {"30", "\\boxed{32} and \\boxed{64}", kNo}}) {
    Check(grader, item);
  }
}

TEST(Grader, PercentSignMayBeExact) {
  const Grader grader({.policy = PolicyOf("strict,percent_sign=exact")});
  Check(grader, {"60", "60\\%", kNo});
  Check(grader, {"0.6", "60\\%", kYes});
}

TEST(Grader, MathCoder) {
  const Grader grader({.policy = PolicyOf("mathcoder")});
  for (const Case& item : std::initializer_list<Case>{
           {"0", "0.001", kYes}, {"24", "24trees", kYes}, {"-312*u", "-312u", kNo}, {"3", "", Outcome::kNoAnswer}}) {
    Check(grader, item);
  }
  const Verdict verdict = grader.Grade("1", std::vector<chat::Block>{{chat::BlockKind::kText, "so \\boxed{1.001} of it"}});
  EXPECT_EQ(verdict.outcome, kYes) << verdict.reason;
}

TEST(Grader, FromManyThreads) {
  const Grader grader;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 200; ++k) {
        EXPECT_EQ(grader.Grade("\\frac{1}{2}", "0.5").outcome, kYes);
        EXPECT_EQ(grader.Grade("\\sqrt{2}", "1.41").outcome, kNo);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Grader, TheVersionNamesTheLibraries) {
  EXPECT_EQ(GraderVersion().rfind("mathcoder-grader ", 0), 0u);
  EXPECT_NE(GraderVersion().find("FLINT"), std::string::npos);
}

}  // namespace
}  // namespace mathcoder::grade
