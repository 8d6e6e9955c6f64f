#include "weights/hf_weights.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using base::BadInput;
using base::Json;

constexpr char kSingle[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";

std::string WhatIsThere(const fs::path& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("pytorch_model")) {
      return "; it holds " + name + ", PyTorch's older form: load and save it once with Transformers to get safetensors";
    }
    if (name.ends_with(".gguf")) return "; it holds " + name + ", which `mathcoder convert` reads by its own name";
    if (name == "adapter_model.safetensors") return "; it holds a LoRA adapter: merge it into its base model first";
  }
  return "";
}

}  // namespace

HfWeights::HfWeights(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  if (!fs::is_directory(folder_, error)) {
    throw BadInput(folder_.string() + (fs::exists(folder_, error)
                                           ? ": is no folder; a Hugging Face model is a folder with config.json"
                                           : ": no such folder"));
  }
  if (fs::exists(folder_ / kSingle, error)) {  // the order in which Transformers looks
    Open(kSingle);
  } else if (fs::exists(folder_ / kIndex, error)) {
    const std::string where = (folder_ / kIndex).string();
    layout_.index = base::ReadFile(folder_ / kIndex);
    const Json index = Json::parse(layout_.index, nullptr, /*allow_exceptions=*/false);
    if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
      throw BadInput(where + ": has no weight_map that says which file holds which tensor");
    }
    std::vector<std::string> names;
    for (const auto& [tensor, file] : index["weight_map"].items()) {
      if (!file.is_string()) throw BadInput(where + ": the file of tensor " + tensor + " is no string");
      names.push_back(file.get<std::string>());
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::string missing;
    for (const std::string& name : names) {
      if (name.find('/') != std::string::npos) throw BadInput(where + ": names " + name + ", which is outside the folder");
      if (!fs::exists(folder_ / name, error)) missing += (missing.empty() ? "" : ", ") + name;
    }
    if (!missing.empty()) throw BadInput(folder_.string() + ": lacks " + missing + ", which the index names; fetch them");
    for (const std::string& name : names) Open(name);
    for (const auto& [tensor, file] : index["weight_map"].items()) {
      const auto in = std::find_if(files_.begin(), files_.end(),
                                   [&](const auto& f) { return f->path().filename() == file.get<std::string>(); });
      if ((*in)->Find(tensor) == nullptr)
        throw BadInput(where + ": places tensor " + tensor + " in " + file.get<std::string>() + ", which lacks it");
    }
  } else {
    throw BadInput(folder_.string() + ": holds neither " + kSingle + " nor " + kIndex + WhatIsThere(folder_));
  }
}

void HfWeights::Open(const std::string& name) {
  files_.push_back(std::make_unique<SafetensorsFile>(folder_ / name));
  const SafetensorsFile& file = *files_.back();
  std::vector<const TensorView*> tensors;
  for (const TensorView& tensor : file.tensors()) tensors.push_back(&tensor);
  // Tensors of no elements share their place with the next one: the header's order decides.
  std::stable_sort(tensors.begin(), tensors.end(),
                   [](const TensorView* a, const TensorView* b) { return a->bytes.data() < b->bytes.data(); });
  HfLayout::File& layout = layout_.files.emplace_back();
  layout.name = name;
  layout.metadata = file.metadata();
  layout.header = file.header();
  for (const TensorView* tensor : tensors) {
    layout.tensors.push_back(tensor->name);
    if (!index_.emplace(tensor->name, tensor).second) {
      throw BadInput(file.path().string() + ": tensor " + tensor->name + " stands in another file of the folder as well");
    }
    tensors_.push_back(tensor);
  }
}

const TensorView* HfWeights::Find(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? nullptr : found->second;
}

const TensorView& HfWeights::Get(std::string_view name) const {
  const TensorView* tensor = Find(name);
  if (tensor == nullptr) throw BadInput(folder_.string() + ": has no tensor " + std::string(name));
  return *tensor;
}

std::vector<std::string> HfWeights::Names() const {
  std::vector<std::string> names;
  names.reserve(tensors_.size());
  for (const TensorView* tensor : tensors_) names.push_back(tensor->name);
  return names;
}

std::uint64_t HfWeights::bytes() const {
  std::uint64_t sum = 0;
  for (const TensorView* tensor : tensors_) sum += tensor->bytes.size();
  return sum;
}

}  // namespace mathcoder::weights
