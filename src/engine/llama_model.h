// A loaded GGUF model: weights, adapters, vocabulary, and what its file says of itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "chat/dialect.h"
#include "chat/tokenizer.h"
#include "engine/llama_engine.h"
#include "engine/llama_handles.h"

namespace mathcoder::engine {

// Prepares the library, once a process. Thread-safe.
void InitLlama();

class LlamaModel {
 public:
  // Throws base::BadInput with one line (see OpenLlama).
  explicit LlamaModel(const LlamaOptions& options);

  llama_model* get() const { return model_.get(); }
  const chat::Tokenizer& tokenizer() const { return *tokenizer_; }
  const chat::ModelHints& hints() const { return hints_; }
  const std::vector<llama_adapter_lora*>& adapters() const { return adapters_; }
  const std::vector<float>& adapter_scales() const { return scales_; }

  std::string description() const;   // "llama 7B Q4_K - Medium"
  std::string quantisation() const;  // "F16", "Q4_K - Medium"
  std::size_t train_context() const;
  std::uint64_t file_bytes() const { return file_bytes_; }
  std::uint64_t cell_bytes(std::size_t bytes_per_value) const;  // of keys and values of one token, in all layers
  bool on_gpu() const { return on_gpu_; }

 private:
  std::string Meta(const char* key) const;
  std::uint64_t MetaNumber(const std::string& key, std::uint64_t otherwise) const;

  ModelHandle model_;
  std::vector<llama_adapter_lora*> adapters_;  // owned by the model
  std::vector<float> scales_;
  chat::ModelHints hints_;
  std::unique_ptr<chat::Tokenizer> tokenizer_;
  std::uint64_t file_bytes_ = 0;
  bool on_gpu_ = false;
};

}  // namespace mathcoder::engine
