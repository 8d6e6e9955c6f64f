// Who sits where, and what each seat's cache holds. The tokens of a seat are those that were really computed into it, so what a
// sequence can reuse is found by comparing tokens: nothing has to be told that a sequence was rolled back, forked or closed.
//
// In deterministic mode a cache also knows the borders of the chunks it was computed by (a key computed in a chunk of 128 rows
// differs in its last bits from one computed alone), and only whole chunks that were cut alike are reused.
//
// Not thread-safe: the scheduler's thread owns it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/backend.h"
#include "engine/engine.h"

namespace mathcoder::engine {

struct KvPoolOptions {
  bool deterministic = false;
  std::size_t retained_prefixes = 4;  // prefixes of closed sequences that are kept for the next ones
  std::size_t swap_bytes = 0;         // host memory for parked caches that lost their seat (streams only)
};

// Tokens with the ends of the chunks they are computed by; `borders` is empty outside deterministic mode.
struct TokenPlan {
  std::span<const TokenId> tokens;
  std::span<const std::uint32_t> borders;
};

class KvPool {
 public:
  using Owner = SequenceId;
  static constexpr Owner kNobody = 0;

  KvPool(Backend& backend, KvPoolOptions options);

  // The seat of an open sequence, or -1.
  std::int32_t SeatOf(Owner owner) const;
  std::size_t Held(std::int32_t seat) const { return seats_[static_cast<std::size_t>(seat)].tokens.size(); }

  // How many of the first tokens could be reused by `owner` now, by its own cache or by copying another's.
  // At most tokens.size() - 1: the last one has to be computed to get its logits.
  std::size_t Reusable(Owner owner, const TokenPlan& plan) const;
  // The part of the two that is equal (and cut alike), at most all but the last token of `a`.
  std::size_t Common(const TokenPlan& a, const TokenPlan& b) const;

  // True when `owner` could get a seat, and cells for all of `plan` and `margin` more, without taking any from an active one.
  bool CanClaim(Owner owner, const TokenPlan& plan, std::size_t margin) const;
  // Seats `owner`, marks the seat active, and fills it with what can be reused; returns how much that is. Precondition: a seat
  // can be had (its own, a free one, or one of an inactive sequence).
  std::size_t Claim(Owner owner, const TokenPlan& plan);

  // Makes room for `n` more cells by dropping inactive caches, least recently used first. False: still not enough.
  bool Reserve(std::size_t n);
  bool DropOne();  // drops the least recently used inactive cache; false: there is none
  // Notes that these were computed at the end of a seat. Precondition: Reserve was called.
  void Extend(std::int32_t seat, std::span<const TokenId> tokens);

  void Restore(std::int32_t seat);  // after an interrupted batch: the cache is cut to what the pool knows of
  void Park(Owner owner);           // inactive from now on; keeps its cache
  void Drop(Owner owner);           // loses its cache
  void Close(Owner owner);          // the sequence is gone; a prefix that others shared may stay
  void ForgetAll();                 // after Backend::Clear

  std::size_t free_cells() const { return free_cells_.size(); }
  std::uint64_t evictions() const { return evictions_; }  // of open sequences
  std::uint64_t swaps() const { return swaps_; }          // evictions whose cache was saved and came back

  // For tests: seats and cells agree with each other.
  void CheckInvariants() const;

 private:
  struct Seat {
    std::vector<TokenId> tokens;
    std::vector<std::uint32_t> borders;
    std::vector<std::uint32_t> cells;  // as long as tokens where cells are shared
    std::size_t shared_prefix = 0;     // longest part that another sequence took from here
    Owner owner = kNobody;
    bool active = false;
    std::uint64_t used = 0;
  };
  struct Saved {
    std::vector<std::uint8_t> bytes;
    std::vector<TokenId> tokens;
    std::vector<std::uint32_t> borders;
    std::uint64_t used = 0;
  };

  std::size_t Match(const TokenPlan& plan, std::span<const TokenId> tokens, std::span<const std::uint32_t> borders) const;
  std::int32_t BestDonor(const TokenPlan& plan, std::int32_t except, std::size_t* length) const;
  std::int32_t PickSeat(std::int32_t donor) const;  // -1: all are active
  std::size_t NotActiveCells(std::int32_t except_a, std::int32_t except_b) const;
  void CutSeat(std::int32_t seat, std::size_t n);
  void Evict(std::int32_t seat);
  Saved TakeSaved(Owner owner);  // empty where there is none
  void Vacate(std::int32_t seat) { CutSeat(seat, 0); }
  std::int32_t LeastRecent(bool owned, std::int32_t except) const;

  Backend& backend_;
  const KvPoolOptions options_;
  const bool shared_;
  std::vector<Seat> seats_;
  std::unordered_map<Owner, std::int32_t> seat_of_;
  std::unordered_map<Owner, Saved> saved_;
  std::size_t saved_bytes_ = 0;
  std::vector<std::uint32_t> free_cells_;
  std::vector<std::uint16_t> references_;
  std::uint64_t clock_ = 0;
  std::uint64_t evictions_ = 0;
  std::uint64_t swaps_ = 0;
};

}  // namespace mathcoder::engine
