// The mask on all published transcripts: every token of every record against the oracle's bytes and roles.
#include <gtest/gtest.h>

#include <cstdio>

#include "base/jsonl.h"
#include "chat/jsonl_formats.h"
#include "engine/llama_model.h"
#include "train/data/mask_oracle.h"
#include "train/data/testing.h"

namespace mathcoder::train {
namespace {

using chat::TokenRole;
using testing::OracleByte;

struct Totals {
  std::size_t records = 0, tokens = 0, learned = 0;
};

// Empty where the example is exactly what the oracle says; else the first difference.
std::string Difference(const Example& example, const std::vector<OracleByte>& bytes, const chat::Tokenizer& tokenizer) {
  const auto at = [&](std::size_t token) { return "token " + std::to_string(token + 1); };
  std::size_t token = 0;
  if (const auto bos = tokenizer.Bos()) {
    if (example.ids.empty() || example.ids[0] != *bos || example.roles[0] != TokenRole::kTemplate) return "no BOS";
    token = 1;
  }
  std::size_t position = 0;
  for (; token < example.ids.size(); ++token) {
    const std::string piece = tokenizer.Piece(example.ids[token]);
    if (piece.empty()) return at(token) + " is nothing";
    if (position + piece.size() > bytes.size()) return at(token) + " goes beyond the text";
    const bool control = tokenizer.Special(piece) == example.ids[token];
    if (control != (bytes[position].control >= 0)) return at(token) + " '" + piece + "' is a control token or is none";
    for (std::size_t i = 0; i < piece.size(); ++i) {
      const OracleByte& byte = bytes[position + i];
      if (byte.byte != piece[i]) return at(token) + " '" + piece + "' is another text";
      if (control && byte.control != bytes[position].control) return at(token) + " is over the border of a control token";
    }
    if (control && position + piece.size() < bytes.size() && bytes[position + piece.size()].control == bytes[position].control)
      return at(token) + " is part of a control token";
    if (example.roles[token] != bytes[position].role) return at(token) + " '" + piece + "' has another role";
    const bool learned = bytes[position].role == TokenRole::kText || bytes[position].role == TokenRole::kCode;
    if (example.weights[token] != (learned ? 1.0F : 0.0F)) return at(token) + " '" + piece + "' has another weight";
    position += piece.size();
  }
  return position == bytes.size() ? "" : "the text goes on after the last token";
}

void CheckAll(const chat::Dialect& dialect, const chat::Tokenizer& tokenizer, const testing::OracleForm& form, Totals* totals) {
  testing::Oracle oracle(form);
  for (const DataFile& file : testing::SharedTranscripts()) {
    base::JsonLines lines(file.path);
    while (auto json = lines.Next()) {
      ASSERT_TRUE(json->ok());
      const auto transcript = chat::ReadTranscript(**json);
      ASSERT_TRUE(transcript.ok()) << lines.Where() << transcript.error();
      const auto example = BuildExample(*transcript, lines.Where(), dialect, tokenizer, {});
      ASSERT_TRUE(example.ok()) << example.error();
      const std::string difference = Difference(*example, oracle.Of(**json), tokenizer);
      ASSERT_EQ(difference, "") << lines.Where();
      ++totals->records;
      totals->tokens += example->ids.size();
      totals->learned += example->LossTokens();
    }
  }
  std::printf("%zu transcripts, %zu tokens, %zu (%.1f%%) learned\n", totals->records, totals->tokens, totals->learned,
              100.0 * static_cast<double>(totals->learned) / static_cast<double>(totals->tokens));
}

struct DialectForm {
  const char* name;
  testing::OracleForm (*form)();
};

class MaskOfAllTranscripts : public ::testing::TestWithParam<DialectForm> {};

TEST_P(MaskOfAllTranscripts, IsExactInBytes) {
  if (testing::SharedTranscripts().empty()) GTEST_SKIP() << "no " << testing::SharedDir() / "transcripts";
  const testing::Bytes bytes(GetParam().name);
  Totals totals;
  CheckAll(*bytes.dialect, *bytes.tokenizer, GetParam().form(), &totals);
  EXPECT_EQ(totals.records, 5808U);
}

INSTANTIATE_TEST_SUITE_P(Dialects, MaskOfAllTranscripts,
                         ::testing::Values(DialectForm{"mathcoder", testing::MathCoderForm},
                                           DialectForm{"llama3", testing::Llama3Form}, DialectForm{"qwen-math", testing::QwenForm}),
                         [](const auto& param) { return std::string(param.param.name).substr(0, 4); });

TEST(MaskOfAllTranscriptsModel, IsExactInTheDefaultModelsTokens) {
  if (testing::SharedTranscripts().empty()) GTEST_SKIP() << "no " << testing::SharedDir() / "transcripts";
  engine::LlamaOptions options;
  options.model = std::filesystem::path(MATHCODER_SOURCE_DIR) / "models/mathematics-7m-f16.gguf";
  options.gpu_layers = 0;
  const engine::LlamaModel model(options);
  Totals totals;
  CheckAll(*chat::LoadDialect("mathcoder"), model.tokenizer(), testing::MathCoderForm(), &totals);
  EXPECT_EQ(totals.records, 5808U);
}

// The oracle sees what it should: a mask that is wrong in one token is found.
TEST(MaskOracle, FindsOneWrongToken) {
  const testing::Bytes bytes("mathcoder");
  const base::Json record = base::Json::parse(R"({"messages": [{"role": "system", "content": [{"type": "text", "content": "s"}]},
    {"role": "user", "content": [{"type": "text", "content": "q"}]}], "debug_result": [{"role": "text", "content": "t <|code|>"},
    {"role": "code", "content": "c"}, {"role": "execution", "content": "0.12345678"}, {"role": "text", "content": "e"},
    {"role": "text", "content": "9"}], "completion": "9"})");
  const auto built = BuildExample(*chat::ReadTranscript(record), "x:1", *bytes.dialect, *bytes.tokenizer, {});
  ASSERT_TRUE(built.ok());
  const std::vector<OracleByte> expected = testing::Oracle(testing::MathCoderForm()).Of(record);
  EXPECT_EQ(Difference(*built, expected, *bytes.tokenizer), "");
  for (std::size_t i = 0; i < built->ids.size(); ++i) {
    Example wrong = *built;
    wrong.roles[i] = wrong.roles[i] == TokenRole::kCode ? TokenRole::kText : TokenRole::kCode;
    EXPECT_NE(Difference(wrong, expected, *bytes.tokenizer), "") << i;
    wrong = *built;
    wrong.weights[i] = 0.5F;
    EXPECT_NE(Difference(wrong, expected, *bytes.tokenizer), "") << i;
    wrong = *built;
    wrong.ids[i] = (wrong.ids[i] + 1) % 256;
    EXPECT_NE(Difference(wrong, expected, *bytes.tokenizer), "") << i;
  }
}

}  // namespace
}  // namespace mathcoder::train
