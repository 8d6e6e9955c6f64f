#include "weights/model_tensors.h"

#include <algorithm>
#include <unordered_map>
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

void CheckTensorList(const std::string& what, const std::vector<TensorSpec>& expected, const std::vector<FoundTensor>& found,
                     std::size_t most) {
  std::vector<std::string> missing, misshapen, unexpected, untyped;
  std::unordered_map<std::string, const FoundTensor*> by_name;
  for (const FoundTensor& tensor : found) by_name[tensor.name] = &tensor;
  std::unordered_set<std::string> known;
  for (const TensorSpec& spec : expected) {
    known.insert(spec.name);
    const auto tensor = by_name.find(spec.name);
    if (tensor == by_name.end()) {
      missing.push_back(spec.name);
    } else if (tensor->second->shape != spec.shape) {
      misshapen.push_back(spec.name + " " + ToString(tensor->second->shape) + " instead of " + ToString(spec.shape));
    } else if (!tensor->second->is_float) {
      untyped.push_back(spec.name + " " + tensor->second->type);
    }
  }
  for (const FoundTensor& tensor : found) {
    if (!known.contains(tensor.name)) unexpected.push_back(tensor.name);
  }
  const std::string wrong = Listed("missing", missing, most) + Listed("misshapen", misshapen, most) +
                            Listed("of no floating-point type", untyped, most) + Listed("unexpected", unexpected, most);
  if (!wrong.empty()) throw base::BadInput(what + wrong);
}

void CheckTensors(const HfWeights& weights, const ModelConfig& config, std::size_t most) {
  std::vector<FoundTensor> found;
  for (const TensorView* tensor : weights.tensors()) {
    if (IsIgnoredTensor(config, tensor->name)) continue;
    found.push_back({tensor->name, tensor->shape, std::string(SafetensorsName(tensor->dtype)), IsFloat(tensor->dtype)});
  }
  CheckTensorList(weights.folder().string() + ": its tensors are not those that config.json describes", ExpectedTensors(config),
                  found, most);
}

}  // namespace mathcoder::weights
