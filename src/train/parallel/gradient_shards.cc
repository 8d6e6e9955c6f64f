#include "train/parallel/gradient_shards.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "train/optim/optimizer.h"

namespace mathcoder::train {
namespace {

// Buffers that are being reduced while the next unit's backward pass fills another.
constexpr std::size_t kReductionsUnderWay = 2;

std::vector<std::int64_t> Sizes(const std::vector<UnitCut>& cuts) {
  std::vector<std::int64_t> sizes;
  for (const UnitCut& cut : cuts) sizes.push_back(cut.padded);
  return sizes;
}

}  // namespace

GradientShards::GradientShards(Kind kind, const std::vector<UnitCut>& cuts, at::TensorOptions options, Communicator& communicator)
    : kind_(kind),
      cuts_(cuts),
      device_(options.device()),
      communicator_(communicator),
      units_(cuts.size()),
      pool_(Sizes(cuts), options) {
  for (std::size_t i = 0; i < units_.size(); ++i) {
    units_[i].held = at::zeros({kind_ == Kind::kScattered ? cuts_[i].part : cuts_[i].padded}, options);
  }
}

at::Tensor GradientShards::Gradient(std::size_t unit) {
  Entry& entry = units_.at(unit);
  const UnitCut& cut = cuts_[unit];
  if (cut.size == 0) return {};
  if (kind_ == Kind::kScattered) {
    if (!entry.buffer.defined()) {
      MakeRoom(cut.padded);
      entry.buffer = pool_.Take(cut.padded);
      entry.buffer.zero_();
    }
    return entry.buffer.narrow(0, 0, cut.size);
  }
  MC_CHECK(!entry.reduced);
  if (!entry.begun) entry.held.zero_();
  entry.begun = true;
  return entry.held.narrow(0, 0, cut.size);
}

// Layers come one after the other and overlap. The embedding and the head come once a row: a second buffer of their size would be
// there only for the embedding of one row to be reduced until the head of the next, a whole forward pass.
void GradientShards::MakeRoom(std::int64_t size) {
  const std::int64_t capacity = pool_.Capacity(size);
  const bool rare = std::ranges::count_if(cuts_, [&](const UnitCut& cut) { return pool_.Capacity(cut.padded) == capacity; }) <= 2;
  const auto must_wait = [&] {
    return reductions_.size() >= kReductionsUnderWay ||
           (rare && std::ranges::any_of(reductions_, [&](const Reduction& r) { return r.buffer.numel() == capacity; }));
  };
  while (must_wait()) SettleOldest();
}

void GradientShards::Done(std::size_t unit) {
  if (cuts_.at(unit).size == 0) return;
  Gradient(unit);  // a row that adds nothing still takes part in the sum
  if (kind_ == Kind::kScattered || rows_left_ <= 1) Reduce(unit);
}

void GradientShards::Reduce(std::size_t unit) {
  Entry& entry = units_[unit];
  const UnitCut& cut = cuts_[unit];
  const std::int64_t own = communicator_.rank() * cut.part;
  if (kind_ == Kind::kAllReduced) {
    reductions_.push_back({unit, communicator_.AllReduceSum(entry.held), {}, false});
  } else if (kind_ == Kind::kReduced) {
    reductions_.push_back({unit, communicator_.ReduceScatterSum(entry.held, entry.held.narrow(0, own, cut.part)), {}, false});
  } else {
    at::Tensor buffer = std::exchange(entry.buffer, {}), whole = buffer.narrow(0, 0, cut.padded);
    const bool add = entry.begun;
    auto work = communicator_.ReduceScatterSum(whole, add ? whole.narrow(0, own, cut.part) : entry.held);
    reductions_.push_back({unit, std::move(work), std::move(buffer), add});
    entry.begun = true;
  }
  entry.reduced = true;
}

void GradientShards::SettleOldest() {
  Reduction reduction = std::move(reductions_.front());
  reductions_.pop_front();
  reduction.work->Wait();
  if (!reduction.buffer.defined()) return;
  const std::int64_t part = cuts_[reduction.unit].part;
  if (reduction.add) units_[reduction.unit].held.add_(reduction.buffer.narrow(0, communicator_.rank() * part, part));
  pool_.Give(std::move(reduction.buffer));
}

void GradientShards::Settle() {
  while (!reductions_.empty()) SettleOldest();
}

double GradientShards::Finish() {
  for (std::size_t unit = 0; unit < units_.size(); ++unit) {
    Entry& entry = units_[unit];
    if (cuts_[unit].size == 0 || entry.reduced) continue;
    if (entry.begun) {
      Reduce(unit);
    } else {
      entry.held.zero_();  // no row came by
      entry.begun = entry.reduced = true;
    }
  }
  Settle();
  // Each process its own part, in f64; everybody adds all of them in one order.
  std::vector<double> squares;
  for (std::size_t unit = 0; unit < units_.size(); ++unit) squares.push_back(cuts_[unit].size > 0 ? SumOfSquares(Own(unit)) : 0);
  at::Tensor mine = at::tensor(squares, at::kDouble).to(device_),
             all = at::zeros({communicator_.size(), mine.numel()}, mine.options());
  communicator_.AllGather(mine, all.view({-1}))->Wait();
  all = all.cpu();
  double sum = 0;
  for (std::int64_t unit = 0; unit < mine.numel(); ++unit) {
    for (int rank = 0; rank < communicator_.size(); ++rank) sum += all.const_data_ptr<double>()[rank * mine.numel() + unit];
  }
  return std::sqrt(sum);
}

at::Tensor GradientShards::Own(std::size_t unit) const {
  const Range own = cuts_.at(unit).Own(communicator_.rank());
  return units_[unit].held.narrow(0, kind_ == Kind::kScattered ? 0 : own.begin, own.size());
}

at::Tensor GradientShards::Stepped(std::size_t unit) const {
  return kind_ == Kind::kAllReduced ? units_.at(unit).held.narrow(0, 0, cuts_[unit].size) : Own(unit);
}

at::Tensor GradientShards::FetchWhole(std::size_t unit, std::unique_ptr<Communicator::Work>& arriving) {
  Entry& entry = units_.at(unit);
  const UnitCut& cut = cuts_[unit];
  arriving = nullptr;
  if (kind_ == Kind::kAllReduced) return entry.held;
  if (kind_ == Kind::kReduced) {
    arriving = communicator_.AllGather(entry.held.narrow(0, communicator_.rank() * cut.part, cut.part), entry.held);
    return entry.held;
  }
  at::Tensor buffer = pool_.Take(cut.padded);
  arriving = communicator_.AllGather(entry.held, buffer.narrow(0, 0, cut.padded));
  return buffer;
}

void GradientShards::GiveWhole(std::size_t /*unit*/, at::Tensor whole) {
  if (kind_ == Kind::kScattered) pool_.Give(std::move(whole));
}

void GradientShards::Reset() {
  Settle();
  for (Entry& entry : units_) {
    if (entry.buffer.defined()) pool_.Give(std::exchange(entry.buffer, {}));
    entry.begun = entry.reduced = false;
  }
}

std::int64_t GradientShards::held_bytes() const {
  std::int64_t bytes = 0;
  for (const Entry& entry : units_) bytes += entry.held.numel() * static_cast<std::int64_t>(entry.held.element_size());
  return bytes;
}

}  // namespace mathcoder::train
