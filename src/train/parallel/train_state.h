// Weights, gradients and optimizer states of one process of a run: a ParameterStore that is sharded as its ZeRO stage says.
//   stage 0  everything everywhere; gradients are all-reduced
//   stage 1  optimizer states (and masters) sharded; gradients whole until each part's owner has summed it, weights all-gathered
//   after the
//            step
//   stage 2  and gradients: reduced and scattered as the backward pass completes them
//   stage 3  and weights: gathered when a unit is acquired, given back when it is released; frozen ones as well
// Each unit's flat tensor is cut into size() equal parts (the last padded); process r owns part r of every unit. The momentum of
// one of Muon's matrices is with one process, from stage 0 on (muon_step.h). One process alone is stage 0, whatever is asked for.
// A unit is a bucket, and its reduction overlaps the backward pass: GradientDone starts it and returns.
// Every process calls the same functions in the same order, with the same number of rows to a step: one that has fewer adds rows
// whose weights are all 0.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "train/model/store.h"
#include "train/optim/muon.h"
#include "train/optim/optimizer.h"
#include "train/parallel/communicator.h"

namespace mathcoder::train {

struct TrainStateOptions {
  int zero_stage = 0;
  at::ScalarType compute = at::kFloat;
  at::ScalarType gradient = at::kFloat;  // bf16 only where one row a process makes a step
  at::Device device = at::kCPU;
  AdamWOptions adamw;
  bool muon = false;                     // Muon for Parameter::matrix, AdamW for the rest
  MuonOptions muon_options;              // in f32 always with full_precision
  double muon_learning_rate_factor = 1;  // times the schedule's rate
};

// One tensor of this process's part of the state, for checkpoints: elements [begin, begin + data.numel()) of the tensor `name`
// ("layer 3/weights", "layer 3/first", ...), whose whole length is `size` whatever the number of processes.
struct StatePart {
  std::string name;
  std::int64_t begin = 0, size = 0;
  at::Tensor data;  // borrowed: the state's own memory
};

class TrainState : public ParameterStore {
 public:
  // Weights are zero until they are set.
  static std::unique_ptr<TrainState> Create(Layout layout, const TrainStateOptions& options, Communicator& communicator);

  // Before each row: rows_left counts the rows that this process still adds before the step, this one included: 1 at the last,
  // whose gradients are reduced. With stage 2 and 3 those of every row are, and accumulate in the scattered part.
  virtual void BeginRow(std::int64_t rows_left) = 0;
  // Waits for the reductions; the global norm of all gradients (sum over processes of all rows). The same to the bit in every
  // process.
  virtual double FinishGradients() = 0;
  // Scales gradients by gradient_scale (clipping), steps, zeroes gradients. `step` counts from 1.
  virtual void Step(double learning_rate, std::int64_t step, double gradient_scale) = 0;
  // Gives the gradients up without a step (a step that a policy skips).
  virtual void DropGradients() = 0;

  // Sets a parameter from its whole value ([shape], f32 or the compute type); the same call in every process. f32 values of bf16
  // models set the master as well.
  virtual void SetParameter(const std::string& name, const at::Tensor& value) = 0;
  // Calls `use` with every parameter, whole: as [shape] of the compute type (master = false) or f32 (true). In every process in the
  // same order; the tensor is valid during the call only.
  virtual void ForEachParameter(bool master, const std::function<void(const Parameter&, const at::Tensor&)>& use) = 0;

  // What a checkpoint holds: of each process its share, which together are every tensor once. Names and sizes depend on the layout,
  // the compute type and the optimizer only: another number of processes and another stage can load it. Frozen parameters are not
  // in it; they are set again from where they came from. Parts are valid until the next step. A name may come several times (Muon's
  // momenta). Loading: `read(name, begin, into)` fills `into` with elements [begin, begin + into.numel()) of tensor `name`.
  virtual std::vector<StatePart> Parts() = 0;
  virtual void Load(const std::function<void(const std::string& name, std::int64_t begin, at::Tensor& into)>& read) = 0;

  // Bytes that this process holds, by kind, as they are allocated now and at most during a step: for --dry-run and the table of
  // stages.
  struct Memory {
    std::int64_t weights = 0, gradients = 0, optimizer = 0, gathered_peak = 0;
  };
  virtual Memory memory() const = 0;
};

// What Create would allocate and a step would gather, in the one of `processes` processes that needs most; allocates nothing.
TrainState::Memory PlanMemory(const Layout& layout, const TrainStateOptions& options, int processes);

}  // namespace mathcoder::train
