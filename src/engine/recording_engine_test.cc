#include "engine/recording_engine.h"

#include <atomic>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "chat/dialect.h"
#include "gtest/gtest.h"

namespace mathcoder::engine {
namespace {

using chat::Block;
using chat::BlockKind;

chat::Transcript Recorded(std::vector<Block> blocks) {
  chat::Transcript transcript;
  transcript.blocks = std::move(blocks);
  return transcript;
}

const std::vector<Block> kBlocks = {{BlockKind::kText, "Let us count.\nÄ 1"},
                                    {BlockKind::kCode, "x = 6 * 7\nx"},
                                    {BlockKind::kExecution, "42"},
                                    {BlockKind::kText, "It is \\boxed{42}."}};

// Waits for one Generate.
GenerateResult GenerateOnce(Engine& engine, SequenceId sequence, GenerateOptions options,
                            std::vector<TokenId>* streamed = nullptr) {
  std::promise<GenerateResult> done;
  GenerateCallbacks callbacks;
  if (streamed != nullptr) {
    callbacks.on_tokens = [streamed](std::span<const TokenId> tokens) {
      streamed->insert(streamed->end(), tokens.begin(), tokens.end());
    };
  }
  callbacks.on_done = [&done](GenerateResult result) { done.set_value(std::move(result)); };
  engine.Generate(sequence, std::move(options), std::move(callbacks));
  return done.get_future().get();
}

std::string Text(const Engine& engine, const std::vector<TokenId>& tokens) {
  std::string text;
  for (const TokenId token : tokens) text += engine.tokenizer().Piece(token);
  return text;
}

class RecordingTest : public testing::Test {
 protected:
  void Start(const std::string& dialect, std::vector<Block> blocks) {
    recording_ = Recorded(std::move(blocks));
    dialect_ = chat::LoadDialect(dialect);
    engine_ = OpenRecording(dialect_);
    sequence_ = engine_->Open({.recording = &recording_});
    engine_->Append(sequence_, engine_->tokenizer().Encode("the prompt"));
  }
  GenerateOptions Options(std::size_t max_tokens = 100000) const {
    return {.max_tokens = max_tokens, .stop = dialect_->Stops(engine_->tokenizer())};
  }
  std::string Next(std::size_t max_tokens = 100000) {
    last_ = GenerateOnce(*engine_, sequence_, Options(max_tokens));
    return Text(*engine_, last_.tokens);
  }

