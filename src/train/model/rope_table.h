// Cosines and sines of the rotary embedding for as many positions as rows have needed so far. Private to model/; not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "train/ops/ops.h"
#include "weights/model_config.h"

namespace mathcoder::train {

class RopeTables {
 public:
  // Angles are computed in f64 (weights::RotaryFrequencies: plain, linear and llama3 scaling) and rounded once.
  RopeTables(const weights::ModelConfig& config, at::ScalarType compute, at::Device device);
  const ops::RopeTable& For(std::int64_t positions);  // of at least that many positions

 private:
  std::vector<double> frequencies_;
  at::TensorOptions options_;
  std::int64_t positions_ = 0;
  ops::RopeTable table_;
};

}  // namespace mathcoder::train
