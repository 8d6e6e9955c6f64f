#include "train/model/adapter_io.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <map>
#include <span>

#include "base/check.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;
using base::BadInput;
using base::Json;

constexpr const char* kConfigFile = "adapter_config.json";
constexpr const char* kTensorFile = "adapter_model.safetensors";
const std::string kPrefix = "base_model.model.";  // PEFT's model around the model

// "…self_attn.q_proj.lora_A.weight" -> "q_proj"
std::string ModuleOf(const std::string& weight) {
  const std::string name = weight.substr(0, weight.size() - std::string(".weight").size());
  return name.substr(name.rfind('.') + 1);
}

// Names in the file: adapters have theirs in the layout already, modules_to_save get PEFT's prefix.
std::string FileName(const std::string& name) { return name.starts_with(kPrefix) ? name : kPrefix + name; }

bool Set(const Json& config, const char* key) {
  const auto found = config.find(key);
  return found != config.end() && !found->is_null() && *found != Json(false) && !(found->is_structured() && found->empty());
}

void CheckSupported(const Json& config, const std::string& where) {
  const std::string type = config.value("peft_type", std::string("nothing"));
  if (type != "LORA") throw BadInput(where + ": peft_type is " + type + "; only LORA is supported");
  if (!config.contains("r") || !config["r"].is_number_integer() || config["r"].get<std::int64_t>() <= 0) {
    throw BadInput(where + ": r is missing or not a number above 0");
  }
  if (config.contains("lora_alpha") && !config["lora_alpha"].is_number()) throw BadInput(where + ": lora_alpha is no number");
  for (const char* key : {"use_dora", "lora_bias", "rank_pattern", "alpha_pattern", "use_qalora", "use_bdlora", "kasa_config",
                          "velora_config", "arrow_config", "alora_invocation_tokens", "target_parameters", "layer_replication",
                          "megatron_config", "fan_in_fan_out", "trainable_token_indices"}) {
    if (Set(config, key)) throw BadInput(where + ": " + key + " is " + config[key].dump() + ", which is not supported");
  }
  if (Set(config, "bias") && config["bias"] != "none")
    throw BadInput(where + ": bias is " + config["bias"].dump() + "; only none is supported");
  if (const auto init = config.find("init_lora_weights"); init != config.end() && init->is_string()) {
    const std::string name = init->get<std::string>();
    for (const char* changing : {"pissa", "olora", "corda", "loftq"}) {
      if (name.starts_with(changing)) {
        throw BadInput(where + ": init_lora_weights is " + name +
                       ", which changes the base model; save the adapter as plain LoRA with PEFT first");
      }
    }
  }
}

std::string Listed(const std::string& title, const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 20;
  if (names.empty()) return "";
  std::string text = "; " + std::to_string(names.size()) + " " + title + ": ";
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > kMost) text += " and " + std::to_string(names.size() - kMost) + " more";
  return text;
}

}  // namespace

std::optional<std::string> WeightOfAdapter(const std::string& name) {
  for (const char* end : {".lora_A.weight", ".lora_B.weight"}) {
    if (name.starts_with(kPrefix) && name.ends_with(end)) {
      return name.substr(kPrefix.size(), name.size() - kPrefix.size() - std::string(end).size()) + ".weight";
    }
  }
  return std::nullopt;
}

at::Tensor ToTensor(const weights::TensorView& view) {
  at::Tensor out = at::empty(view.shape, at::kFloat);
  weights::ToFloats(view.dtype, view.bytes, std::span(out.mutable_data_ptr<float>(), static_cast<std::size_t>(out.numel())));
  return out;
}

LoraOptions ReadAdapterOptions(const fs::path& folder) {
  const std::string where = (folder / kConfigFile).string();
  if (!fs::exists(folder / kConfigFile))
    throw BadInput(folder.string() + ": no " + kConfigFile + " in it; a folder written by PEFT is needed");
  const Json config = Json::parse(base::ReadFile(folder / kConfigFile), nullptr, false);
  if (!config.is_object()) throw BadInput(where + ": it is no JSON object");
  CheckSupported(config, where);
  LoraOptions lora;
  lora.rank = config["r"].get<std::int64_t>();
  lora.alpha = config.value("lora_alpha", 8.0);
  lora.rslora = Set(config, "use_rslora");
  if (!fs::exists(folder / kTensorFile))
    throw BadInput(folder.string() + ": no " + kTensorFile + " in it (files of the form .bin are not read)");
  const weights::SafetensorsFile file(folder / kTensorFile);
  std::vector<std::string> found, unexpected;
  for (const weights::TensorView& tensor : file.tensors()) {
    if (const std::optional<std::string> weight = WeightOfAdapter(tensor.name)) {
      const std::string module = ModuleOf(*weight);
      const bool known = std::find(LinearNames().begin(), LinearNames().end(), module) != LinearNames().end();
      (known ? found : unexpected).push_back(known ? module : tensor.name);
    } else if (tensor.name == kPrefix + "model.embed_tokens.weight") {
      lora.modules_to_save.push_back("embed_tokens");
    } else if (tensor.name == kPrefix + "lm_head.weight") {
      lora.modules_to_save.push_back("lm_head");
    } else {
      unexpected.push_back(tensor.name);
    }
  }
  if (!unexpected.empty())
    throw BadInput((folder / kTensorFile).string() + ": it holds what is not supported" + Listed("tensors", unexpected));
  for (const std::string& module : LinearNames()) {
    if (std::find(found.begin(), found.end(), module) != found.end()) lora.target_modules.push_back(module);
  }
  if (lora.target_modules.empty()) throw BadInput((folder / kTensorFile).string() + ": no adapter in it");
  return lora;
}

