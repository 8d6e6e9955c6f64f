#include "train/model/layer_tensors.h"

namespace mathcoder::train {

LayerMemory::LayerMemory(const weights::ModelConfig& config, const ModelOptions& options)
    : hidden_(config.hidden_size),
      query_(config.query_rows()),
      key_value_(config.key_value_rows()),
      heads_(config.num_attention_heads),
      intermediate_(config.intermediate_size),
      checkpointing_(options.checkpointing),
      compute_(at::TensorOptions(options.device).dtype(options.compute)),
      statistics_(at::TensorOptions(options.device).dtype(options.compute == at::kDouble ? at::kDouble : at::kFloat)),
      own_(static_cast<std::size_t>(config.num_hidden_layers)) {}

LayerTensors LayerMemory::Take(std::int64_t layer, std::int64_t t, std::int64_t r, bool keep) {
  Buffers& own = own_[static_cast<std::size_t>(layer)];
  const bool all = keep && checkpointing_ == Checkpointing::kNone;
  Buffers& dear = keep && checkpointing_ != Checkpointing::kFull ? own : shared_;
  Buffers& cheap = all ? own : shared_;
  LayerTensors out;
  out.inverse_rms_1 = dear.inverse_rms_1.Take(t, 1, statistics_).view({t});
  out.qkv = dear.qkv.Take(t, query_ + 2 * key_value_, compute_);
  out.attended = dear.attended.Take(t, query_, compute_);
  out.log_sum_exp = dear.log_sum_exp.Take(t, heads_, statistics_).view({heads_, t});
  out.mid = dear.mid.Take(r, hidden_, compute_);
  out.inverse_rms_2 = dear.inverse_rms_2.Take(r, 1, statistics_).view({r});
  out.gate_up = dear.gate_up.Take(r, 2 * intermediate_, compute_);
  out.normed_1 = cheap.normed_1.Take(t, hidden_, compute_);
  // Where both are computed again there is never more than one of them at a time.
  const bool selective = keep && checkpointing_ == Checkpointing::kSelective;
  out.normed_2 = (selective ? cheap.normed_1 : cheap.normed_2).Take(r, hidden_, compute_);
  out.activated = cheap.activated.Take(r, intermediate_, compute_);
  out.cheap_kept = all;
  return out;
}

}  // namespace mathcoder::train
