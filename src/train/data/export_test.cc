#include "train/data/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <sstream>

#include "base/jsonl.h"
#include "chat/jsonl_formats.h"
#include "train/data/mask_view.h"
#include "train/data/summary.h"
#include "train/data/testing.h"

namespace mathcoder::train {
namespace {

using base::Json;
using testing::Bytes;
using testing::ErrorOf;
using ::testing::HasSubstr;
using testing::Scratch;

const char* const kRecord = R"json({"messages": [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": [
  {"type": "text", "content": "Let me see."}, {"type": "code", "content": "print(1/3)"},
  {"type": "execution", "content": "0.3333333333"}, {"type": "text", "content": "A third.\n\u001b[31mRed\u009b."}]}]})json";

Example ExampleOf(const Bytes& bytes, const ExampleOptions& options = {}) {
  return *BuildExample(*chat::ReadTranscript(Json::parse(kRecord)), "a.jsonl:1", *bytes.dialect, *bytes.tokenizer, options);
}

class Exported : public ::testing::Test {
 protected:
  Exported() {
    std::mt19937_64 random(seed_);
    std::string lines;
    for (int i = 0; i < 40; ++i) lines += base::Dump(testing::RandomRecord(random)) + (i % 5 == 0 ? "\n\n" : "\n");
    testing::WriteAll(scratch_ / "a.jsonl", lines);
    std::string one;
    for (const char* c = kRecord; *c != '\0'; ++c) one += *c == '\n' ? ' ' : *c;
    testing::WriteAll(scratch_ / "b.jsonl", "\n" + one + "\n");
    cache_ = testing::Build(scratch_, {{scratch_ / "a.jsonl", 1}, {scratch_ / "b.jsonl", 1}}, bytes_, testing::Quiet());
    all_.resize(cache_->size());
    std::iota(all_.begin(), all_.end(), 0U);
  }
  std::vector<Json> Run(ExportForm form) {
    const std::filesystem::path out = scratch_ / "out.jsonl";
    EXPECT_EQ(Export(*cache_, all_, *bytes_.tokenizer, "Be brief.", {}, form, out), all_.size());
    std::vector<Json> records;
    base::JsonLines lines(out);
    while (auto json = lines.Next()) records.push_back(**json);
    EXPECT_EQ(records.size(), all_.size());
    return records;
  }

  const std::uint64_t seed_ = testing::Seed();
  const ::testing::ScopedTrace trace_{__FILE__, __LINE__, "MATHCODER_TEST_SEED=" + std::to_string(seed_)};
  Scratch scratch_;
  Bytes bytes_{"mathcoder"};
  std::unique_ptr<TokenCache> cache_;
  std::vector<std::uint32_t> all_;
};

TEST_F(Exported, TokensAndLabelsOfEveryExample) {
  const std::vector<Json> torchtune = Run(ExportForm::kTorchtune);
  const std::vector<Json> axolotl = Run(ExportForm::kAxolotlTokens);
  for (const std::uint32_t i : all_) {
    const Example example = cache_->example(i);
    EXPECT_EQ(torchtune[i]["tokens"].get<std::vector<int>>(), example.ids);
    EXPECT_EQ(axolotl[i]["input_ids"].get<std::vector<int>>(), example.ids);
    EXPECT_EQ(torchtune[i]["labels"], axolotl[i]["labels"]);
    for (std::size_t t = 0; t < example.ids.size(); ++t) {
      EXPECT_EQ(axolotl[i]["labels"][t], example.weights[t] > 0 ? example.ids[t] : -100);
      EXPECT_EQ(torchtune[i]["mask"][t], example.weights[t] == 0);
      EXPECT_EQ(axolotl[i]["attention_mask"][t], 1);
    }
    EXPECT_EQ(axolotl[i].size(), 3U) << "axolotl wants these columns and no other";
  }
}

TEST_F(Exported, SegmentsAreTheWholeText) {
  const std::vector<Json> records = Run(ExportForm::kAxolotlSegments);
  for (const std::uint32_t i : all_) {
    const Example example = cache_->example(i);
    std::string text;
    std::string learned;
    for (std::size_t t = 0; t < example.ids.size(); ++t) {
      text += bytes_.tokenizer->Piece(example.ids[t]);
      if (example.weights[t] > 0) learned += bytes_.tokenizer->Piece(example.ids[t]);
    }
    std::string joined;
    std::string labelled;
    for (const Json& segment : records[i]["segments"]) {
      joined += segment["text"];
      if (segment["label"].get<bool>()) labelled += segment["text"];
    }
    EXPECT_EQ(joined, text);
    EXPECT_EQ(labelled, learned);
  }
}

TEST_F(Exported, MessagesCallATool) {
  const Json record = Run(ExportForm::kMessages).back();
  Json expected = Json::parse(R"json([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How many?"},
    {"role": "assistant", "content": "Let me see.", "tool_calls": [{"id": "call_1", "type": "function",
      "function": {"name": "python", "arguments": "{\"code\":\"print(1/3)\"}"}}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "0.333333"}, {"role": "assistant", "content": ""}])json");
  expected.back()["content"] = Json::parse(kRecord)["messages"][1]["content"][3]["content"];
  EXPECT_EQ(record["messages"], expected);
  EXPECT_EQ(record["tools"][0]["function"]["name"], "python");
}

TEST_F(Exported, AChangedFileIsNoticed) {
  testing::WriteAll(scratch_ / "b.jsonl", "\n");
  EXPECT_THAT(ErrorOf([&] { Run(ExportForm::kMessages); }), HasSubstr("b.jsonl:2: the file changed since it was tokenised"));
}

