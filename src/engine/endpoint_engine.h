// Models behind OpenAI-compatible servers (vLLM, SGLang, TGI, llama-server): POST {base}/completions, streamed.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace mathcoder::engine {

struct EndpointOptions {
  std::vector<std::string> urls;      // "http://127.0.0.1:8080/v1"; "/v1" is added where the path is empty
  std::string model;                  // empty: the first that GET /models names
  std::string api_key;                // sent as a bearer token; callers read it from the environment, it is never logged
  std::vector<std::string> specials;  // control strings of the dialect
  std::size_t context_tokens = 0;     // unknown: 0
  int max_retries = 5;  // on 429, 5xx, connection errors and broken streams; exponential backoff with jitter, Retry-After kept
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds idle_timeout{120000};  // without a byte
  std::string ca_file;                             // PEM; empty: the system's
  bool verify_tls = true;
  std::size_t max_connections = 64;
  std::chrono::milliseconds backoff{
      500};  // before the first retry, doubled with each further one; jitter takes up to half of it off
};

// Asks every endpoint for its models; throws base::Unavailable naming each that cannot be reached and why.
std::unique_ptr<Engine> OpenEndpoint(const EndpointOptions& options);

}  // namespace mathcoder::engine
