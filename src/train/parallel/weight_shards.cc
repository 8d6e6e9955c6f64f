#include "train/parallel/weight_shards.h"

#include <ATen/ops/zeros.h>

#include "base/check.h"

namespace mathcoder::train {
namespace {

std::vector<std::int64_t> Sizes(const std::vector<UnitCut>& a, const std::vector<UnitCut>& b) {
  std::vector<std::int64_t> sizes;
  for (const auto* cuts : {&a, &b}) {
    for (const UnitCut& cut : *cuts) sizes.push_back(cut.padded);
  }
  return sizes;
}

}  // namespace

WeightShards::WeightShards(Kind kind, const std::vector<UnitCut>& learning, const std::vector<UnitCut>& frozen,
                           at::TensorOptions options, Communicator& communicator)
    : kind_(kind), communicator_(communicator), units_(learning.size()), pool_(Sizes(learning, frozen), options) {
  for (std::size_t i = 0; i < units_.size(); ++i) {
    units_[i].learning.cut = &learning[i];
    units_[i].frozen.cut = &frozen[i];
    for (Flat* flat : {&units_[i].learning, &units_[i].frozen}) {
      flat->held = at::zeros({kind_ == Kind::kSharded ? flat->cut->part : flat->cut->padded}, options);
    }
  }
}

void WeightShards::Acquire(std::size_t unit) {
  Entry& entry = units_.at(unit);
  if (kind_ == Kind::kSharded && !entry.gathered) Gather(entry);
  for (Flat* flat : {&entry.learning, &entry.frozen}) {
    if (flat->arriving) std::exchange(flat->arriving, nullptr)->Wait();
  }
  ++entry.users;
  entry.last_use = ++clock_;
}

void WeightShards::Release(std::size_t unit) {
  Entry& entry = units_.at(unit);
  MC_CHECK(entry.users > 0);
  --entry.users;
}

void WeightShards::Prefetch(std::size_t unit) {
  Entry& entry = units_.at(unit);
  if (kind_ != Kind::kSharded || entry.gathered) return;
  Gather(entry);
  entry.last_use = ++clock_;
}

void WeightShards::Gather(Entry& entry) {
  for (Flat* flat : {&entry.learning, &entry.frozen}) {
    if (flat->cut->size == 0) continue;
    flat->gathered = TakeBuffer(flat->cut->padded);
    flat->arriving = communicator_.AllGather(flat->held, flat->gathered.narrow(0, 0, flat->cut->padded));
  }
  entry.gathered = true;
}

// A unit that nobody uses keeps its buffer until another needs it: the last layer of the forward pass is the first of the backward
// pass. Who is dropped depends on the order of calls alone, so every process does the same.
at::Tensor WeightShards::TakeBuffer(std::int64_t size) {
  const std::int64_t capacity = pool_.Capacity(size);
  Entry* oldest = nullptr;
  for (Entry& entry : units_) {
    if (entry.users > 0 || !entry.gathered) continue;
    const auto has = [&](const Flat& flat) { return flat.gathered.defined() && flat.gathered.numel() == capacity; };
    if (!has(entry.learning) && !has(entry.frozen)) continue;
    if (oldest == nullptr || entry.last_use < oldest->last_use) oldest = &entry;
  }
  if (oldest != nullptr) Drop(*oldest);
  return pool_.Take(size);
}

void WeightShards::Drop(Entry& entry) {
  MC_CHECK(entry.users == 0);
  for (Flat* flat : {&entry.learning, &entry.frozen}) {
    if (flat->arriving) std::exchange(flat->arriving, nullptr)->Wait();
    if (flat->gathered.defined()) pool_.Give(std::exchange(flat->gathered, {}));
  }
  entry.gathered = false;
}

at::Tensor WeightShards::Learning(std::size_t unit) const {
  const Entry& entry = units_.at(unit);
  MC_CHECK(entry.users > 0);
  return (entry.learning.gathered.defined() ? entry.learning.gathered : entry.learning.held).narrow(0, 0, entry.learning.cut->size);
}

at::Tensor WeightShards::Frozen(std::size_t unit) const {
  const Entry& entry = units_.at(unit);
  MC_CHECK(entry.users > 0);
  return (entry.frozen.gathered.defined() ? entry.frozen.gathered : entry.frozen.held).narrow(0, 0, entry.frozen.cut->size);
}

Range WeightShards::HeldRange(const Flat& flat) const {
  return kind_ == Kind::kSharded ? flat.cut->Own(communicator_.rank()) : Range{0, flat.cut->size};
}

at::Tensor WeightShards::Held(const Flat& flat) const { return flat.held.narrow(0, 0, HeldRange(flat).size()); }

at::Tensor WeightShards::HeldLearning(std::size_t unit) { return Held(units_.at(unit).learning); }
at::Tensor WeightShards::HeldFrozen(std::size_t unit) { return Held(units_.at(unit).frozen); }
Range WeightShards::HeldLearningRange(std::size_t unit) const { return HeldRange(units_.at(unit).learning); }
Range WeightShards::HeldFrozenRange(std::size_t unit) const { return HeldRange(units_.at(unit).frozen); }

Range WeightShards::SteppedRange(std::size_t unit) const {
  const UnitCut& cut = *units_.at(unit).learning.cut;
  return kind_ == Kind::kWhole ? Range{0, cut.size} : cut.Own(communicator_.rank());
}

at::Tensor WeightShards::Stepped(std::size_t unit) {
  const Range range = SteppedRange(unit);
  return units_.at(unit).learning.held.narrow(0, kind_ == Kind::kSharded ? 0 : range.begin, range.size());
}

void WeightShards::StepDone(std::size_t unit) {
  Entry& entry = units_.at(unit);
  Flat& flat = entry.learning;
  MC_CHECK(entry.users == 0 && !flat.arriving);
  if (flat.cut->size == 0 || kind_ == Kind::kWhole) return;
  if (kind_ == Kind::kSharded) {
    if (entry.gathered) Drop(entry);
    return;
  }
  flat.arriving = communicator_.AllGather(flat.held.narrow(0, communicator_.rank() * flat.cut->part, flat.cut->part), flat.held);
}

void WeightShards::Settle() {
  for (Entry& entry : units_) {
    if (kind_ == Kind::kSharded) {
      Drop(entry);
    } else if (entry.learning.arriving) {
      std::exchange(entry.learning.arriving, nullptr)->Wait();
    }
  }
}

std::int64_t WeightShards::held_bytes() const {
  std::int64_t bytes = 0;
  for (const Entry& entry : units_) {
    for (const Flat* flat : {&entry.learning, &entry.frozen})
      bytes += flat->held.numel() * static_cast<std::int64_t>(flat->held.element_size());
  }
  return bytes;
}

}  // namespace mathcoder::train
