#include "engine/llama_scheduler.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <optional>
#include <random>

#include "engine/fake_backend.h"

namespace mathcoder::engine {
namespace {

using testing::FakeBackend;

// Pieces of one, two and three letters, so that stop strings lie over borders and are overshot; the last two are special.
class FakeTokenizer final : public chat::Tokenizer {
 public:
  static constexpr TokenId kStop = 38;
  static constexpr TokenId kEnd = 39;
  static constexpr std::size_t kSize = 40;

  std::vector<TokenId> Encode(std::string_view) const override { return {}; }
  std::optional<TokenId> Special(std::string_view text) const override {
    if (text == "<stop>") return kStop;
    if (text == "<end>") return kEnd;
    return std::nullopt;
  }
  std::string Piece(TokenId id) const override {
    if (id == kStop) return "<stop>";
    if (id == kEnd) return "<end>";
    std::string piece;
    for (TokenId k = 0; k <= id % 3; ++k) piece.push_back(static_cast<char>('a' + (id * 7 + k * 3) % 6));
    return piece;
  }
  std::optional<TokenId> Bos() const override { return std::nullopt; }
  bool IsEndOfGeneration(TokenId id) const override { return id == kEnd && ends; }
  std::size_t size() const override { return kSize; }

  bool ends = false;
};

BackendShape Shape(bool shared, std::size_t seats, std::size_t cells) {
  BackendShape shape;
  shape.seats = seats;
  shape.cells = shared ? cells : seats * cells;
  shape.seat_cells = cells;
  shape.batch = 24;
  shape.vocabulary = FakeTokenizer::kSize;
  shape.shared_cells = shared;
  return shape;
}

// A scheduler with its backend, driven by hand.
class Machine {
 public:
  Machine(BackendShape shape, bool sensitive, SchedulerOptions options)
      : backend(shape, sensitive), scheduler(backend, tokenizer, options) {}

  void Step() {
    std::vector<LlamaScheduler::Event> events;
    if (scheduler.Plan(events)) {
      scheduler.Compute();
      scheduler.Apply(events);
    }
    scheduler.pool().CheckInvariants();
    for (auto& event : events) {
      if (event.result) {
        event.callbacks->on_done(std::move(*event.result));
      } else {
        event.callbacks->on_tokens(event.tokens);
      }
    }
  }
  void Drain() {
    for (int i = 0; scheduler.HasWork(); ++i) {
      ASSERT_LT(i, 100000) << "the scheduler makes no progress";
      Step();
    }
  }
  GenerateResult Generate(SequenceId id, GenerateOptions options) {
    GenerateResult result;
    int ends = 0;
    scheduler.Generate(id, std::move(options), {nullptr, [&](GenerateResult r) { result = std::move(r), ++ends; }});
    Drain();
    EXPECT_EQ(ends, 1);
    return result;
  }

