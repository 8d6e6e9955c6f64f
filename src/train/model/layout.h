// Which parameters a model has, in which order they lie in memory, and which of them learn. A unit (the embedding, a layer, the
// head) is what is gathered, reduced and stepped at once: its learning parameters are one flat tensor, its frozen ones another. So
// an optimizer walks over contiguous memory, gradients travel in few large messages, and ZeRO cuts a flat tensor into equal parts.
// Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weights/model_config.h"

namespace mathcoder::train {

struct Parameter {
  std::string name;                 // Hugging Face's: "model.layers.0.self_attn.q_proj.weight"; PEFT's for adapters
  std::vector<std::int64_t> shape;  // [out, in] of a linear layer
  std::int64_t offset = 0;          // of its first element in its unit's flat tensor; a multiple of 32
  std::int64_t size = 0;            // elements
  bool decay = false;               // weight decay applies: matrices yes, norms and biases no
  bool matrix = false;              // a hidden layer's matrix: Muon's, where it is chosen (not embedding, head, norms, biases)
};

struct Unit {
  std::string name;  // "embedding", "layer 3", "head"
  std::vector<Parameter> learning;
  std::vector<Parameter> frozen;
  std::int64_t learning_size = 0;  // elements of the flat tensor, gaps included
  std::int64_t frozen_size = 0;
};

struct LoraOptions {      // arXiv 2106.09685; names are PEFT's
  std::int64_t rank = 0;  // 0: no LoRA
  double alpha = 16;
  bool rslora = false;                       // scale alpha / sqrt(rank) instead of alpha / rank
  std::vector<std::string> target_modules;   // "q_proj", "down_proj", ...; empty: every linear layer but the head
  std::vector<std::string> modules_to_save;  // learnt in full beside the adapters: "embed_tokens", "lm_head"

  double scale() const;  // what B A x is multiplied by
};
// Names of a layer's linear maps in the order of the forward pass: "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj",
// "down_proj".
const std::vector<std::string>& LinearNames();
// "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" for "model.layers.0.self_attn.q_proj.weight": as PEFT's files
// name it.
std::string AdapterName(const std::string& weight, char matrix);

struct LayoutOptions {
  LoraOptions lora;
  // ECMAScript patterns over parameter names; a parameter that one of them matches does not learn.
  std::vector<std::string> freeze;
};

// Units in the order of the forward pass: embedding, layers, head (the last norm, and lm_head where it is not tied).
// q, k, v lie next to each other, so do gate and up: each is one matrix product where all of them learn or none does.
struct Layout {
  std::vector<Unit> units;
  std::int64_t learning_count() const;  // elements of parameters, without gaps
  std::int64_t frozen_count() const;
};

// Where a parameter lies.
struct Place {
  std::size_t unit = 0;
  bool learning = false;
  Parameter parameter;
};
// nullopt where the layout has no parameter of that name.
std::optional<Place> Find(const Layout& layout, const std::string& name);

// With LoRA everything but the adapters and modules_to_save is frozen, then `freeze` applies; it may freeze adapters.
// Throws base::BadInput: a target module or a pattern that matches nothing (with the names there are), a pattern that is no
// expression.
Layout PlanLayout(const weights::ModelConfig& config, const LayoutOptions& options);

}  // namespace mathcoder::train