TEST(Export, WeightsThatAFormCannotSayAreRefused) {
  const Bytes bytes("mathcoder");
  ExampleOptions options;
  options.mask.of(chat::TokenRole::kCode) = 0.5F;
  for (const ExportForm form : {ExportForm::kTorchtune, ExportForm::kAxolotlTokens, ExportForm::kAxolotlSegments}) {
    const auto record = ExportExample(ExampleOf(bytes, options), *bytes.tokenizer, form);
    ASSERT_FALSE(record.ok());
    EXPECT_THAT(record.error(), HasSubstr("a.jsonl:1: a token has the loss weight 0.5"));
    EXPECT_EQ(ExportFormFromName(Name(form)), form);
  }
  EXPECT_FALSE(ExportFormFromName("alpaca"));
}

TEST(MaskView, PlainMarks) {
  const Bytes bytes("mathcoder");
  const std::string shown = ShowMask(ExampleOf(bytes), *bytes.tokenizer, /*colours=*/false);
  EXPECT_EQ(shown.substr(0, shown.find('\n')), "a.jsonl:1: 130 tokens, 48 learned");
  EXPECT_THAT(shown, HasSubstr("  execution   10 tokens, not learned\n"));
  EXPECT_THAT(
      shown,
      HasSubstr("\n+ code, 12 tokens, weight 1\n+ | <|code|>print(1/3)<|endofblock|>\n"
                "- execution, 10 tokens\n- | <|execution|>0.333333<|endofblock|>\n"
                "+ text, 23 tokens, weight 1\n+ | <|text|>A third.\n+ | \\x1b[31mRed\\x9b.<|endofblock|><|endofmessage|>\n"));
  EXPECT_EQ(shown.find('\033'), std::string::npos);
}

// Without its colours the view is the text; what is learned is bright, what is not is dim.
TEST(MaskView, Colours) {
  const Bytes bytes("qwen-math");
  const std::string shown = ShowMask(ExampleOf(bytes), *bytes.tokenizer, /*colours=*/true);
  const std::string body = shown.substr(shown.find("\033[2;37m", shown.find("execution")));
  std::string text;
  std::string bright;
  bool learned = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\033') {
      const std::string code = body.substr(i, body.find('m', i) - i + 1);
      if (code.starts_with("\033[1;")) learned = true;
      if (code.starts_with("\033[2;")) learned = false;
      i += code.size() - 1;
      continue;
    }
    text += body[i];
    if (learned) bright += body[i];
  }
  EXPECT_THAT(
      text,
      HasSubstr(
          "<|im_start|>assistant\nLet me see.\n```python\nprint(1/3)\n```\n```output\n0.333333\n```\nA third.\n\\x1b[31mRed"));
  EXPECT_EQ(bright, "Let me see.\n```python\nprint(1/3)\n```\nA third.\n\\x1b[31mRed\\x9b.\n<|im_end|>\n");
}

TEST(MaskView, ColoursOnlyOnATerminalThatWantsThem) {
  std::FILE* file = std::tmpfile();
  EXPECT_FALSE(UseColours(MaskColours::kAuto, file));
  EXPECT_TRUE(UseColours(MaskColours::kAlways, file));
  PrintMask(ExampleOf(Bytes("mathcoder")), *Bytes("mathcoder").tokenizer, MaskColours::kAuto, file);
  EXPECT_GT(std::ftell(file), 500);
  std::fclose(file);
  std::FILE* terminal = std::fopen("/dev/ptmx", "r+");
  if (terminal == nullptr) GTEST_SKIP() << "no pseudo-terminal here";
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("NO_COLOR");
  EXPECT_TRUE(UseColours(MaskColours::kAuto, terminal));
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(UseColours(MaskColours::kAuto, terminal));
  ::unsetenv("NO_COLOR");
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(UseColours(MaskColours::kAuto, terminal));
  std::fclose(terminal);
}

TEST_F(Exported, SummaryAddsUp) {
  const PackOptions pack{.length = 2048, .repeats = {1, 2}};
  const Split split = MakeSplit(*cache_, {.count = 5});
  const DataSummary summary = Summarise(*cache_, split, pack, 4);
  std::uint64_t tokens = 0;
  std::uint64_t learned = 0;
  std::uint64_t by_file = 0;
  for (const std::uint32_t i : split.train) tokens += cache_->length(i), learned += cache_->loss_tokens(i);
  for (const auto& file : summary.files) by_file += file.tokens;
  EXPECT_EQ(std::accumulate(summary.tokens_by_role.begin(), summary.tokens_by_role.end(), std::uint64_t{0}), tokens);
  EXPECT_EQ(std::accumulate(summary.learned_by_role.begin(), summary.learned_by_role.end(), std::uint64_t{0}), learned);
  EXPECT_EQ(by_file, tokens);
  EXPECT_EQ(summary.held_out_examples, split.held_out.size());
  EXPECT_EQ(summary.steps_per_epoch, (summary.epoch.rows + 3) / 4);
  EXPECT_FALSE(summary.first_row.empty());
  const std::string text = ToText(summary);
  EXPECT_THAT(text, HasSubstr("2 times an epoch"));
  EXPECT_THAT(text, HasSubstr("41 records: " + std::to_string(split.train.size()) + " to train on"));
  EXPECT_EQ(ToJson(summary)["rows"], summary.epoch.rows);
}

}  // namespace
}  // namespace mathcoder::train
