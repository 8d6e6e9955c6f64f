// The tensors that a model of a configuration has, under their Hugging Face names.
#pragma once

#include <string>
#include <vector>

#include "weights/hf_weights.h"
#include "weights/model_config.h"

namespace mathcoder::weights {

struct TensorSpec {
  std::string name;  // "model.layers.0.self_attn.q_proj.weight"
  Shape shape;
};

// In the order of Transformers' state dict: embedding, layer by layer, last norm, output matrix (not with tied embeddings).
std::vector<TensorSpec> ExpectedTensors(const ModelConfig& config);

// Tensors that some checkpoints hold and no model needs: rotary tables of old exports, and lm_head.weight beside tied embeddings.
bool IsIgnoredTensor(const ModelConfig& config, std::string_view name);

struct FoundTensor {
  std::string name;
  Shape shape;
  std::string type;
  bool is_float = true;
};

// Throws BadInput, beginning with `what`, where what was found is not what is expected: one message with every missing, misshapen,
// unexpected or non-float tensor, the first `most` of each kind by name, the rest counted.
void CheckTensorList(const std::string& what, const std::vector<TensorSpec>& expected, const std::vector<FoundTensor>& found,
                     std::size_t most);

// The same for a folder whose tensors are to be those of `config`.
void CheckTensors(const HfWeights& weights, const ModelConfig& config, std::size_t most = 20);

}  // namespace mathcoder::weights
