// LoRA adapters from and to PEFT's folders: adapter_config.json and adapter_model.safetensors.
// Pure functions but for the files.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "train/model/layout.h"
#include "weights/safetensors.h"

namespace mathcoder::train {

// What the folder's adapters are: rank, alpha, and which maps have one (read from the names of its tensors, so that "all-linear"
// and regular expressions need no reading). Throws base::BadInput: no adapter there, or one that is computed otherwise (DoRA,
// biases, ranks by pattern, initialisations that change the base, adapters of the embedding or the head), by name.
LoraOptions ReadAdapterOptions(const std::filesystem::path& folder);

// Calls `set` with every tensor of the folder, f32 [shape]; valid during the call only. Throws base::BadInput: one message with
// every missing, misshapen and unexpected tensor, before the first call.
void LoadAdapter(const std::filesystem::path& folder, const Layout& layout,
                 const std::function<void(const std::string& name, const at::Tensor& value)>& set);

// Writes the folder as PEFT does. `tensors`: adapters under their names in the layout, and modules_to_save. Types are kept (f32,
// bf16). `base` is what adapter_config.json names as the base model. Throws base::OutputFailure.
void WriteAdapter(const std::filesystem::path& folder, const LoraOptions& lora, const std::string& base,
                  const std::vector<std::pair<std::string, at::Tensor>>& tensors);

// "model.layers.0.mlp.up_proj.weight" for either adapter matrix of it; nullopt for other names.
std::optional<std::string> WeightOfAdapter(const std::string& name);

// A file's tensor as f32 on the CPU.
at::Tensor ToTensor(const weights::TensorView& view);

}  // namespace mathcoder::train
