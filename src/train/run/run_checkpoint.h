// A run's state in checkpoints: TrainState's parts, and the Json of everything else that a resumed run needs.
// Collective: every process calls the same, in the same order.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "train/parallel/communicator.h"
#include "train/parallel/train_state.h"
#include "train/run/config.h"
#include "train/run/parts/checkpoint_store.h"

namespace mathcoder::train {

class RunCheckpoint {
 public:
  RunCheckpoint(const Config& config, Communicator& communicator);

  void Save(std::int64_t step, TrainState& state, base::Json run);
  void Wait() { store_->Wait(); }
  void RaiseIfFailed() { store_->RaiseIfFailed(); }

  // Fills `state` from the newest whole checkpoint and returns what Save was given as `run`; nullopt where there is none. `say`
  // gets lines about damaged checkpoints. `check` sees the Json before anything is read, and throws where the run is another one.
  std::optional<base::Json> Load(TrainState& state, const std::function<void(const base::Json&)>& check,
                                 const std::function<void(const std::string&)>& say);

 private:
  const std::filesystem::path folder_;
  const at::Device device_;
  Communicator& communicator_;
  std::unique_ptr<CheckpointStore> store_;
};

}  // namespace mathcoder::train
