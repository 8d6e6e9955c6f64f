// The last norm, the output matrix and the loss. Private to model/; not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/model/buffer.h"
#include "train/model/norm.h"
#include "train/model/row_tensors.h"
#include "weights/model_config.h"

namespace mathcoder::train {

class Head {
 public:
  Head(const weights::ModelConfig& config, const Layout& layout);

  bool tied() const { return tied_; }

  // x [wanted, hidden], the residual stream at the wanted tokens. Returns the loss of each, f32 (f64), on the device.
  // `output` holds the output matrix: the head's own unit, or the embedding's where they are tied.
  at::Tensor Loss(const UnitWeights& head, const UnitWeights& output, const RowTensors& row, const at::Tensor& x);
  // The same, and adds to the gradients; dx [wanted, hidden] is written where it is defined.
  at::Tensor LossAndGradient(const UnitWeights& head, const UnitWeights& output, const RowTensors& row, const at::Tensor& x,
                             double gradient_scale, at::Tensor dx);
  at::Tensor Logits(const UnitWeights& head, const UnitWeights& output, const at::Tensor& x);

 private:
  at::Tensor Normed(const UnitWeights& head, const at::Tensor& x);

  Norm norm_;
  ParameterRef output_;
  bool tied_;
  Buffer normed_, dnormed_;
  at::Tensor inverse_rms_;
};

}  // namespace mathcoder::train
