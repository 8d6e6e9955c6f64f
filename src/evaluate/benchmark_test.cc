#include "evaluate/benchmark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "evaluate/testing.h"
#include "grade/grade.h"

namespace mathcoder::evaluate {
namespace {

using ::testing::HasSubstr;

template <typename F>
std::string ErrorOf(F work) {
  try {
    work();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Benchmarks, BuiltIn) {
  std::vector<std::string> names;
  for (const Benchmark& benchmark : BuiltInBenchmarks()) {
    names.push_back(benchmark.name);
    EXPECT_EQ(benchmark.file, benchmark.name + ".jsonl");
    EXPECT_THAT(benchmark.source, HasSubstr("GitHub")) << benchmark.name;
  }
  EXPECT_THAT(names, ::testing::ElementsAre("gsm8k", "math", "svamp", "simuleq", "mathematics"));
  for (const char* name : {"svamp", "mathematics"}) {
    EXPECT_TRUE(grade::PolicyOf("strict," + FindBenchmark(BuiltInBenchmarks(), name)->policy).compare.round_to_reference) << name;
  }
}

TEST(Benchmarks, Selection) {
  const auto selections = ParseSelection("gsm8k, MATH:16", BuiltInBenchmarks());
  ASSERT_EQ(selections.size(), 2U);
  EXPECT_EQ(selections[0].samples, 1U);
  EXPECT_EQ(selections[1].benchmark.title, "MATH");
  EXPECT_EQ(selections[1].samples, 16U);
  for (const auto& [spelled, what] : std::vector<std::pair<std::string, std::string>>{{"gsm9k", "'gsm9k' is no benchmark"},
                                                                                      {"", "an empty name"},
                                                                                      {"gsm8k,", "an empty name"},
                                                                                      {"gsm8k:", "no number of samples"},
                                                                                      {"gsm8k:0", "no number of samples"},
                                                                                      {"gsm8k:-1", "no number of samples"},
                                                                                      {"gsm8k:4x", "no number of samples"},
                                                                                      {"gsm8k:99999999999", "no number of samples"},
                                                                                      {"gsm8k,gsm8k:4", "named twice"}}) {
    EXPECT_THAT(ErrorOf([&] { ParseSelection(spelled, BuiltInBenchmarks()); }), HasSubstr(what)) << spelled;
  }
}

TEST(Benchmarks, DefinitionsThatCannotBeUsed) {
  const std::string whole = "name: own\ntitle: Own\nfile: own.jsonl\nsource: here\n";
  EXPECT_EQ(ReadBenchmark(whole + "policy: round_to_reference\naliases: [mine]\n", "f").aliases.at(0), "mine");
  for (const auto& [yaml, what] : std::vector<std::pair<std::string, std::string>>{
           {"name: own\nfile: x\nsource: y\n", "f:1: 'title' is missing"},
           {whole + "polici: x\n", "f:5: unknown key 'polici'; known are name"},
           {whole + "subject_from_id: '(['\n", "no regular expression"},
           {whole + "subject_from_id: 'abc'\n", "has no group"},
           {whole + "aliases: mine\n", "must be a list"},
           {"name: Own\ntitle: Own\nfile: own.jsonl\nsource: here\n", "f:1: 'name' holds 'Own'"},
           {"name: own\ntitle: Own\nfile: ../own.jsonl\nsource: here\n", "f:3: 'file'"},
           {"- a\n- b\n", "is a map"},
           {"name: [\n", "f:"}}) {
    EXPECT_THAT(ErrorOf([&] { ReadBenchmark(yaml, "f"); }), HasSubstr(what)) << yaml;
  }
  EXPECT_THAT(ErrorOf([&] { ReadBenchmark(whole + "policy: nonsense\n", "f"); }), HasSubstr("f:5: 'policy'"));
}

TEST(Benchmarks, OfAFileOfTranscripts) {
  for (const auto& [file, name] : std::vector<std::pair<std::string, std::string>>{{"GSM8K-correct.jsonl", "gsm8k"},
                                                                                   {"a/b/MATH-wrong.jsonl", "math"},
                                                                                   {"mathematics-wrong.jsonl", "mathematics"},
                                                                                   {"mathematics.jsonl", "mathematics"},
                                                                                   {"math_run2.jsonl", "math"},
                                                                                   {"SimulEq-x.jsonl", "simuleq"},
                                                                                   {"transcripts.jsonl", ""},
                                                                                   {"mathematician.jsonl", ""}}) {
    const Benchmark* const benchmark = BenchmarkOfFile(BuiltInBenchmarks(), file);
    EXPECT_EQ(benchmark == nullptr ? "" : benchmark->name, name) << file;
  }
}

TEST(Datasets, AMissingFileIsNamedWithItsSource) {
  const TemporaryFolder folder;
  const std::string error = ErrorOf([&] { ReadDataset(BuiltInBenchmarks()[0], folder.path()); });
  EXPECT_THAT(error, HasSubstr("gsm8k.jsonl"));
  EXPECT_THAT(error, HasSubstr("--data"));
  EXPECT_THAT(error, HasSubstr("grade-school-math"));
}

TEST(Datasets, ReferencesSubjectsAndLevels) {
  struct Case {
    std::string record, reference, subject, level;
    const char* benchmark = "math";
  };
  const std::vector<Case> cases = {
      {R"({"id": "test/number_theory/5.json", "messages": [{"role": "user", "content": "q"}], "ground_truth": {"solution": "", "answer": 7}})",
       "7", "number theory", ""},
      {R"({"messages": [{"role": "user", "content": "q"}], "ground_truth": {"answer": 51.0}})", "51.0", "", "", "svamp"},
      {R"({"question": "q", "answer": "5 + 5 = 10\n#### 10"})", "10", "", "", "gsm8k"},
      {R"({"problem": "q", "level": "Level 3", "type": "Algebra", "solution": "so $\\boxed{\\frac12}$"})", "\\frac12", "Algebra",
       "3"},
      {R"({"problem": "q", "expected_answer": "x", "subject": "Geometry", "level": 4})", "x", "Geometry", "4"}};
  for (const Case& c : cases) {
    const TemporaryFolder folder;
    const Benchmark& benchmark = *FindBenchmark(BuiltInBenchmarks(), c.benchmark);
    std::ofstream(folder.path() / benchmark.file) << c.record << "\n\n";
    const Dataset dataset = ReadDataset(benchmark, folder.path());
    ASSERT_EQ(dataset.questions.size(), 1U);
    const Question& question = dataset.questions[0];
    EXPECT_EQ(question.reference, c.reference) << c.record;
    EXPECT_EQ(question.subject, c.subject) << c.record;
    EXPECT_EQ(question.level, c.level) << c.record;
    EXPECT_EQ(question.sha256.size(), 64U);
    EXPECT_EQ(dataset.sha256.size(), 64U);
  }
}

TEST(Datasets, ALineThatCannotBeUsedIsNamed) {
  for (const auto& [line, what] : std::vector<std::pair<std::string, std::string>>{
           {"{", ":2: not JSON"}, {R"({"question": "q"})", ":2: the question has no reference"}, {R"({"answer": "1"})", ":2: "}}) {
    const TemporaryFolder folder;
    std::ofstream(folder.path() / "gsm8k.jsonl") << "{\"question\": \"q\", \"answer\": \"1\"}\n" << line << "\n";
    EXPECT_THAT(ErrorOf([&] { ReadDataset(BuiltInBenchmarks()[0], folder.path()); }), HasSubstr(what)) << line;
  }
}

TEST(Datasets, TheSharedTestSets) {
  const std::filesystem::path folder = SharedData() / "corpora/test";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "SKIPPED: no shared data at " << folder << " (MATHCODER_SHARED)";
  for (const Benchmark& benchmark : BuiltInBenchmarks()) {
    const Dataset dataset = ReadDataset(benchmark, folder);
    EXPECT_GT(dataset.questions.size(), 200U) << benchmark.name;
    for (const Question& question : dataset.questions)
      EXPECT_EQ(question.subject.empty(), benchmark.name != "math") << question.problem.id;
  }
}

}  // namespace
}  // namespace mathcoder::evaluate
