#include "evaluate/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "evaluate/testing.h"

namespace mathcoder::evaluate {
namespace {

using grade::Outcome;

TEST(Summary, CountsByOutcomeAndLeavesOutTheInfrastructure) {
  std::vector<Item> items = {ItemOf("gsm8k", 0, 0, Outcome::kCorrect), ItemOf("gsm8k", 1, 0, Outcome::kWrong, "2"),
                             ItemOf("gsm8k", 2, 0, Outcome::kUnknown, "?"), ItemOf("gsm8k", 3, 0, Outcome::kNoAnswer),
                             ItemOf("gsm8k", 4, 0, Outcome::kCorrect)};
  items[3].ending = chat::Ending::kTokenLimit;
  items[1].timed_out = true;
  items[2].ending = chat::Ending::kSessionLost;
  items[4].ending = chat::Ending::kSandboxFailure;
  const Summary summary = Summarize(items, {});
  ASSERT_EQ(summary.groups.size(), 1U);
  const Score& score = summary.groups[0].score;
  EXPECT_EQ(score.n, 4U);
  EXPECT_EQ(score.correct, 1U);
  EXPECT_EQ(score.wrong, 1U);
  EXPECT_EQ(score.unknown, 1U);
  EXPECT_EQ(score.no_answer, 1U);
  EXPECT_EQ(score.truncated, 1U);
  EXPECT_EQ(score.timed_out, 1U);
  EXPECT_EQ(score.session_lost, 1U);
  EXPECT_EQ(score.infrastructure_failures, 1U);
  EXPECT_DOUBLE_EQ(score.accuracy(), 0.25);
  EXPECT_DOUBLE_EQ(score.interval.low, WilsonInterval(1, 4).low);
  const base::Json json = ToJson(summary, items, 0);
  for (const char* field :
       {"n", "correct", "accuracy", "interval", "no_answer", "truncated", "infrastructure_failures", "seconds"}) {
    EXPECT_TRUE(json["benchmarks"]["gsm8k"].contains(field)) << field;
  }
}

TEST(Summary, SamplesGiveCurvesAndAnIntervalOverQuestions) {
  std::vector<Item> items;
  for (std::size_t q = 0; q < 10; ++q) {
    for (std::uint32_t s = 0; s < 4; ++s) {
      const bool right = q < 5 && s < 2;
      items.push_back(ItemOf("math", q, s, right ? Outcome::kCorrect : Outcome::kWrong,
                             right ? (s == 0 ? "1" : "1.0") : "wrong " + std::to_string(s)));
    }
  }
  const SameAnswer same = [](const std::string&, const std::string& a, const std::string& b) {
    return a.substr(0, 1) == "1" && b.substr(0, 1) == "1";
  };
  const Summary summary = Summarize(items, {.seed = 3, .same = same, .seconds = {{"math", 12.5}}});
  const Group& group = summary.groups.at(0);
  EXPECT_EQ(group.questions, 10U);
  EXPECT_EQ(group.samples, 4U);
  EXPECT_EQ(group.seconds, 12.5);
  EXPECT_DOUBLE_EQ(group.score.accuracy(), 0.25);
  ASSERT_EQ(group.pass_at.size(), 3U);  // 1, 2, 4
  EXPECT_NEAR(group.pass_at[0].second, 0.25, 1e-12);
  EXPECT_NEAR(group.pass_at[1].second, 0.5 * (1 - 1.0 / 6), 1e-12);
  EXPECT_NEAR(group.pass_at[2].second, 0.5, 1e-12);
  EXPECT_NEAR(group.majority_at[0].second, 0.25, 1e-12);
  EXPECT_NEAR(group.majority_at[2].second, 0.5, 1e-12) << "1 and 1.0 are one answer and outvote two different wrong ones";
  const Summary by_text = Summarize(items, {.seed = 3, .same = {}, .seconds = {}});
  EXPECT_NEAR(by_text.groups[0].majority_at[2].second, 0.5, 1e-12) << "a tie goes to the first";
  // 5 of 10 questions have mean 0.5: over questions the interval is much wider than Wilson's over 40 samples.
  EXPECT_LT(group.score.interval.low, 0.15);
  EXPECT_GT(group.score.interval.high, 0.35);
}

TEST(Summary, SamplesThatAllAgreeHaveAnIntervalOverQuestions) {
  for (const Outcome outcome : {Outcome::kCorrect, Outcome::kWrong}) {
    std::vector<Item> items;
    for (std::size_t q = 0; q < 6; ++q) {
      for (std::uint32_t s = 0; s < 4; ++s) items.push_back(ItemOf("math", q, s, outcome));
    }
    const Score score = Summarize(items, {}).groups.at(0).score;
    const Interval expected = WilsonInterval(outcome == Outcome::kCorrect ? 6 : 0, 6);
    EXPECT_DOUBLE_EQ(score.interval.low, expected.low);
    EXPECT_DOUBLE_EQ(score.interval.high, expected.high);
  }
}

TEST(Summary, BreakdownsAreInNaturalOrder) {
  std::vector<Item> items;
  for (std::size_t i = 0; i < 12; ++i) {
    items.push_back(ItemOf("math", i, 0, i % 2 == 0 ? Outcome::kCorrect : Outcome::kWrong));
    items.back().level = std::to_string(i + 1);
    items.back().subject = i < 6 ? "algebra" : "geometry";
    items.back().code_blocks = i % 3;
  }
  const Group group = Summarize(items, {}).groups.at(0);
  EXPECT_EQ(group.by_level.front().first, "1");
  EXPECT_EQ(group.by_level.back().first, "12");
  ASSERT_EQ(group.by_subject.size(), 2U);
  EXPECT_EQ(group.by_subject[0].second.n, 6U);
  EXPECT_EQ(group.by_subject[0].second.correct, 3U);
  EXPECT_EQ(group.by_blocks.size(), 3U);
}

TEST(Summary, ModelsAndFilesApart) {
  std::vector<Item> items;
  for (std::size_t i = 0; i < 4; ++i) {
    items.push_back(ItemOf("svamp", i, 0, i == 0 ? Outcome::kCorrect : Outcome::kWrong));
    items.back().model = i < 2 ? "L-7b" : "L-13b";
    items.back().file = i == 0 ? "correct.jsonl" : "wrong.jsonl";
  }
  const Summary summary = Summarize(items, {});
  ASSERT_EQ(summary.groups.size(), 2U);
  ASSERT_EQ(summary.files.size(), 2U);
  EXPECT_EQ(summary.files[0].score.correct, 1U);
  EXPECT_EQ(summary.files[1].score.n, 3U);
  const base::Json json = ToJson(summary, items, 0);
  EXPECT_EQ(json["benchmarks"]["svamp"]["n"], 4);
  EXPECT_EQ(json["benchmarks"]["svamp"]["models"]["L-7b"]["correct"], 1);
}

TEST(Items, RecordsAreReadAsTheyWereWritten) {
  Item item = ItemOf("math", 7, 2, Outcome::kUnknown, "\\frac{1}{2}");
  item.model = "m";
  item.id = "test/algebra/1.json";
  item.level = "3";
  item.ending = chat::Ending::kBlockLimit;
  item.timed_out = true;
  item.code_blocks = 16;
  item.generated_tokens = 900;
  const auto again = ItemFromJson(ToJson(item));
  ASSERT_TRUE(again.ok()) << again.error();
  EXPECT_EQ(base::Dump(ToJson(*again)), base::Dump(ToJson(item)));
  item.ending = chat::Ending::kEngineFailure;
  const auto failed = ItemFromJson(ToJson(item));
  ASSERT_TRUE(failed.ok());
  EXPECT_EQ(OutcomeName(*failed), "infrastructure_failure");
  EXPECT_FALSE(failed->correct());
  base::Json bad = ToJson(item);
  bad["outcome"] = "splendid";
  EXPECT_FALSE(ItemFromJson(bad).ok());
  EXPECT_FALSE(ItemFromJson({{"question", 1}}).ok());
}

}  // namespace
}  // namespace mathcoder::evaluate
