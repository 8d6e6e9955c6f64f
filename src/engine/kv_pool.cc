#include "engine/kv_pool.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace mathcoder::engine {

KvPool::KvPool(Backend& backend, KvPoolOptions options)
    : backend_(backend), options_(options), shared_(backend.shape().shared_cells), seats_(backend.shape().seats) {
  if (shared_) {
    free_cells_.resize(backend.shape().cells);
    std::iota(free_cells_.rbegin(), free_cells_.rend(), 0U);
    references_.assign(backend.shape().cells, 0);
  }
}

std::int32_t KvPool::SeatOf(Owner owner) const {
  const auto found = seat_of_.find(owner);
  return found == seat_of_.end() ? -1 : found->second;
}

std::size_t KvPool::Match(const TokenPlan& plan, std::span<const TokenId> tokens, std::span<const std::uint32_t> borders) const {
  if (plan.tokens.empty()) return 0;
  const std::size_t most = std::min(plan.tokens.size() - 1, tokens.size());
  std::size_t same = 0;
  while (same < most && plan.tokens[same] == tokens[same]) ++same;
  if (!options_.deterministic) {
    // A recurrent state is that of all its tokens or of none.
    return backend_.shape().can_cut || same == tokens.size() ? same : 0;
  }
  std::size_t whole = 0;
  for (std::size_t i = 0; i < std::min(plan.borders.size(), borders.size()); ++i) {
    if (plan.borders[i] != borders[i] || borders[i] > same) break;
    whole = borders[i];
  }
  return backend_.shape().can_cut || whole == tokens.size() ? whole : 0;
}

std::size_t KvPool::Common(const TokenPlan& a, const TokenPlan& b) const { return Match(a, b.tokens, b.borders); }

std::int32_t KvPool::BestDonor(const TokenPlan& plan, std::int32_t except, std::size_t* length) const {
  std::int32_t best = -1;
  *length = 0;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (static_cast<std::int32_t>(i) == except || seats_[i].tokens.empty()) continue;
    const std::size_t match = Match(plan, seats_[i].tokens, seats_[i].borders);
    if (match > *length) {
      *length = match;
      best = static_cast<std::int32_t>(i);
    }
  }
  return best;
}

std::size_t KvPool::Reusable(Owner owner, const TokenPlan& plan) const {
  const std::int32_t own = SeatOf(owner);
  std::size_t reusable = 0;
  BestDonor(plan, own, &reusable);
  if (own >= 0) {
    const Seat& seat = seats_[static_cast<std::size_t>(own)];
    reusable = std::max(reusable, Match(plan, seat.tokens, seat.borders));
  } else if (const auto saved = saved_.find(owner); saved != saved_.end()) {
    reusable = std::max(reusable, Match(plan, saved->second.tokens, saved->second.borders));
  }
  return reusable;
}

std::int32_t KvPool::LeastRecent(bool owned, std::int32_t except) const {
  std::int32_t best = -1;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const Seat& seat = seats_[i];
    if (static_cast<std::int32_t>(i) == except || seat.active || (seat.owner != kNobody) != owned) continue;
    if (!owned && seat.tokens.empty()) continue;
    if (best < 0 || seat.used < seats_[static_cast<std::size_t>(best)].used) best = static_cast<std::int32_t>(i);
  }
  return best;
}

std::int32_t KvPool::PickSeat(std::int32_t donor) const {
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (seats_[i].owner == kNobody && !seats_[i].active && seats_[i].tokens.empty()) return static_cast<std::int32_t>(i);
  }
  for (const bool owned : {false, true}) {
    const std::int32_t seat = LeastRecent(owned, donor);
    if (seat >= 0) return seat;
  }
  // The donor itself, if nobody works in it: it is then cut to what is shared instead of copied.
  return donor >= 0 && !seats_[static_cast<std::size_t>(donor)].active ? donor : -1;
}

std::size_t KvPool::NotActiveCells(std::int32_t except_a, std::int32_t except_b) const {
  std::vector<bool> kept(references_.size(), false);
  std::size_t n = 0;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const auto index = static_cast<std::int32_t>(i);
    if (!seats_[i].active && index != except_a && index != except_b) continue;
    for (const std::uint32_t cell : seats_[i].cells) {
      n += kept[cell] ? 0 : 1;
      kept[cell] = true;
    }
  }
  return references_.size() - n;
}

