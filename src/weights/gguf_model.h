// A model's configuration and tensor names as GGUF has them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/gguf_file.h"
#include "weights/model_config.h"
#include "weights/model_tensors.h"

namespace mathcoder::weights {

// "model.layers.3.mlp.up_proj.weight" -> "blk.3.ffn_up.weight". Precondition: a name of ExpectedTensors.
std::string GgufName(const std::string& hf_name);

// Heads of the tensor where its rows stand in another order in GGUF (q and k of `llama`), else 0.
std::int64_t InterleavedHeads(const ModelConfig& config, const std::string& hf_name);

std::string GgufArchitecture(const ModelConfig& config);  // "llama" or "qwen2"

// Sets the architecture's keys. Throws BadInput: what llama.cpp computes differently (Qwen2 with a head_dim of its own, with llama3
// scaling).
void WriteGgufConfig(const ModelConfig& config, engine::GgufWriter& writer);

// What the angles are divided by, [head_dim / 2]: the tensor rope_freqs.weight of llama3 scaling; empty for others.
std::vector<float> RopeFactors(const ModelConfig& config);

// From the keys and tensors of any GGUF file of these architectures. Throws BadInput.
ModelConfig ReadGgufConfig(const engine::GgufFile& file);

}  // namespace mathcoder::weights
