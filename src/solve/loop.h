// The loop of one problem as a state machine without threads, clocks or processes: each step takes what happened and says what
// to do next. The scheduler (scheduler.h) connects it to an engine and a sandbox; tests drive it by hand.
//
//   Start -> kGenerate -> Generated -> kGenerate (the next block) | kExecute | kFinished
//                         Executed  -> kGenerate                  | kFinished
//
// Method and default limits: arXiv 2310.03731. Not thread-safe: one owner.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/dialect.h"
#include "chat/observation.h"
#include "chat/transcript.h"
#include "engine/engine.h"
#include "sandbox/sandbox.h"

namespace mathcoder::solve {

struct Limits {
  // Code blocks that are run. The paper's 16 "blocks" are rounds of text and code: every one of the 221 published transcripts that
  // was cut holds 16 of each, no other more than 12 (docs/formats.md).
  std::size_t blocks = 16;
  std::size_t block_tokens = 512;   // new tokens of one block
  std::size_t total_tokens = 2048;  // of the whole sequence, prompt and observations included
  std::chrono::milliseconds code_time{6000};
};

// Follows one problem while it is solved; called on the scheduler's thread. All methods may be left as they are.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnChunk(const chat::BlockReader::Chunk&) {}
  virtual void OnExecution(const chat::Execution&, std::string_view /*observation*/) {}
};

enum class Action : std::uint8_t { kGenerate, kExecute, kFinished };

class Loop {
 public:
  // Borrows tokenizer, dialect, policy and observer (may be null) until it is destroyed. Throws base::BadInput when the problem
  // cannot be written in the dialect or the prompt alone exceeds the limits.
  Loop(chat::Problem problem, const chat::Tokenizer& tokenizer, const chat::Dialect& dialect, const chat::ObservationPolicy& policy,
       const Limits& limits, Observer* observer);

  // Tokens that the engine's sequence must hold before the next Generate and does not yet; clears them.
  std::vector<chat::TokenId> TakePending() { return std::exchange(pending_, {}); }
  // The length to which the sequence must be cut back before that, or nullopt; clears it.
  std::optional<std::size_t> TakeRollBack() { return std::exchange(roll_back_, std::nullopt); }

  // Options of the next Generate. Precondition: the last action was kGenerate.
  engine::GenerateOptions NextGenerate() const;
  const std::string& code() const { return code_; }  // what kExecute runs

  // Tokens as they arrive, for the observer. What was shown is not shown again by Generated. True when a code block is being
  // written: a session will be needed.
  bool Stream(std::span<const chat::TokenId> tokens);
  Action Generated(const engine::GenerateResult& result);
  Action Executed(const sandbox::RunResult& result);
  // Ends it from outside (cancelled, engine failure). The transcript holds what was done so far.
  void End(chat::Ending ending, std::string detail);

  chat::Transcript& transcript() { return transcript_; }

 private:
  Action Finish(chat::Ending ending, std::string detail);
  void Show(const std::vector<chat::BlockReader::Chunk>& chunks);
  void AppendTokens(std::span<const chat::TokenId> ids, std::span<const chat::TokenRole> roles);
  Action NextBlock();

  const chat::Tokenizer& tokenizer_;
  const chat::Dialect& dialect_;
  const chat::ObservationPolicy& policy_;
  const Limits limits_;
  Observer* const observer_;
  const chat::StopRule stops_;
  std::unique_ptr<chat::BlockReader> reader_;
  chat::Transcript transcript_;
  std::vector<chat::TokenId> pending_;
  std::optional<std::size_t> roll_back_;
  std::string code_;
  bool last_words_ = false;        // the code that runs was the end of the message
  std::size_t streamed_ = 0;       // tokens of the running generation that the reader has seen
  std::size_t roles_taken_ = 0;    // of reader_->generated_roles()
  bool awaiting_prefill_ = false;  // the next Generated reports what the last observation cost
};

// What the model is told: the policy's view of the output, with the verdict where the output alone would not say it (a timeout).
std::string ObservationText(const chat::ObservationPolicy& policy, const sandbox::RunResult& result,
                            std::chrono::milliseconds limit);

chat::ExecutionVerdict VerdictOf(sandbox::RunStatus status);

}  // namespace mathcoder::solve
