// config.json of a Hugging Face folder: what a model's arithmetic needs, and everything else as it stands there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "weights/dtype.h"

namespace mathcoder::weights {

enum class Family : std::uint8_t { kLlama, kMistral, kQwen2 };  // Code Llama is kLlama, Qwen2.5 is kQwen2

std::string ModelType(Family family);     // "llama": config.json's model_type
std::string Architecture(Family family);  // "LlamaForCausalLM"

// How the angles of the rotary embedding are stretched for long contexts.
struct RopeScaling {
  enum class Type : std::uint8_t { kLinear, kLlama3 };
  Type type = Type::kLinear;
  double factor = 1;
  double low_freq_factor = 1;  // the last three: of kLlama3
  double high_freq_factor = 4;
  std::int64_t original_max_position_embeddings = 8192;
  bool operator==(const RopeScaling&) const = default;
};

// The fields have the names of config.json. All three families are: embedding; layers of RMSNorm, rotary attention with grouped
// keys and values, RMSNorm, SwiGLU; RMSNorm; output matrix.
struct ModelConfig {
  Family family = Family::kLlama;
  std::int64_t vocab_size = 0;  // rows of the embedding
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t num_hidden_layers = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t num_key_value_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_position_embeddings = 2048;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;
  std::optional<RopeScaling> rope_scaling;
  bool tie_word_embeddings = false;
  bool qkv_bias = false;
  bool o_bias = false;
  bool mlp_bias = false;
  std::optional<std::int64_t> sliding_window;  // tokens that a token sees, itself included; nullopt: all before it
  std::optional<DType> torch_dtype;            // of the weights as they were saved
  base::Json raw;                              // the file as it was read, every key kept; null for a new model

  std::int64_t query_rows() const { return num_attention_heads * head_dim; }
  std::int64_t key_value_rows() const { return num_key_value_heads * head_dim; }
};

// Reads DIR/config.json, or the file itself. Both forms of the rotary keys are read: `rope_theta` and `rope_scaling`, and
// Transformers 5's `rope_parameters`. Throws BadInput with one line: no such file, an architecture that is not supported, a key
// that is missing or would change the arithmetic in a way that is not computed here (another hidden_act, yarn scaling, quantised
// weights, ...).
ModelConfig ReadModelConfig(const std::filesystem::path& folder_or_file);
// `where` names the source in errors.
ModelConfig ParseModelConfig(const base::Json& config, const std::string& where);

// What to write as config.json: `raw` with the keys changed whose fields differ from what `raw` says; without `raw` a new file.
base::Json ToJson(const ModelConfig& config);
// As Transformers formats it: two spaces, a newline at the end.
std::string ToText(const base::Json& config);

// Angles that the rotary embedding turns a token by for each position, [head_dim / 2]: rope_theta^(-2i/head_dim), stretched.
std::vector<double> RotaryFrequencies(const ModelConfig& config);

}  // namespace mathcoder::weights
