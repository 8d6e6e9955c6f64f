#include "weights/model_config.h"

#include <array>

#include "base/error.h"
#include "base/file.h"
#include "weights/rope_config.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using base::BadInput;
using base::Json;

struct FamilyRow {
  Family family;
  std::string_view model_type;
  std::string_view architecture;
};

constexpr std::array<FamilyRow, 3> kFamilies = {{{Family::kLlama, "llama", "LlamaForCausalLM"},
                                                 {Family::kMistral, "mistral", "MistralForCausalLM"},
                                                 {Family::kQwen2, "qwen2", "Qwen2ForCausalLM"}}};

// One config.json, read key by key.
class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  base::Error Bad(const std::string& what) const { return BadInput(where_ + ": " + what); }

  const Json* Get(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  std::int64_t Count(const char* key, std::optional<std::int64_t> otherwise) const {
    const Json* value = Get(key);
    if (value == nullptr && otherwise) return *otherwise;
    if (value == nullptr) throw Bad(std::string("lacks ") + key);
    // The limit keeps products of two dimensions within 64 bits.
    if (!value->is_number_integer() || value->get<std::int64_t>() <= 0 || value->get<std::int64_t>() > INT32_MAX) {
      throw Bad(std::string(key) + " is " + value->dump() + "; a whole number above 0 is needed");
    }
    return value->get<std::int64_t>();
  }

  bool Flag(const char* key, bool otherwise) const {
    const Json* value = Get(key);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) throw Bad(std::string(key) + " is " + value->dump() + "; true or false is needed");
    return value->get<bool>();
  }

  std::string Text(const char* key, const std::string& otherwise) const {
    const Json* value = Get(key);
    if (value == nullptr) return otherwise;
    if (!value->is_string()) throw Bad(std::string(key) + " is " + value->dump() + "; a string is needed");
    return value->get<std::string>();
  }

 private:
  const Json& json_;
  const std::string where_;
};

Family ReadFamily(const Reader& reader) {
  std::string architecture;
  if (const Json* list = reader.Get("architectures");
      list != nullptr && list->is_array() && !list->empty() && (*list)[0].is_string()) {
    architecture = (*list)[0].get<std::string>();
  }
  const std::string type = reader.Text("model_type", "");
  for (const FamilyRow& row : kFamilies) {
    if (architecture.empty() ? row.model_type == type : row.architecture == architecture) return row.family;
  }
  if (architecture.empty() && type.empty())
    throw reader.Bad("names neither architectures nor a model_type; is it a model's config.json?");
  throw reader.Bad("is of the architecture " + (architecture.empty() ? "'" + type + "'" : architecture) +
                   ", which is not supported (LlamaForCausalLM, MistralForCausalLM and Qwen2ForCausalLM are)");
}

void RefuseOtherArithmetic(const Reader& reader) {
  const std::string act = reader.Text("hidden_act", "silu");
  if (act != "silu" && act != "swish") throw reader.Bad("hidden_act is '" + act + "', which is not supported (silu is)");
  if (reader.Get("quantization_config") != nullptr) {
    throw reader.Bad("the weights are quantised (quantization_config); use the model in f32, f16 or bf16");
  }
  if (const Json* part = reader.Get("partial_rotary_factor"); part != nullptr && (!part->is_number() || part->get<double>() != 1)) {
    throw reader.Bad("partial_rotary_factor is " + part->dump() + ", which is not supported (1 is)");
  }
  // Keys of relatives of these models that scale what they compute, or add to it.
  for (const char* key : {"attention_multiplier", "embedding_multiplier", "residual_multiplier", "logits_scaling",
                          "attn_logit_softcapping", "final_logit_softcapping", "num_local_experts", "num_experts"}) {
    if (const Json* value = reader.Get(key);
        value != nullptr && !(value->is_number() && value->get<double>() == (key[0] == 'n' ? 0 : 1))) {
      throw reader.Bad(std::string(key) + " is " + value->dump() +
                       "; models with it compute something else, which is not supported");
    }
  }
}

std::optional<std::int64_t> SlidingWindow(const Reader& reader, Family family, std::int64_t layers) {
  if (family == Family::kLlama) return std::nullopt;
  if (reader.Get("sliding_window") == nullptr) return std::nullopt;
  if (family == Family::kQwen2) {
    if (!reader.Flag("use_sliding_window", false)) return std::nullopt;
    // Layers below max_window_layers see everything.
    if (reader.Count("max_window_layers", layers) >= layers) return std::nullopt;
  }
  return reader.Count("sliding_window", std::nullopt);
}

// Sets a key where its field is not what the file says already.
template <typename T>
void Put(Json& json, const Json& raw, const char* key, const T& now, const T& was) {
  if (raw.is_null() || now != was) json[key] = now;
}

}  // namespace

std::string ModelType(Family family) { return std::string(kFamilies[static_cast<std::size_t>(family)].model_type); }
std::string Architecture(Family family) { return std::string(kFamilies[static_cast<std::size_t>(family)].architecture); }

