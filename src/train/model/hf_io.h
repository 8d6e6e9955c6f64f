// Weights from and to Hugging Face folders.
// A folder that was loaded and is written again without learning has the same bytes: every tensor keeps its type and its place.
// Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "train/model/layout.h"
#include "weights/hf_weights.h"
#include "weights/model_config.h"

namespace mathcoder::train {

using SetParameter = std::function<void(const std::string& name, const at::Tensor& value)>;

// Calls `set` with every tensor of the model, f32 [shape] on the CPU, from f32, f16, bf16 or f64; valid during the call only.
// `config` describes the folder. With vocabulary > config.vocab_size the embedding and the output matrix get rows up to it
// (GrowRows). Throws base::BadInput: one message with every missing, misshapen and unexpected tensor, before the first call.
void LoadHf(const weights::HfWeights& source, const weights::ModelConfig& config, std::int64_t vocabulary, const SetParameter& set);

struct HfExportOptions {
  // The folder that was loaded, or nullptr: types, order and files of its tensors are taken over, and its tokenizer, chat template
  // and generation_config.json are copied. Borrowed until Write returns.
  const weights::HfWeights* like = nullptr;
  std::optional<weights::DType> dtype;  // of all tensors; else like's, else config.torch_dtype, else f32
  LoraOptions lora;                     // adapters that are added are merged: W + scale * B A, in f32, rounded once
  std::uint64_t max_shard_bytes = std::uint64_t{5} << 30;
};

// Collects the parameters of a model in the type they are written in (so that f32 masters are never held all at once), then writes.
class HfExport {
 public:
  HfExport(weights::ModelConfig config, const HfExportOptions& options);

  // In any order; a copy is taken. Any device, any floating type.
  void Add(const std::string& name, const at::Tensor& value);
  // Precondition: every parameter was added. Each file is written whole before it gets its name, config.json last.
  // Throws base::OutputFailure.
  void Write(const std::filesystem::path& folder);

 private:
  weights::DType TypeOf(const std::string& name) const;
  void Keep(const std::string& name, const at::Tensor& f32);
  void MergeIfComplete(const std::string& weight);
  void CopyCompanions(const std::filesystem::path& folder) const;
  std::string ConfigText() const;

  weights::ModelConfig config_;
  HfExportOptions options_;
  std::map<std::string, std::string> bytes_;   // of tensors in their final type
  std::map<std::string, at::Tensor> waiting_;  // adapters, and weights whose adapters have not come yet; f32
};

}  // namespace mathcoder::train