  chat::Transcript recording_;
  std::shared_ptr<const chat::Dialect> dialect_;
  std::unique_ptr<Engine> engine_;
  SequenceId sequence_ = 0;
  GenerateResult last_;
};

TEST_F(RecordingTest, SpeaksBlockByBlockAndSkipsExecutions) {
  Start("mathcoder", kBlocks);
  EXPECT_EQ(Next(), "<|text|>Let us count.\nÄ 1<|endofblock|>");
  EXPECT_EQ(last_.reason, StopReason::kStopToken);
  EXPECT_EQ(Next(), "<|code|>x = 6 * 7\nx<|endofblock|>");
  engine_->Append(sequence_, engine_->tokenizer().Encode("whatever was really printed"));
  EXPECT_EQ(Next(), "<|text|>It is \\boxed{42}.<|endofblock|>");
  EXPECT_EQ(Next(), "<|endofmessage|>");
  EXPECT_EQ(last_.reason, StopReason::kStopToken);
  EXPECT_EQ(Next(), "");
  EXPECT_EQ(last_.reason, StopReason::kEndOfGeneration);
}

TEST_F(RecordingTest, StopsWhereAFenceCloses) {
  Start("tora", kBlocks);
  EXPECT_EQ(Next(), "Let us count.\nÄ 1\n```python\nx = 6 * 7\nx\n```\n");
  EXPECT_EQ(last_.reason, StopReason::kStopString);
  EXPECT_EQ(Next().substr(0, 17), "It is \\boxed{42}.");
}

TEST_F(RecordingTest, StreamsExactlyTheKeptTokensAndHoldsThem) {
  Start("mathcoder", {{BlockKind::kText, std::string(5000, 'a')}});
  std::vector<TokenId> streamed;
  const GenerateResult result = GenerateOnce(*engine_, sequence_, Options(), &streamed);
  EXPECT_EQ(streamed, result.tokens);
  EXPECT_EQ(result.tokens.size(), 5002u);
  EXPECT_EQ(result.prefilled_tokens, 0u);
  EXPECT_TRUE(result.residual.empty());
  EXPECT_EQ(Text(*engine_, engine_->Tokens(sequence_)), "the prompt<|text|>" + std::string(5000, 'a') + "<|endofblock|>");
  EXPECT_EQ(engine_->stats().decoded_tokens, 5002u);
}

TEST_F(RecordingTest, MaxTokensCutsAndTheNextContinues) {
  Start("mathcoder", kBlocks);
  EXPECT_EQ(Next(4), "<|text|>Let");
  EXPECT_EQ(last_.reason, StopReason::kMaxTokens);
  EXPECT_EQ(Next(0), "");
  EXPECT_EQ(last_.reason, StopReason::kMaxTokens);
  EXPECT_EQ(Next(), " us count.\nÄ 1<|endofblock|>");
}

TEST_F(RecordingTest, RollBackPlaysAgainWhatWasCut) {
  Start("mathcoder", kBlocks);
  Next(4);
  const std::size_t length = engine_->Tokens(sequence_).size();
  Next();
  Next();
  engine_->RollBack(sequence_, length + 3);
  EXPECT_EQ(Next(), " count.\nÄ 1<|endofblock|>" + std::string());
  engine_->RollBack(sequence_, 10);  // the prompt alone
  EXPECT_EQ(Next(), "<|text|>Let us count.\nÄ 1<|endofblock|>");
  engine_->Append(sequence_, engine_->tokenizer().Encode("appended"));
  const std::size_t end = engine_->Tokens(sequence_).size();
  engine_->RollBack(sequence_, end - 4);  // of what was appended: nothing to play again
  EXPECT_EQ(Next(), "<|code|>x = 6 * 7\nx<|endofblock|>");
}

TEST_F(RecordingTest, AForkContinuesWhereItsSourceStands) {
  Start("mathcoder", kBlocks);
  Next();
  const SequenceId fork = engine_->Fork(sequence_, {.recording = &recording_});
  const SequenceId same = engine_->Fork(sequence_, {});
  EXPECT_EQ(engine_->Tokens(fork), engine_->Tokens(sequence_));
  for (const SequenceId id : {fork, same, sequence_}) {
    EXPECT_EQ(Text(*engine_, GenerateOnce(*engine_, id, Options()).tokens), "<|code|>x = 6 * 7\nx<|endofblock|>");
  }
  const chat::Transcript other = Recorded({{BlockKind::kText, "another"}});
  const SequenceId fresh = engine_->Fork(sequence_, {.recording = &other});
  EXPECT_EQ(Text(*engine_, GenerateOnce(*engine_, fresh, Options()).tokens), "<|text|>another<|endofblock|>");
  engine_->Close(fresh);
}

TEST_F(RecordingTest, CancelEndsARunningGenerationAndKeepsItsTokens) {
  Start("mathcoder", {{BlockKind::kText, std::string(100000, 'a')}});
  std::promise<void> began;
  std::promise<void> go_on;
  std::promise<GenerateResult> done;
  GenerateCallbacks callbacks;
  bool first = true;
  callbacks.on_tokens = [&](std::span<const TokenId>) {
    if (!std::exchange(first, false)) return;
    began.set_value();
    go_on.get_future().wait();
  };
  callbacks.on_done = [&](GenerateResult result) { done.set_value(std::move(result)); };
  engine_->Generate(sequence_, Options(), std::move(callbacks));
  began.get_future().wait();
  engine_->Cancel(sequence_);
  go_on.set_value();
  const GenerateResult result = done.get_future().get();
  EXPECT_EQ(result.reason, StopReason::kCancelled);
  EXPECT_GT(result.tokens.size(), 0u);
  EXPECT_LT(result.tokens.size(), 100000u);
  EXPECT_EQ(engine_->Tokens(sequence_).size(), 10 + result.tokens.size());
  // The rest is still there to be said.
  EXPECT_EQ(Next().size(), 8 + 100000 + 14 - Text(*engine_, result.tokens).size());
}

TEST_F(RecordingTest, CloseAndDestructionFinishWhatWaits) {
  Start("mathcoder", kBlocks);
  std::vector<SequenceId> open;
  std::atomic<int> done{0};
  for (int i = 0; i < 50; ++i) {
    open.push_back(engine_->Open({.recording = &recording_}));
    engine_->Append(open.back(), engine_->tokenizer().Encode("p"));
    engine_->Generate(open.back(), Options(), {.on_done = [&done](GenerateResult) { ++done; }});
  }
  for (int i = 0; i < 25; ++i) engine_->Close(open[static_cast<std::size_t>(i)]);
  EXPECT_GE(done.load(), 25);
  engine_.reset();
  EXPECT_EQ(done.load(), 50);
}

TEST_F(RecordingTest, ASequenceWithoutRecordingFails) {
  Start("mathcoder", kBlocks);
  const SequenceId bare = engine_->Open({});
  engine_->Append(bare, engine_->tokenizer().Encode("p"));
  const GenerateResult result = GenerateOnce(*engine_, bare, Options());
  EXPECT_EQ(result.reason, StopReason::kFailed);
  EXPECT_NE(result.error.find("recording"), std::string::npos);
}

}  // namespace
}  // namespace mathcoder::engine
