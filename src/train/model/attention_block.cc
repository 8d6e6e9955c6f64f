#include <cmath>

#include "train/model/layer.h"

namespace mathcoder::train {
namespace {

std::string Name(std::int64_t layer, const char* part) { return "model.layers." + std::to_string(layer) + "." + part; }

}  // namespace

AttentionBlock::AttentionBlock(const weights::ModelConfig& config, const Unit& unit, std::int64_t layer, const LoraOptions& lora)
    : norm_(unit, Name(layer, "input_layernorm.weight"), config.rms_norm_eps),
      qkv_(unit, {Name(layer, "self_attn.q_proj"), Name(layer, "self_attn.k_proj"), Name(layer, "self_attn.v_proj")}, lora),
      heads_(config.num_attention_heads),
      kv_heads_(config.num_key_value_heads),
      head_dim_(config.head_dim),
      window_(config.sliding_window.value_or(0)) {}

// A view, [tokens, count, head_dim], of heads that lie side by side.
at::Tensor AttentionBlock::Heads(const at::Tensor& qkv, std::int64_t first, std::int64_t count) const {
  return qkv.narrow(1, first * head_dim_, count * head_dim_).view({qkv.size(0), count, head_dim_});
}

void AttentionBlock::Forward(const UnitWeights& weights, const LayerInput& in, const at::Tensor& x, LayerTensors& kept) {
  norm_.Forward(weights, x, kept.normed_1, kept.inverse_rms_1);
  qkv_.Forward(weights, kept.normed_1, kept.qkv);
  at::Tensor rotated = Heads(kept.qkv, 0, heads_ + kv_heads_);  // q and k at once
  ops::Rope(rotated, in.sequences.positions, in.rope);
  at::Tensor out = Heads(kept.attended, 0, heads_);
  ops::Attention(Heads(kept.qkv, 0, heads_), Heads(kept.qkv, heads_, kv_heads_), Heads(kept.qkv, heads_ + kv_heads_, kv_heads_),
                 in.sequences, 1 / std::sqrt(static_cast<double>(head_dim_)), window_, out, kept.log_sum_exp);
}

void AttentionBlock::Backward(const UnitWeights& weights, const LayerInput& in, const at::Tensor& x, LayerTensors& kept,
                              const at::Tensor& dattended, bool below, BackwardMemory& memory, at::Tensor& dx) {
  at::Tensor dqkv = memory.qkv.Take(kept.qkv.size(0), kept.qkv.size(1), kept.qkv.options());
  at::Tensor dq = Heads(dqkv, 0, heads_);
  at::Tensor dk = Heads(dqkv, heads_, kv_heads_);
  at::Tensor dv = Heads(dqkv, heads_ + kv_heads_, kv_heads_);
  ops::AttentionBackward(Heads(dattended, 0, heads_), Heads(kept.qkv, 0, heads_), Heads(kept.qkv, heads_, kv_heads_),
                         Heads(kept.qkv, heads_ + kv_heads_, kv_heads_), Heads(kept.attended, 0, heads_), kept.log_sum_exp,
                         in.sequences, 1 / std::sqrt(static_cast<double>(head_dim_)), window_, dq, dk, dv);
  at::Tensor rotated = Heads(dqkv, 0, heads_ + kv_heads_);
  ops::RopeBackward(rotated, in.sequences.positions, in.rope);
  if (qkv_.learning()) {
    if (!kept.cheap_kept) norm_.Again(weights, x, kept.inverse_rms_1, kept.normed_1);
    qkv_.BackwardWeight(weights, dqkv, kept.normed_1);
  }
  if (!below && !norm_.learning()) return;
  at::Tensor dnormed = memory.narrow.Take(x.size(0), x.size(1), x.options());
  qkv_.BackwardInput(weights, dqkv, dnormed);
  norm_.Backward(weights, dnormed, x, kept.inverse_rms_1, dx);
}

}  // namespace mathcoder::train
