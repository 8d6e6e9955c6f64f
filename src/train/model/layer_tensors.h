// What a layer computes on its way forward, for one row, and where it is kept for the way back. Private to model/; not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "train/model/buffer.h"
#include "train/model/model.h"

namespace mathcoder::train {

// t: tokens of the row. r: tokens that the layer's output is needed for; all of them but in the last layer.
struct LayerTensors {
  at::Tensor inverse_rms_1;  // [t]
  at::Tensor normed_1;       // [t, hidden]
  at::Tensor qkv;            // [t, q + k + v], q and k rotated
  at::Tensor attended;       // [t, q]
  at::Tensor log_sum_exp;    // [heads, t]
  at::Tensor mid;            // [r, hidden]: the residual stream after attention
  at::Tensor inverse_rms_2;  // [r]
  at::Tensor normed_2;       // [r, hidden]
  at::Tensor gate_up;        // [r, 2 * intermediate]; its own gradient once the way back has passed
  at::Tensor activated;      // [r, intermediate]
  // False: the outputs of norms and of SwiGLU are not those of this layer any more, and are computed again into the same memory.
  bool cheap_kept = false;
};

class LayerMemory {
 public:
  LayerMemory(const weights::ModelConfig& config, const ModelOptions& options);

  // For the forward pass of a layer, and (the same layer, t and r) for its backward pass. With `keep` the content stays until
  // the layer's next forward pass, as the checkpointing mode says; without it, until the next layer's.
  LayerTensors Take(std::int64_t layer, std::int64_t t, std::int64_t r, bool keep);

  at::TensorOptions options() const { return compute_; }
  at::TensorOptions statistics() const { return statistics_; }  // f32; f64 for f64

 private:
  struct Buffers {
    Buffer inverse_rms_1, normed_1, qkv, attended, log_sum_exp, mid, inverse_rms_2, normed_2, gate_up, activated;
  };

  std::int64_t hidden_, query_, key_value_, heads_, intermediate_;
  Checkpointing checkpointing_;
  at::TensorOptions compute_, statistics_;
  Buffers shared_;
  std::vector<Buffers> own_;
};

// Memory of the way back that all layers share.
struct BackwardMemory {
  Buffer wide, narrow, query, qkv, rows, gathered;
};

}  // namespace mathcoder::train
