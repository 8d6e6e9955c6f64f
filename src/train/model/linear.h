// Linear maps of one input: q, k and v; gate and up; or one alone. Their outputs lie side by side. Maps whose weights adjoin and
// learn alike are one matrix product. Adapters (LoRA) add scale * B A x to a map's output. Private to model/; not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "train/model/buffer.h"
#include "train/model/layout.h"
#include "train/model/unit_weights.h"

namespace mathcoder::train {

class LinearGroup {
 public:
  // `names` without ".weight", in the order of their outputs.
  LinearGroup(const Unit& unit, const std::vector<std::string>& names, const LoraOptions& lora);

  std::int64_t out() const { return out_; }  // columns of all outputs together

  // y [tokens, out] = the maps of x [tokens, in]; `add`: y += instead.
  void Forward(const UnitWeights& weights, const at::Tensor& x, at::Tensor& y, bool add = false);
  // dx [tokens, in] is written.
  void BackwardInput(const UnitWeights& weights, const at::Tensor& dy, at::Tensor& dx);
  // Adds to the gradients of what learns. x is looked at only where something does.
  void BackwardWeight(const UnitWeights& weights, const at::Tensor& dy, const at::Tensor& x);
  bool learning() const { return learning_; }

 private:
  struct Piece {
    ParameterRef weight, bias;
    std::int64_t begin = 0;  // its first column of the output
    std::int64_t out() const { return weight.shape()[0]; }
  };
  struct Adapter {
    ParameterRef a, b;
    std::int64_t begin = 0;
    std::int64_t out() const { return b.shape()[0]; }
  };
  at::Tensor Small(Buffer& buffer, const Adapter& adapter, const at::Tensor& like);

  std::vector<Piece> pieces_;
  std::vector<Adapter> adapters_;
  Buffer small_, dsmall_;  // A x, and its gradient: [tokens, rank]
  double scale_ = 0;
  std::int64_t out_ = 0;
  bool learning_ = false;
};

}  // namespace mathcoder::train