  FakeTokenizer tokenizer;
  FakeBackend backend;
  LlamaScheduler scheduler;
};

SchedulerOptions Options(bool deterministic = false) {
  SchedulerOptions options;
  options.parallel = 4;
  options.prefill_chunk = 8;
  options.deterministic = deterministic;
  return options;
}

std::vector<TokenId> Tokens(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> tokens(n);
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % 38);
  return tokens;
}

GenerateOptions Most(std::size_t n) {
  GenerateOptions options;
  options.max_tokens = n;
  return options;
}

TEST(LlamaScheduler, AfterAnExecutionOnlyTheLastTokenAndWhatWasAppendedAreComputed) {
  for (const bool shared : {true, false}) {
    Machine machine(Shape(shared, 4, 200), false, Options());
    const SequenceId id = machine.scheduler.Open({});
    machine.scheduler.Append(id, Tokens(30, 1));
    EXPECT_EQ(machine.Generate(id, Most(5)).prefilled_tokens, 30U);
    machine.scheduler.Append(id, Tokens(11, 2));
    const std::size_t before = machine.backend.rows_computed;
    const GenerateResult result = machine.Generate(id, Most(1));
    EXPECT_EQ(result.prefilled_tokens, 12U);
    EXPECT_EQ(result.cached_tokens, 34U);
    EXPECT_EQ(machine.backend.rows_computed - before, 12U);
  }
}

TEST(LlamaScheduler, SamplesOfOnePromptComputeItOnce) {
  for (const bool shared : {true, false}) {
    Machine machine(Shape(shared, 4, 300), false, Options());
    const std::vector<TokenId> prompt = Tokens(100, 3);
    const SequenceId first = machine.scheduler.Open({});
    machine.scheduler.Append(first, prompt);
    std::vector<SequenceId> ids{first};
    for (std::uint64_t seed = 1; seed < 4; ++seed) {
      SequenceOptions options;
      options.sampling.temperature = 1;
      options.sampling.seed = seed;
      ids.push_back(machine.scheduler.Fork(first, options));
    }
    std::size_t prefilled = 0;
    for (const SequenceId id : ids) {
      machine.scheduler.Generate(id, Most(1), {nullptr, [&](const GenerateResult& r) { prefilled += r.prefilled_tokens; }});
    }
    machine.Drain();
    EXPECT_EQ(prefilled, 100U + 3);
    EXPECT_EQ(machine.backend.rows_computed, 100U + 3);
  }
}

TEST(LlamaScheduler, APrefixThatWasSharedOutlivesItsSequences) {
  Machine machine(Shape(true, 4, 300), false, Options());
  const std::vector<TokenId> system = Tokens(60, 4);
  for (unsigned i = 0; i < 3; ++i) {
    const SequenceId id = machine.scheduler.Open({});
    machine.scheduler.Append(id, system);
    machine.scheduler.Append(id, Tokens(10, 50 + i));
    const GenerateResult result = machine.Generate(id, Most(2));
    EXPECT_EQ(result.cached_tokens, i == 0 ? 0U : 60U) << i;
    if (i != 1) continue;
    machine.scheduler.Close(id);
    machine.scheduler.Close(id - 1);
    machine.Drain();
  }
}

TEST(LlamaScheduler, ALongPromptDoesNotStallTheOthers) {
  for (const bool shared : {true, false}) {
    Machine machine(Shape(shared, 4, 1000), false, Options());
    const SequenceId talker = machine.scheduler.Open({});
    machine.scheduler.Append(talker, Tokens(4, 5));
    std::size_t spoken = 0;
    bool prompt_done = false;
    std::size_t spoken_before = 0;
    machine.scheduler.Generate(talker, Most(400), {[&](std::span<const TokenId>) { ++spoken; }, [](const GenerateResult&) {}});
    for (int i = 0; i < 5; ++i) machine.Step();
    const SequenceId reader = machine.scheduler.Open({});
    machine.scheduler.Append(reader, Tokens(400, 6));
    const std::size_t start = spoken;
    machine.scheduler.Generate(reader, Most(1), {nullptr, [&](const GenerateResult&) {
                                                   prompt_done = true;
                                                   spoken_before = spoken - start;
                                                 }});
    machine.Drain();
    EXPECT_TRUE(prompt_done);
    // 50 chunks of 8, and a token of the other beside each.
    EXPECT_GE(spoken_before, 40U);
  }
}

TEST(LlamaScheduler, StopsAndWhatIsKept) {
  struct Case {
    const char* what;
    std::function<void(GenerateOptions&, const std::vector<TokenId>&, const FakeTokenizer&)> rule;
    StopReason reason;
    std::size_t kept;
  };
  // What the fake says after this prompt, to build rules from.
  std::vector<TokenId> said;
  const std::vector<TokenId> prompt = Tokens(9, 8);
  {
    Machine machine(Shape(true, 4, 300), false, Options());
    const SequenceId id = machine.scheduler.Open({});
    machine.scheduler.Append(id, prompt);
    said = machine.Generate(id, Most(12)).tokens;
  }
  FakeTokenizer tokenizer;
  std::size_t long_one = 2;  // a token of several bytes, to cut
  while (tokenizer.Piece(said[long_one]).size() < 2 || said[long_one] >= 38) ++long_one;
  const std::string piece = tokenizer.Piece(said[long_one]);
  std::string before;
  for (std::size_t i = 0; i < long_one; ++i) before = said[i] < 38 ? before + tokenizer.Piece(said[i]) : "";
  const std::vector<Case> cases = {
      {"a stop token is kept", [](auto& o, const auto& s, const auto&) { o.stop.tokens = {s[3]}; }, StopReason::kStopToken, 4},
      {"the limit", [](auto& o, const auto&, const auto&) { o.max_tokens = 3; }, StopReason::kMaxTokens, 3},
      {"no tokens at all", [](auto& o, const auto&, const auto&) { o.max_tokens = 0; }, StopReason::kMaxTokens, 0},
      {"a string that ends with a token", [&](auto& o, const auto&, const auto&) { o.stop.strings = {before + piece}; },
       StopReason::kStopString, long_one + 1},
      {"a string that ends inside a token: the token goes, its beginning is the residual",
       [&](auto& o, const auto&, const auto&) { o.stop.strings = {before + piece.substr(0, 1)}; }, StopReason::kStopString,
       long_one},
  };
  const std::string first_byte = piece.substr(0, 1);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    Machine machine(Shape(true, 4, 300), false, Options());
    const SequenceId id = machine.scheduler.Open({});
    machine.scheduler.Append(id, prompt);
    GenerateOptions options = Most(12);
    c.rule(options, said, tokenizer);
    std::vector<TokenId> streamed;
    GenerateResult result;
    machine.scheduler.Generate(id, options,
                               {[&](std::span<const TokenId> t) { streamed.insert(streamed.end(), t.begin(), t.end()); },
                                [&](GenerateResult r) { result = std::move(r); }});
    machine.Drain();
    EXPECT_EQ(result.reason, c.reason);
    EXPECT_EQ(result.tokens, std::vector<TokenId>(said.begin(), said.begin() + static_cast<std::ptrdiff_t>(c.kept)));
    EXPECT_EQ(streamed, result.tokens);
    if (c.reason == StopReason::kStopString && c.kept == long_one) {
      EXPECT_EQ(result.residual, first_byte);
    } else {
      EXPECT_EQ(result.residual, "");
    }
    EXPECT_EQ(machine.scheduler.Tokens(id).size(), prompt.size() + c.kept);
  }
}

