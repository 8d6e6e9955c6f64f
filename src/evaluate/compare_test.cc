#include "evaluate/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "base/error.h"
#include "evaluate/testing.h"
#include "evaluate/transcript_files.h"

namespace mathcoder::evaluate {
namespace {

using grade::Outcome;

std::vector<Item> RunOf(const std::vector<bool>& right, const std::string& benchmark = "gsm8k") {
  std::vector<Item> items;
  for (std::size_t i = 0; i < right.size(); ++i)
    items.push_back(ItemOf(benchmark, i, 0, right[i] ? Outcome::kCorrect : Outcome::kWrong));
  return items;
}

TEST(Compare, PairsByQuestionAndCountsBothWays) {
  std::vector<Item> first = RunOf({true, true, true, false, false, true, false});
  std::vector<Item> second = RunOf({true, false, true, true, false, true, true});
  first[5].ending = chat::Ending::kSandboxFailure;  // no pair
  second.pop_back();                                // nor this
  std::ranges::reverse(second);                     // the order of records says nothing
  const Comparison comparison = Compare(first, second, 1);
  ASSERT_EQ(comparison.benchmarks.size(), 1U);
  const PairedScore& score = comparison.benchmarks[0];
  EXPECT_EQ(score.pairs, 5U);
  EXPECT_EQ(score.both, 2U);
  EXPECT_EQ(score.only_first, 1U);
  EXPECT_EQ(score.only_second, 1U);
  EXPECT_EQ(score.neither, 1U);
  EXPECT_EQ(comparison.unpaired, 2U);
  EXPECT_THAT(score.lost, ::testing::ElementsAre("#1"));
  EXPECT_THAT(score.gained, ::testing::ElementsAre("#3"));
  EXPECT_LE(score.difference.low, 0);
  EXPECT_GE(score.difference.high, 0);
}

TEST(Compare, RepeatedQuestionsArePairedInOrder) {
  std::vector<Item> first = RunOf({true, false});
  std::vector<Item> second = RunOf({true, false});
  for (auto* run : {&first, &second}) {
    for (Item& item : *run) item.question_sha256 = "the same";
  }
  const Comparison comparison = Compare(first, second, 1);
  EXPECT_EQ(comparison.benchmarks.at(0).both, 1U);
  EXPECT_EQ(comparison.benchmarks.at(0).neither, 1U);
}

TEST(Compare, SeveralBenchmarksAreSummed) {
  std::vector<Item> first = RunOf({true, false});
  const std::vector<Item> more = RunOf({false, false, false}, "svamp");
  first.insert(first.end(), more.begin(), more.end());
  const Comparison comparison = Compare(first, first, 1);
  ASSERT_EQ(comparison.benchmarks.size(), 3U);
  EXPECT_EQ(comparison.benchmarks.back().benchmark, "all");
  EXPECT_EQ(comparison.benchmarks.back().pairs, 5U);
  EXPECT_THAT(ToText(comparison, "A", "B"), ::testing::HasSubstr("svamp"));
  EXPECT_EQ(ToJson(comparison)["benchmarks"]["all"]["mcnemar_exact_p"], 1.0);
}

TEST(Compare, AFolderWithoutVerdicts) {
  const TemporaryFolder folder;
  EXPECT_THROW(ReadVerdicts(folder.path()), base::Error);
  std::ofstream(folder.path() / "verdicts.jsonl") << "{\"benchmark\": 3}\n";
  EXPECT_THROW(ReadVerdicts(folder.path()), base::Error);
}

std::string Published(const std::string& question, const std::string& answer) {
  const base::Json record = {
      {"messages", {{{"role", "user"}, {"content", question}}}},
      {"ground_truth", {{"answer", answer}}},
      {"debug_result", {{{"role", "user"}, {"content", question}}, {{"role", "text"}, {"content", "so \\boxed{1}"}}}},
      {"completion", "1"}};
  return base::Dump(record) + "\n";
}

TEST(TranscriptFiles, FindTheirBenchmarkAndPlace) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "Model-X");
  std::ofstream(folder.path() / "gsm8k.jsonl") << "{\"question\": \"a\", \"answer\": \"1\"}\n{\"question\": \"b\", \"answer\": "
                                                  "\"2\"}\n{\"question\": \"a\", \"answer\": \"3\"}\n";
  const std::filesystem::path named = folder.path() / "Model-X/GSM8K-wrong.jsonl";
  const std::filesystem::path unnamed = folder.path() / "Model-X/out.jsonl";
  std::ofstream(named) << Published("b", "2") << Published("a", "1") << Published("a", "3") << Published("not there", "4");
  std::ofstream(unnamed) << Published("b", "2");
  const Dataset dataset = ReadDataset(BuiltInBenchmarks()[0], folder.path());
  std::vector<GivenTranscript> given;
  const auto take = [&](GivenTranscript one) { given.push_back(std::move(one)); };
  ReadTranscriptFiles({named, unnamed}, BuiltInBenchmarks(), {dataset}, take);
  ASSERT_EQ(given.size(), 5U);
  EXPECT_EQ(given[0].task, (Task{"gsm8k", 1, 0}));
  EXPECT_EQ(given[1].task, (Task{"gsm8k", 0, 0}));
  EXPECT_EQ(given[2].task, (Task{"gsm8k", 2, 0})) << "the second of the same text";
  EXPECT_EQ(given[0].model, "Model-X");
  EXPECT_EQ(given[0].file, "Model-X/GSM8K-wrong.jsonl");
  EXPECT_EQ(given[4].task, (Task{"gsm8k", 1, 1})) << "by its question; the second transcript of it is one more sample";
  given.clear();
  EXPECT_THROW(ReadTranscriptFiles({unnamed}, BuiltInBenchmarks(), {}, take), base::Error);
}

}  // namespace
}  // namespace mathcoder::evaluate
