// The state that a run begins with. Collective: every process calls the same, in the same order.
#pragma once

#include "train/parallel/train_state.h"
#include "train/run/preparation.h"

namespace mathcoder::train {

TrainStateOptions StateOptionsOf(const Config& config, bool one_row_a_process, at::Device device);

// Sets every parameter: from the folder's weights (embeddings grown for new tokens), from a PEFT folder, or by chance from the
// seed.
void SetStart(const Preparation& preparation, TrainState& state);

}  // namespace mathcoder::train