TEST(LlamaScheduler, AFullContextEndsOneSequenceOnly) {
  for (const bool shared : {true, false}) {
    SchedulerOptions options = Options();
    options.sequence_context = 40;
    Machine machine(Shape(shared, 4, 48), false, options);
    const SequenceId grows = machine.scheduler.Open({});
    machine.scheduler.Append(grows, Tokens(30, 9));
    const GenerateResult grown = machine.Generate(grows, Most(100));
    EXPECT_EQ(grown.reason, StopReason::kContextFull);
    EXPECT_EQ(grown.tokens.size(), 10U);
    EXPECT_EQ(machine.Generate(grows, Most(5)).reason, StopReason::kContextFull);
    const SequenceId huge = machine.scheduler.Open({});
    machine.scheduler.Append(huge, Tokens(500, 10));
    EXPECT_EQ(machine.Generate(huge, Most(5)).reason, StopReason::kContextFull);
    const SequenceId small = machine.scheduler.Open({});
    machine.scheduler.Append(small, Tokens(5, 11));
    EXPECT_EQ(machine.Generate(small, Most(5)).reason, StopReason::kMaxTokens);
  }
}

TEST(LlamaScheduler, AFailedBatchFailsItsSequencesAndNobodyElse) {
  Machine machine(Shape(true, 4, 300), false, Options());
  const SequenceId id = machine.scheduler.Open({});
  const std::vector<TokenId> prompt = Tokens(9, 12);
  machine.scheduler.Append(id, prompt);
  const std::vector<TokenId> good = machine.Generate(id, Most(4)).tokens;
  machine.scheduler.RollBack(id, prompt.size());
  machine.backend.fail_next = true;
  const GenerateResult failed = machine.Generate(id, Most(4));
  EXPECT_EQ(failed.reason, StopReason::kFailed);
  EXPECT_EQ(failed.error, "llama.cpp: the fake failed");
  EXPECT_EQ(machine.scheduler.Tokens(id), prompt);
  EXPECT_EQ(machine.Generate(id, Most(4)).tokens, good);
}

TEST(LlamaScheduler, AnInterruptedBatchLeavesNothingBehind) {
  for (const bool shared : {true, false}) {
    Machine machine(Shape(shared, 4, 300), false, Options());
    const SequenceId id = machine.scheduler.Open({});
    const std::vector<TokenId> prompt = Tokens(20, 15);
    machine.scheduler.Append(id, prompt);
    const std::vector<TokenId> expected = machine.Generate(id, Most(6)).tokens;
    machine.scheduler.RollBack(id, prompt.size() - 5);
    machine.scheduler.Append(id, std::span(prompt).last(5));
    std::optional<GenerateResult> result;
    machine.scheduler.Generate(id, Most(6), {nullptr, [&](GenerateResult r) { result = std::move(r); }});
    machine.backend.Interrupt();
    machine.Step();
    machine.scheduler.Cancel(id);
    EXPECT_TRUE(machine.scheduler.BatchIsUnwanted());
    machine.backend.Resume();
    machine.Drain();
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->reason, StopReason::kCancelled);
    EXPECT_EQ(machine.scheduler.Tokens(id), prompt);
    EXPECT_EQ(machine.Generate(id, Most(6)).tokens, expected);
  }
}

