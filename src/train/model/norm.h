// RMSNorm with its weight. Private to model/.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "train/model/unit_weights.h"
#include "train/ops/ops.h"

namespace mathcoder::train {

class Norm {
 public:
  Norm(const Unit& unit, const std::string& name, double eps) : weight_(unit, name), eps_(eps) {}

  bool learning() const { return weight_.learning(); }
  void Forward(const UnitWeights& weights, const at::Tensor& x, at::Tensor& y, at::Tensor& inverse_rms) const {
    ops::RmsNorm(x, weight_.Value(weights), eps_, y, inverse_rms);
  }
  void Again(const UnitWeights& weights, const at::Tensor& x, const at::Tensor& inverse_rms, at::Tensor& y) const {
    ops::RmsNormAgain(x, weight_.Value(weights), inverse_rms, y);
  }
  // Adds to dx, and to the weight's gradient where it learns.
  void Backward(const UnitWeights& weights, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& inverse_rms,
                at::Tensor& dx) const {
    ops::RmsNormBackward(dy, x, weight_.Value(weights), inverse_rms, dx, weight_.Gradient(weights));
  }

 private:
  ParameterRef weight_;
  double eps_;
};

}  // namespace mathcoder::train