bool KvPool::CanClaim(Owner owner, const TokenPlan& plan, std::size_t margin) const {
  const std::int32_t own = SeatOf(owner);
  std::size_t length = 0;
  const std::int32_t donor = BestDonor(plan, own, &length);
  if (own < 0 && PickSeat(donor) < 0) return false;
  if (!shared_) return plan.tokens.size() <= backend_.shape().seat_cells;
  std::size_t reused = length;
  if (own >= 0) {
    const Seat& seat = seats_[static_cast<std::size_t>(own)];
    reused = std::max(reused, Match(plan, seat.tokens, seat.borders));
  }
  const std::size_t needed = plan.tokens.size() - reused + margin;
  return needed <= free_cells_.size() || needed <= NotActiveCells(own, donor);
}

std::size_t KvPool::Claim(Owner owner, const TokenPlan& plan) {
  std::int32_t own = SeatOf(owner);
  std::size_t donated = 0;
  std::int32_t donor = BestDonor(plan, own, &donated);
  std::size_t reused = 0;
  if (own >= 0) {
    Seat& seat = seats_[static_cast<std::size_t>(own)];
    reused = Match(plan, seat.tokens, seat.borders);
    // Cutting is free, a copy is not always: the own cache unless the other's saves real work.
    if (donated > reused + 16) {
      Vacate(own);
      reused = 0;
    } else {
      donor = -1;
      CutSeat(own, reused);
    }
  } else {
    own = PickSeat(donor);
    MC_CHECK(own >= 0);
    // Taken out at once: the eviction below may save another one and push old ones out.
    const Saved saved = TakeSaved(owner);
    const std::size_t swapped = Match(plan, saved.tokens, saved.borders);
    if (own == donor) {
      // Nobody's or an idle one's cache is taken over.
      if (seats_[static_cast<std::size_t>(own)].owner != kNobody) {
        ++evictions_;
        seat_of_.erase(seats_[static_cast<std::size_t>(own)].owner);
      }
      reused = donated;
      CutSeat(own, reused);
      donor = -1;
    } else {
      Evict(own);
    }
    seats_[static_cast<std::size_t>(own)].owner = owner;
    seat_of_[owner] = own;
    if (swapped > reused && swapped + 16 >= donated) {
      Vacate(own);
      Seat& seat = seats_[static_cast<std::size_t>(own)];
      if (backend_.Load(own, saved.bytes)) {
        seat.tokens = saved.tokens;
        seat.borders = saved.borders;
        CutSeat(own, swapped);
        reused = swapped;
        donor = -1;
        ++swaps_;
      }
    }
  }
  Seat& seat = seats_[static_cast<std::size_t>(own)];
  seat.active = true;
  seat.used = ++clock_;
  if (donor >= 0 && donated > 0) {
    Seat& from = seats_[static_cast<std::size_t>(donor)];
    backend_.Copy(donor, own, donated);
    seat.tokens.assign(from.tokens.begin(), from.tokens.begin() + static_cast<std::ptrdiff_t>(donated));
    for (const std::uint32_t border : from.borders) {
      if (border <= donated) seat.borders.push_back(border);
    }
    if (shared_) {
      seat.cells.assign(from.cells.begin(), from.cells.begin() + static_cast<std::ptrdiff_t>(donated));
      for (const std::uint32_t cell : seat.cells) ++references_[cell];
    }
    from.shared_prefix = std::max(from.shared_prefix, donated);
    from.used = ++clock_;
    seat.shared_prefix = donated;
    reused = donated;
  }
  return reused;
}

void KvPool::CutSeat(std::int32_t index, std::size_t n) {
  Seat& seat = seats_[static_cast<std::size_t>(index)];
  if (seat.tokens.size() <= n) return;
  backend_.Cut(index, n);
  seat.tokens.resize(n);
  while (!seat.borders.empty() && seat.borders.back() > n) seat.borders.pop_back();
  while (seat.cells.size() > n) {
    const std::uint32_t cell = seat.cells.back();
    seat.cells.pop_back();
    if (--references_[cell] == 0) free_cells_.push_back(cell);
  }
  seat.shared_prefix = std::min(seat.shared_prefix, n);
}

