// A decoder-only transformer of the Llama family (Llama 2 and 3, Code Llama, Mistral, Qwen2) that learns: one row of packed
// sequences forward and backward, with gradients written by hand (ops/ops.h) and added to a ParameterStore. Not thread-safe: one
// thread drives it; kernels use libtorch's threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "train/data/row.h"
#include "train/model/store.h"
#include "weights/model_config.h"

namespace mathcoder::train {

// What of a layer is kept for its backward pass; the rest is computed again.
enum class Checkpointing : std::uint8_t {
  kNone,       // everything
  kSelective,  // all but the outputs of norms and of SwiGLU, which are cheap (the default)
  kFull,       // a layer's input only: the whole layer is computed again
};

struct ModelOptions {
  at::ScalarType compute = at::kFloat;  // f32, bf16; f64 for checks
  at::Device device = at::kCPU;
  Checkpointing checkpointing = Checkpointing::kSelective;
  LoraOptions lora;
};

// Sums over the targets of a row, by the role of the target token (chat::TokenRole as index).
struct RowLoss {
  double weighted = 0;                            // sum of weight * loss
  double weight = 0;                              // sum of weights
  std::array<double, 6> loss_by_role{};           // sum of loss, unweighted
  std::array<std::int64_t, 6> targets_by_role{};  // of the targets that were looked at
};

class Model {
 public:
  // The store's layout must be PlanLayout's of the same config and options.
  Model(const weights::ModelConfig& config, const ModelOptions& options, ParameterStore& store);
  ~Model();

  // Units are acquired in the order of the passes, once in each; GradientDone is called for every unit, head first. The order of
  // calls depends on the layout alone, never on the row, so that processes with other rows stay in step. Adds gradient_scale *
  // d(sum of weight * loss)/d(parameter) to the store's gradients. The head is computed only for targets whose weight is not 0: a
  // row whose weights are all 0 computes nothing, but still makes the calls to the store.
  RowLoss ForwardBackward(const Row& row, double gradient_scale);
  // Forward only. The loss of every target, whatever its weight, goes into loss_by_role; `weighted` as in training.
  RowLoss Evaluate(const Row& row);
  // [tokens, vocabulary] in f32 (f64 for f64): for tests and small rows.
  at::Tensor Logits(const Row& row);

  // Floating-point operations of ForwardBackward for a row, as MFU counts them: 6 per parameter of matrices and token (4 where it
  // is frozen), and attention's 12 * layers * heads * head_dim * (sum over tokens of what each sees). What checkpointing computes
  // again is not counted, nor is what is left out: the head and the last layer's MLP count for every token.
  double FlopsOf(const Row& row) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mathcoder::train
