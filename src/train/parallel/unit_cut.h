// How a unit's flat tensor is cut: into equal parts, one a process, and into slices for the optimizers. Plain values, the same in
// every process; the numbering of what a checkpoint holds does not depend on the number of processes.
#pragma once

#include <cstdint>
#include <vector>

#include "train/model/layout.h"

namespace mathcoder::train {

struct Range {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
};

// Elements that AdamW steps at once. Moments lie compactly: without Muon's matrices.
struct AdamSlice {
  std::int64_t begin = 0, size = 0;  // in the unit's flat tensor
  bool decay = false;
  std::int64_t compact = 0;  // of the first element, among all of the unit that AdamW steps
  // Of the scale of the first element's block (8-bit moments). Blocks are those of the flat tensor, and each slice of the uncut
  // unit has scales of its own for the blocks that it touches: two of them never share one, whoever steps them.
  std::int64_t scale = 0;
  std::int64_t scales = 0;
};

struct MuonMatrix {
  std::int64_t begin = 0, size = 0;  // in the unit's flat tensor
  std::vector<std::int64_t> shape;
  bool decay = false;
  std::int64_t compact = 0;  // among all elements of the unit that Muon steps
  int owner = 0;             // the process that keeps its momentum and computes its update
};

struct UnitCut {
  static constexpr std::int64_t kBlock = 256;  // parts are multiples of it, so that no block of 8-bit moments is cut

  std::int64_t size = 0;    // elements of the flat tensor
  std::int64_t part = 0;    // of one process
  std::int64_t padded = 0;  // part * processes
  std::vector<AdamSlice> adam;
  std::int64_t adam_size = 0, scales = 0;  // of the whole unit
  std::vector<MuonMatrix> muon;
  std::int64_t muon_size = 0;

  // What process `rank` owns, without padding; may be empty.
  Range Own(int rank) const;
  // The slices within a range whose ends are multiples of kBlock, or the unit's.
  std::vector<AdamSlice> Within(Range range) const;
};

// `owners`: the work that Muon's matrices gave each process so far; those of this unit go to who has least.
UnitCut CutUnit(const Unit& unit, bool muon, std::vector<double>& owners);
// The flat tensor of a unit's frozen parameters.
UnitCut CutFrozen(const Unit& unit, int processes);

}  // namespace mathcoder::train
