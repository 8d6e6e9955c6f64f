// For tests: a small network with gradients by hand that uses a ParameterStore as the real model does (order of calls, prefetching,
// a tied embedding, frozen parameters), and the loop of a training run over it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "train/parallel/communicator.h"
#include "train/parallel/train_state.h"

namespace mathcoder::train {

struct ToyOptions {
  std::int64_t vocabulary = 37, width = 24, inner = 40, layers = 3, tokens = 16;
  bool tied = false;
  bool frozen = false;  // each layer has a frozen matrix, and the embedding is frozen
};

Layout ToyLayout(const ToyOptions& options);
// The same values in every process, whatever their number.
void InitialiseToy(const Layout& layout, TrainState& state);
// The mean loss over the row's tokens; adds scale times its gradient.
double ToyForwardBackward(const ToyOptions& options, ParameterStore& store, std::int64_t row, double scale);

struct ToyRun {
  ToyOptions model;
  std::int64_t first_step = 1, steps = 20;
  std::int64_t rows = 4;  // of a step, over all processes
  double learning_rate = 0.01, clip = 1;
  std::function<void(std::int64_t step, double loss, double norm)> seen;  // the same in every process
  // The loss of a row; adds scale times its gradient. Empty: the toy's.
  std::function<double(std::int64_t row, double scale)> row_loss;
};
// Returns the loss of each step.
std::vector<double> RunToy(const ToyRun& run, TrainState& state, Communicator& communicator);

// Every bit of every parameter.
std::uint64_t DigestOf(TrainState& state, bool master);

}  // namespace mathcoder::train
