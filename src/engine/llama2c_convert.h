// Test helper: writes a checkpoint of llama2.c (its first .bin layout, with its tokenizer) as a GGUF file.
#pragma once

#include <ggml.h>
#include <gguf.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/file.h"

namespace mathcoder::engine::testing {

inline void ConvertLlama2c(const std::filesystem::path& checkpoint, const std::filesystem::path& tokenizer,
                           const std::filesystem::path& out) {
  const std::string weights = base::ReadFile(checkpoint);
  const std::string words = base::ReadFile(tokenizer);
  struct Header {
    std::int32_t dim, hidden, layers, heads, kv_heads, vocabulary, context;
  } header;
  if (weights.size() < sizeof header) throw std::runtime_error("checkpoint too short");
  std::memcpy(&header, weights.data(), sizeof header);
  const std::int64_t dim = header.dim;
  const std::int64_t hidden = header.hidden;
  const std::int64_t vocabulary = header.vocabulary;
  const std::int64_t kv = dim / header.heads * header.kv_heads;

  const std::unique_ptr<gguf_context, void (*)(gguf_context*)> gguf(gguf_init_empty(), &gguf_free);
  gguf_set_val_str(gguf.get(), "general.architecture", "llama");
  gguf_set_val_str(gguf.get(), "general.name", "stories260K");
  const auto number = [&](const char* key, std::int32_t value) {
    gguf_set_val_u32(gguf.get(), key, static_cast<std::uint32_t>(value));
  };
  number("llama.context_length", header.context);
  number("llama.embedding_length", header.dim);
  number("llama.block_count", header.layers);
  number("llama.feed_forward_length", header.hidden);
  number("llama.attention.head_count", header.heads);
  number("llama.attention.head_count_kv", header.kv_heads);
  number("llama.rope.dimension_count", header.dim / header.heads);
  gguf_set_val_f32(gguf.get(), "llama.attention.layer_norm_rms_epsilon", 1e-5F);

  // int32 longest; then for each token: float score, int32 length, bytes. A space stands for SentencePiece's U+2581.
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<std::int32_t> types;
  for (std::size_t at = 4; at + 8 <= words.size();) {
    float score = 0;
    std::int32_t length = 0;
    std::memcpy(&score, words.data() + at, 4);
    std::memcpy(&length, words.data() + at + 4, 4);
    std::string text;
    for (const char c : words.substr(at + 8, static_cast<std::size_t>(length)))
      text += c == ' ' ? "\xE2\x96\x81" : std::string(1, c);
    at += 8 + static_cast<std::size_t>(length);
    const std::size_t id = texts.size();
    types.push_back(id == 0 ? 2 : id <= 2 ? 3 : id < 259 ? 6 : 1);
    texts.push_back(id == 1 ? "<s>" : id == 2 ? "</s>" : text);
    scores.push_back(score);
  }
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  gguf_set_val_str(gguf.get(), "tokenizer.ggml.model", "llama");
  gguf_set_arr_str(gguf.get(), "tokenizer.ggml.tokens", pointers.data(), pointers.size());
  gguf_set_arr_data(gguf.get(), "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores.data(), scores.size());
  gguf_set_arr_data(gguf.get(), "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
  number("tokenizer.ggml.bos_token_id", 1);
  number("tokenizer.ggml.eos_token_id", 2);
  number("tokenizer.ggml.unknown_token_id", 0);

  const std::unique_ptr<ggml_context, void (*)(ggml_context*)> tensors(
      ggml_init({/*mem_size=*/weights.size() * 2 + (std::size_t{1} << 20), nullptr, /*no_alloc=*/false}), &ggml_free);
  std::size_t at = sizeof header;
  const auto read = [&](float* to, std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
    if (at + bytes > weights.size()) throw std::runtime_error("checkpoint too short");
    std::memcpy(to, weights.data() + at, bytes);
    at += bytes;
  };
  const auto add = [&](const std::string& name, std::int64_t in, std::int64_t rows) {
    ggml_tensor* tensor = rows == 0 ? ggml_new_tensor_1d(tensors.get(), GGML_TYPE_F32, in)
                                    : ggml_new_tensor_2d(tensors.get(), GGML_TYPE_F32, in, rows);
    ggml_set_name(tensor, name.c_str());
    read(static_cast<float*>(tensor->data), in * std::max<std::int64_t>(rows, 1));
    gguf_add_tensor(gguf.get(), tensor);
  };
  const auto add_layers = [&](const char* name, std::int64_t in, std::int64_t rows) {
    for (std::int32_t i = 0; i < header.layers; ++i) add("blk." + std::to_string(i) + "." + name + ".weight", in, rows);
  };
  // The order of llama2.c. Its rotary embedding turns neighbouring pairs, as GGUF's `llama` does: nothing is permuted.
  add("token_embd.weight", dim, vocabulary);
  add_layers("attn_norm", dim, 0);
  add_layers("attn_q", dim, dim);
  add_layers("attn_k", dim, kv);
  add_layers("attn_v", dim, kv);
  add_layers("attn_output", dim, dim);
  add_layers("ffn_norm", dim, 0);
  add_layers("ffn_gate", dim, hidden);
  add_layers("ffn_down", hidden, dim);
  add_layers("ffn_up", dim, hidden);
  add("output_norm.weight", dim, 0);
  if (!gguf_write_to_file(gguf.get(), out.c_str(), /*only_meta=*/false)) throw std::runtime_error("cannot write " + out.string());
}

}  // namespace mathcoder::engine::testing