TEST(LlamaScheduler, TheLibraryRunningOutOfCellsIsNoFailure) {
  Machine machine(Shape(true, 4, 300), false, Options());
  const SequenceId parked = machine.scheduler.Open({});
  machine.scheduler.Append(parked, Tokens(20, 13));
  machine.Generate(parked, Most(2));
  const SequenceId id = machine.scheduler.Open({});
  machine.scheduler.Append(id, Tokens(20, 14));
  machine.backend.deny = 1;
  EXPECT_EQ(machine.Generate(id, Most(4)).reason, StopReason::kMaxTokens);
  EXPECT_EQ(machine.scheduler.stats().evictions, 1U);
}

// Random lives of many sequences in a machine that is too small for them, against each of them alone in a large one.
struct Setting {
  const char* name;
  bool shared;
  bool deterministic;
  std::size_t seats;
  std::size_t cells;
  std::size_t dense_from;
  std::size_t swap_bytes;
  bool can_cut;
};

class LlamaSchedulerLives : public ::testing::TestWithParam<Setting> {};

struct Life {
  SequenceId id = 0;
  SequenceOptions options;
  // What was done to it, to be done again alone.
  struct Deed {
    enum Kind { kAppend, kGenerate, kRollBack } kind;
    std::vector<TokenId> tokens;
    GenerateOptions generate;
    std::size_t n = 0;
  };
  std::vector<Deed> deeds;
  bool busy = false;
  std::vector<TokenId> streamed;
};

