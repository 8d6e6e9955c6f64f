#include "weights/model_tensors.h"

#include <algorithm>
#include <unordered_set>

#include "base/error.h"

namespace mathcoder::weights {
namespace {

std::string Listed(const std::string& title, const std::vector<std::string>& items, std::size_t most) {
  if (items.empty()) return "";
  std::string text = "; " + std::to_string(items.size()) + " " + title + ": ";
  for (std::size_t i = 0; i < std::min(items.size(), most); ++i) text += (i > 0 ? ", " : "") + items[i];
  if (items.size() > most) text += " and " + std::to_string(items.size() - most) + " more";
  return text;
}

}  // namespace

std::vector<TensorSpec> ExpectedTensors(const ModelConfig& config) {
  const std::int64_t width = config.hidden_size;
  const std::int64_t query = config.query_rows();
  const std::int64_t kv = config.key_value_rows();
  const std::int64_t wide = config.intermediate_size;
  std::vector<TensorSpec> specs = {{"model.embed_tokens.weight", {config.vocab_size, width}}};
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in, bool bias) {
      specs.push_back({layer + name + ".weight", {out, in}});
      if (bias) specs.push_back({layer + name + ".bias", {out}});
    };
    linear("self_attn.q_proj", query, width, config.qkv_bias);
    linear("self_attn.k_proj", kv, width, config.qkv_bias);
    linear("self_attn.v_proj", kv, width, config.qkv_bias);
    linear("self_attn.o_proj", width, query, config.o_bias);
    linear("mlp.gate_proj", wide, width, config.mlp_bias);
    linear("mlp.up_proj", wide, width, config.mlp_bias);
    linear("mlp.down_proj", width, wide, config.mlp_bias);
    specs.push_back({layer + "input_layernorm.weight", {width}});
    specs.push_back({layer + "post_attention_layernorm.weight", {width}});
  }
  specs.push_back({"model.norm.weight", {width}});
  if (!config.tie_word_embeddings) specs.push_back({"lm_head.weight", {config.vocab_size, width}});
  return specs;
}

bool IsIgnoredTensor(const ModelConfig& config, std::string_view name) {
  return name.ends_with(".rotary_emb.inv_freq") || (config.tie_word_embeddings && name == "lm_head.weight");
}

void CheckTensors(const HfWeights& weights, const ModelConfig& config, std::size_t most) {
  std::vector<std::string> missing, misshapen, unexpected, untyped;
  std::unordered_set<std::string> known;
  for (const TensorSpec& spec : ExpectedTensors(config)) {
    known.insert(spec.name);
    const TensorView* tensor = weights.Find(spec.name);
    if (tensor == nullptr) {
      missing.push_back(spec.name);
    } else if (tensor->shape != spec.shape) {
      misshapen.push_back(spec.name + " " + ToString(tensor->shape) + " instead of " + ToString(spec.shape));
    } else if (!IsFloat(tensor->dtype)) {
      untyped.push_back(spec.name + " " + std::string(SafetensorsName(tensor->dtype)));
    }
  }
  for (const std::string& name : weights.Names()) {
    if (!known.contains(name) && !IsIgnoredTensor(config, name)) unexpected.push_back(name);
  }
  const std::string found = Listed("missing", missing, most) + Listed("misshapen", misshapen, most) +
                            Listed("of no floating-point type", untyped, most) + Listed("unexpected", unexpected, most);
  if (!found.empty()) {
    throw base::BadInput(weights.folder().string() + ": its tensors are not those that config.json describes" + found);
  }
}

}  // namespace mathcoder::weights
