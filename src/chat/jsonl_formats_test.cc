#include "chat/jsonl_formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include "base/jsonl.h"

namespace mathcoder::chat {
namespace {

using base::Json;
using ::testing::HasSubstr;

std::vector<std::filesystem::path> SharedTranscripts() {
  const char* shared = std::getenv("MATHCODER_SHARED");
  const std::filesystem::path root =
      std::filesystem::path(shared != nullptr ? shared : MATHCODER_SOURCE_DIR "/../shared") / "transcripts";
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::exists(root)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  }
  return files;
}

TEST(PublishedRecords, RoundTripLosesNothing) {
  const auto files = SharedTranscripts();
  if (files.empty()) GTEST_SKIP() << "no ../shared/transcripts; set MATHCODER_SHARED";
  std::size_t records = 0;
  std::size_t appended = 0;
  std::map<Ending, std::size_t> endings;
  std::map<BlockKind, std::size_t> kinds;
  for (const auto& file : files) {
    base::JsonLines lines(file);
    while (auto record = lines.Next()) {
      ASSERT_TRUE(record->ok()) << record->error();
      const base::Result<Transcript> read = ReadTranscript(**record);
      ASSERT_TRUE(read.ok()) << lines.Where() << ": " << read.error();
      ASSERT_EQ(WriteMathCoder(*read).dump(), (*record)->dump()) << lines.Where();
      // Through the project's own record as well.
      const base::Result<Transcript> again = ReadTranscript(WriteTranscript(*read));
      ASSERT_TRUE(again.ok()) << lines.Where() << ": " << again.error();
      ASSERT_EQ(WriteMathCoder(*again).dump(), (*record)->dump()) << lines.Where();
      ++records;
      ++endings[read->ending];
      for (const Block& block : read->blocks) ++kinds[block.kind];
      appended += !read->published["debug_result"]["answer"].is_null();
      // The answer that the program appended is no block of the model's.
      if (read->ending == Ending::kAnswered) {
        EXPECT_EQ(read->final_answer, (**record)["completion"].get<std::string>());
        EXPECT_EQ(read->blocks.size() + 3, (**record)["debug_result"].size());
      }
    }
  }
  EXPECT_EQ(records, 5808U);
  EXPECT_EQ(appended, 5587U);
  EXPECT_EQ(endings[Ending::kAnswered], 5587U);
  EXPECT_EQ(endings[Ending::kBlockLimit], 221U);
  EXPECT_EQ(kinds[BlockKind::kCode], 14180U);
  EXPECT_EQ(kinds[BlockKind::kExecution], 14180U);
}

Json Published(const std::string& key, const Json& id) {
  Json record = Json::object();
  if (!id.is_null()) record["id"] = id;
  record["messages"] = Json::parse(R"([{"role": "system", "content": [{"type": "text", "content": "S"}]},
                                       {"role": "user", "content": [{"type": "text", "content": "Q"}]}])");
  record["ground_truth"] = Json::parse(R"({"solution": "", "answer": 12.0})");
  record["debug_result"] = Json::array();
  for (const auto& [kind, text] : std::vector<std::pair<std::string, std::string>>{{"system", "S"},
                                                                                   {"user", "Q"},
                                                                                   {"text", "t"},
                                                                                   {"code", "1"},
                                                                                   {"execution", "1"},
                                                                                   {"text", "\\boxed{1, 2}"},
                                                                                   {"text", "1,2"}}) {
    record["debug_result"].push_back({{key, kind}, {"content", text}});
  }
  record["completion"] = "1,2";
  record["model_answer"] = "1,2";
  return record;
}

