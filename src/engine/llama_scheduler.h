// Continuous batching: which rows of which sequences are computed next. docs/engine.md tells the whole story.
//
// One call of Plan, Compute, Apply is one batch. Plan and Apply run under the owner's lock, Compute (the long part) does not;
// it touches nothing that the sequence operations touch. Events are delivered by the owner after it has let go of the lock.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "chat/stop_matcher.h"
#include "chat/tokenizer.h"
#include "engine/backend.h"
#include "engine/engine.h"
#include "engine/kv_pool.h"
#include "engine/sampler.h"

namespace mathcoder::engine {

struct SchedulerOptions {
  std::size_t parallel = 16;         // sequences that compute at once
  std::size_t prefill_chunk = 128;   // rows of prompts beside decoding ones
  std::size_t sequence_context = 0;  // longest sequence
  bool deterministic = false;
  KvPoolOptions pool;
};

class LlamaScheduler {
 public:
  // What a caller of Generate is to be told. Either tokens, or the end.
  struct Event {
    SequenceId sequence = 0;
    std::shared_ptr<const GenerateCallbacks> callbacks;
    std::vector<TokenId> tokens;
    std::optional<GenerateResult> result;
  };

  // Both must outlive it.
  LlamaScheduler(Backend& backend, const chat::Tokenizer& tokenizer, SchedulerOptions options);

  // The operations of Engine; under the lock. A sequence that does not exist is a bug of the caller, except in Cancel and Close.
  SequenceId Open(SequenceOptions options);
  SequenceId Fork(SequenceId sequence, SequenceOptions options);
  void Append(SequenceId sequence, std::span<const TokenId> tokens);
  void Generate(SequenceId sequence, GenerateOptions options, GenerateCallbacks callbacks);
  void Cancel(SequenceId sequence);
  void RollBack(SequenceId sequence, std::size_t n_tokens);
  const std::vector<TokenId>& Tokens(SequenceId sequence) const;
  // A running Generate ends as cancelled with the next Plan.
  void Close(SequenceId sequence);
  bool Exists(SequenceId sequence) const { return sequences_.contains(sequence); }
  // True while a Generate of it runs, or has ended untold.
  bool Generates(SequenceId sequence) const {
    const auto found = sequences_.find(sequence);
    return found != sequences_.end() && found->second->generating;
  }
  void CancelAll();
  // Every sequence of the batch that is being computed was cancelled since: it may be interrupted.
  bool BatchIsUnwanted() const;

  // True when Plan has something to do: a batch, or an end to tell.
  bool HasWork() const { return running_ > 0 || !closing_.empty(); }
  // Prepares the next batch; false: there is none. Either way `events` may have grown.
  bool Plan(std::vector<Event>& events);
  void Compute();
  void Apply(std::vector<Event>& events);

  EngineStats stats() const;
  const KvPool& pool() const { return pool_; }

 private:
  using Clock = std::chrono::steady_clock;

  struct Sequence {
    SequenceId id = 0;
    SequenceOptions options;
    std::vector<TokenId> tokens;
    std::vector<std::uint32_t> borders;  // deterministic: ends of the chunks of `tokens`, planned or computed
    std::size_t computed = 0;            // how far they were ever computed, whatever was evicted since

    // Of the running Generate:
    bool generating = false;
    bool active = false;  // has a seat that nobody can take
    bool cancelled = false;
    bool closing = false;
    std::uint64_t order = 0;  // of the Generate, to tell older from younger
    std::uint64_t turn = 0;   // of the last batch it was in
    GenerateOptions generate;
    std::shared_ptr<const GenerateCallbacks> callbacks;
    std::optional<chat::StopMatcher> matcher;
    std::size_t start = 0;  // length at Generate
    GenerateResult result;
    bool started = false;  // some work of this Generate has begun
    Clock::time_point asked;
  };
  struct Work {
    SequenceId sequence = 0;
    std::size_t first_row = 0;
    std::size_t rows = 0;
    bool samples = false;  // the last row's logits choose a token
  };

  Sequence& Get(SequenceId id);
  TokenPlan PlanOf(const Sequence& sequence) const { return {sequence.tokens, sequence.borders}; }
  std::size_t Pending(const Sequence& sequence) const;
  void PlanBorders(Sequence& sequence) const;
  static void CutBorders(Sequence& sequence, std::size_t end);

  void EndCancelled(std::vector<Event>& events);
  void Admit(std::vector<Event>& events);
  bool WaitsForLeader(const Sequence& sequence) const;
  void Finish(Sequence& sequence, StopReason reason, std::vector<Event>& events);
  void Preempt(Sequence& sequence);
  // Fills rows_ and work_; false: nothing can be computed.
  bool Compose();
  std::size_t AddRows(Sequence& sequence, std::size_t most);
  void MakeRoom(std::vector<Event>& events);
  void Accept(Sequence& sequence, TokenId token, std::vector<Event>& events);
  bool IsControl(TokenId token);

  Backend& backend_;
  const chat::Tokenizer& tokenizer_;
  const SchedulerOptions options_;
  KvPool pool_;
  Sampler sampler_;
  std::unordered_map<SequenceId, std::unique_ptr<Sequence>> sequences_;
  std::vector<Sequence*> generating_;  // by age of their Generate
  std::vector<SequenceId> closing_;    // their seats are to be freed
  std::size_t running_ = 0;
  SequenceId next_id_ = 1;
  std::uint64_t next_order_ = 1;
  std::uint64_t turns_ = 0;
  std::vector<BackendRow> rows_;
  std::vector<Work> work_;
  Backend::Status status_ = Backend::Status::kOk;
  bool decoded_last_ = false;         // the last batch was of decoding sequences: prompts come next
  std::vector<std::int8_t> control_;  // by token: -1 unknown
  EngineStats stats_;
};

}  // namespace mathcoder::engine
