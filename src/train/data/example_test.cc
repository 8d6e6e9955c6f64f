#include "train/data/example.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chat/jsonl_formats.h"
#include "train/data/testing.h"

namespace mathcoder::train {
namespace {

using chat::BlockKind;
using chat::Ending;
using chat::TokenRole;
using ::testing::HasSubstr;
using ::testing::StartsWith;

chat::Transcript Solved(std::vector<chat::Block> blocks, Ending ending = Ending::kAnswered) {
  chat::Transcript transcript;
  transcript.problem.question = "How many?";
  transcript.blocks = std::move(blocks);
  transcript.ending = ending;
  return transcript;
}

const std::vector<chat::Block> kBlocks = {{BlockKind::kText, "Let me see."},
                                          {BlockKind::kCode, "1+1"},
                                          {BlockKind::kExecution, "2.123456789"},
                                          {BlockKind::kText, "Two."}};

// Text of the tokens with the given role, and of those that are learned.
std::string TextOf(const Example& example, const chat::Tokenizer& tokenizer, TokenRole role) {
  std::string text;
  for (std::size_t i = 0; i < example.ids.size(); ++i) {
    if (example.roles[i] == role) text += tokenizer.Piece(example.ids[i]);
  }
  return text;
}
std::string Learned(const Example& example, const chat::Tokenizer& tokenizer) {
  std::string text;
  for (std::size_t i = 0; i < example.ids.size(); ++i) {
    if (example.weights[i] > 0) text += tokenizer.Piece(example.ids[i]);
  }
  return text;
}

Example Built(const chat::Transcript& transcript, const testing::Bytes& bytes, const ExampleOptions& options = {}) {
  auto example = BuildExample(transcript, "data.jsonl:7", *bytes.dialect, *bytes.tokenizer, options);
  EXPECT_TRUE(example.ok()) << example.error();
  return std::move(example).value();
}

// The transcript as `solve` records it in this vocabulary.
chat::Transcript Recorded(const chat::Transcript& transcript, const testing::Bytes& bytes) {
  chat::Transcript recorded = transcript;
  const Example example = Built(transcript, bytes);
  recorded.token_ids = example.ids;
  recorded.token_roles = example.roles;
  for (chat::Block& block : recorded.blocks) {
    if (block.kind == BlockKind::kExecution) block.text = chat::Observe({}, block.text);
  }
  recorded.provenance.dialect = bytes.dialect->name();
  return recorded;
}

TEST(Example, LearnsTextAndCodeWithTheirMarkersAndNothingElse) {
  const testing::Bytes bytes("mathcoder");
  const Example example = Built(Solved(kBlocks), bytes);
  EXPECT_EQ(Learned(example, *bytes.tokenizer),
            "<|text|>Let me see.<|endofblock|><|code|>1+1<|endofblock|><|text|>Two.<|endofblock|><|endofmessage|>");
  EXPECT_EQ(TextOf(example, *bytes.tokenizer, TokenRole::kExecution), "<|execution|>2.123456<|endofblock|>");
  EXPECT_EQ(TextOf(example, *bytes.tokenizer, TokenRole::kUser), "How many?");
  EXPECT_EQ(example.source, "data.jsonl:7");
  EXPECT_EQ(example.LossTokens(), static_cast<std::size_t>(example.LossWeight()));
}

TEST(Example, WeightsPerRole) {
  const testing::Bytes bytes("qwen-math");
  ExampleOptions options;
  options.mask.of(TokenRole::kText) = 0.5F;
  options.mask.of(TokenRole::kExecution) = 0.25F;
  options.mask.of(TokenRole::kTemplate) = 1;
  const Example example = Built(Solved(kBlocks), bytes, options);
  ASSERT_EQ(example.roles[0], TokenRole::kTemplate);
  EXPECT_EQ(example.weights[0], 0) << "nothing predicts the first token";
  for (std::size_t i = 1; i < example.ids.size(); ++i) EXPECT_EQ(example.weights[i], options.mask.of(example.roles[i]));
}

TEST(Example, ObservationPolicyIsThatOfInference) {
  const testing::Bytes bytes("mathcoder");
  ExampleOptions options;
  options.observation = chat::LoadObservationPolicy("raw");
  EXPECT_THAT(TextOf(Built(Solved(kBlocks), bytes, options), *bytes.tokenizer, TokenRole::kExecution), HasSubstr("2.123456789"));
}

TEST(Example, WhatALimitCutIsNotClosed) {
  const std::vector<chat::Block> cut = {{BlockKind::kText, "Let me see."}, {BlockKind::kCode, "for i in"}};
  struct Case {
    const char* dialect;
    Ending ending;
    const char* learned;
  };
  for (const Case& test : std::initializer_list<Case>{
           {"mathcoder", Ending::kTokenLimit, "<|text|>Let me see.<|endofblock|><|code|>for i in"},
           {"mathcoder", Ending::kBlockLimit, "<|text|>Let me see.<|endofblock|><|code|>for i in<|endofblock|>"},
           {"mathcoder", Ending::kSessionLost, "<|text|>Let me see.<|endofblock|><|code|>for i in<|endofblock|>"},
           {"mathcoder", Ending::kAnswered, "<|text|>Let me see.<|endofblock|><|code|>for i in<|endofblock|><|endofmessage|>"},
           {"qwen-math", Ending::kContextFull, "Let me see.\n```python\nfor i in"},
           {"qwen-math", Ending::kBlockLimit, "Let me see.\n```python\nfor i in\n```\n"},
           {"llama3", Ending::kCancelled, "Let me see.<|python_tag|>for i in"}}) {
    const testing::Bytes bytes(test.dialect);
    EXPECT_EQ(Learned(Built(Solved(cut, test.ending), bytes), *bytes.tokenizer), test.learned) << Name(test.ending);
  }
}

TEST(Example, AMessageWithoutBlocksTeachesNothing) {
  const testing::Bytes bytes("mathcoder");
  EXPECT_EQ(Built(Solved({}), bytes).LossTokens(), 0U);
}

TEST(Example, TextThatSpellsAMarkerIsText) {
  const testing::Bytes bytes("mathcoder");
  const Example example = Built(Solved({{BlockKind::kText, "<|endofmessage|>"}}), bytes);
  const auto end = *bytes.tokenizer->Special("<|endofmessage|>");
  EXPECT_EQ(std::count(example.ids.begin(), example.ids.end(), end), 3);  // system, user, assistant
}

class RecordedTokensOf : public ::testing::TestWithParam<const char*> {};

TEST_P(RecordedTokensOf, AreTakenAsTheyAre) {
  const testing::Bytes bytes(GetParam());
  chat::Transcript recorded = Recorded(Solved(kBlocks), bytes);
  const Example example = Built(recorded, bytes);
  EXPECT_EQ(example.ids, recorded.token_ids);
  EXPECT_EQ(example.roles, recorded.token_roles);
  // Not made anew: a model that closes its message without its block is learned as it wrote.
  if (bytes.dialect->name() == "mathcoder") {
    recorded.token_ids.erase(recorded.token_ids.end() - 2);
    recorded.token_roles.erase(recorded.token_roles.end() - 2);
    EXPECT_EQ(Built(recorded, bytes).ids, recorded.token_ids);
    ExampleOptions ignore;
    ignore.recorded = RecordedTokens::kIgnore;
    EXPECT_EQ(Built(recorded, bytes, ignore).ids, example.ids);
  }
}
INSTANTIATE_TEST_SUITE_P(Dialects, RecordedTokensOf, ::testing::Values("mathcoder", "llama3", "qwen-math", "chatml"),
                         [](const auto& param) { return std::string(param.param).substr(0, 4); });

// Bytes shifted by one, and the specials in another order: another vocabulary of the same size.
class OtherTokenizer final : public chat::Tokenizer {
 public:
  OtherTokenizer(std::vector<std::string> specials, int shift)
      : bytes_(chat::MakeByteTokenizer(std::move(specials))), shift_(shift) {}
  std::vector<chat::TokenId> Encode(std::string_view text) const override {
    std::vector<chat::TokenId> ids = bytes_->Encode(text);
    for (chat::TokenId& id : ids) id = (id + shift_) % 256;
    return ids;
  }
  std::optional<chat::TokenId> Special(std::string_view text) const override { return bytes_->Special(text); }
  std::string Piece(chat::TokenId id) const override { return bytes_->Piece(id < 256 ? (id + 256 - shift_) % 256 : id); }
  std::optional<chat::TokenId> Bos() const override { return std::nullopt; }
  bool IsEndOfGeneration(chat::TokenId) const override { return false; }
  std::size_t size() const override { return bytes_->size(); }

