#include "weights/gguf_model.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/check.h"
#include "base/error.h"

namespace mathcoder::weights {
namespace {

using base::BadInput;

struct NameRow {
  std::string_view hf;
  std::string_view gguf;
};

constexpr std::array<NameRow, 9> kLayerNames = {{{"input_layernorm", "attn_norm"},
                                                 {"self_attn.q_proj", "attn_q"},
                                                 {"self_attn.k_proj", "attn_k"},
                                                 {"self_attn.v_proj", "attn_v"},
                                                 {"self_attn.o_proj", "attn_output"},
                                                 {"post_attention_layernorm", "ffn_norm"},
                                                 {"mlp.gate_proj", "ffn_gate"},
                                                 {"mlp.up_proj", "ffn_up"},
                                                 {"mlp.down_proj", "ffn_down"}}};

// The decimal number that a person wrote: 1e-05, not 9.9999997473787516e-06.
double Shortest(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, static_cast<float>(value)).ptr;
  return std::strtod(std::string(text, end).c_str(), nullptr);
}

std::optional<RopeScaling> ScalingOf(const engine::GgufFile& file, const ModelConfig& config) {
  const std::string where = file.path().string();
  const engine::GgufTensor* factors = file.Find("rope_freqs.weight");
  const std::string type = file.Text(GgufArchitecture(config) + ".rope.scaling.type").value_or("none");
  if (factors == nullptr) {
    if (type == "none") return std::nullopt;
    if (type != "linear") throw BadInput(where + ": rope scaling of the type '" + type + "' is not supported");
    return RopeScaling{.type = RopeScaling::Type::kLinear,
                       .factor = file.Real(GgufArchitecture(config) + ".rope.scaling.factor").value_or(1)};
  }
  // The factors say what llama3 scaling came to, not its four numbers. Those of the published models are tried.
  std::vector<float> stored(static_cast<std::size_t>(config.head_dim / 2));
  if (factors->type != "f32" || factors->bytes.size() != stored.size() * sizeof(float)) {
    throw BadInput(where + ": rope_freqs.weight has another shape than half a head");
  }
  engine::GgufToFloats("f32", factors->bytes, stored);
  for (const std::int64_t original : {8192, 4096, 2048}) {
    ModelConfig candidate = config;
    candidate.rope_scaling = RopeScaling{.type = RopeScaling::Type::kLlama3,
                                         .factor = Shortest(static_cast<double>(*std::max_element(stored.begin(), stored.end()))),
                                         .original_max_position_embeddings = original};
    const std::vector<float> computed = RopeFactors(candidate);
    bool same = true;
    for (std::size_t i = 0; i < stored.size(); ++i) same &= std::fabs(computed[i] / stored[i] - 1) < 1e-3F;
    if (same) return candidate.rope_scaling;
  }
  throw BadInput(where +
                 ": its rope_freqs.weight is no llama3 scaling of a published model, and the file does not say which it is");
}

}  // namespace

std::string GgufName(const std::string& hf_name) {
  if (hf_name == "model.embed_tokens.weight") return "token_embd.weight";
  if (hf_name == "model.norm.weight") return "output_norm.weight";
  if (hf_name == "lm_head.weight") return "output.weight";
  constexpr std::string_view kPrefix = "model.layers.";
  MC_CHECK(hf_name.starts_with(kPrefix));
  const std::size_t dot = hf_name.find('.', kPrefix.size());
  const std::size_t last = hf_name.rfind('.');
  const std::string part = hf_name.substr(dot + 1, last - dot - 1);
  for (const NameRow& row : kLayerNames) {
    if (row.hf == part)
      return "blk." + hf_name.substr(kPrefix.size(), dot - kPrefix.size()) + "." + std::string(row.gguf) + hf_name.substr(last);
  }
  MC_CHECK(false);
}

std::int64_t InterleavedHeads(const ModelConfig& config, const std::string& hf_name) {
  if (GgufArchitecture(config) != "llama") return 0;
  if (hf_name.find(".q_proj.") != std::string::npos) return config.num_attention_heads;
  if (hf_name.find(".k_proj.") != std::string::npos) return config.num_key_value_heads;
  return 0;
}

std::string GgufArchitecture(const ModelConfig& config) { return config.family == Family::kQwen2 ? "qwen2" : "llama"; }

std::vector<float> RopeFactors(const ModelConfig& config) {
  if (!config.rope_scaling || config.rope_scaling->type != RopeScaling::Type::kLlama3) return {};
  ModelConfig plain = config;
  plain.rope_scaling.reset();
  const std::vector<double> stretched = RotaryFrequencies(config);
  const std::vector<double> original = RotaryFrequencies(plain);
  std::vector<float> factors;
  for (std::size_t i = 0; i < stretched.size(); ++i) factors.push_back(static_cast<float>(original[i] / stretched[i]));
  return factors;
}

