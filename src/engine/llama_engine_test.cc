// The engine with real models: the repository's own and, where it is there, the fixtures of ../shared.
#include "engine/llama_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "base/file.h"
#include "engine/llama2c_convert.h"
#include "engine/llama_backend.h"
#include "engine/llama_model.h"
#include "engine/llama_test_util.h"

namespace mathcoder::engine {
namespace {

namespace fs = std::filesystem;
using testing::GenerateAndWait;
using testing::RepositoryModel;
using testing::Scratch;
using testing::SharedDir;
using testing::Small;
using testing::TextOf;
using testing::Waiter;

std::vector<TokenId> Prompt(const chat::Tokenizer& tokenizer, const std::string& question) {
  std::vector<TokenId> tokens;
  const auto special = [&](const char* text) { tokens.push_back(tokenizer.Special(text).value()); };
  const auto plain = [&](const std::string& text) {
    const std::vector<TokenId> ids = tokenizer.Encode(text);
    tokens.insert(tokens.end(), ids.begin(), ids.end());
  };
  special("<|system|>");
  special("<|text|>");
  plain("Below is an instruction that describes a task. Write a response that appropriately completes the request.");
  special("<|endofblock|>");
  special("<|endofmessage|>");
  special("<|user|>");
  special("<|text|>");
  plain(question);
  special("<|endofblock|>");
  special("<|endofmessage|>");
  special("<|assistant|>");
  return tokens;
}

GenerateOptions Most(std::size_t n) {
  GenerateOptions options;
  options.max_tokens = n;
  return options;
}

std::vector<std::string> Questions() {
  return {"Let q = 12 - 7. What is the remainder when 173962 is divided by q*319?",
          "Solve 3*x + 5 = 20 for x.",
          "What is the greatest common factor of 84 and 126?",
          "Let f(x) = 3*x**2 - 5. What is f(4)?",
          "Sort 5, -2, 0.3, 11.",
          "Calculate 17*23 - 90."};
}

TEST(LlamaEngine, StoriesAreThoseOfLlama2c) {
  const fs::path folder = SharedDir() / "fixtures/stories260K";
  if (!fs::exists(folder / "stories260K.bin")) GTEST_SKIP() << "no " << folder << "; set MATHCODER_SHARED";
  const Scratch scratch;
  testing::ConvertLlama2c(folder / "stories260K.bin", folder / "tok512.bin", scratch / "stories.gguf");
  std::string expected = base::ReadFile(folder / "expected_greedy_257.txt");
  while (!expected.empty() && expected.back() == '\n') expected.pop_back();
  for (const KvLayout layout : {KvLayout::kShared, KvLayout::kStreams}) {
    LlamaOptions options;
    options.model = scratch / "stories.gguf";
    options.layout = layout;
    options.parallel = 2;
    options.cache_f32 = true;
    const auto engine = OpenLlama(options);
    const SequenceId id = engine->Open({});
    ASSERT_EQ(engine->tokenizer().Bos(), 1);
    const TokenId bos = 1;
    engine->Append(id, std::span(&bos, 1));
    const GenerateResult result = GenerateAndWait(*engine, id, Most(257));
    EXPECT_EQ(result.reason, StopReason::kMaxTokens);
    // SentencePiece writes a space before the first word.
    EXPECT_EQ(TextOf(engine->tokenizer(), result.tokens), " " + expected);
  }
}

TEST(LlamaEngine, TellsWhatItIs) {
  const auto engine = OpenLlama(Small());
  EXPECT_EQ(engine->info().engine.rfind("llama.cpp ", 0), 0U);
  EXPECT_EQ(engine->info().hints.architecture, "llama");
  EXPECT_EQ(engine->info().context_tokens, 256U);
  EXPECT_EQ(engine->info().details["quantisation"], "F16");
  EXPECT_GE(engine->info().details["threads"], 1);
  const SequenceId id = engine->Open({});
  engine->Append(id, Prompt(engine->tokenizer(), Questions()[0]));
  GenerateAndWait(*engine, id, Most(1));
  EXPECT_EQ(engine->ModelSha256(), base::Sha256OfFile(RepositoryModel()));
}

// One life: generate, hand over an output, generate again. What a sequence does without any disturbance.
std::vector<TokenId> Undisturbed(Engine& engine, const std::vector<TokenId>& prompt, const std::vector<TokenId>& output,
                                 const SequenceOptions& how) {
  const SequenceId id = engine.Open(how);
  engine.Append(id, prompt);
  GenerateAndWait(engine, id, Most(20));
  engine.Append(id, output);
  GenerateAndWait(engine, id, Most(20));
  std::vector<TokenId> tokens = engine.Tokens(id);
  engine.Close(id);
  return tokens;
}

struct Mode {
  const char* name;
  KvLayout layout;
  bool deterministic;
  std::uint32_t replicas = 1;
};

class LlamaEngineModes : public ::testing::TestWithParam<Mode> {
 protected:
  LlamaOptions Options() const {
    LlamaOptions options = Small(GetParam().layout);
    options.deterministic = GetParam().deterministic;
    options.replicas = GetParam().replicas;
    return options;
  }
};

TEST_P(LlamaEngineModes, AfterAnOutputOnlyItAndTheLastTokenAreComputed) {
  const auto engine = OpenLlama(Options());
  const chat::Tokenizer& tokenizer = engine->tokenizer();
  const std::vector<TokenId> prompt = Prompt(tokenizer, Questions()[0]);
  const std::vector<TokenId> output = tokenizer.Encode("107\n");
  const SequenceId id = engine->Open({});
  engine->Append(id, prompt);
  const GenerateResult first = GenerateAndWait(*engine, id, Most(20));
  EXPECT_EQ(first.prefilled_tokens, prompt.size());
  engine->Append(id, output);
  const GenerateResult second = GenerateAndWait(*engine, id, Most(5));
  EXPECT_EQ(second.prefilled_tokens, output.size() + 1);
  EXPECT_EQ(second.cached_tokens, prompt.size() + 20 - 1);
}

TEST_P(LlamaEngineModes, ParkedForkedRolledBackAndEvictedSequencesContinueAsIfNothingHadHappened) {
  const auto engine = OpenLlama(Options());
  const chat::Tokenizer& tokenizer = engine->tokenizer();
  const std::vector<TokenId> prompt = Prompt(tokenizer, Questions()[0]);
  const std::vector<TokenId> output = tokenizer.Encode("107\n");
  SequenceOptions how;
  if (GetParam().deterministic) how.sampling = {.temperature = 0.8F, .top_p = 0.95F, .seed = 11};
  const std::vector<TokenId> expected = Undisturbed(*engine, prompt, output, how);

  // Parked while others work.
  const SequenceId parked = engine->Open(how);
  engine->Append(parked, prompt);
  GenerateAndWait(*engine, parked, Most(20));
  for (const std::string& question : Questions()) {
    const SequenceId other = engine->Open({});
    engine->Append(other, Prompt(tokenizer, question));
    GenerateAndWait(*engine, other, Most(10));
    engine->Close(other);
  }
  // Forked from it, with the same way of drawing: the child must be its twin.
  const SequenceId forked = engine->Fork(parked, how);
  engine->Append(parked, output);
  engine->Append(forked, output);
  GenerateAndWait(*engine, parked, Most(20));
  EXPECT_EQ(engine->Tokens(parked), expected);
  GenerateAndWait(*engine, forked, Most(20));
  EXPECT_EQ(engine->Tokens(forked), expected);

  // Rolled back: into the second half, and to before the output.
  engine->RollBack(parked, expected.size() - 7);
  GenerateAndWait(*engine, parked, Most(7));
  EXPECT_EQ(engine->Tokens(parked), expected);
  engine->RollBack(parked, prompt.size() + 20);
  engine->Append(parked, output);
  GenerateAndWait(*engine, parked, Most(20));
  EXPECT_EQ(engine->Tokens(parked), expected);

  // Evicted, by more sequences than there are seats.
  engine->RollBack(forked, prompt.size() + 20);
  const std::uint64_t before = engine->stats().evictions;
  std::vector<SequenceId> crowd;
  for (unsigned i = 0; i < 300 && engine->stats().evictions < before + 8; ++i) {
    crowd.push_back(engine->Open({}));
    engine->Append(crowd.back(), Prompt(tokenizer, "What is " + std::to_string(i) + " + 1?"));
    GenerateAndWait(*engine, crowd.back(), Most(2));
  }
  EXPECT_GT(engine->stats().evictions, before);
  engine->Append(forked, output);
  GenerateAndWait(*engine, forked, Most(20));
  EXPECT_EQ(engine->Tokens(forked), expected);
}

TEST_P(LlamaEngineModes, ManySequencesAtOnceSayWhatEachSaysAlone) {
  const auto engine = OpenLlama(Options());
  const chat::Tokenizer& tokenizer = engine->tokenizer();
  std::vector<std::vector<TokenId>> prompts;
  for (const std::string& question : Questions()) prompts.push_back(Prompt(tokenizer, question));
  std::vector<std::vector<TokenId>> alone;
  for (const auto& prompt : prompts) {
    const SequenceId id = engine->Open({});
    engine->Append(id, prompt);
    alone.push_back(GenerateAndWait(*engine, id, Most(40)).tokens);
    engine->Close(id);
  }
  std::vector<SequenceId> ids;
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (const auto& prompt : prompts) {
    ids.push_back(engine->Open({}));
    engine->Append(ids.back(), prompt);
    waiters.push_back(std::make_unique<Waiter>());
    engine->Generate(ids.back(), Most(40), waiters.back()->Callbacks());
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const GenerateResult result = waiters[i]->Wait();
    EXPECT_EQ(TextOf(tokenizer, result.tokens), TextOf(tokenizer, alone[i])) << i;
    EXPECT_EQ(waiters[i]->streamed(), result.tokens);
    EXPECT_EQ(waiters[i]->ends(), 1);
  }
}

TEST_P(LlamaEngineModes, AGenerationThatWasCancelledAtAnyMomentCanBeDoneAgain) {
  const auto engine = OpenLlama(Options());
  const chat::Tokenizer& tokenizer = engine->tokenizer();
  const std::vector<TokenId> prompt = Prompt(tokenizer, Questions()[0]);
  const SequenceId id = engine->Open({});
  engine->Append(id, prompt);
  const std::vector<TokenId> expected = GenerateAndWait(*engine, id, Most(15)).tokens;
  for (int i = 0; i < 40; ++i) {
    engine->RollBack(id, i % 2 == 0 ? 0 : prompt.size());
    if (i % 2 == 0) engine->Append(id, prompt);
    Waiter waiter;
    engine->Generate(id, Most(15), waiter.Callbacks());
    std::this_thread::sleep_for(std::chrono::microseconds(i * 150));
    engine->Cancel(id);
    const GenerateResult result = waiter.Wait();
    EXPECT_TRUE(std::equal(result.tokens.begin(), result.tokens.end(), expected.begin()));
    engine->RollBack(id, prompt.size());
    ASSERT_EQ(GenerateAndWait(*engine, id, Most(15)).tokens, expected) << i;
  }
}

TEST_P(LlamaEngineModes, CancelAndCloseAtAnyMoment) {
  const char* fixed = std::getenv("MATHCODER_TEST_SEED");
  const unsigned seed = fixed != nullptr ? static_cast<unsigned>(std::atoi(fixed)) : std::random_device()();
  SCOPED_TRACE("MATHCODER_TEST_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  auto engine = OpenLlama(Options());
  const chat::Tokenizer& tokenizer = engine->tokenizer();
  std::vector<std::unique_ptr<Waiter>> waiters;
  std::vector<SequenceId> open;
  for (int i = 0; i < 60; ++i) {
    const SequenceId id = engine->Open({});
    engine->Append(id, Prompt(tokenizer, Questions()[random() % Questions().size()]));
    waiters.push_back(std::make_unique<Waiter>());
    Waiter& waiter = *waiters.back();
    engine->Generate(id, Most(30), waiter.Callbacks());
    if (random() % 2 == 0) waiter.WaitForTokens(random() % 10);
    const unsigned what = random() % 4;
    if (what == 0) engine->Cancel(id);
    if (what <= 1) {
      engine->Close(id);
      EXPECT_EQ(waiter.ends(), 1);  // told before Close returned
    } else {
      open.push_back(id);
    }
  }
  engine->Cancel(open.front());
  engine->Cancel(123456789);
  engine->Close(123456789);
  engine.reset();  // with generations still running
  for (const auto& waiter : waiters) EXPECT_EQ(waiter->ends(), 1);
}

INSTANTIATE_TEST_SUITE_P(Modes, LlamaEngineModes,
                         ::testing::Values(Mode{"shared", KvLayout::kShared, false}, Mode{"streams", KvLayout::kStreams, false},
                                           Mode{"deterministic", KvLayout::kAuto, true},
                                           Mode{"replicas", KvLayout::kStreams, false, 3},
                                           Mode{"deterministic_replicas", KvLayout::kAuto, true, 2}),
                         [](const auto& mode) { return std::string(mode.param.name); });

// Forks of one sequence are spread over the replicas, as long as their tokens do not depend on where they were computed.
TEST(LlamaEngine, ForksGoWhereThereIsRoom) {
  for (const bool deterministic : {false, true}) {
    LlamaOptions options = Small();
    options.parallel = 8;
    options.replicas = 2;
    options.deterministic = deterministic;
    const auto engine = OpenLlama(options);
    EXPECT_EQ(engine->info().details["replicas"], 2);
    EXPECT_EQ(engine->info().details["parallel"], 8);
    const std::vector<TokenId> prompt = Prompt(engine->tokenizer(), Questions()[0]);
    const SequenceId parent = engine->Open({});
    engine->Append(parent, prompt);
    const std::vector<TokenId> expected = GenerateAndWait(*engine, parent, Most(1)).tokens;
    std::size_t elsewhere = 0;
    for (int i = 0; i < 5; ++i) {
      const SequenceId child = engine->Fork(parent, {});
      EXPECT_EQ(engine->Tokens(child), engine->Tokens(parent));
      elsewhere += child % 2 != parent % 2 ? 1 : 0;
      engine->RollBack(child, prompt.size());
      EXPECT_EQ(GenerateAndWait(*engine, child, Most(1)).tokens, expected);
    }
    EXPECT_EQ(elsewhere, deterministic ? 0U : 2U);
    EXPECT_GT(engine->stats().decoded_tokens + engine->stats().prefilled_tokens, prompt.size());
  }
}

// Random lives in a crowd against each alone, bit for bit, with sampling that would show the slightest difference in a logit.
TEST(LlamaEngine, DeterministicModeDoesNotSeeTheOthers) {
  const char* fixed = std::getenv("MATHCODER_TEST_SEED");
  const unsigned seed = fixed != nullptr ? static_cast<unsigned>(std::atoi(fixed)) : std::random_device()();
  SCOPED_TRACE("MATHCODER_TEST_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  LlamaOptions options = Small();
  options.deterministic = true;
  options.parallel = 3;
  options.prefill_chunk = 32;
  options.swap_bytes = random() % 2 == 0 ? 0 : 1 << 20;
  const auto crowd = OpenLlama(options);
  const chat::Tokenizer& tokenizer = crowd->tokenizer();
  struct Life {
    SequenceOptions how;
    std::vector<TokenId> prompt;
    std::vector<std::vector<TokenId>> outputs;
    std::vector<std::size_t> lengths;
    SequenceId id = 0;
    std::size_t turn = 0;
  };
  std::vector<Life> lives(12);
  for (Life& life : lives) {
    life.how.sampling = {.temperature = 1.5F, .seed = random()};
    life.prompt = Prompt(tokenizer, Questions()[random() % Questions().size()]);
    const std::size_t turns = 1 + random() % 3;
    for (std::size_t i = 0; i < turns; ++i) {
      life.outputs.push_back(tokenizer.Encode(std::to_string(random()) + "\n"));
      life.lengths.push_back(1 + random() % 20);
    }
    life.id = crowd->Open(life.how);
    crowd->Append(life.id, life.prompt);
  }
  for (std::size_t turn = 0; turn < 3; ++turn) {
    std::vector<std::unique_ptr<Waiter>> waiters;
    for (Life& life : lives) {
      if (turn >= life.lengths.size()) continue;
      waiters.push_back(std::make_unique<Waiter>());
      crowd->Generate(life.id, Most(life.lengths[turn]), waiters.back()->Callbacks());
    }
    for (auto& waiter : waiters) waiter->Wait();
    for (Life& life : lives) {
      if (turn < life.lengths.size()) crowd->Append(life.id, life.outputs[turn]);
    }
  }
  options.parallel = 1;
  const auto alone = OpenLlama(options);
  for (Life& life : lives) {
    const SequenceId id = alone->Open(life.how);
    alone->Append(id, life.prompt);
    for (std::size_t i = 0; i < life.lengths.size(); ++i) {
      GenerateAndWait(*alone, id, Most(life.lengths[i]));
      alone->Append(id, life.outputs[i]);
    }
    EXPECT_EQ(crowd->Tokens(life.id), alone->Tokens(id));
    alone->Close(id);
  }
}

// Which is why the number of threads may follow the load of the machine there, too.
TEST(LlamaEngine, DeterministicModeDoesNotSeeTheNumberOfThreads) {
  std::vector<std::vector<float>> first;
  for (const int threads : {1, 2}) {
    LlamaOptions options = Small();
    options.deterministic = true;
    options.threads = threads;
    options.sequence_context = 768;
    const LlamaModel model(options);
    const auto backend = MakeLlamaBackend(options, model, PlanContext(options, model));
    std::mt19937 random(5);
    std::vector<std::vector<float>> logits;
    std::int32_t position = 0;
    // Chunks as a life has them, to beyond 512 cells, where flash attention would divide its sums.
    for (const std::size_t chunk : {128, 128, 128, 77, 1, 1, 1, 13, 1, 1, 64, 1, 100, 1, 1}) {
      std::vector<BackendRow> rows;
      for (std::size_t i = 0; i < chunk; ++i)
        rows.push_back({static_cast<TokenId>(random() % 2000), position++, 0, i + 1 == chunk});
      ASSERT_EQ(backend->Decode(rows), Backend::Status::kOk);
      const std::span<const float> row = backend->Logits(chunk - 1);
      logits.emplace_back(row.begin(), row.end());
    }
    if (first.empty()) first = logits;
    EXPECT_EQ(logits, first) << threads << " threads";
  }
}

TEST(LlamaEngine, AnInterruptedBatchCanBeCutAwayAndComputedAgain) {
  for (const KvLayout layout : {KvLayout::kShared, KvLayout::kStreams}) {
    LlamaOptions options = Small(layout);
    options.sequence_context = 512;
    options.threads = 1;
    const LlamaModel model(options);
    const auto backend = MakeLlamaBackend(options, model, PlanContext(options, model));
    std::vector<BackendRow> rows;
    for (std::int32_t i = 0; i < 400; ++i) rows.push_back({i + 100, i, 1, i == 399});
    const std::span<const BackendRow> start = std::span(rows).first(100);
    const std::span<const BackendRow> rest = std::span(rows).subspan(100);
    ASSERT_EQ(backend->Decode(start), Backend::Status::kOk);
    ASSERT_EQ(backend->Decode(rest), Backend::Status::kOk);
    const std::span<const float> row = backend->Logits(299);
    const std::vector<float> expected(row.begin(), row.end());
    int interrupted = 0;
    for (int i = 0; i < 20; ++i) {
      backend->Cut(1, 100);
      std::thread stops([&] {
        std::this_thread::sleep_for(std::chrono::microseconds(i * 200));
        backend->Interrupt();
      });
      const Backend::Status status = backend->Decode(rest);
      stops.join();
      backend->Resume();
      ASSERT_TRUE(status == Backend::Status::kOk || status == Backend::Status::kInterrupted);
      interrupted += status == Backend::Status::kInterrupted ? 1 : 0;
      backend->Cut(1, 100);
      ASSERT_EQ(backend->Decode(rest), Backend::Status::kOk);
      const std::span<const float> again = backend->Logits(299);
      ASSERT_EQ(std::vector<float>(again.begin(), again.end()), expected);
    }
    EXPECT_GT(interrupted, 0);
  }
}

TEST(LlamaEngine, ATinyContextEvictsAndEndsButNeverFails) {
  LlamaOptions options = Small(KvLayout::kShared);
  options.context = 512;
  options.parallel = 6;
  const auto engine = OpenLlama(options);
  const chat::Tokenizer& tokenizer = engine->tokenizer();
  std::vector<SequenceId> ids;
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (int round = 0; round < 3; ++round) {
    waiters.clear();
    for (int i = 0; i < 20; ++i) {
      if (round == 0) {
        ids.push_back(engine->Open({}));
        engine->Append(ids.back(), Prompt(tokenizer, "What is " + std::to_string(i) + " times 3?"));
      } else {
        engine->Append(ids[static_cast<std::size_t>(i)], tokenizer.Encode("ok\n"));
      }
      waiters.push_back(std::make_unique<Waiter>());
      engine->Generate(ids[static_cast<std::size_t>(i)], Most(40), waiters.back()->Callbacks());
    }
    for (auto& waiter : waiters) {
      const GenerateResult result = waiter->Wait();
      EXPECT_NE(result.reason, StopReason::kFailed) << result.error;
      EXPECT_NE(result.reason, StopReason::kContextFull);
    }
  }
  EXPECT_GT(engine->stats().evictions, 0U);
}

TEST(LlamaEngine, StopStringsCutWhatOvershoots) {
  const auto engine = OpenLlama(Small());
  const chat::Tokenizer& tokenizer = engine->tokenizer();
  const std::vector<TokenId> prompt = Prompt(tokenizer, Questions()[0]);
  const SequenceId id = engine->Open({});
  engine->Append(id, prompt);
  const std::vector<TokenId> said = GenerateAndWait(*engine, id, Most(40)).tokens;
  for (std::size_t i = 3; i < said.size(); ++i) {
    const std::string piece = tokenizer.Piece(said[i]);
    if (piece.size() < 2 || tokenizer.Special(piece) || tokenizer.Special(tokenizer.Piece(said[i - 1]))) continue;
    engine->RollBack(id, prompt.size());
    GenerateOptions options = Most(40);
    options.stop.strings = {tokenizer.Piece(said[i - 1]) + piece.substr(0, 1)};
    Waiter waiter;
    engine->Generate(id, options, waiter.Callbacks());
    const GenerateResult result = waiter.Wait();
    ASSERT_EQ(result.reason, StopReason::kStopString) << options.stop.strings[0];
    const std::string text = TextOf(tokenizer, result.tokens) + result.residual;
    EXPECT_TRUE(text.ends_with(options.stop.strings[0])) << text;
    EXPECT_EQ(text.find(options.stop.strings[0]) + options.stop.strings[0].size(), text.size());
    EXPECT_EQ(waiter.streamed(), result.tokens);
  }
}

}  // namespace
}  // namespace mathcoder::engine
