#include "train/model/hf_io.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <span>

#include "base/check.h"
#include "base/file.h"
#include "train/model/adapter_io.h"
#include "train/model/init.h"
#include "weights/model_tensors.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr const char* kOutput = "lm_head.weight";

// What lies beside the weights of a model and belongs to it.
constexpr const char* kCompanions[] = {
    "generation_config.json", "tokenizer.json",     "tokenizer.model",     "tokenizer_config.json",  "vocab.json", "merges.txt",
    "added_tokens.json",      "chat_template.json", "chat_template.jinja", "special_tokens_map.json"};

bool TargetOf(const LoraOptions& lora, const std::string& weight) {
  if (lora.rank == 0 || !weight.starts_with("model.layers.")) return false;
  const std::vector<std::string>& targets = lora.target_modules.empty() ? LinearNames() : lora.target_modules;
  return std::any_of(targets.begin(), targets.end(),
                     [&](const std::string& target) { return weight.ends_with("." + target + ".weight"); });
}

}  // namespace

void LoadHf(const weights::HfWeights& source, const weights::ModelConfig& config, std::int64_t vocabulary,
            const SetParameter& set) {
  weights::CheckTensors(source, config);
  MC_CHECK(vocabulary >= config.vocab_size);
  for (const weights::TensorSpec& spec : weights::ExpectedTensors(config)) {
    const at::Tensor value = ToTensor(source.Get(spec.name));
    const bool rows = spec.name == kEmbedding || spec.name == kOutput;
    set(spec.name, rows ? GrowRows(value, vocabulary) : value);
  }
}

HfExport::HfExport(weights::ModelConfig config, const HfExportOptions& options) : config_(std::move(config)), options_(options) {
  if (options_.dtype) config_.torch_dtype = *options_.dtype;
}

weights::DType HfExport::TypeOf(const std::string& name) const {
  if (options_.dtype) return *options_.dtype;
  if (options_.like != nullptr) {
    if (const weights::TensorView* tensor = options_.like->Find(name)) return tensor->dtype;
  }
  return config_.torch_dtype.value_or(weights::DType::kF32);
}

void HfExport::Keep(const std::string& name, const at::Tensor& f32) {
  const weights::DType type = TypeOf(name);
  const at::Tensor flat = f32.contiguous();
  std::string& bytes = bytes_[name];
  bytes.resize(static_cast<std::size_t>(flat.numel()) * weights::SizeOf(type));
  weights::FromFloats(type, std::span(flat.const_data_ptr<float>(), static_cast<std::size_t>(flat.numel())),
                      std::as_writable_bytes(std::span(bytes)));
}

void HfExport::Add(const std::string& name, const at::Tensor& value) {
  const at::Tensor f32 = value.to(at::kCPU, at::kFloat);
  if (const std::optional<std::string> weight = WeightOfAdapter(name)) {
    waiting_[name] = f32.clone();
    MergeIfComplete(*weight);
  } else if (TargetOf(options_.lora, name)) {
    waiting_[name] = f32.clone();
    MergeIfComplete(name);
  } else {
    Keep(name, f32);
  }
}

void HfExport::MergeIfComplete(const std::string& weight) {
  const auto base = waiting_.find(weight), a = waiting_.find(AdapterName(weight, 'A')), b = waiting_.find(AdapterName(weight, 'B'));
  if (base == waiting_.end() || a == waiting_.end() || b == waiting_.end()) return;
  Keep(weight, base->second.addmm(b->second, a->second, 1, options_.lora.scale()));
  for (const auto& part : {base, a, b}) waiting_.erase(part);
}

void HfExport::CopyCompanions(const fs::path& folder) const {
  if (options_.like == nullptr) return;
  const fs::path from = options_.like->folder();
  if (fs::exists(folder) && fs::equivalent(folder, from)) return;
  for (const char* name : kCompanions) {
    if (fs::exists(from / name)) base::WriteFileAtomically(folder / name, base::ReadFile(from / name));
  }
}

// As it was read, where it still says the same.
std::string HfExport::ConfigText() const {
  const base::Json json = weights::ToJson(config_);
  if (options_.like != nullptr && !config_.raw.is_null() && json == config_.raw) {
    const fs::path path = options_.like->folder() / "config.json";
    if (fs::exists(path)) return base::ReadFile(path);
  }
  return weights::ToText(json);
}

void HfExport::Write(const fs::path& folder) {
  MC_CHECK(waiting_.empty());
  const std::string config = ConfigText();
  std::vector<weights::OutputTensor> tensors;
  const auto add = [&](const std::string& name, const weights::Shape& shape, const std::string& from) {
    const auto found = bytes_.find(from);
    MC_CHECK(found != bytes_.end());
    weights::OutputTensor tensor{{name, TypeOf(from), shape}, {}};
    MC_CHECK(tensor.entry.bytes() == found->second.size());
    tensor.bytes = [&bytes = found->second](const auto& write) { write(std::as_bytes(std::span(bytes))); };
    tensors.push_back(std::move(tensor));
  };
  std::map<std::string, weights::Shape> expected;
  for (const weights::TensorSpec& spec : weights::ExpectedTensors(config_)) expected[spec.name] = spec.shape;
  if (options_.like != nullptr) {
    for (const weights::TensorView* tensor : options_.like->tensors()) {
      if (const auto found = expected.find(tensor->name); found != expected.end()) {
        add(tensor->name, found->second, tensor->name);
        expected.erase(found);
      } else if (tensor->name == kOutput && config_.tie_word_embeddings) {
        add(kOutput, {config_.vocab_size, config_.hidden_size}, kEmbedding);  // a copy of the embedding that the folder has
      } else if (weights::IsIgnoredTensor(config_, tensor->name)) {
        tensors.push_back(weights::Same(*tensor));
      }
    }
  }
  for (const weights::TensorSpec& spec : weights::ExpectedTensors(config_)) {
    if (expected.contains(spec.name)) add(spec.name, spec.shape, spec.name);
  }
  weights::WriteHfOptions options;
  options.max_shard_bytes = options_.max_shard_bytes;
  if (options_.like != nullptr) options.like = &options_.like->layout();
  weights::WriteHfWeights(folder, tensors, options);
  CopyCompanions(folder);
  base::WriteFileAtomically(folder / "config.json", config);
}

}  // namespace mathcoder::train