ModelConfig ParseModelConfig(const Json& json, const std::string& where) {
  if (!json.is_object()) throw BadInput(where + ": is no JSON object");
  const Reader reader(json, where);
  ModelConfig out;
  out.raw = json;
  out.family = ReadFamily(reader);
  RefuseOtherArithmetic(reader);
  out.vocab_size = reader.Count("vocab_size", std::nullopt);
  out.hidden_size = reader.Count("hidden_size", std::nullopt);
  out.intermediate_size = reader.Count("intermediate_size", std::nullopt);
  out.num_hidden_layers = reader.Count("num_hidden_layers", std::nullopt);
  out.num_attention_heads = reader.Count("num_attention_heads", std::nullopt);
  // What Transformers takes where the key is missing.
  const std::int64_t kv = out.family == Family::kLlama ? out.num_attention_heads : out.family == Family::kMistral ? 8 : 32;
  out.num_key_value_heads = reader.Count("num_key_value_heads", kv);
  if (out.num_attention_heads % out.num_key_value_heads != 0) {
    throw reader.Bad("num_attention_heads (" + std::to_string(out.num_attention_heads) +
                     ") is no multiple of num_key_value_heads (" + std::to_string(out.num_key_value_heads) + ")");
  }
  if (reader.Get("head_dim") == nullptr && out.hidden_size % out.num_attention_heads != 0) {
    throw reader.Bad("hidden_size (" + std::to_string(out.hidden_size) + ") is no multiple of num_attention_heads (" +
                     std::to_string(out.num_attention_heads) + "), and there is no head_dim");
  }
  out.head_dim = reader.Count("head_dim", std::max<std::int64_t>(1, out.hidden_size / out.num_attention_heads));
  if (out.head_dim % 2 != 0)
    throw reader.Bad("head_dim is " + std::to_string(out.head_dim) + "; the rotary embedding needs an even one");
  const std::int64_t positions = out.family == Family::kLlama ? 2048 : out.family == Family::kMistral ? 131072 : 32768;
  out.max_position_embeddings = reader.Count("max_position_embeddings", positions);
  if (const Json* epsilon = reader.Get("rms_norm_eps")) {
    if (!epsilon->is_number() || epsilon->get<double>() < 0)
      throw reader.Bad("rms_norm_eps is " + epsilon->dump() + "; a number is needed");
    out.rms_norm_eps = epsilon->get<double>();
  }
  ReadRope(json, where, out);
  out.tie_word_embeddings = reader.Flag("tie_word_embeddings", false);
  if (out.family == Family::kQwen2) {
    out.qkv_bias = true;
  } else if (out.family == Family::kLlama) {
    out.qkv_bias = out.o_bias = reader.Flag("attention_bias", false);
    out.mlp_bias = reader.Flag("mlp_bias", false);
  }
  out.sliding_window = SlidingWindow(reader, out.family, out.num_hidden_layers);
  const std::string type = reader.Text("dtype", reader.Text("torch_dtype", ""));
  out.torch_dtype = DTypeFromTorch(type);
  return out;
}

ModelConfig ReadModelConfig(const fs::path& folder_or_file) {
  std::error_code error;
  fs::path file = folder_or_file;
  if (fs::is_directory(file, error)) {
    file /= "config.json";
    if (!fs::exists(file, error))
      throw BadInput(folder_or_file.string() + ": holds no config.json; is it a Hugging Face model's folder?");
  }
  const Json json = Json::parse(base::ReadFile(file), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) throw BadInput(file.string() + ": is no JSON");
  return ParseModelConfig(json, file.string());
}

Json ToJson(const ModelConfig& config) {
  Json json = config.raw;
  ModelConfig was;
  if (json.is_null()) {
    json = {{"architectures", {Architecture(config.family)}}, {"model_type", ModelType(config.family)}, {"hidden_act", "silu"}};
  } else {
    was = ParseModelConfig(config.raw, "config.json");
  }
  const Json& raw = config.raw;
  Put(json, raw, "vocab_size", config.vocab_size, was.vocab_size);
  Put(json, raw, "hidden_size", config.hidden_size, was.hidden_size);
  Put(json, raw, "intermediate_size", config.intermediate_size, was.intermediate_size);
  Put(json, raw, "num_hidden_layers", config.num_hidden_layers, was.num_hidden_layers);
  Put(json, raw, "num_attention_heads", config.num_attention_heads, was.num_attention_heads);
  Put(json, raw, "num_key_value_heads", config.num_key_value_heads, was.num_key_value_heads);
  Put(json, raw, "head_dim", config.head_dim, was.head_dim);
  Put(json, raw, "max_position_embeddings", config.max_position_embeddings, was.max_position_embeddings);
  Put(json, raw, "rms_norm_eps", config.rms_norm_eps, was.rms_norm_eps);
  WriteRope(config, json);
  Put(json, raw, "tie_word_embeddings", config.tie_word_embeddings, was.tie_word_embeddings);
  if (config.family == Family::kLlama) {
    Put(json, raw, "attention_bias", config.qkv_bias, was.qkv_bias);
    Put(json, raw, "mlp_bias", config.mlp_bias, was.mlp_bias);
  }
  if (config.sliding_window != was.sliding_window || (raw.is_null() && config.family == Family::kMistral)) {
    json["sliding_window"] = config.sliding_window ? Json(*config.sliding_window) : Json();
    if (config.family == Family::kQwen2) {
      json["use_sliding_window"] = config.sliding_window.has_value();
      if (config.sliding_window) json["max_window_layers"] = 0;
    }
  }
  if (config.torch_dtype && config.torch_dtype != was.torch_dtype) {
    // Transformers 5 calls the key dtype.
    json[json.contains("dtype") ? "dtype" : "torch_dtype"] = TorchName(*config.torch_dtype);
  }
  return json;
}

std::string ToText(const Json& config) { return config.dump(2) + "\n"; }

}  // namespace mathcoder::weights
