// Shared by the tests of the libllama engine.
#pragma once

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/llama_engine.h"

namespace mathcoder::engine::testing {

inline std::filesystem::path RepositoryModel() {
  return std::filesystem::path(MATHCODER_SOURCE_DIR) / "models/mathematics-7m-f16.gguf";
}

inline std::filesystem::path SharedDir() {
  const char* set = std::getenv("MATHCODER_SHARED");
  return set != nullptr ? std::filesystem::path(set) : std::filesystem::path(MATHCODER_SOURCE_DIR) / "../shared";
}

// Waits for the end of one Generate. One object a Generate.
class Waiter {
 public:
  GenerateCallbacks Callbacks() {
    GenerateCallbacks callbacks;
    callbacks.on_tokens = [this](std::span<const TokenId> tokens) {
      const std::lock_guard lock(mutex_);
      streamed_.insert(streamed_.end(), tokens.begin(), tokens.end());
      changed_.notify_all();
    };
    callbacks.on_done = [this](GenerateResult result) {
      const std::lock_guard lock(mutex_);
      ++ends_;
      result_ = std::move(result);
      changed_.notify_all();
    };
    return callbacks;
  }
  GenerateResult Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return result_.has_value(); });
    return *result_;
  }
  void WaitForTokens(std::size_t n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return streamed_.size() >= n || result_.has_value(); });
  }
  std::vector<TokenId> streamed() {
    const std::lock_guard lock(mutex_);
    return streamed_;
  }
  int ends() {
    const std::lock_guard lock(mutex_);
    return ends_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TokenId> streamed_;
  std::optional<GenerateResult> result_;
  int ends_ = 0;
};

// A folder that goes away.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mathcoder-engine-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline LlamaOptions Small(KvLayout layout = KvLayout::kAuto) {
  LlamaOptions options;
  options.model = RepositoryModel();
  options.parallel = 4;
  options.sequence_context = 256;
  options.layout = layout;
  return options;
}

inline GenerateResult GenerateAndWait(Engine& engine, SequenceId sequence, GenerateOptions options) {
  Waiter waiter;
  engine.Generate(sequence, std::move(options), waiter.Callbacks());
  return waiter.Wait();
}

inline std::string TextOf(const chat::Tokenizer& tokenizer, const std::vector<TokenId>& tokens) {
  std::string text;
  for (const TokenId id : tokens) text += tokenizer.Piece(id);
  return text;
}

}  // namespace mathcoder::engine::testing
