// A unit's weights while they are whole, and views of single parameters in them. Private to model/.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "train/model/store.h"

namespace mathcoder::train {

// Holds a unit acquired as long as it lives. Not copyable.
class UnitWeights {
 public:
  UnitWeights(ParameterStore& store, std::size_t unit);
  ~UnitWeights() { store_.Release(unit_); }
  UnitWeights(const UnitWeights&) = delete;
  UnitWeights& operator=(const UnitWeights&) = delete;

  const at::Tensor& flat(bool learning) const { return learning ? learning_ : frozen_; }
  const at::Tensor& gradient() const;  // the unit's flat gradient

 private:
  ParameterStore& store_;
  std::size_t unit_;
  at::Tensor learning_, frozen_;
  mutable at::Tensor gradient_;
};

// One parameter of a unit, or none (a bias that the model does not have).
class ParameterRef {
 public:
  ParameterRef() = default;
  ParameterRef(const Unit& unit, const std::string& name);  // absent where the unit has no such parameter

  bool present() const { return size_ > 0; }
  bool learning() const { return present() && learning_; }
  std::int64_t offset() const { return offset_; }
  std::int64_t size() const { return size_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }

  at::Tensor Value(const UnitWeights& weights) const;     // undefined where absent
  at::Tensor Gradient(const UnitWeights& weights) const;  // undefined where absent or frozen

  // The next parameter in memory, and of as many columns: both are one matrix then.
  bool Adjoins(const ParameterRef& next) const;
  void Append(const ParameterRef& next);  // Precondition: Adjoins(next), or both are absent

 private:
  bool learning_ = false;
  std::int64_t offset_ = 0;
  std::int64_t size_ = 0;
  std::vector<std::int64_t> shape_;
};

}  // namespace mathcoder::train
