#include "train/model/model.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "base/check.h"
#include "train/model/head.h"
#include "train/model/layer.h"
#include "train/model/rope_table.h"
#include "train/model/row_tensors.h"

namespace mathcoder::train {
namespace {

RowLoss Sum(const Row& row, const RowTensors& tensors, const at::Tensor& loss) {
  RowLoss sum;
  const at::Tensor host = loss.to(at::kCPU, at::kDouble).contiguous();
  const double* value = host.const_data_ptr<double>();
  for (const std::int64_t token : tensors.host_wanted) {
    const std::size_t i = static_cast<std::size_t>(token);
    sum.weighted += static_cast<double>(row.weights[i]) * *value;
    sum.weight += static_cast<double>(row.weights[i]);
    const std::size_t role = row.roles[i];
    MC_CHECK(role < sum.loss_by_role.size());
    sum.loss_by_role[role] += *value;
    ++sum.targets_by_role[role];
    ++value;
  }
  return sum;
}

}  // namespace

class Model::Impl {
 public:
  Impl(const weights::ModelConfig& config, const ModelOptions& options, ParameterStore& store)
      : config_(config),
        options_(options),
        store_(store),
        embedding_(store.layout().units.front(), "model.embed_tokens.weight"),
        head_(config, store.layout()),
        rope_(config, options.compute, options.device),
        memory_(config, options),
        inputs_(static_cast<std::size_t>(config.num_hidden_layers)) {
    const std::vector<Unit>& units = store.layout().units;
    MC_CHECK(units.size() == inputs_.size() + 2 && embedding_.present());
    for (std::int64_t i = 0; i < layers(); ++i) blocks_.emplace_back(config, units[UnitOf(i)], i, options.lora);
    const auto first = std::find_if(units.begin(), units.end(), [](const Unit& unit) { return unit.learning_size > 0; });
    lowest_ = static_cast<std::size_t>(first - units.begin());
  }

  RowLoss ForwardBackward(const Row& row, double gradient_scale) {
    const at::NoGradGuard no_grad;
    const RowTensors tensors = MakeRowTensors(row, Wanted::kWeighted, config_.vocab_size, options_.device);
    const bool idle = tensors.wanted_count() == 0;  // the calls to the store are the same, nothing is computed
    const at::Tensor last = ForwardLayers(tensors, true, idle);
    at::Tensor gradient, loss;
    {
      const UnitWeights head(store_, head_unit());
      const UnitWeights output(store_, output_unit());
      if (head_unit() > 1) store_.Prefetch(head_unit() - 1);
      if (!idle) {
        if (lowest_ < head_unit()) gradient = output_gradient_.Take(last.size(0), last.size(1), last.options());
        loss = head_.LossAndGradient(head, output, tensors, last, gradient_scale, gradient);
      }
    }
    store_.GradientDone(head_unit());
    for (std::int64_t i = layers() - 1; i >= 0; --i) {
      if (lowest_ <= UnitOf(i)) {
        const UnitWeights weights(store_, UnitOf(i));
        if (i > 0 && lowest_ < UnitOf(i)) store_.Prefetch(UnitOf(i - 1));
        if (!idle) gradient = BackwardLayer(weights, tensors, i, gradient);
      }
      store_.GradientDone(UnitOf(i));
    }
    if (!idle && embedding_.learning()) {
      at::Tensor dembedding = store_.Gradient(0).narrow(0, embedding_.offset(), embedding_.size()).view(embedding_.shape());
      ops::EmbeddingBackward(tensors.ids, gradient, dembedding);
    }
    store_.GradientDone(0);
    return idle ? RowLoss() : Sum(row, tensors, loss);
  }

  RowLoss Evaluate(const Row& row) {
    const at::NoGradGuard no_grad;
    const RowTensors tensors = MakeRowTensors(row, Wanted::kTargets, config_.vocab_size, options_.device);
    const bool idle = tensors.wanted_count() == 0;
    const at::Tensor last = ForwardLayers(tensors, false, idle);
    const UnitWeights head(store_, head_unit());
    const UnitWeights output(store_, output_unit());
    return idle ? RowLoss() : Sum(row, tensors, head_.Loss(head, output, tensors, last));
  }

  at::Tensor Logits(const Row& row) {
    const at::NoGradGuard no_grad;
    const RowTensors tensors = MakeRowTensors(row, Wanted::kTokens, config_.vocab_size, options_.device);
    const at::Tensor last = ForwardLayers(tensors, false, false);
    const UnitWeights head(store_, head_unit());
    const UnitWeights output(store_, output_unit());
    return head_.Logits(head, output, last);
  }

