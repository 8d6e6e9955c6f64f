// Packing without padding: several examples to a row. A plan says which rows an epoch has and in which order; it depends on the
// examples, the options and the epoch alone, so every process of a run makes the same one, however many there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "train/data/row.h"
#include "train/data/token_cache.h"

namespace mathcoder::train {

struct PackOptions {
  std::size_t length = 2048;  // tokens a row at most
  std::uint64_t seed = 0;
  std::size_t window = 16384;   // examples that are packed together: more pack tighter, fewer mix lengths better
  std::vector<double> repeats;  // of each file of the cache (DataFile::repeat); empty: 1 each
};

struct PlanStats {
  std::size_t rows = 0;
  std::size_t examples = 0;  // repeats counted
  std::uint64_t tokens = 0;
  std::uint64_t loss_tokens = 0;
  double loss_weight = 0;
  double efficiency = 0;  // tokens / (rows * length)
};

// One step of the optimizer, over all processes.
struct GlobalBatch {
  std::size_t first_row = 0, rows = 0;
  std::uint64_t tokens = 0;
  // Of all its rows: what every process divides its sum of weighted losses by, so that the step is the same for any number of
  // processes and any order of rows among them.
  double loss_weight = 0;
};

// Rows of one epoch. Each example is in exactly floor(repeat) rows, or one more with probability repeat - floor(repeat). Immutable
// after construction, so thread-safe. 100 million tokens take well below a second.
class EpochPlan {
 public:
  // Borrows nothing. Throws base::BadInput where an example is longer than a row (naming it), or no example is left.
  EpochPlan(const TokenCache& cache, std::span<const std::uint32_t> examples, const PackOptions& options, std::uint64_t epoch);

  std::size_t rows() const { return begins_.size() - 1; }
  std::span<const std::uint32_t> row(std::size_t r) const {  // indices of the cache, in the row's order
    return std::span(packed_).subspan(begins_[r], begins_[r + 1] - begins_[r]);
  }
  // ceil(rows / batch_rows): the last step of an epoch has the rows that are left. Precondition: batch_rows > 0.
  std::size_t steps(std::size_t batch_rows) const { return (rows() + batch_rows - 1) / batch_rows; }
  GlobalBatch batch(std::size_t step, std::size_t batch_rows) const;  // Precondition: step < steps(batch_rows)
  const PlanStats& stats() const { return stats_; }

 private:
  std::vector<std::uint32_t> packed_;
  std::vector<std::uint64_t> begins_;  // rows + 1
  std::vector<double> weights_;        // of each row
  std::vector<std::uint64_t> tokens_;  // of each row
  PlanStats stats_;
};

// Best fit: item i of `lengths` goes to the fullest row that still has room, longest items first. Returns rows of positions in
// `lengths`. Precondition: every length is at most `length`. O(n log length).
std::vector<std::vector<std::uint32_t>> PackBestFit(std::span<const std::uint32_t> lengths, std::size_t length);

}  // namespace mathcoder::train
