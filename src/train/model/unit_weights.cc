#include "train/model/unit_weights.h"

#include "base/check.h"

namespace mathcoder::train {

UnitWeights::UnitWeights(ParameterStore& store, std::size_t unit) : store_(store), unit_(unit) {
  store_.Acquire(unit_);
  const Unit& planned = store_.layout().units[unit_];
  if (planned.learning_size > 0) learning_ = store_.Learning(unit_);
  if (planned.frozen_size > 0) frozen_ = store_.Frozen(unit_);
}

const at::Tensor& UnitWeights::gradient() const {
  if (!gradient_.defined()) gradient_ = store_.Gradient(unit_);
  return gradient_;
}

ParameterRef::ParameterRef(const Unit& unit, const std::string& name) {
  for (const bool learning : {true, false}) {
    for (const Parameter& parameter : learning ? unit.learning : unit.frozen) {
      if (parameter.name != name) continue;
      learning_ = learning;
      offset_ = parameter.offset;
      size_ = parameter.size;
      shape_ = parameter.shape;
    }
  }
}

at::Tensor ParameterRef::Value(const UnitWeights& weights) const {
  return present() ? weights.flat(learning_).narrow(0, offset_, size_).view(shape_) : at::Tensor();
}

at::Tensor ParameterRef::Gradient(const UnitWeights& weights) const {
  return learning() ? weights.gradient().narrow(0, offset_, size_).view(shape_) : at::Tensor();
}

bool ParameterRef::Adjoins(const ParameterRef& next) const {
  return present() && next.present() && learning_ == next.learning_ && offset_ + size_ == next.offset_ &&
         std::equal(shape_.begin() + 1, shape_.end(), next.shape_.begin() + 1, next.shape_.end());
}

void ParameterRef::Append(const ParameterRef& next) {
  if (!present() && !next.present()) return;
  MC_CHECK(Adjoins(next));
  size_ += next.size_;
  shape_[0] += next.shape_[0];
}

}  // namespace mathcoder::train
