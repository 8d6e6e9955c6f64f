#include "engine/llama_log.h"

#include <llama.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>

namespace mathcoder::engine {
namespace {

// The callback of the library has no owner that could pass this around.
struct Log {
  std::mutex mutex;
  std::string line;  // of the level that is being continued
  ggml_log_level level = GGML_LOG_LEVEL_NONE;
  std::string first_error;
  bool echo = false;
};

Log& TheLog() {
  static Log log;
  return log;
}

// "llama_model_load: error loading model: ..." -> "error loading model: ..."; function names mean nothing to a user.
std::string WithoutFunction(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
  const std::size_t colon = line.find(": ");
  if (colon != std::string_view::npos && line.substr(0, colon).find(' ') == std::string_view::npos) line.remove_prefix(colon + 2);
  return std::string(line);
}

void Receive(ggml_log_level level, const char* text, void* /*user*/) {
  Log& log = TheLog();
  const std::lock_guard lock(log.mutex);
  if (log.echo) std::fputs(text, stderr);
  if (level != GGML_LOG_LEVEL_CONT) {
    log.line.clear();
    log.level = level;
  }
  if (log.level != GGML_LOG_LEVEL_ERROR || !log.first_error.empty()) return;
  log.line += text;
  if (log.line.size() > 4096 || (!log.line.empty() && log.line.back() == '\n')) {
    log.first_error = WithoutFunction(log.line);
    log.line.clear();
  }
}

}  // namespace

void CatchLlamaLog() {
  static std::once_flag once;
  std::call_once(once, [] {
    const char* echo = std::getenv("MATHCODER_LLAMA_LOG");
    TheLog().echo = echo != nullptr && std::string_view(echo) == "1";
    llama_log_set(Receive, nullptr);
  });
}

void ForgetLlamaErrors() {
  Log& log = TheLog();
  const std::lock_guard lock(log.mutex);
  log.first_error.clear();
}

std::string FirstLlamaError() {
  Log& log = TheLog();
  const std::lock_guard lock(log.mutex);
  return log.first_error;
}

}  // namespace mathcoder::engine