void KvPool::Evict(std::int32_t index) {
  Seat& seat = seats_[static_cast<std::size_t>(index)];
  MC_CHECK(!seat.active);
  if (seat.owner != kNobody) {
    ++evictions_;
    if (!shared_ && options_.swap_bytes > 0 && !seat.tokens.empty()) {
      Saved saved{backend_.Save(index), seat.tokens, seat.borders, seat.used};
      if (!saved.bytes.empty() && saved.bytes.size() <= options_.swap_bytes) {
        saved_bytes_ += saved.bytes.size();
        saved_[seat.owner] = std::move(saved);
      }
      while (saved_bytes_ > options_.swap_bytes) {
        const auto oldest = std::min_element(saved_.begin(), saved_.end(),
                                             [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
        saved_bytes_ -= oldest->second.bytes.size();
        saved_.erase(oldest);
      }
    }
    seat_of_.erase(seat.owner);
    seat.owner = kNobody;
  }
  Vacate(index);
}

KvPool::Saved KvPool::TakeSaved(Owner owner) {
  const auto found = saved_.find(owner);
  if (found == saved_.end()) return {};
  Saved saved = std::move(found->second);
  saved_bytes_ -= saved.bytes.size();
  saved_.erase(found);
  return saved;
}

bool KvPool::Reserve(std::size_t n) {
  if (!shared_) return true;
  while (free_cells_.size() < n) {
    if (!DropOne()) return false;
  }
  return true;
}

bool KvPool::DropOne() {
  std::int32_t victim = LeastRecent(false, -1);
  if (victim < 0) victim = LeastRecent(true, -1);
  if (victim < 0) return false;
  Evict(victim);
  return true;
}

void KvPool::Extend(std::int32_t index, std::span<const TokenId> tokens) {
  Seat& seat = seats_[static_cast<std::size_t>(index)];
  MC_CHECK(seat.active);
  seat.tokens.insert(seat.tokens.end(), tokens.begin(), tokens.end());
  if (options_.deterministic) seat.borders.push_back(static_cast<std::uint32_t>(seat.tokens.size()));
  seat.used = ++clock_;
  if (!shared_) return;
  MC_CHECK(free_cells_.size() >= tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::uint32_t cell = free_cells_.back();
    free_cells_.pop_back();
    references_[cell] = 1;
    seat.cells.push_back(cell);
  }
}

void KvPool::Restore(std::int32_t index) {
  const std::size_t held = Held(index);
  if (backend_.shape().can_cut || held == 0) {
    backend_.Cut(index, held);
  } else {
    Vacate(index);
  }
}

void KvPool::Park(Owner owner) {
  const std::int32_t index = SeatOf(owner);
  if (index < 0) return;
  seats_[static_cast<std::size_t>(index)].active = false;
  seats_[static_cast<std::size_t>(index)].used = ++clock_;
}

void KvPool::Drop(Owner owner) {
  const std::int32_t index = SeatOf(owner);
  if (index < 0) return;
  Seat& seat = seats_[static_cast<std::size_t>(index)];
  seat.active = false;
  Evict(index);
}

void KvPool::Close(Owner owner) {
  TakeSaved(owner);
  const std::int32_t index = SeatOf(owner);
  if (index < 0) return;
  Seat& seat = seats_[static_cast<std::size_t>(index)];
  seat_of_.erase(owner);
  seat.owner = kNobody;
  seat.active = false;
  // What others took from here is likely to be wanted again (a system message). Kept if no other seat holds it, and few.
  std::size_t keep = backend_.shape().can_cut ? seat.shared_prefix : 0;
  if (options_.retained_prefixes == 0) keep = 0;
  for (std::size_t i = 0; i < seats_.size() && keep > 0; ++i) {
    if (static_cast<std::int32_t>(i) == index || seats_[i].tokens.size() < keep) continue;
    if (std::equal(seat.tokens.begin(), seat.tokens.begin() + static_cast<std::ptrdiff_t>(keep), seats_[i].tokens.begin())) {
      seats_[i].shared_prefix = std::max(seats_[i].shared_prefix, keep);
      keep = 0;
    }
  }
  CutSeat(index, keep);
  seat.used = ++clock_;
  std::size_t retained = 0;
  for (const Seat& other : seats_) retained += other.owner == kNobody && !other.tokens.empty() ? 1 : 0;
  if (retained > options_.retained_prefixes) Vacate(LeastRecent(false, -1));
}

void KvPool::ForgetAll() {
  for (Seat& seat : seats_) seat = Seat{};
  seat_of_.clear();
  if (shared_) {
    free_cells_.resize(references_.size());
    std::iota(free_cells_.rbegin(), free_cells_.rend(), 0U);
    std::fill(references_.begin(), references_.end(), std::uint16_t{0});
  }
}

void KvPool::CheckInvariants() const {
  std::vector<std::uint16_t> references(references_.size(), 0);
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const Seat& seat = seats_[i];
    MC_CHECK(!shared_ || seat.cells.size() == seat.tokens.size());
    MC_CHECK(!seat.active || seat.owner != kNobody);
    MC_CHECK(seat.owner == kNobody || SeatOf(seat.owner) == static_cast<std::int32_t>(i));
    for (const std::uint32_t cell : seat.cells) ++references[cell];
  }
  MC_CHECK(references == references_);
  MC_CHECK(!shared_ ||
           free_cells_.size() == static_cast<std::size_t>(std::count(references.begin(), references.end(), std::uint16_t{0})));
}

}  // namespace mathcoder::engine
