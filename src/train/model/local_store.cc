#include "train/model/local_store.h"

#include <ATen/ops/zeros.h>

#include <utility>

#include "base/check.h"

namespace mathcoder::train {

LocalStore::LocalStore(Layout layout, at::ScalarType compute, at::ScalarType gradient, at::Device device)
    : layout_(std::move(layout)), acquired_(layout_.units.size()) {
  const at::TensorOptions options(device);
  for (const Unit& unit : layout_.units) {
    learning_.push_back(at::zeros({unit.learning_size}, options.dtype(compute)));
    frozen_.push_back(at::zeros({unit.frozen_size}, options.dtype(compute)));
    gradient_.push_back(unit.learning_size > 0 ? at::zeros({unit.learning_size}, options.dtype(gradient)) : at::Tensor());
  }
}

void LocalStore::Acquire(std::size_t unit) { ++acquired_.at(unit); }

void LocalStore::Release(std::size_t unit) {
  MC_CHECK(acquired_.at(unit) > 0);
  --acquired_[unit];
}

at::Tensor LocalStore::Value(const std::string& name) {
  const std::optional<Place> place = Find(layout_, name);
  MC_CHECK(place.has_value());
  const at::Tensor& flat = place->learning ? learning_[place->unit] : frozen_[place->unit];
  return flat.narrow(0, place->parameter.offset, place->parameter.size).view(place->parameter.shape);
}

at::Tensor LocalStore::GradientOf(const std::string& name) {
  const std::optional<Place> place = Find(layout_, name);
  MC_CHECK(place.has_value() && place->learning);
  return gradient_[place->unit].narrow(0, place->parameter.offset, place->parameter.size).view(place->parameter.shape);
}

void LocalStore::SetParameter(const std::string& name, const at::Tensor& value) {
  at::Tensor place = Value(name);
  MC_CHECK(place.sizes() == value.sizes());
  place.copy_(value);
}

void LocalStore::ForEachParameter(const std::function<void(const Parameter&, const at::Tensor&)>& use) {
  for (std::size_t unit = 0; unit < layout_.units.size(); ++unit) {
    for (const bool learning : {true, false}) {
      for (const Parameter& parameter : learning ? layout_.units[unit].learning : layout_.units[unit].frozen) {
        const at::Tensor& flat = learning ? learning_[unit] : frozen_[unit];
        use(parameter, flat.narrow(0, parameter.offset, parameter.size).view(parameter.shape));
      }
    }
  }
}

void LocalStore::ZeroGradients() {
  for (at::Tensor& gradient : gradient_) {
    if (gradient.defined()) gradient.zero_();
  }
}

}  // namespace mathcoder::train
