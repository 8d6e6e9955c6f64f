// A ParameterStore of one process that holds everything and steps nothing: for tests, conversions and merging.
// Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "train/model/store.h"

namespace mathcoder::train {

class LocalStore : public ParameterStore {
 public:
  // Weights are zero until they are set. `gradient` is the type of gradients.
  LocalStore(Layout layout, at::ScalarType compute, at::ScalarType gradient, at::Device device = at::kCPU);

  const Layout& layout() const override { return layout_; }
  void Acquire(std::size_t unit) override;
  void Release(std::size_t unit) override;
  at::Tensor Learning(std::size_t unit) override { return learning_[unit]; }
  at::Tensor Frozen(std::size_t unit) override { return frozen_[unit]; }
  at::Tensor Gradient(std::size_t unit) override { return gradient_[unit]; }
  void GradientDone(std::size_t) override {}

  // Rounds to the compute type. Precondition: the layout has the parameter, and value has its shape.
  void SetParameter(const std::string& name, const at::Tensor& value);
  // Views into the store, [shape]. Precondition: the layout has the parameter; for the gradient: it learns.
  at::Tensor Value(const std::string& name);
  at::Tensor GradientOf(const std::string& name);
  // Every parameter in the layout's order: embedding, layers, head; in each unit what learns, then what is frozen.
  void ForEachParameter(const std::function<void(const Parameter&, const at::Tensor&)>& use);
  void ZeroGradients();

 private:
  Layout layout_;
  std::vector<at::Tensor> learning_, frozen_, gradient_;
  std::vector<int> acquired_;
};

}  // namespace mathcoder::train
