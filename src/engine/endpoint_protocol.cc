#include "engine/endpoint_protocol.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <regex>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace mathcoder::engine {
namespace {

using base::Json;

std::string Lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// One line of at most `limit` bytes.
std::string OneLine(std::string_view text, std::size_t limit = 300) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out += blank ? ' ' : c;
    if (out.size() >= limit) break;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return base::ReplaceInvalidUtf8(out.substr(0, base::CompleteUtf8Prefix(out)));
}

const Json* Find(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string Text(const Json& object, const char* key) {
  const Json* value = Find(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::optional<std::size_t> Count(const Json& object, const char* key) {
  const Json* value = Find(object, key);
  if (value == nullptr || !value->is_number_integer() || value->get<std::int64_t>() < 0) return std::nullopt;
  return value->get<std::size_t>();
}

Json Parse(std::string_view text) { return Json::parse(text, nullptr, /*allow_exceptions=*/false); }

// The object that describes an error, wherever the server puts it: {"error": {...}}, {"error": "text"}, {"object": "error", ...},
// {"detail": ...}.
std::optional<Json> ErrorIn(const Json& json) {
  if (const Json* error = Find(json, "error")) return error->is_object() ? *error : Json{{"message", *error}};
  if (Text(json, "object") == "error") return json;
  if (const Json* detail = Find(json, "detail"); detail != nullptr && Find(json, "choices") == nullptr)
    return Json{{"message", *detail}};
  return std::nullopt;
}

std::string MessageOf(const Json& error) {
  const Json* message = Find(error, "message");
  if (message == nullptr) return OneLine(base::Dump(error));
  return OneLine(message->is_string() ? message->get<std::string>() : base::Dump(*message));
}

std::optional<std::size_t> FirstNumber(const std::string& text, const std::regex& pattern) {
  std::smatch match;
  if (!std::regex_search(text, match, pattern)) return std::nullopt;
  return static_cast<std::size_t>(std::strtoull(match[1].str().c_str(), nullptr, 10));
}

bool SpeaksOfContext(const std::string& message, const std::string& type) {
  return type.find("exceed_context") != std::string::npos || message.find("context length") != std::string::npos ||
         message.find("context size") != std::string::npos || message.find("context window") != std::string::npos ||
         message.find("context_length_exceeded") != std::string::npos || message.find("max_total_tokens") != std::string::npos ||
         message.find("`inputs` tokens") != std::string::npos;
}

// How much would fit: vLLM ("maximum context length is 2048 tokens. However, you requested 2412 tokens (1900 in the messages, ...",
// "... 512 output tokens and your prompt contains at least 1900 input tokens"), SGLang ("... of 2048 tokens ... 1900 tokens from
// the input messages"), TGI ("must be <= 2048. Given: 1900 `inputs` tokens and 512 ...").
std::optional<std::size_t> Room(const std::string& message) {
  static const std::regex limit(R"((?:maximum context length (?:is|of)|must be <=)\s+(\d+))");
  static const std::regex input(R"((\d+) (?:in the (?:messages|prompt)|input tokens|tokens from the input|`inputs` tokens))");
  const auto most = FirstNumber(message, limit);
  const auto used = FirstNumber(message, input);
  if (!most || !used || *used >= *most) return std::nullopt;
  return *most - *used;
}

void AddStop(const Json& choice, ServerKind kind, CompletionChunk& chunk) {
  // vLLM: the string, the id of a stop token, or null for the end of the text. SGLang: the same under another name.
  for (const char* key : {"stop_reason", "matched_stop"}) {
    if (!choice.contains(key)) continue;
    const Json& reason = choice[key];
    if (reason.is_string()) {
      chunk.stop = CompletionChunk::Stop::kString;
      chunk.stop_string = reason.get<std::string>();
    } else if (reason.is_number() || kind == ServerKind::kVllm) {
      chunk.stop = CompletionChunk::Stop::kEndOfText;
    }
    return;
  }
  // TGI keeps the string in the text and names the kind of stop.
  if (chunk.finish_reason == "eos_token") chunk.stop = CompletionChunk::Stop::kEndOfText;
}

}  // namespace

const char* Name(ServerKind kind) {
  switch (kind) {
    case ServerKind::kLlamaServer:
      return "llama-server";
    case ServerKind::kVllm:
      return "vLLM";
    case ServerKind::kSglang:
      return "SGLang";
    case ServerKind::kUnknown:
      break;
  }
  return "unknown";
}

std::string DisplayUrl(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  const std::size_t at = url.substr(begin, end - begin).rfind('@');
  std::string out(url.substr(0, begin));
  out += url.substr(at == std::string_view::npos ? begin : begin + at + 1);
  return OneLine(out.substr(0, out.find_first_of("?#")));
}

std::string NormaliseUrl(std::string_view url) {
  CURLU* handle = curl_url();
  const std::string text(url);
  char* scheme = nullptr;
  char* host = nullptr;
  char* path = nullptr;
  const bool good = curl_url_set(handle, CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                    curl_url_get(handle, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                    curl_url_get(handle, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                    curl_url_get(handle, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
                    (std::string_view(scheme) == "http" || std::string_view(scheme) == "https") && *host != '\0';
  const std::string where = path == nullptr ? "" : path;
  curl_free(scheme);
  curl_free(host);
  curl_free(path);
  curl_url_cleanup(handle);
  if (!good) {
    throw base::Unavailable("'" + DisplayUrl(url) + "' is no endpoint; give a URL like http://127.0.0.1:8080/v1");
  }
  std::string out = text.substr(0, text.find_first_of("?#"));
  while (out.ends_with('/')) out.pop_back();
  if (where.empty() || where == "/") out += "/v1";
  for (const std::string_view tail : {"/completions", "/chat"}) {  // the whole address of the call is a likely slip
    if (out.ends_with(tail)) out.erase(out.size() - tail.size());
  }
  return out;
}

std::optional<ModelList> ParseModels(std::string_view body) {
  const Json json = Parse(body);
  const Json* data = Find(json, "data");
  if (data == nullptr || !data->is_array()) return std::nullopt;
  ModelList list;
  for (const Json& model : *data) {
    const std::string id = Text(model, "id");
    if (id.empty()) continue;
    const std::string owner = Lower(Text(model, "owned_by"));
    if (owner == "llamacpp") list.kind = ServerKind::kLlamaServer;
    if (owner == "vllm") list.kind = ServerKind::kVllm;
    if (owner == "sglang") list.kind = ServerKind::kSglang;
    std::optional<std::size_t> context = Count(model, "max_model_len");
    if (const Json* meta = Find(model, "meta"); meta != nullptr && !context) context = Count(*meta, "n_ctx");
    if (list.models.empty()) list.context_tokens = context.value_or(0);
    list.models.push_back(id);
  }
  return list;
}

std::string ToBody(const CompletionRequest& request) {
  const SamplingOptions& sampling = request.sampling;
  const ServerKind kind = request.kind;
  const bool any = kind == ServerKind::kUnknown;
  Json body = {{"model", request.model},
               {"prompt", request.prompt},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}},
               {"max_tokens", request.max_tokens},
               {"temperature", sampling.temperature}};
  // Servers differ in their defaults (llama-server has its own for nearly everything), so what is off is said as well. TGI alone
  // rejects a top_p of 1.
  if (sampling.top_p < 1.0F || !any) body["top_p"] = sampling.top_p;
  // OpenAI's range is a signed 64-bit number, llama-server's is 32 bits with the largest meaning "random".
  if (sampling.temperature > 0.0F) body["seed"] = (sampling.seed ^ (sampling.seed >> 31U)) & 0x7FFFFFFFU;
  if (!request.stop.empty()) body["stop"] = request.stop;
  if (request.standard_only) return base::Dump(body);

  if (sampling.top_k > 0) {
    body["top_k"] = sampling.top_k;
  } else if (kind == ServerKind::kLlamaServer) {
    body["top_k"] = 0;
  }
  if (sampling.min_p > 0.0F || kind == ServerKind::kLlamaServer) body["min_p"] = sampling.min_p;
  if (kind == ServerKind::kLlamaServer || any) {
    if (sampling.repetition_penalty != 1.0F || kind == ServerKind::kLlamaServer) {
      body["repeat_penalty"] = sampling.repetition_penalty;
      body["repeat_last_n"] = 64;
    }
    body["cache_prompt"] = true;
    body["preserved_tokens"] = request.specials;  // control tokens show in the text without the server's --special
    body["verbose"] = true;                       // the last event then names the stop that was hit
  }
  if (kind != ServerKind::kLlamaServer) {
    if (sampling.repetition_penalty != 1.0F) body["repetition_penalty"] = sampling.repetition_penalty;
    body["skip_special_tokens"] = false;
    body["spaces_between_special_tokens"] = false;
    if (kind != ServerKind::kSglang) body["include_stop_str_in_output"] = true;
    if (kind != ServerKind::kVllm) body["no_stop_trim"] = true;
  }
  return base::Dump(body);
}

std::optional<CompletionChunk> ParseChunk(std::string_view text, ServerKind kind) {
  const Json json = Parse(text);
  if (!json.is_object()) return std::nullopt;
  CompletionChunk chunk;
  if (auto error = ErrorIn(json)) {
    chunk.error = std::move(error);
    return chunk;
  }
  const Json* choices = Find(json, "choices");
  if (choices == nullptr || !choices->is_array()) return std::nullopt;
  if (!choices->empty()) {
    const Json& choice = choices->front();
    chunk.text = Text(choice, "text");
    chunk.finish_reason = Text(choice, "finish_reason");
    if (!chunk.finish_reason.empty()) AddStop(choice, kind, chunk);
  }
  if (const Json* usage = Find(json, "usage")) {
    chunk.completion_tokens = Count(*usage, "completion_tokens");
    chunk.prompt_tokens = Count(*usage, "prompt_tokens");
    if (const Json* details = Find(*usage, "prompt_tokens_details")) chunk.cached_tokens = Count(*details, "cached_tokens");
  }
  // llama-server asked to be verbose.
  if (const Json* verbose = Find(json, "__verbose")) {
    const std::string word = Text(*verbose, "stopping_word");
    if (!word.empty()) {
      chunk.stop = CompletionChunk::Stop::kString;
      chunk.stop_string = word;
    } else if (Text(*verbose, "stop_type") == "eos") {
      chunk.stop = CompletionChunk::Stop::kEndOfText;
    }
    if (const Json* truncated = Find(*verbose, "truncated")) chunk.context_full = truncated->is_boolean() && truncated->get<bool>();
  }
  return chunk;
}

FaultReport Classify(long status, std::string_view body) {
  const Json json = Parse(body);
  std::optional<Json> error;
  if (json.is_object()) error = ErrorIn(json);
  if (!error && json.is_object() && status == 200) error = json;
  FaultReport report;
  report.message = error ? MessageOf(*error) : OneLine(body);
  const std::string message = Lower(report.message);
  const std::string type = error ? Lower(Text(*error, "type") + " " + Text(*error, "code")) : "";
  if (status == 200 && error) {
    const std::optional<std::size_t> code = Count(*error, "code");
    // An error inside a stream without a code is the server's own trouble.
    status = code && *code >= 400 && *code < 600 ? static_cast<long>(*code) : 500;
    if (type.find("invalid_request") != std::string::npos || type.find("badrequest") != std::string::npos) status = 400;
    if (type.find("overloaded") != std::string::npos) status = 503;  // TGI
  }
  if (SpeaksOfContext(message, type) && status != 429) {
    report.fault = Fault::kContextFull;
    report.room = Room(report.message);
  } else if (status == 408 || status == 425 || status == 429 || status >= 500) {
    report.fault = Fault::kRetry;
  } else if ((status == 400 || status == 422) &&
             (message.find("unrecognized") != std::string::npos || message.find("unknown") != std::string::npos ||
              message.find("not permitted") != std::string::npos || message.find("unsupported parameter") != std::string::npos ||
              message.find("unexpected keyword") != std::string::npos)) {
    report.fault = Fault::kUnknownWord;
  }
  report.message = "HTTP " + std::to_string(status) + (report.message.empty() ? "" : ": " + report.message);
  return report;
}

}  // namespace mathcoder::engine
