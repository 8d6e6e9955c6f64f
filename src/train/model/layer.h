// One layer: x + attention(norm(x)), then + SwiGLU(norm(.)); forward, and backward in reverse. Private to model/; not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/model/layer_tensors.h"
#include "train/model/linear.h"
#include "train/model/norm.h"
#include "train/model/row_tensors.h"
#include "train/ops/ops.h"

namespace mathcoder::train {

// What a layer needs to know of the row. Tensors are borrowed.
struct LayerInput {
  const Sequences& sequences;
  const ops::RopeTable& rope;
  // i64, ascending: the tokens whose output is wanted; undefined: all. Only for the last layer: attention looks at all tokens, what
  // follows it is computed for these alone.
  at::Tensor rows;
};

// x, [t, hidden] -> attended [t, q].
class AttentionBlock {
 public:
  AttentionBlock(const weights::ModelConfig& config, const Unit& unit, std::int64_t layer, const LoraOptions& lora);

  void Forward(const UnitWeights& weights, const LayerInput& in, const at::Tensor& x, LayerTensors& kept);
  // dattended -> dx +=. Without `below` (nothing before this layer learns) dx is left as it is, unless the norm needs the way.
  void Backward(const UnitWeights& weights, const LayerInput& in, const at::Tensor& x, LayerTensors& kept,
                const at::Tensor& dattended, bool below, BackwardMemory& memory, at::Tensor& dx);
  bool learning() const { return norm_.learning() || qkv_.learning(); }

 private:
  at::Tensor Heads(const at::Tensor& qkv, std::int64_t first, std::int64_t count) const;

  Norm norm_;
  LinearGroup qkv_;
  std::int64_t heads_, kv_heads_, head_dim_, window_;
};

// mid [r, hidden] -> out = mid + SwiGLU of norm(mid).
class MlpBlock {
 public:
  MlpBlock(const weights::ModelConfig& config, const Unit& unit, std::int64_t layer, const LoraOptions& lora);

  // Up to kept.activated.
  void Forward(const UnitWeights& weights, LayerTensors& kept);
  void AddOutput(const UnitWeights& weights, const LayerTensors& kept, at::Tensor& out);  // out += down(activated)
  // d, the gradient of the layer's output, becomes that of mid. kept.gate_up is overwritten.
  void Backward(const UnitWeights& weights, LayerTensors& kept, bool below, BackwardMemory& memory, at::Tensor& d);
  bool learning_but_down() const { return norm_.learning() || gate_up_.learning(); }

 private:
  Norm norm_;
  LinearGroup gate_up_, down_;
};

class Layer {
 public:
  Layer(const weights::ModelConfig& config, const Unit& unit, std::int64_t index, const LoraOptions& lora);

  // out [r, hidden] is written; undefined: what backward needs is computed again, the output is not.
  void Forward(const UnitWeights& weights, const LayerInput& in, const at::Tensor& x, LayerTensors& kept, at::Tensor out);
  // d [r, hidden], the gradient of the output; returns that of x, [t, hidden]: in d itself where r = t. `below`: something before
  // this layer learns; without it the result means nothing. GradientDone is the caller's.
  at::Tensor Backward(const UnitWeights& weights, const LayerInput& in, const at::Tensor& x, LayerTensors& kept, bool below,
                      BackwardMemory& memory, at::Tensor d);

 private:
  AttentionBlock attention_;
  LinearGroup o_;
  MlpBlock mlp_;
};

}  // namespace mathcoder::train
