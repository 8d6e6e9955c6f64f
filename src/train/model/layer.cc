#include "train/model/layer.h"

#include <ATen/ops/index_select.h>

namespace mathcoder::train {

Layer::Layer(const weights::ModelConfig& config, const Unit& unit, std::int64_t index, const LoraOptions& lora)
    : attention_(config, unit, index, lora),
      o_(unit, {"model.layers." + std::to_string(index) + ".self_attn.o_proj"}, lora),
      mlp_(config, unit, index, lora) {}

void Layer::Forward(const UnitWeights& weights, const LayerInput& in, const at::Tensor& x, LayerTensors& kept, at::Tensor out) {
  attention_.Forward(weights, in, x, kept);
  at::Tensor attended = kept.attended;
  if (in.rows.defined()) {
    at::index_select_out(kept.mid, x, 0, in.rows);
    attended = kept.attended.index_select(0, in.rows);
  } else {
    kept.mid.copy_(x);
  }
  o_.Forward(weights, attended, kept.mid, true);
  mlp_.Forward(weights, kept);
  if (!out.defined()) return;
  out.copy_(kept.mid);
  mlp_.AddOutput(weights, kept, out);
}

at::Tensor Layer::Backward(const UnitWeights& weights, const LayerInput& in, const at::Tensor& x, LayerTensors& kept, bool below,
                           BackwardMemory& memory, at::Tensor d) {
  const bool attention_learns = attention_.learning();
  mlp_.Backward(weights, kept, below || attention_learns || o_.learning(), memory, d);
  if (o_.learning()) o_.BackwardWeight(weights, d, in.rows.defined() ? kept.attended.index_select(0, in.rows) : kept.attended);
  if (!below && !attention_learns) return d;
  at::Tensor dattended = memory.query.Take(kept.attended.size(0), kept.attended.size(1), kept.attended.options());
  if (in.rows.defined()) {
    at::Tensor some = memory.gathered.Take(d.size(0), kept.attended.size(1), kept.attended.options());
    o_.BackwardInput(weights, d, some);
    dattended.zero_().index_copy_(0, in.rows, some);
    at::Tensor all = memory.rows.Take(x.size(0), x.size(1), x.options());
    all.zero_().index_copy_(0, in.rows, d);
    d = all;
  } else {
    o_.BackwardInput(weights, d, dattended);
  }
  attention_.Backward(weights, in, x, kept, dattended, below, memory, d);
  return d;
}

}  // namespace mathcoder::train
