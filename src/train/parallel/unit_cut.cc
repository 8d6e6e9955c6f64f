#include "train/parallel/unit_cut.h"

#include <algorithm>

#include "base/check.h"

namespace mathcoder::train {
namespace {

void Cut(std::int64_t size, int processes, UnitCut& cut) {
  cut.size = size;
  cut.part = (size + processes - 1) / processes;
  cut.part = (cut.part + UnitCut::kBlock - 1) / UnitCut::kBlock * UnitCut::kBlock;
  cut.padded = cut.part * processes;
}

std::int64_t BlocksOf(std::int64_t begin, std::int64_t size) {
  if (size == 0) return 0;
  return (begin + size - 1) / UnitCut::kBlock - begin / UnitCut::kBlock + 1;
}

// Newton-Schulz multiplies by the smaller side.
double MuonWork(const MuonMatrix& matrix) {
  return static_cast<double>(matrix.size) * static_cast<double>(std::min(matrix.shape[0], matrix.shape[1]));
}

}  // namespace

Range UnitCut::Own(int rank) const { return {std::min(size, rank * part), std::min(size, (rank + 1) * part)}; }

std::vector<AdamSlice> UnitCut::Within(Range range) const {
  std::vector<AdamSlice> slices;
  for (const AdamSlice& whole : adam) {
    const std::int64_t begin = std::max(whole.begin, range.begin), end = std::min(whole.begin + whole.size, range.end);
    if (begin >= end) continue;
    AdamSlice slice = whole;
    slice.begin = begin;
    slice.size = end - begin;
    slice.compact += begin - whole.begin;
    slice.scale += begin / kBlock - whole.begin / kBlock;
    slice.scales = BlocksOf(begin, end - begin);
    slices.push_back(slice);
  }
  return slices;
}

UnitCut CutUnit(const Unit& unit, bool muon, std::vector<double>& owners) {
  UnitCut cut;
  Cut(unit.learning_size, static_cast<int>(owners.size()), cut);
  for (std::size_t i = 0; i < unit.learning.size(); ++i) {
    const Parameter& parameter = unit.learning[i];
    if (muon && parameter.matrix && parameter.shape.size() == 2) {
      cut.muon.push_back({parameter.offset, parameter.size, parameter.shape, parameter.decay, cut.muon_size, 0});
      cut.muon_size += parameter.size;
      continue;
    }
    // The gap behind a parameter is zero and stays zero: it may be stepped along, so that neighbours are one slice.
    const std::int64_t end = i + 1 < unit.learning.size() ? unit.learning[i + 1].offset : unit.learning_size;
    MC_CHECK(parameter.offset + parameter.size <= end);
    AdamSlice* last = cut.adam.empty() ? nullptr : &cut.adam.back();
    if (last != nullptr && last->decay == parameter.decay && last->begin + last->size == parameter.offset) {
      last->size = end - last->begin;
    } else {
      cut.adam.push_back({parameter.offset, end - parameter.offset, parameter.decay});
    }
  }
  for (AdamSlice& slice : cut.adam) {
    slice.compact = cut.adam_size;
    slice.scale = cut.scales;
    slice.scales = BlocksOf(slice.begin, slice.size);
    cut.adam_size += slice.size;
    cut.scales += slice.scales;
  }
  std::vector<MuonMatrix*> largest_first;
  for (MuonMatrix& matrix : cut.muon) largest_first.push_back(&matrix);
  std::ranges::stable_sort(largest_first, [](const MuonMatrix* a, const MuonMatrix* b) { return MuonWork(*a) > MuonWork(*b); });
  for (MuonMatrix* matrix : largest_first) {
    const auto idlest = std::ranges::min_element(owners);
    matrix->owner = static_cast<int>(idlest - owners.begin());
    *idlest += MuonWork(*matrix);
  }
  return cut;
}

UnitCut CutFrozen(const Unit& unit, int processes) {
  UnitCut cut;
  Cut(unit.frozen_size, processes, cut);
  return cut;
}

}  // namespace mathcoder::train