TEST_P(LlamaSchedulerLives, EqualThoseOfOneAlone) {
  const Setting setting = GetParam();
  const char* fixed = std::getenv("MATHCODER_TEST_SEED");
  const unsigned first = fixed != nullptr ? static_cast<unsigned>(std::atoi(fixed)) : 1;
  const unsigned last = fixed != nullptr ? first : 150;
  for (unsigned seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("MATHCODER_TEST_SEED=" + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    BackendShape shape = Shape(setting.shared, setting.seats, setting.cells);
    shape.dense_from = setting.dense_from;
    shape.can_cut = setting.can_cut;
    SchedulerOptions options = Options(setting.deterministic);
    options.sequence_context = 70;
    options.pool.swap_bytes = setting.swap_bytes;
    options.parallel = 1 + below(6);
    Machine machine(shape, setting.deterministic, options);
    machine.tokenizer.ends = true;
    LlamaScheduler& scheduler = machine.scheduler;
    const std::vector<TokenId> system = Tokens(20, 77);
    std::vector<std::unique_ptr<Life>> lives;
    std::vector<std::unique_ptr<Life>> over;

    const auto check = [&](Life& life, const std::vector<TokenId>& tokens) {
      BackendShape large = Shape(setting.shared, 2, 1000);
      Machine alone(large, setting.deterministic, options);
      alone.tokenizer.ends = true;
      const SequenceId id = alone.scheduler.Open(life.options);
      for (const Life::Deed& deed : life.deeds) {
        if (deed.kind == Life::Deed::kAppend) alone.scheduler.Append(id, deed.tokens);
        if (deed.kind == Life::Deed::kRollBack) alone.scheduler.RollBack(id, deed.n);
        if (deed.kind == Life::Deed::kGenerate) alone.Generate(id, deed.generate);
      }
      std::string deeds;
      for (const Life::Deed& deed : life.deeds) {
        deeds += deed.kind == Life::Deed::kAppend     ? " append " + std::to_string(deed.tokens.size())
                 : deed.kind == Life::Deed::kRollBack ? " roll back to " + std::to_string(deed.n)
                                                      : " generate " + std::to_string(deed.generate.max_tokens);
      }
      ASSERT_EQ(alone.scheduler.Tokens(id), tokens) << deeds;
    };

    for (int step = 0; step < 400; ++step) {
      const std::size_t what = below(12);
      Life* life = lives.empty() ? nullptr : lives[below(lives.size())].get();
      if (what == 0 || life == nullptr) {
        auto born = std::make_unique<Life>();
        born->options.sampling.temperature = below(2) == 0 ? 0.0F : 1.0F;
        born->options.sampling.seed = below(1000);
        born->options.sampling.repetition_penalty = below(3) == 0 ? 1.3F : 1.0F;
        if (life != nullptr && !life->busy && below(2) == 0) {
          born->deeds = life->deeds;
          // The parent's draws were its own: the child's record starts from the tokens as they are.
          if (setting.deterministic && born->options.sampling.temperature == 0 && life->options.sampling.temperature == 0 &&
              born->options.sampling.repetition_penalty == life->options.sampling.repetition_penalty) {
            born->id = scheduler.Fork(life->id, born->options);
          } else if (!setting.deterministic) {
            born->id = scheduler.Fork(life->id, born->options);
            born->deeds = {{Life::Deed::kAppend, scheduler.Tokens(born->id), {}, 0}};
          }
        }
        if (born->id == 0) {
          born->id = scheduler.Open(born->options);
          std::vector<TokenId> prompt = below(3) > 0 ? system : std::vector<TokenId>{};
          const std::vector<TokenId> rest = Tokens(1 + below(20), random());
          prompt.insert(prompt.end(), rest.begin(), rest.end());
          scheduler.Append(born->id, prompt);
          born->deeds = {{Life::Deed::kAppend, prompt, {}, 0}};
        }
        lives.push_back(std::move(born));
      } else if (what <= 3 && !life->busy && !scheduler.Tokens(life->id).empty()) {
        GenerateOptions generate = Most(1 + below(12));
        if (below(3) == 0)
          generate.stop.strings = {std::string(1, static_cast<char>('a' + below(6))) + static_cast<char>('a' + below(6))};
        if (below(3) == 0) generate.stop.tokens = {FakeTokenizer::kStop, 3, 4, 5};
        life->busy = true;
        life->streamed.clear();
        const std::size_t start = scheduler.Tokens(life->id).size();
        scheduler.Generate(life->id, generate,
                           {[life](std::span<const TokenId> t) { life->streamed.insert(life->streamed.end(), t.begin(), t.end()); },
                            [life, generate, start, &scheduler](const GenerateResult& result) {
                              life->busy = false;
                              ASSERT_EQ(result.tokens, life->streamed);
                              ASSERT_NE(result.reason, StopReason::kFailed) << result.error;
                              if (result.reason == StopReason::kCancelled && !scheduler.Exists(life->id)) return;
                              ASSERT_EQ(scheduler.Tokens(life->id).size(), start + result.tokens.size());
                              GenerateOptions again = generate;
                              if (result.reason == StopReason::kCancelled) again.max_tokens = result.tokens.size();
                              if (again.max_tokens > 0) life->deeds.push_back({Life::Deed::kGenerate, {}, again, 0});
                            }});
      } else if (what == 4 && !life->busy && scheduler.Tokens(life->id).size() < 60) {
        const std::vector<TokenId> more = Tokens(1 + below(10), random());
        scheduler.Append(life->id, more);
        life->deeds.push_back({Life::Deed::kAppend, more, {}, 0});
      } else if (what == 5 && !life->busy) {
        const std::size_t n = below(scheduler.Tokens(life->id).size() + 1);
        scheduler.RollBack(life->id, n);
        life->deeds.push_back({Life::Deed::kRollBack, {}, {}, n});
      } else if (what == 6 && below(3) == 0) {
        scheduler.Cancel(life->id);
      } else if (what == 8 && below(3) == 0) {
        machine.backend.Interrupt();  // the interrupted batch is then simply computed again
        machine.Step();
        machine.backend.Resume();
      } else if (what == 7 && below(3) == 0) {
        if (!life->busy) check(*life, scheduler.Tokens(life->id));
        scheduler.Close(life->id);
        for (auto& entry : lives) {
          if (entry.get() == life) {
            over.push_back(std::move(entry));
            std::swap(entry, lives.back());
            lives.pop_back();
            break;
          }
        }
      } else {
        machine.Step();
      }
      if (HasFatalFailure()) return;
    }
    machine.Drain();
    for (auto& life : lives) {
      ASSERT_FALSE(life->busy);
      check(*life, scheduler.Tokens(life->id));
      if (HasFatalFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, LlamaSchedulerLives,
                         ::testing::Values(Setting{"shared_roomy", true, false, 64, 2000, 0, 0, true},
                                           Setting{"shared_few_cells", true, false, 64, 150, 0, 0, true},
                                           Setting{"shared_few_seats", true, false, 3, 2000, 0, 0, true},
                                           Setting{"shared_few_of_both_dense", true, false, 4, 120, 6, 0, true},
                                           Setting{"streams", false, false, 4, 80, 0, 0, true},
                                           Setting{"streams_one", false, false, 1, 80, 0, 0, true},
                                           Setting{"streams_swapped", false, false, 3, 80, 0, 4000, true},
                                           Setting{"recurrent", true, false, 6, 200, 0, 0, false},
                                           Setting{"deterministic", false, true, 3, 80, 0, 0, true},
                                           Setting{"deterministic_swapped", false, true, 3, 80, 0, 4000, true},
                                           Setting{"deterministic_shared_cells", true, true, 8, 150, 0, 0, true}),
                         [](const auto& setting) { return std::string(setting.param.name); });

}  // namespace
}  // namespace mathcoder::engine
