#include "solve/loop.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/progress.h"
#include "chat/final_answer.h"

namespace mathcoder::solve {
namespace {

using chat::BlockKind;
using chat::Ending;
using chat::TokenRole;
using engine::StopReason;

TokenRole RoleOf(BlockKind kind) {
  switch (kind) {
    case BlockKind::kText:
      return TokenRole::kText;
    case BlockKind::kCode:
      return TokenRole::kCode;
    case BlockKind::kExecution:
      return TokenRole::kExecution;
  }
  return TokenRole::kText;
}

// A message that was cut by a limit has an answer only where it was boxed before the cut: the last number of half a sentence is
// none. One that failed or was cancelled has none.
bool StatesAnswer(Ending ending, const std::vector<chat::Block>& blocks) {
  switch (ending) {
    case Ending::kAnswered:
      return true;
    case Ending::kBlockLimit:
    case Ending::kTokenLimit:
    case Ending::kContextFull:
      return std::ranges::any_of(blocks, [](const chat::Block& block) {
        return block.kind == BlockKind::kText && block.text.find("\\boxed{") != std::string::npos;
      });
    case Ending::kSessionLost:
    case Ending::kSandboxFailure:
    case Ending::kEngineFailure:
    case Ending::kCancelled:
      return false;
  }
  return false;
}

}  // namespace

chat::ExecutionVerdict VerdictOf(sandbox::RunStatus status) {
  using sandbox::RunStatus;
  switch (status) {
    case RunStatus::kOk:
      return chat::ExecutionVerdict::kOk;
    case RunStatus::kError:
      return chat::ExecutionVerdict::kError;
    case RunStatus::kTimeout:
      return chat::ExecutionVerdict::kTimeout;
    case RunStatus::kSessionLost:
      return chat::ExecutionVerdict::kSessionLost;
    case RunStatus::kMemoryLost:
      return chat::ExecutionVerdict::kMemory;
    case RunStatus::kInfrastructure:
      return chat::ExecutionVerdict::kInfrastructure;
  }
  return chat::ExecutionVerdict::kInfrastructure;
}

std::string ObservationText(const chat::ObservationPolicy& policy, const sandbox::RunResult& result,
                            std::chrono::milliseconds limit) {
  if (result.status != sandbox::RunStatus::kTimeout) return chat::Observe(policy, result.output);
  std::string output = result.stdout_text;
  if (!output.empty() && output.back() != '\n') output += '\n';
  output +=
      "TimeoutError: the code ran longer than " + base::Progress::Duration(limit) + " and was interrupted; variables are kept";
  return chat::Observe(policy, output);
}

Loop::Loop(chat::Problem problem, const chat::Tokenizer& tokenizer, const chat::Dialect& dialect,
           const chat::ObservationPolicy& policy, const Limits& limits, Observer* observer)
    : tokenizer_(tokenizer),
      dialect_(dialect),
      policy_(policy),
      limits_(limits),
      observer_(observer),
      stops_(dialect.Stops(tokenizer)),
      reader_(dialect.NewReader(tokenizer)) {
  const chat::TokenTrace prompt = dialect.Encode(tokenizer, dialect.RenderPrompt(problem), /*begin_of_text=*/true);
  if (prompt.ids.size() >= limits.total_tokens) {
    throw base::BadInput("the problem takes " + std::to_string(prompt.ids.size()) +
                         " tokens, the limit for prompt and solution is " + std::to_string(limits.total_tokens) +
                         "; shorten it or raise --max-tokens");
  }
  transcript_.problem = std::move(problem);
  transcript_.timings.prompt_tokens = prompt.ids.size();
  AppendTokens(prompt.ids, prompt.roles);
  pending_ = prompt.ids;
}

void Loop::AppendTokens(std::span<const chat::TokenId> ids, std::span<const TokenRole> roles) {
  MC_CHECK(ids.size() == roles.size());
  transcript_.token_ids.insert(transcript_.token_ids.end(), ids.begin(), ids.end());
  transcript_.token_roles.insert(transcript_.token_roles.end(), roles.begin(), roles.end());
}

engine::GenerateOptions Loop::NextGenerate() const {
  const std::size_t used = transcript_.token_ids.size();
  MC_CHECK(used < limits_.total_tokens);
  return {.max_tokens = std::min(limits_.block_tokens, limits_.total_tokens - used), .stop = stops_};
}

void Loop::Show(const std::vector<chat::BlockReader::Chunk>& chunks) {
  if (observer_ == nullptr) return;
  for (const auto& chunk : chunks) observer_->OnChunk(chunk);
}

bool Loop::Stream(std::span<const chat::TokenId> tokens) {
  bool code = false;
  for (const chat::TokenId token : tokens) {
    const auto chunks = reader_->Feed(token);
    for (const auto& chunk : chunks) code = code || chunk.kind == BlockKind::kCode;
    Show(chunks);
  }
  streamed_ += tokens.size();
  return code;
}

Action Loop::Generated(const engine::GenerateResult& result) {
  if (result.reason == StopReason::kFailed) return Finish(Ending::kEngineFailure, result.error);
  MC_CHECK(streamed_ <= result.tokens.size());
  Stream(std::span(result.tokens).subspan(streamed_));
  streamed_ = 0;
  if (!result.residual.empty()) Show(reader_->FeedText(result.residual));
  Show(reader_->FinishGeneration());

  std::vector<chat::TokenId> ids = result.tokens;
  std::vector<TokenRole> roles(reader_->generated_roles().begin() + static_cast<std::ptrdiff_t>(roles_taken_),
                               reader_->generated_roles().end());
  roles_taken_ += roles.size();
  MC_CHECK(roles.size() == ids.size());
  transcript_.timings.generate += result.elapsed;
  transcript_.timings.generated_tokens += ids.size();
  if (awaiting_prefill_) {
    // An observation costs its own tokens and the one sampled last; more after an eviction, fewer where another sample's cache
    // holds the same tokens. Always: what was computed and what was found are all of the sequence, so the model saw all of it. (0:
    // an engine that does not prefill.)
    transcript_.executions.back().prefilled_tokens = result.prefilled_tokens;
    awaiting_prefill_ = false;
    const std::size_t length = transcript_.token_ids.size();
    if (result.prefilled_tokens > 0 && result.prefilled_tokens + result.cached_tokens != length) {
      return Finish(Ending::kEngineFailure, "the engine computed " + std::to_string(result.prefilled_tokens) +
                                                " tokens and found " + std::to_string(result.cached_tokens) +
                                                ", the sequence has " + std::to_string(length) +
                                                "; this is a bug, please report it");
    }
  }
  const bool forged = reader_->forged_execution();
  if (forged && result.reason == StopReason::kStopToken) {
    // The model began to imagine an output. Its marker goes: the real execution block brings its own.
    ids.pop_back();
    roles.pop_back();
  }
  AppendTokens(ids, roles);
  if (ids.size() < result.tokens.size()) roll_back_ = transcript_.token_ids.size();
  if (!result.residual.empty()) {
    const std::vector<chat::TokenId> rest = tokenizer_.Encode(result.residual);
    const TokenRole role = reader_->blocks().empty() ? TokenRole::kText : RoleOf(reader_->blocks().back().kind);
    AppendTokens(rest, std::vector<TokenRole>(rest.size(), role));
    pending_.insert(pending_.end(), rest.begin(), rest.end());
  }

  switch (result.reason) {
    case StopReason::kFailed:  // handled at the top
    case StopReason::kCancelled:
      return Finish(Ending::kCancelled, "");
    case StopReason::kContextFull:
      return Finish(Ending::kContextFull, result.error.empty() ? "the model's context is full" : result.error);
    case StopReason::kMaxTokens:
      if (transcript_.token_ids.size() >= limits_.total_tokens) {
        return Finish(Ending::kTokenLimit, std::to_string(limits_.total_tokens) + " tokens in all");
      }
      return Finish(Ending::kTokenLimit, std::to_string(limits_.block_tokens) + " tokens in one block");
    case StopReason::kStopToken:
    case StopReason::kStopString:
    case StopReason::kEndOfGeneration:
      break;
  }
  if (reader_->wants_execution()) {
    code_ = reader_->blocks().back().text;
    last_words_ = reader_->message_ended() || result.reason == StopReason::kEndOfGeneration;
    return Action::kExecute;
  }
  if (reader_->message_ended() || result.reason == StopReason::kEndOfGeneration) return Finish(Ending::kAnswered, "");
  if (forged) return Finish(Ending::kAnswered, "the model began an execution block without code");
  return NextBlock();
}

Action Loop::NextBlock() {
  if (transcript_.executions.size() >= limits_.blocks)
    return Finish(Ending::kBlockLimit, std::to_string(limits_.blocks) + " code blocks");
  if (transcript_.token_ids.size() >= limits_.total_tokens) {
    return Finish(Ending::kTokenLimit, std::to_string(limits_.total_tokens) + " tokens in all");
  }
  return Action::kGenerate;
}

Action Loop::Executed(const sandbox::RunResult& result) {
  chat::Execution execution;
  execution.code_block = reader_->blocks().size() - 1;
  execution.verdict = VerdictOf(result.status);
  execution.detail = result.cause.empty() ? result.exception : result.cause;
  execution.truncated = result.truncated;
  execution.wall = result.wall;
  transcript_.timings.execute += result.wall;
  transcript_.executions.push_back(execution);
  switch (result.status) {
    case sandbox::RunStatus::kInfrastructure:
      return Finish(Ending::kSandboxFailure, result.cause);
    case sandbox::RunStatus::kSessionLost:
    case sandbox::RunStatus::kMemoryLost:
      return Finish(Ending::kSessionLost, result.cause);
    case sandbox::RunStatus::kOk:
    case sandbox::RunStatus::kError:
    case sandbox::RunStatus::kTimeout:
      break;
  }
  const std::string observation = ObservationText(policy_, result, limits_.code_time);
  if (observer_ != nullptr) observer_->OnExecution(execution, observation);
  if (last_words_) {  // nobody will read the output: it is part of the record, not of the sequence
    reader_->NoteObservation(observation);
    return Finish(Ending::kAnswered, "");
  }
  const chat::TokenTrace trace = dialect_.Encode(tokenizer_, dialect_.RenderObservation(observation), /*begin_of_text=*/false);
  reader_->NoteObservation(observation);
  roles_taken_ = 0;
  awaiting_prefill_ = true;
  AppendTokens(trace.ids, trace.roles);
  pending_.insert(pending_.end(), trace.ids.begin(), trace.ids.end());
  transcript_.timings.observation_tokens += trace.ids.size();
  return NextBlock();
}

void Loop::End(Ending ending, std::string detail) { Finish(ending, std::move(detail)); }

Action Loop::Finish(Ending ending, std::string detail) {
  transcript_.blocks = reader_->blocks();
  transcript_.ending = ending;
  transcript_.ending_detail = std::move(detail);
  transcript_.final_answer = StatesAnswer(ending, transcript_.blocks) ? chat::ExtractFinalAnswer(transcript_.blocks) : "";
  return Action::kFinished;
}

}  // namespace mathcoder::solve
