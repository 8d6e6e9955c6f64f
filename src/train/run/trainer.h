// The training loop: rows in, a model out, checkpoints between. One object a process; every process of a run does the same calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "train/parallel/communicator.h"
#include "train/run/config.h"

namespace mathcoder::train {

struct TrainerOptions {
  bool quiet = false;
  const std::atomic<bool>* interrupted = nullptr;  // Ctrl-C: the step is finished, a checkpoint written, and Train returns
};

enum class TrainingEnd : std::uint8_t {
  kDone,         // all steps, or the time that was given; the result is written
  kInterrupted,  // a checkpoint is written; the same command goes on
};

// Trains, going on from the newest checkpoint in config.run where there is one. Throws base::Error: input that cannot be used, a
// folder of another run (what differs is named), a disk that is full (the last checkpoint is whole), a guard that stops the run.
TrainingEnd Train(const Config& config, Communicator& communicator, const TrainerOptions& options);

// What would be done: parameters, memory by kind, rows and steps, the first batch. Text for a terminal.
std::string DryRun(const Config& config, int processes);

}  // namespace mathcoder::train
