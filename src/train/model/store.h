// Who owns the memory of weights and gradients. The model asks for a unit's weights when it needs them and says when its gradients are
// complete; whether they lie here whole (one process), or are gathered from and scattered to other processes (ZeRO, arXiv 1910.02054), is
// the store's business. All calls come from one thread, in the same order in every process.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/model/layout.h"

namespace mathcoder::train {

class ParameterStore {
 public:
  virtual ~ParameterStore() = default;

  virtual const Layout& layout() const = 0;

  // The unit's weights are whole from Acquire to Release. Calls nest (a tied embedding is acquired by the head as well).
  virtual void Acquire(std::size_t unit) = 0;
  virtual void Release(std::size_t unit) = 0;
  // Will be acquired soon: a gather may start now. Only a hint.
  virtual void Prefetch(std::size_t /*unit*/) {}

  // Flat tensors, [learning_size] and [frozen_size], of the compute type; between Acquire and Release.
  virtual at::Tensor Learning(std::size_t unit) = 0;
  virtual at::Tensor Frozen(std::size_t unit) = 0;

  // Flat [learning_size] of the gradient type: the backward pass adds to it. Zero at the first call of a step.
  // Undefined where the unit has nothing that learns.
  virtual at::Tensor Gradient(std::size_t unit) = 0;
  // All that the current row contributes to the unit's gradient is in it. In backward order: the head first; a tied embedding after
  // the first layer. After it Gradient() must be asked for again.
  virtual void GradientDone(std::size_t unit) = 0;
};

}  // namespace mathcoder::train