void WriteGgufConfig(const ModelConfig& config, engine::GgufWriter& writer) {
  const std::string architecture = GgufArchitecture(config);
  if (config.family == Family::kQwen2) {
    if (config.query_rows() != config.hidden_size) {
      throw BadInput("head_dim " + std::to_string(config.head_dim) + " times " + std::to_string(config.num_attention_heads) +
                     " heads is not hidden_size " + std::to_string(config.hidden_size) + ", which llama.cpp's qwen2 needs");
    }
    if (!RopeFactors(config).empty()) throw BadInput("llama3 rope scaling is not computed by llama.cpp's qwen2");
  }
  const auto key = [&](const char* name) { return architecture + "." + name; };
  const auto count = [&](const char* name, std::int64_t value) { writer.Set(key(name), static_cast<std::uint32_t>(value)); };
  writer.Set("general.architecture", architecture);
  writer.Set("general.type", "model");
  // No GGUF key of these architectures speaks of a sliding window: up to its length the result is exact, so the context ends there.
  count("context_length", std::min(config.max_position_embeddings, config.sliding_window.value_or(config.max_position_embeddings)));
  count("embedding_length", config.hidden_size);
  count("block_count", config.num_hidden_layers);
  count("feed_forward_length", config.intermediate_size);
  count("attention.head_count", config.num_attention_heads);
  count("attention.head_count_kv", config.num_key_value_heads);
  count("attention.key_length", config.head_dim);
  count("attention.value_length", config.head_dim);
  count("rope.dimension_count", config.head_dim);
  count("vocab_size", config.vocab_size);
  writer.Set(key("attention.layer_norm_rms_epsilon"), static_cast<float>(config.rms_norm_eps));
  writer.Set(key("rope.freq_base"), static_cast<float>(config.rope_theta));
  if (config.rope_scaling && config.rope_scaling->type == RopeScaling::Type::kLinear) {
    writer.Set(key("rope.scaling.type"), "linear");
    writer.Set(key("rope.scaling.factor"), static_cast<float>(config.rope_scaling->factor));
  }
}

ModelConfig ReadGgufConfig(const engine::GgufFile& file) {
  const std::string where = file.path().string();
  const std::string architecture = file.Text("general.architecture").value_or("");
  if (architecture != "llama" && architecture != "qwen2") {
    throw BadInput(where + ": is of the architecture '" + architecture + "', which is not supported (llama and qwen2 are)");
  }
  const auto number = [&](const std::string& name, std::optional<std::int64_t> otherwise) {
    const auto value = file.Number(architecture + "." + name);
    if (!value && !otherwise) throw BadInput(where + ": lacks the key " + architecture + "." + name);
    const std::int64_t result = value.value_or(otherwise.value_or(0));
    if (result <= 0 || result > INT32_MAX)
      throw BadInput(where + ": " + architecture + "." + name + " is " + std::to_string(result));
    return result;
  };
  ModelConfig config;
  config.family = architecture == "qwen2" ? Family::kQwen2 : Family::kLlama;
  if (file.Number(architecture + ".expert_count").value_or(0) > 0)
    throw BadInput(where + ": is a mixture of experts, which is not supported");
  config.hidden_size = number("embedding_length", std::nullopt);
  config.intermediate_size = number("feed_forward_length", std::nullopt);
  config.num_hidden_layers = number("block_count", std::nullopt);
  config.num_attention_heads = number("attention.head_count", std::nullopt);
  config.num_key_value_heads = number("attention.head_count_kv", config.num_attention_heads);
  config.head_dim = number("attention.key_length", config.hidden_size / config.num_attention_heads);
  config.max_position_embeddings = number("context_length", std::nullopt);
  config.rms_norm_eps = Shortest(file.Real(architecture + ".attention.layer_norm_rms_epsilon").value_or(1e-5));
  config.rope_theta = Shortest(file.Real(architecture + ".rope.freq_base").value_or(10000));
  const engine::GgufTensor* embedding = file.Find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2)
    throw BadInput(where + ": has no tensor token_embd.weight of two dimensions");
  config.vocab_size = embedding->shape[0];
  config.tie_word_embeddings = file.Find("output.weight") == nullptr;
  config.qkv_bias = file.Find("blk.0.attn_q.bias") != nullptr;
  config.o_bias = file.Find("blk.0.attn_output.bias") != nullptr;
  config.mlp_bias = file.Find("blk.0.ffn_up.bias") != nullptr;
  config.rope_scaling = ScalingOf(file, config);
  return config;
}

}  // namespace mathcoder::weights