void LoadAdapter(const fs::path& folder, const Layout& layout,
                 const std::function<void(const std::string&, const at::Tensor&)>& set) {
  const weights::SafetensorsFile file(folder / kTensorFile);
  std::vector<std::string> missing, misshapen, unexpected, used;
  std::vector<std::pair<std::string, const weights::TensorView*>> found;
  for (const Unit& unit : layout.units) {
    for (const bool learning : {true, false}) {
      for (const Parameter& parameter : learning ? unit.learning : unit.frozen) {
        const bool adapter = WeightOfAdapter(parameter.name).has_value();
        const weights::TensorView* tensor = file.Find(FileName(parameter.name));
        if (tensor == nullptr) {
          if (adapter) missing.push_back(parameter.name);
        } else if (tensor->shape != parameter.shape) {
          misshapen.push_back(tensor->name + " " + weights::ToString(tensor->shape) + " instead of " +
                              weights::ToString(parameter.shape));
        } else if (!weights::IsFloat(tensor->dtype)) {
          misshapen.push_back(tensor->name + " of the type " + std::string(weights::SafetensorsName(tensor->dtype)));
        } else {
          found.emplace_back(parameter.name, tensor);
        }
        if (tensor != nullptr) used.push_back(tensor->name);
      }
    }
  }
  for (const weights::TensorView& tensor : file.tensors()) {
    if (std::find(used.begin(), used.end(), tensor.name) == used.end()) unexpected.push_back(tensor.name);
  }
  const std::string wrong = Listed("missing", missing) + Listed("misshapen", misshapen) + Listed("unexpected", unexpected);
  if (!wrong.empty()) throw BadInput(file.path().string() + ": its tensors are not those of the model's adapters" + wrong);
  for (const auto& [name, tensor] : found) set(name, ToTensor(*tensor));
}

void WriteAdapter(const fs::path& folder, const LoraOptions& lora, const std::string& base,
                  const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw base::OutputFailure(folder.string() + ": cannot be created: " + error.message());
  std::map<std::string, at::Tensor> by_name;
  std::vector<weights::TensorEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    const bool half = tensor.scalar_type() == at::kBFloat16;
    by_name[FileName(name)] = tensor.to(at::kCPU, half ? at::kBFloat16 : at::kFloat).contiguous();
    entries.push_back({FileName(name), half ? weights::DType::kBF16 : weights::DType::kF32, tensor.sizes().vec()});
  }
  weights::SortAsLibrary(entries);
  weights::SafetensorsWriter writer(folder / kTensorFile, entries);
  for (const weights::TensorEntry& entry : entries) {
    const at::Tensor& tensor = by_name.at(entry.name);
    writer.Write(std::span(static_cast<const std::byte*>(tensor.const_data_ptr()), entry.bytes()));
  }
  writer.Sync();
  writer.Commit();
  Json config = {{"base_model_name_or_path", base},
                 {"bias", "none"},
                 {"fan_in_fan_out", false},
                 {"inference_mode", true},
                 {"init_lora_weights", true},
                 {"lora_alpha", lora.alpha},
                 {"lora_dropout", 0.0},
                 {"modules_to_save", lora.modules_to_save.empty() ? Json() : Json(lora.modules_to_save)},
                 {"peft_type", "LORA"},
                 {"r", lora.rank},
                 {"target_modules", lora.target_modules.empty() ? LinearNames() : lora.target_modules},
                 {"task_type", "CAUSAL_LM"},
                 {"use_dora", false},
                 {"use_rslora", lora.rslora}};
  base::WriteFileAtomically(folder / kConfigFile, config.dump(2) + "\n");
}

}  // namespace mathcoder::train