  double FlopsOf(const Row& row) const {
    double by_token = 0;
    for (const Unit& unit : store_.layout().units) {
      for (const bool learning : {true, false}) {
        for (const Parameter& parameter : learning ? unit.learning : unit.frozen) {
          const bool lookup = &unit == &store_.layout().units.front() && !head_.tied();
          if (parameter.shape.size() == 2 && !lookup) by_token += (learning ? 6.0 : 4.0) * static_cast<double>(parameter.size);
        }
      }
    }
    double seen = 0;
    const std::int64_t window = config_.sliding_window.value_or(0);
    for (std::size_t i = 0; i + 1 < row.borders.size(); ++i) {
      const double n = row.borders[i + 1] - row.borders[i];
      const double w = window > 0 ? std::min(n, static_cast<double>(window)) : n;
      seen += w * (w + 1) / 2 + (n - w) * w;
    }
    return by_token * static_cast<double>(row.ids.size()) +
           12 * static_cast<double>(layers()) * static_cast<double>(config_.query_rows()) * seen;
  }

 private:
  std::int64_t layers() const { return config_.num_hidden_layers; }
  static std::size_t UnitOf(std::int64_t layer) { return static_cast<std::size_t>(layer) + 1; }
  std::size_t head_unit() const { return inputs_.size() + 1; }
  std::size_t output_unit() const { return head_.tied() ? 0 : head_unit(); }

  LayerInput InputOf(const RowTensors& row, std::int64_t layer) {
    const bool some = layer + 1 == layers() && row.wanted_count() < row.tokens;
    return {row.sequences, rope_.For(row.sequences.longest), some ? row.wanted : at::Tensor()};
  }
  static std::int64_t OutputRows(const RowTensors& row, const LayerInput& in) {
    return in.rows.defined() ? row.wanted_count() : row.tokens;
  }

  // The residual stream after the last layer, at the wanted tokens. With `learn` what the layers' backward passes need is kept.
  at::Tensor ForwardLayers(const RowTensors& row, bool learn, bool idle) {
    // Of layers that no backward pass goes through, the input is needed only until its output is there.
    const auto input = [&](std::int64_t layer) {
      Buffer& buffer = learn && lowest_ <= UnitOf(layer) ? inputs_[static_cast<std::size_t>(layer)] : passing_[layer % 2];
      return buffer.Take(row.tokens, config_.hidden_size, memory_.options());
    };
    at::Tensor x;
    {
      const UnitWeights weights(store_, 0);
      store_.Prefetch(1);
      if (!idle) {
        x = input(0);
        ops::Embedding(row.ids, embedding_.Value(weights), x);
      }
    }
    for (std::int64_t i = 0; i < layers(); ++i) {
      const UnitWeights weights(store_, UnitOf(i));
      store_.Prefetch(UnitOf(i) + 1);
      if (idle) continue;
      const LayerInput in = InputOf(row, i);
      const std::int64_t rows = OutputRows(row, in);
      LayerTensors kept = memory_.Take(i, row.tokens, rows, learn && lowest_ <= UnitOf(i));
      const bool last = i + 1 == layers();
      at::Tensor out = last ? output_.Take(rows, config_.hidden_size, memory_.options()) : input(i + 1);
      blocks_[static_cast<std::size_t>(i)].Forward(weights, in, x, kept, out);
      x = out;
    }
    return x;
  }

  at::Tensor BackwardLayer(const UnitWeights& weights, const RowTensors& row, std::int64_t layer, const at::Tensor& gradient) {
    const LayerInput in = InputOf(row, layer);
    const at::Tensor x = inputs_[static_cast<std::size_t>(layer)].Take(row.tokens, config_.hidden_size, memory_.options());
    LayerTensors kept = memory_.Take(layer, row.tokens, OutputRows(row, in), true);
    Layer& block = blocks_[static_cast<std::size_t>(layer)];
    if (options_.checkpointing == Checkpointing::kFull) {
      // What the last layer computed is still there.
      if (layer + 1 < layers()) block.Forward(weights, in, x, kept, {});
      kept.cheap_kept = true;
    }
    return block.Backward(weights, in, x, kept, lowest_ < UnitOf(layer), backward_, gradient);
  }

  const weights::ModelConfig config_;
  const ModelOptions options_;
  ParameterStore& store_;
  ParameterRef embedding_;
  Head head_;
  RopeTables rope_;
  LayerMemory memory_;
  BackwardMemory backward_;
  std::vector<Layer> blocks_;
  std::vector<Buffer> inputs_;  // of layers
  Buffer passing_[2];
  Buffer output_, output_gradient_;
  std::size_t lowest_ = 0;  // the first unit that learns; the number of units where none does
};

Model::Model(const weights::ModelConfig& config, const ModelOptions& options, ParameterStore& store)
    : impl_(std::make_unique<Impl>(config, options, store)) {}
Model::~Model() = default;
RowLoss Model::ForwardBackward(const Row& row, double gradient_scale) { return impl_->ForwardBackward(row, gradient_scale); }
RowLoss Model::Evaluate(const Row& row) { return impl_->Evaluate(row); }
at::Tensor Model::Logits(const Row& row) { return impl_->Logits(row); }
double Model::FlopsOf(const Row& row) const { return impl_->FlopsOf(row); }

}  // namespace mathcoder::train
