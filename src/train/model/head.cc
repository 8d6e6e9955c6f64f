#include "train/model/head.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros_like.h>

#include "train/ops/ops.h"

namespace mathcoder::train {
namespace {

at::TensorOptions Statistics(const at::Tensor& x) {
  return x.options().dtype(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

}  // namespace

Head::Head(const weights::ModelConfig& config, const Layout& layout)
    : norm_(layout.units.back(), "model.norm.weight", config.rms_norm_eps),
      output_(config.tie_word_embeddings ? ParameterRef(layout.units.front(), "model.embed_tokens.weight")
                                         : ParameterRef(layout.units.back(), "lm_head.weight")),
      tied_(config.tie_word_embeddings) {}

at::Tensor Head::Normed(const UnitWeights& head, const at::Tensor& x) {
  at::Tensor normed = normed_.Take(x.size(0), x.size(1), x.options());
  inverse_rms_ = at::empty({x.size(0)}, Statistics(x));
  norm_.Forward(head, x, normed, inverse_rms_);
  return normed;
}

at::Tensor Head::Loss(const UnitWeights& head, const UnitWeights& output, const RowTensors& row, const at::Tensor& x) {
  at::Tensor loss = at::empty({x.size(0)}, Statistics(x));
  ops::CrossEntropy(Normed(head, x), output_.Value(output), row.targets, row.weights, {}, loss, {}, {});
  return loss;
}

at::Tensor Head::LossAndGradient(const UnitWeights& head, const UnitWeights& output, const RowTensors& row, const at::Tensor& x,
                                 double gradient_scale, at::Tensor dx) {
  const at::Tensor normed = Normed(head, x);
  at::Tensor loss = at::empty({x.size(0)}, Statistics(x));
  at::Tensor dnormed;
  if (dx.defined() || norm_.learning()) dnormed = dnormed_.Take(x.size(0), x.size(1), x.options());
  ops::CrossEntropyOptions options;
  options.gradient_scale = gradient_scale;
  ops::CrossEntropy(normed, output_.Value(output), row.targets, row.weights, options, loss, dnormed, output_.Gradient(output));
  if (!dnormed.defined()) return loss;
  if (dx.defined()) {
    dx.zero_();
  } else {
    dx = at::zeros_like(x);  // the norm's own gradient alone is wanted
  }
  norm_.Backward(head, dnormed, x, inverse_rms_, dx);
  return loss;
}

at::Tensor Head::Logits(const UnitWeights& head, const UnitWeights& output, const at::Tensor& x) {
  return at::matmul(Normed(head, x), output_.Value(output).t()).to(Statistics(x));
}

}  // namespace mathcoder::train