TEST(PublishedRecords, RoleOrTypeAndIdsOfAnyKind) {
  for (const char* key : {"role", "type"}) {
    for (const Json& id : {Json(), Json("7"), Json(7), Json(7.5)}) {
      const Json record = Published(key, id);
      const auto read = ReadTranscript(record);
      ASSERT_TRUE(read.ok()) << read.error();
      EXPECT_EQ(read->problem.question, "Q");
      EXPECT_EQ(read->problem.system, "S");
      EXPECT_EQ(read->problem.id, id.is_null() ? "" : id.is_string() ? "7" : id.dump());
      EXPECT_EQ(read->problem.reference["answer"], 12.0);
      EXPECT_EQ(read->problem.extra, Json({{"model_answer", "1,2"}}));
      EXPECT_EQ(read->blocks.size(), 4U);
      EXPECT_EQ(read->final_answer, "1,2");
      EXPECT_EQ(WriteMathCoder(*read).dump(), record.dump());
      // New blocks take the places of the old ones.
      Transcript changed = *read;
      changed.blocks[2].text = "2";
      EXPECT_EQ(WriteMathCoder(changed)["debug_result"][4]["content"], "2");
    }
  }
}

TEST(PublishedRecords, EntriesWithMoreFieldsAreKept) {
  Json record = Published("role", "1");
  record["debug_result"][3]["time"] = 0.5;
  record["debug_result"][4] = Json::parse(R"({"content": "1", "type": "execution", "ok": true})");
  const auto read = ReadTranscript(record);
  ASSERT_TRUE(read.ok()) << read.error();
  EXPECT_EQ(WriteMathCoder(*read).dump(), record.dump());
}

TEST(PublishedRecords, InstructionData) {
  const Json record = Json::parse(R"({"id": "3", "messages": [
      {"role": "system", "content": [{"type": "text", "content": ""}]},
      {"role": "user", "content": [{"type": "text", "content": "Q"}]},
      {"role": "assistant", "content": [{"type": "text", "content": "a"}, {"type": "code", "content": "1"},
                                         {"type": "execution", "content": "1"}]}]})");
  const auto read = ReadTranscript(record);
  ASSERT_TRUE(read.ok()) << read.error();
  EXPECT_EQ(read->blocks, (std::vector<Block>{{BlockKind::kText, "a"}, {BlockKind::kCode, "1"}, {BlockKind::kExecution, "1"}}));
  EXPECT_EQ(WriteMathCoder(*read).dump(), record.dump());
}

TEST(ReadProblem, EveryPublishedForm) {
  const struct {
    const char* record;
    const char* id;
    const char* question;
    const char* answer;  // as JSON; nullptr: no reference
    const char* extra;
  } cases[] = {
      {R"({"id": 5, "messages": [{"role": "user", "content": [{"type": "text", "content": "Q"}]}],
           "ground_truth": {"solution": "s", "answer": 3}})",
       "5", "Q", "3", "null"},
      {R"({"problem": "Q", "expected_answer": "3", "generation": "g"})", "", "Q", "\"3\"", R"({"generation":"g"})"},
      {R"({"idx": 0, "question": "Q", "gt_cot": "c", "gt": "3", "pred": ["3"]})", "0", "Q", "\"3\"", R"({"pred":["3"]})"},
      {R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]})", "", "Q", nullptr, "null"},
      {R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}], "n": 1})", "", "Q", nullptr, R"({"n":1})"},
      {R"({"question": "Q", "answer": "#### 3"})", "", "Q", "\"#### 3\"", "null"},
      {R"({"prompt": "Q"})", "", "Q", nullptr, "null"},
  };
  for (const auto& test : cases) {
    const auto problem = ReadProblem(Json::parse(test.record));
    ASSERT_TRUE(problem.ok()) << problem.error();
    EXPECT_EQ(problem->id, test.id) << test.record;
    EXPECT_EQ(problem->question, test.question);
    if (test.answer == nullptr)
      EXPECT_TRUE(problem->reference.is_null()) << test.record;
    else
      EXPECT_EQ(problem->reference["answer"].dump(), test.answer) << test.record;
    EXPECT_EQ(problem->extra.dump(), test.extra) << test.record;
  }
}

