#include "engine/engine.h"

namespace mathcoder::engine {

base::Json ToJson(const SamplingOptions& options) {
  base::Json json;
  json["temperature"] = options.temperature;
  json["top_k"] = options.top_k;
  json["top_p"] = options.top_p;
  json["min_p"] = options.min_p;
  json["repetition_penalty"] = options.repetition_penalty;
  json["seed"] = options.seed;
  return json;
}

std::string_view Name(StopReason reason) {
  switch (reason) {
    case StopReason::kStopToken:
      return "stop_token";
    case StopReason::kStopString:
      return "stop_string";
    case StopReason::kEndOfGeneration:
      return "end_of_generation";
    case StopReason::kMaxTokens:
      return "max_tokens";
    case StopReason::kContextFull:
      return "context_full";
    case StopReason::kCancelled:
      return "cancelled";
    case StopReason::kFailed:
      return "failed";
  }
  return "failed";
}

}  // namespace mathcoder::engine
