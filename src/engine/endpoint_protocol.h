// The words of the completion protocol: what is asked of a server, what it answers, and what its errors mean. Pure functions of
// text and JSON; docs/endpoints.md says what each kind of server needs and why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "engine/engine.h"

namespace mathcoder::engine {

// What GET /models shows it to be. An unknown one is sent the words of all.
enum class ServerKind : std::uint8_t { kUnknown, kLlamaServer, kVllm, kSglang };
const char* Name(ServerKind kind);

// "http://host:8080" becomes "http://host:8080/v1"; a trailing slash goes. Throws base::Unavailable for anything but http and
// https.
std::string NormaliseUrl(std::string_view url);
// Without user and password: what may be shown.
std::string DisplayUrl(std::string_view url);

struct ModelList {
  ServerKind kind = ServerKind::kUnknown;
  std::vector<std::string> models;
  std::size_t context_tokens = 0;  // of the server's own tokens; 0: not said
};
std::optional<ModelList> ParseModels(std::string_view body);

struct CompletionRequest {
  ServerKind kind = ServerKind::kUnknown;
  std::string model;
  std::string prompt;
  std::size_t max_tokens = 0;
  SamplingOptions sampling;
  std::vector<std::string> stop;      // empty: the server is not to stop by itself
  std::vector<std::string> specials;  // control strings that must appear in the text
  bool standard_only = false;         // nothing that OpenAI's own API does not know
};
std::string ToBody(const CompletionRequest& request);

// One event of the stream, or the whole body of an answer that was not streamed.
struct CompletionChunk {
  std::string text;
  std::string finish_reason;  // "stop", "length", ...; empty while it goes on
  enum class Stop : std::uint8_t { kNotSaid, kString, kEndOfText } stop = Stop::kNotSaid;  // behind "stop"
  std::string stop_string;                                                                 // of kString
  bool context_full = false;  // the server says that it cut at its context's end
  std::optional<std::size_t> completion_tokens, prompt_tokens, cached_tokens;
  std::optional<base::Json> error;
};
// nullopt: not of the protocol.
std::optional<CompletionChunk> ParseChunk(std::string_view json, ServerKind kind);

enum class Fault : std::uint8_t {
  kRetry,        // busy, restarting, broken on the way
  kContextFull,  // the prompt and what was asked for do not fit
  kUnknownWord,  // the server rejects a parameter beyond the standard
  kFatal,        // asking again would give the same
};
struct FaultReport {
  Fault fault = Fault::kFatal;
  std::string message;              // one line, what the server said
  std::optional<std::size_t> room;  // kContextFull: tokens that would still fit behind this prompt
};
// `status` 200 with an error object inside the stream is classified by that object.
FaultReport Classify(long status, std::string_view body);

}  // namespace mathcoder::engine