TEST(MalformedRecords, SayWhichFieldWhatWasFoundAndWhatIsExpected) {
  const struct {
    const char* record;
    bool transcript;
    const char* error;
  } cases[] = {
      {"[1]", false, "a record must be an object, found an array of 1"},
      {"{}", false, "no 'messages', 'problem', 'question' or 'prompt'"},
      {R"({"question": 3})", false, "field 'question' holds a number (3), expected a string"},
      {R"({"question": " \n"})", false, "the question (field 'question') is empty"},
      {R"({"question": "q", "id": true})", false, "field 'id' holds true, expected a string or a number"},
      {R"({"messages": {}})", false, "field 'messages' holds an object, expected a list"},
      {R"({"messages": [7]})", false, "field 'messages[0]' holds a number (7)"},
      {R"({"messages": [{"role": "user"}]})", false, "field 'messages[0].content' is missing"},
      {R"({"messages": [{"role": "tool", "content": "x"}]})", false, "field 'messages[0].role' holds a string (\"tool\")"},
      {R"({"messages": [{"role": "system", "content": "x"}]})", false, "no message of role \"user\""},
      {R"({"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": "y"}]})", false,
       "more than one user message"},
      {R"({"messages": [{"role": "user", "content": [{"type": "image", "url": "x"}]}]})", false, "only text can be solved"},
      {R"({"question": "q"})", true, "it is no transcript"},
      {R"({"question": "q", "debug_result": 5})", true, "field 'debug_result' holds a number (5)"},
      {R"({"question": "q", "debug_result": [{"role": "image", "content": ""}]})", true,
       "field 'debug_result[0].role' holds a string (\"image\")"},
      {R"({"question": "q", "debug_result": [{"role": "text", "content": 1}]})", true,
       "field 'debug_result[0].content' holds a number (1)"},
      {R"({"question": "q", "debug_result": [{"content": "x"}]})", true, "has neither 'role' nor 'type'"},
      {R"({"messages": [{"role": "user", "content": "q"}], "debug_result": [], "completion": "", "mathcoder": {}})", true,
       "field 'mathcoder.sample' is missing"},
  };
  for (const auto& test : cases) {
    const Json record = Json::parse(test.record);
    const std::string error = test.transcript ? ReadTranscript(record).error() : ReadProblem(record).error();
    EXPECT_THAT(error, HasSubstr(test.error)) << test.record;
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }
}

// Every member of a transcript, as one JSON text.
std::string Everything(const Transcript& t) {
  Json all = WriteTranscript(t);
  Json members = {t.problem.id,        t.problem.id_is_number, t.problem.question, t.problem.system.value_or("<none>"),
                  t.problem.reference, t.problem.extra,        t.final_answer,     t.published};
  for (const Block& block : t.blocks) members.push_back({std::string(Name(block.kind)), block.text});
  for (const TokenId id : t.token_ids) members.push_back(id);
  for (const TokenRole role : t.token_roles) members.push_back(std::string(Name(role)));
  for (const Execution& e : t.executions) {
    members.push_back({e.code_block, std::string(Name(e.verdict)), e.detail, e.truncated, e.wall.count(), e.prefilled_tokens});
  }
  members.push_back({std::string(Name(t.ending)), t.ending_detail, t.sample});
  members.push_back({t.timings.total.count(), t.timings.generate.count(), t.timings.execute.count(), t.timings.prompt_tokens,
                     t.timings.generated_tokens, t.timings.observation_tokens});
  const Provenance& p = t.provenance;
  members.push_back({p.program, p.engine, p.model, p.model_sha256, p.dialect, p.observation_policy, p.sandbox_tier, p.library_set,
                     p.sampling, p.settings});
  return Json{{"record", all}, {"members", members}}.dump();
}

