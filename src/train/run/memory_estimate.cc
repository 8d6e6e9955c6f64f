#include "train/run/memory_estimate.h"

#include "train/run/start.h"

namespace mathcoder::train {

MemoryEstimate EstimateMemory(const Config& config, const weights::ModelConfig& model, const Layout& layout, int processes) {
  const TrainState::Memory state = PlanMemory(layout, StateOptionsOf(config, config.batch_rows <= processes, at::kCPU), processes);
  MemoryEstimate estimate;
  estimate.weights = state.weights + state.gathered_peak;
  estimate.gradients = state.gradients;
  estimate.optimizer = state.optimizer;

  const std::int64_t number = config.model.compute == "bf16" ? 2 : 4;
  const std::int64_t tokens = config.data.length;
  const std::int64_t heads = model.num_attention_heads;
  const std::int64_t kept = model.hidden_size + (model.query_rows() + 2 * model.key_value_rows()) + model.query_rows() +
                            model.hidden_size + 2 * model.intermediate_size;
  const std::int64_t again = 2 * model.hidden_size + model.intermediate_size;
  const std::int64_t layer = number * (kept + (config.model.checkpointing == "none" ? again : 0)) + 4 * heads;
  const std::int64_t layers = config.model.checkpointing == "full" ? number * model.hidden_size * model.num_hidden_layers + layer
                                                                   : layer * model.num_hidden_layers;
  const std::int64_t working = number * (3 * model.intermediate_size + 6 * model.hidden_size);  // of one layer's backward pass
  constexpr std::int64_t kHeadBlock = std::int64_t{16} << 20;
  estimate.activations = tokens * (layers + working) + 2 * kHeadBlock;
  const std::int64_t saved = state.optimizer + state.weights / (config.parallel.zero == 3 ? 1 : processes);
  estimate.checkpoint = config.checkpoints.asynchronous ? saved : 0;
  return estimate;
}

}  // namespace mathcoder::train
