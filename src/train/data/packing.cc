#include "train/data/packing.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/error.h"
#include "train/data/checksum.h"

namespace mathcoder::train {
namespace {

// Which amounts of room 0 .. length have an open row; finds the smallest that is enough. Two levels of bits: 64 * 64 amounts a
// step.
class RoomSet {
 public:
  explicit RoomSet(std::size_t largest) : low_(largest / 64 + 1), high_(low_.size() / 64 + 1) {}
  void Insert(std::size_t room) {
    low_[room / 64] |= std::uint64_t{1} << (room % 64);
    high_[room / 4096] |= std::uint64_t{1} << (room / 64 % 64);
  }
  void Erase(std::size_t room) {
    low_[room / 64] &= ~(std::uint64_t{1} << (room % 64));
    if (low_[room / 64] == 0) high_[room / 4096] &= ~(std::uint64_t{1} << (room / 64 % 64));
  }
  // The smallest element that is at least `room`, or npos.
  std::size_t AtLeast(std::size_t room) const {
    std::size_t word = room / 64;
    if (const std::uint64_t bits = low_[word] & (~std::uint64_t{0} << (room % 64))) return word * 64 + Lowest(bits);
    ++word;
    for (std::size_t block = word / 64; block < high_.size(); ++block) {
      const std::uint64_t mask = block == word / 64 ? ~std::uint64_t{0} << (word % 64) : ~std::uint64_t{0};
      if (const std::uint64_t bits = high_[block] & mask) {
        const std::size_t found = block * 64 + Lowest(bits);
        return found * 64 + Lowest(low_[found]);
      }
    }
    return npos;
  }
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

 private:
  static std::size_t Lowest(std::uint64_t bits) { return static_cast<std::size_t>(std::countr_zero(bits)); }
  std::vector<std::uint64_t> low_, high_;
};

}  // namespace

std::vector<std::vector<std::uint32_t>> PackBestFit(std::span<const std::uint32_t> lengths, std::size_t length) {
  std::vector<std::uint32_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0U);
  // Longest first; among equals the order that was given, so that the result is one.
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return lengths[a] > lengths[b]; });
  std::vector<std::vector<std::uint32_t>> rows;
  std::vector<std::vector<std::uint32_t>> open(length + 1);  // rows by the room that they have left
  RoomSet rooms(length);
  for (const std::uint32_t item : order) {
    const std::size_t need = lengths[item];
    MC_CHECK(need <= length);
    const std::size_t found = rooms.AtLeast(need);
    std::uint32_t row = 0;
    std::size_t room = length;
    if (found == RoomSet::npos) {
      row = static_cast<std::uint32_t>(rows.size());
      rows.emplace_back();
    } else {
      row = open[found].back();
      open[found].pop_back();
      if (open[found].empty()) rooms.Erase(found);
      room = found;
    }
    rows[row].push_back(item);
    const std::size_t left = room - need;
    if (left > 0) {
      if (open[left].empty()) rooms.Insert(left);
      open[left].push_back(row);
    }
  }
  return rows;
}

EpochPlan::EpochPlan(const TokenCache& cache, std::span<const std::uint32_t> examples, const PackOptions& options,
                     std::uint64_t epoch) {
  MC_CHECK(options.length > 0 && options.window > 0);
  MC_CHECK(options.repeats.empty() || options.repeats.size() == cache.files().size());
  Random random(Mix(options.seed) ^ Mix(epoch + 0x5EEDULL));
  std::vector<std::uint32_t> order;
  order.reserve(examples.size());
  for (const std::uint32_t i : examples) {
    if (cache.length(i) > options.length) {
      throw base::BadInput(cache.Where(i) + ": " + std::to_string(cache.length(i)) + " tokens, a row has " +
                           std::to_string(options.length) + "; build the cache for this length");
    }
    const double repeat = options.repeats.empty() ? 1.0 : options.repeats[cache.file(i)];
    const double whole = std::floor(repeat);
    auto copies = static_cast<std::uint64_t>(whole);
    if (repeat > whole && random.Unit() < repeat - whole) ++copies;
    order.insert(order.end(), copies, i);
  }
  if (order.empty())
    throw base::BadInput("no example is left for epoch " + std::to_string(epoch + 1) + "; raise the files' repeats");
  Shuffle(order, random);

  std::vector<std::vector<std::uint32_t>> rows;
  std::vector<std::uint32_t> lengths;
  for (std::size_t begin = 0; begin < order.size(); begin += options.window) {
    const auto window = std::span(order).subspan(begin, std::min(options.window, order.size() - begin));
    lengths.clear();
    for (const std::uint32_t i : window) lengths.push_back(static_cast<std::uint32_t>(cache.length(i)));
    for (std::vector<std::uint32_t>& row : PackBestFit(lengths, options.length)) {
      for (std::uint32_t& item : row) item = window[item];
      Shuffle(row, random);
      rows.push_back(std::move(row));
    }
  }
  Shuffle(rows, random);

  packed_.reserve(order.size());
  begins_.assign(1, 0);
  for (const std::vector<std::uint32_t>& row : rows) {
    double weight = 0;
    std::uint64_t tokens = 0;
    for (const std::uint32_t i : row) {
      weight += cache.loss_weight(i);
      tokens += cache.length(i);
      stats_.loss_tokens += cache.loss_tokens(i);
      packed_.push_back(i);
    }
    begins_.push_back(packed_.size());
    weights_.push_back(weight);
    tokens_.push_back(tokens);
    stats_.tokens += tokens;
    stats_.loss_weight += weight;
  }
  stats_.rows = rows.size();
  stats_.examples = packed_.size();
  stats_.efficiency = static_cast<double>(stats_.tokens) / (static_cast<double>(rows.size()) * static_cast<double>(options.length));
}

GlobalBatch EpochPlan::batch(std::size_t step, std::size_t batch_rows) const {
  MC_CHECK(step < steps(batch_rows));
  GlobalBatch batch;
  batch.first_row = step * batch_rows;
  batch.rows = std::min(batch_rows, rows() - batch.first_row);
  for (std::size_t r = batch.first_row; r < batch.first_row + batch.rows; ++r) {
    batch.tokens += tokens_[r];
    batch.loss_weight += weights_[r];
  }
  return batch;
}

}  // namespace mathcoder::train