TEST(OwnRecord, RoundTripOfRandomTranscripts) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<std::string> words = {"", "a", "é\n", "\"", "\\boxed{1}", "<|code|>", "\t", "12", "😀", " "};
  const auto text = [&] {
    std::string result;
    for (std::size_t i = random() % 5; i > 0; --i) result += words[random() % words.size()];
    return result;
  };
  const auto json = [&]() -> Json {
    switch (random() % 6) {
      case 0:
        return nullptr;
      case 1:
        return Json{{"z", 1.5}, {"a", text()}};
      case 2:
        return Json{{"completion", 1}, {"answer", -3}};
      case 3:
        return Json::object();
      case 4:
        return Json{{"question", text()}};
      default:
        return Json{{"n", Json::array({1, "x", nullptr})}};
    }
  };
  for (int round = 0; round < 1500; ++round) {
    Transcript t;
    t.problem.id_is_number = random() % 4 == 0;
    t.problem.id = t.problem.id_is_number ? std::to_string(random() % 100) : text();
    t.problem.question = "q" + text();
    if (random() % 2 == 0) t.problem.system = text();
    t.problem.reference = json();
    t.problem.extra = json();
    if (random() % 4 == 0) t.published = json();
    for (std::size_t i = random() % 6; i > 0; --i) t.blocks.push_back({static_cast<BlockKind>(random() % 3), text()});
    for (std::size_t i = random() % 30; i > 0; --i) {
      t.token_ids.push_back(static_cast<TokenId>(random() % 300000) - 1);
      t.token_roles.push_back(static_cast<TokenRole>(random() % 6));
    }
    for (std::size_t i = random() % 3; i > 0; --i) {
      t.executions.push_back({random() % 9, static_cast<ExecutionVerdict>(random() % 6), text(), random() % 2 == 0,
                              std::chrono::microseconds(random() % 10000000), random() % 99});
    }
    t.ending = static_cast<Ending>(random() % 8);
    t.ending_detail = text();
    t.final_answer = text();
    t.sample = static_cast<std::uint32_t>(random());
    t.timings = {std::chrono::microseconds(random() % 100000000000),
                 std::chrono::microseconds(random() % 9),
                 std::chrono::microseconds(random() % 9),
                 random() % 9,
                 random() % 9,
                 random() % 9};
    t.provenance = {text(), text(), text(), text(), text(), text(), text(), text(), json()};
    const Json written = WriteTranscript(t);
    const auto read = ReadTranscript(Json::parse(base::Dump(written)));
    ASSERT_TRUE(read.ok()) << read.error() << "\n" << written.dump();
    ASSERT_EQ(Everything(*read), Everything(t));
    // What reads the published form reads it as it stands.
    ASSERT_TRUE(written["debug_result"].is_array());
    ASSERT_EQ(written["completion"], t.final_answer);
  }
}

TEST(OwnRecord, ARecordThatWasChangedIsRefused) {
  Transcript t;
  t.problem.question = "q";
  t.token_ids = {1, 2};
  t.token_roles = {TokenRole::kText, TokenRole::kCode};
  const Json good = WriteTranscript(t);
  const struct {
    const char* pointer;
    Json value;
    const char* error;
  } cases[] = {
      {"/mathcoder/token_ids/0", "x", "field 'mathcoder.token_ids' holds a string (\"x\")"},
      {"/mathcoder/token_roles", Json::parse(R"([["text", 1]])"), "one role for each of the 2"},
      {"/mathcoder/token_roles", Json::parse(R"([["text", 999999999999]])"), "one role for each of the 2"},
      {"/mathcoder/token_roles/0/0", "loud", "field 'mathcoder.token_roles'"},
      {"/mathcoder/ending", "well", "field 'mathcoder.ending' holds a string (\"well\")"},
      {"/mathcoder/sample", -1, "field 'mathcoder.sample' holds a number (-1), expected a count"},
      {"/mathcoder/sample", 1e10, "field 'mathcoder.sample'"},
      {"/mathcoder/timings", 3, "field 'mathcoder.timings'"},
      {"/completion", 3, "field 'completion' holds a number (3)"},
  };
  for (const auto& test : cases) {
    Json record = good;
    record[Json::json_pointer(test.pointer)] = test.value;
    const auto read = ReadTranscript(record);
    ASSERT_FALSE(read.ok()) << test.pointer;
    EXPECT_THAT(read.error(), HasSubstr(test.error));
  }
}

}  // namespace
}  // namespace mathcoder::chat
