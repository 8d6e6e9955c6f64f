// What memory a run will take in each process, before it takes it.
#pragma once

#include <cstdint>

#include "train/model/layout.h"
#include "train/run/config.h"
#include "weights/model_config.h"

namespace mathcoder::train {

struct MemoryEstimate {      // bytes
  std::int64_t weights = 0;  // of the compute type, frozen ones and those gathered for a step included
  std::int64_t gradients = 0;
  std::int64_t optimizer = 0;    // moments, and what bf16 weights lack to their f32 masters
  std::int64_t activations = 0;  // of one full row, with what its backward pass and the head's blocks take
  std::int64_t checkpoint = 0;   // the copy that asynchronous checkpoints are written from
  std::int64_t total() const { return weights + gradients + optimizer + activations + checkpoint; }
};

MemoryEstimate EstimateMemory(const Config& config, const weights::ModelConfig& model, const Layout& layout, int processes);

}  // namespace mathcoder::train
