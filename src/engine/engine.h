// Sequences of tokens. Everything that generates is behind this interface: libllama in this process (llama_engine.h), an
// OpenAI-compatible endpoint (endpoint_engine.h), a recorded transcript (recording_engine.h).
//
// A sequence is a list of token ids that is authoritative; what an engine keeps for it (a KV cache, a connection) is a cache.
// Dropping that cache changes the time of the next Generate, never its tokens.
//
// Thread-safety: every method may be called from any thread. Callbacks run on the engine's own thread, must return quickly,
// must not call back into the engine, and stop before Close(sequence) or the destructor returns.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "chat/dialect.h"
#include "chat/tokenizer.h"
#include "chat/transcript.h"

namespace mathcoder::engine {

using chat::TokenId;

// Order as in llama.cpp: penalty, top-k, top-p, min-p, temperature, draw.
struct SamplingOptions {
  float temperature = 0.0F;  // 0: greedy (the paper's)
  std::int32_t top_k = 0;    // 0: off
  float top_p = 1.0F;
  float min_p = 0.0F;
  float repetition_penalty = 1.0F;  // over the last 64 tokens
  std::uint64_t seed = 0;
};
base::Json ToJson(const SamplingOptions& options);

struct SequenceOptions {
  SamplingOptions sampling;
  // Sequences of one problem share it: an endpoint engine sends them to one server, so that its prefix cache hits.
  std::string affinity;
  // The recording engine plays this transcript; other engines ignore it. Borrowed until Close.
  const chat::Transcript* recording = nullptr;
};

enum class StopReason : std::uint8_t {
  kStopToken,        // the last of `tokens` is one of StopRule::tokens
  kStopString,       // the text ends with one of StopRule::strings
  kEndOfGeneration,  // the model's own end token, not in the rule
  kMaxTokens,
  kContextFull,
  kCancelled,  // Cancel or Close
  kFailed,     // `error` says why; the sequence is as it was before Generate
};
std::string_view Name(StopReason reason);  // "stop_token", "stop_string", "end_of_generation", ...

struct GenerateOptions {
  std::size_t max_tokens = 512;
  chat::StopRule stop;
};

struct GenerateResult {
  StopReason reason = StopReason::kFailed;
  std::vector<TokenId> tokens;           // kept in the sequence, the stopping token included
  std::string residual;                  // text before the end of a stop string that is in no kept token (the token was cut)
  std::size_t prefilled_tokens = 0;      // computed before the first new token; tokens found in a cache do not count
  std::size_t cached_tokens = 0;         // found in a cache; with the former: the length of the sequence before this Generate
  std::chrono::microseconds queued{0};   // until the first prefill work
  std::chrono::microseconds elapsed{0};  // from Generate to the end
  std::string error;
};

struct GenerateCallbacks {
  std::function<void(std::span<const TokenId>)> on_tokens;  // as they are sampled; may be null. Tokens that a stop string cuts
                                                            // off are never reported
  std::function<void(GenerateResult)> on_done;              // exactly once
};

using SequenceId = std::uint64_t;

struct EngineInfo {
  std::string engine;  // "llama.cpp 0.3.36", "endpoint", "recording"
  std::string model;   // file or name
  chat::ModelHints hints;
  std::size_t context_tokens = 0;  // the longest sequence; 0: unknown
  base::Json details;              // what a report wants to know (threads, quantisation, batch, layers on the GPU)
};

struct EngineStats {
  std::uint64_t decoded_tokens = 0;
  std::uint64_t prefilled_tokens = 0;
  std::uint64_t reused_tokens = 0;  // found in a cache: shared prefixes, forks, parked sequences
  std::uint64_t evictions = 0;      // parked sequences that lost their cache
  std::uint64_t batches = 0;
  std::uint64_t retries = 0;  // endpoint requests sent again
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual const EngineInfo& info() const = 0;
  virtual const chat::Tokenizer& tokenizer() const = 0;
  // Of the model file; computed beside everything else since the engine was opened, so this may wait (seconds for a file of many
  // gigabytes). Empty where there is no file.
  virtual std::string ModelSha256() const { return ""; }

  virtual SequenceId Open(SequenceOptions options) = 0;
  // A new sequence with the same tokens; shares what is cached. `sampling` may differ (its seed should).
  virtual SequenceId Fork(SequenceId sequence, SequenceOptions options) = 0;
  // Queues tokens; they are computed at the next Generate. Precondition: no Generate of this sequence is running.
  virtual void Append(SequenceId sequence, std::span<const TokenId> tokens) = 0;
  // Continues the sequence. Precondition: it is not empty and no Generate of it is running. A sequence whose tokens leave no room
  // in the context ends at once with kContextFull.
  virtual void Generate(SequenceId sequence, GenerateOptions options, GenerateCallbacks callbacks) = 0;
  virtual void Cancel(SequenceId sequence) = 0;  // a running Generate ends with kCancelled soon; tokens so far are kept
  // Keeps the first `n_tokens`. Precondition: n_tokens <= length, no Generate running.
  virtual void RollBack(SequenceId sequence, std::size_t n_tokens) = 0;
  virtual std::vector<TokenId> Tokens(SequenceId sequence) const = 0;
  virtual void Close(SequenceId sequence) = 0;

  virtual EngineStats stats() const = 0;
};

}  // namespace mathcoder::engine
