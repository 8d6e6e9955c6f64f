// Muon (Keller Jordan, 2024): momentum of a hidden layer's matrix, made near-orthogonal by five Newton-Schulz steps.
//   m = momentum * m + g;  u = g + momentum * m (Nesterov);  W -= lr * (0.2 * sqrt(max(out, in)) * NewtonSchulz(u) + decay * W)
// The factor 0.2 sqrt(max) gives updates the size of AdamW's, so that one learning rate and one decay serve both (arXiv 2502.16982).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace mathcoder::train {

struct MuonOptions {
  double momentum = 0.95;
  double weight_decay = 0;
  int iterations = 5;
  // Products in f32 even where the device has fast ones in bf16. A difference of rounding in a gradient (another number of processes)
  // then stays one; in bf16 it grows to about 1e-3 of an update.
  bool full_precision = false;
};

// momentum f32 [out, in] is updated with gradient [out, in] * gradient_scale; returns the update of the weights without learning rate and
// decay, f32 [out, in]. Deterministic; products in bf16 where the device has fast ones (docs/training-ops.md), unless full_precision.
at::Tensor MuonUpdate(const at::Tensor& gradient, at::Tensor& momentum, const MuonOptions& options, double gradient_scale);

// weights (with remainder where bf16) -= learning_rate * (update + decay * weights), elementwise over a slice.
void ApplyUpdate(at::Tensor& weights, at::Tensor& remainder, const at::Tensor& update, double learning_rate, double weight_decay);

}  // namespace mathcoder::train
