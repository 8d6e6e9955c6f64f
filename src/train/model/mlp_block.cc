#include "train/model/layer.h"

namespace mathcoder::train {
namespace {

std::string Name(std::int64_t layer, const char* part) { return "model.layers." + std::to_string(layer) + "." + part; }

}  // namespace

MlpBlock::MlpBlock(const weights::ModelConfig& config, const Unit& unit, std::int64_t layer, const LoraOptions& lora)
    : norm_(unit, Name(layer, "post_attention_layernorm.weight"), config.rms_norm_eps),
      gate_up_(unit, {Name(layer, "mlp.gate_proj"), Name(layer, "mlp.up_proj")}, lora),
      down_(unit, {Name(layer, "mlp.down_proj")}, lora) {}

void MlpBlock::Forward(const UnitWeights& weights, LayerTensors& kept) {
  norm_.Forward(weights, kept.mid, kept.normed_2, kept.inverse_rms_2);
  gate_up_.Forward(weights, kept.normed_2, kept.gate_up);
  ops::SwiGlu(kept.gate_up, kept.activated);
}

void MlpBlock::AddOutput(const UnitWeights& weights, const LayerTensors& kept, at::Tensor& out) {
  down_.Forward(weights, kept.activated, out, true);
}

void MlpBlock::Backward(const UnitWeights& weights, LayerTensors& kept, bool below, BackwardMemory& memory, at::Tensor& d) {
  const bool way = below || learning_but_down();
  if (way) {
    at::Tensor dactivated = memory.wide.Take(kept.activated.size(0), kept.activated.size(1), kept.activated.options());
    down_.BackwardInput(weights, d, dactivated);
    ops::SwiGluBackward(dactivated, kept.gate_up, kept.cheap_kept ? at::Tensor() : kept.activated);
  } else if (!kept.cheap_kept) {
    ops::SwiGlu(kept.gate_up, kept.activated);
  }
  if (down_.learning()) down_.BackwardWeight(weights, d, kept.activated);
  if (!way) return;
  if (gate_up_.learning()) {
    if (!kept.cheap_kept) norm_.Again(weights, kept.mid, kept.inverse_rms_2, kept.normed_2);
    gate_up_.BackwardWeight(weights, kept.gate_up, kept.normed_2);
  }
  if (!below && !norm_.learning()) return;
  at::Tensor dnormed = memory.narrow.Take(kept.mid.size(0), kept.mid.size(1), kept.mid.options());
  gate_up_.BackwardInput(weights, kept.gate_up, dnormed);
  norm_.Backward(weights, dnormed, kept.mid, kept.inverse_rms_2, d);
}

}  // namespace mathcoder::train
