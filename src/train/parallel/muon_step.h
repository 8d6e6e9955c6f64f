// Muon's step over all units. An orthogonal update needs a whole matrix: each has one owner, who keeps its momentum, computes its
// update from the whole gradient and sends it to those who step the weights. The matrices of a unit are dealt out by their work, so
// processes compute at once what one would compute alone, and each update comes from one of them: it does not depend on how many
// there are. While a unit's updates are computed, the gradient of the next and the updates of the last are on their way.
#pragma once

#include <functional>
#include <vector>

#include "train/parallel/communicator.h"
#include "train/parallel/gradient_shards.h"
#include "train/parallel/unit_optimizer.h"
#include "train/parallel/weight_shards.h"

namespace mathcoder::train {

struct MuonStepRates {
  double learning_rate = 0;
  double gradient_scale = 1;
};

// Steps the matrices of every unit that has any, and calls `done` with each of these units, in order. `scattered`: each process
// steps its part; else every process steps the whole. `pool`: of f32 buffers for updates.
void MuonStep(const std::vector<UnitCut>& cuts, bool scattered, const MuonOptions& options, const MuonStepRates& rates,
              Communicator& communicator, GradientShards& gradients, WeightShards& weights, std::vector<UnitOptimizer>& optimizers,
              BufferPool& pool, const std::function<void(std::size_t unit)>& done);

}  // namespace mathcoder::train