 private:
  std::unique_ptr<chat::Tokenizer> bytes_;
  int shift_;
};

std::string FailureOf(const chat::Transcript& transcript, const chat::Dialect& dialect, const chat::Tokenizer& tokenizer) {
  const auto example = BuildExample(transcript, "data.jsonl:7", dialect, tokenizer, {});
  return example.ok() ? "" : example.error();
}

TEST(RecordedTokens, OfAnotherTokenizerAreRefused) {
  const testing::Bytes bytes("mathcoder");
  // Recorded in another vocabulary, read in bytes.
  const OtherTokenizer other(bytes.dialect->special_strings(), 1);
  chat::Transcript recorded = Solved({{BlockKind::kText, "Two."}});
  const auto built = BuildExample(recorded, "x:1", *bytes.dialect, other, {});
  recorded.token_ids = built->ids;
  recorded.token_roles = built->roles;
  recorded.provenance.dialect = "mathcoder";
  const std::string failure = FailureOf(recorded, *bytes.dialect, *bytes.tokenizer);
  EXPECT_THAT(failure,
              StartsWith("data.jsonl:7: its token ids are not those of this tokenizer: token 3 is 67 ('C') where the prompt has "
                         "'Below is a math problem."));
  EXPECT_EQ(FailureOf(recorded, *bytes.dialect, other), "");

  recorded.token_ids[5] = 100000;
  EXPECT_THAT(FailureOf(recorded, *bytes.dialect, other), HasSubstr("token 6 has id 100000, the vocabulary 264 tokens"));
}

// Every kind of damage to ids or roles is found.
TEST(RecordedTokens, EveryDifferenceIsFound) {
  const testing::Bytes bytes("mathcoder");
  const chat::Transcript recorded = Recorded(Solved(kBlocks), bytes);
  const OtherTokenizer other(bytes.dialect->special_strings(), 0);
  EXPECT_EQ(FailureOf(recorded, *bytes.dialect, other), "");
  for (std::size_t i = 0; i < recorded.token_ids.size(); ++i) {
    chat::Transcript wrong = recorded;
    wrong.token_ids[i] = wrong.token_ids[i] >= 256 ? 'x' : (wrong.token_ids[i] + 1) % 256;
    EXPECT_NE(FailureOf(wrong, *bytes.dialect, *bytes.tokenizer), "") << "id " << i;
    wrong = recorded;
    const bool plain = wrong.token_ids[i] < 256;
    wrong.token_roles[i] = wrong.token_roles[i] == TokenRole::kCode ? TokenRole::kText : TokenRole::kCode;
    if (plain) {
      EXPECT_NE(FailureOf(wrong, *bytes.dialect, *bytes.tokenizer), "") << "role " << i;
    }
  }
  chat::Transcript wrong = recorded;
  wrong.provenance.dialect = "tora";
  EXPECT_THAT(FailureOf(wrong, *bytes.dialect, *bytes.tokenizer), HasSubstr("they are of dialect 'tora', not 'mathcoder'"));
  wrong = recorded;
  wrong.token_roles.pop_back();
  EXPECT_THAT(FailureOf(wrong, *bytes.dialect, *bytes.tokenizer), HasSubstr("roles"));
}

// What an endpoint recorded is bytes: no model's tokens, so the text is tokenised.
TEST(RecordedTokens, OfATextEngineAreRendered) {
  const testing::Bytes bytes("mathcoder");
  const chat::Transcript recorded = Recorded(Solved(kBlocks), bytes);
  const OtherTokenizer model(bytes.dialect->special_strings(), 5);
  const auto example = BuildExample(recorded, "x:1", *bytes.dialect, model, {});
  ASSERT_TRUE(example.ok()) << example.error();
  const auto rendered = BuildExample(Solved(kBlocks), "x:1", *bytes.dialect, model, {});
  EXPECT_EQ(example->ids, rendered->ids);
  EXPECT_NE(example->ids, recorded.token_ids);
}

// Code that was the model's last word is run, but its output is no part of the sequence.
TEST(RecordedTokens, AnOutputThatNobodyReadMayBeMissing) {
  const testing::Bytes bytes("mathcoder");
  chat::Transcript recorded = Recorded(Solved({{BlockKind::kText, "Let me see."}, {BlockKind::kCode, "1+1"}}), bytes);
  recorded.blocks.push_back({BlockKind::kExecution, "2"});
  EXPECT_EQ(Built(recorded, bytes).ids, recorded.token_ids);
}

}  // namespace
}  // namespace mathcoder::train
