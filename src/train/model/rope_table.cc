#include "train/model/rope_table.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/outer.h>

#include <algorithm>

namespace mathcoder::train {

RopeTables::RopeTables(const weights::ModelConfig& config, at::ScalarType compute, at::Device device)
    : frequencies_(weights::RotaryFrequencies(config)),
      options_(at::TensorOptions(device).dtype(compute == at::kDouble ? at::kDouble : at::kFloat)) {}

const ops::RopeTable& RopeTables::For(std::int64_t positions) {
  if (positions <= positions_) return table_;
  positions_ = std::max(positions, 2 * positions_);
  const at::Tensor frequencies = at::from_blob(frequencies_.data(), {static_cast<std::int64_t>(frequencies_.size())}, at::kDouble);
  const at::Tensor angles = at::outer(at::arange(positions_, at::kDouble), frequencies);
  table_ = {angles.cos().to(options_), angles.sin().to(options_)};
  return table_;
}

}  // namespace mathcoder::train
