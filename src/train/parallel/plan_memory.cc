// The state itself, on tensors without memory, among processes that are not there: so a plan cannot differ from what is done.
#include <algorithm>

#include "base/check.h"
#include "train/parallel/train_state.h"

namespace mathcoder::train {
namespace {

class AbsentProcesses : public Communicator {
 public:
  AbsentProcesses(int rank, int size) : rank_(rank), size_(size) {}
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string name() const override { return "a plan"; }
  std::unique_ptr<Work> AllReduceSum(at::Tensor /*data*/) override { return Done(); }
  std::unique_ptr<Work> ReduceScatterSum(at::Tensor /*whole*/, at::Tensor /*part*/) override { return Done(); }
  std::unique_ptr<Work> AllGather(at::Tensor /*part*/, at::Tensor /*whole*/) override { return Done(); }
  std::unique_ptr<Work> Broadcast(at::Tensor /*data*/, int /*root*/) override { return Done(); }
  void Barrier() override {}

 private:
  class Nothing : public Work {
   public:
    void Wait() override {}
  };
  static std::unique_ptr<Work> Done() { return std::make_unique<Nothing>(); }

  int rank_, size_;
};

// What a model asks for in a step, in its order (model/model.h).
void PlanStep(const Layout& layout, TrainState& state) {
  const std::size_t head = layout.units.size() - 1;
  // A head without a matrix of its own uses the embedding.
  const auto has_matrix = [](const std::vector<Parameter>& parameters) {
    return std::ranges::any_of(parameters, [](const Parameter& p) { return p.shape.size() == 2; });
  };
  const bool tied = !has_matrix(layout.units[head].learning) && !has_matrix(layout.units[head].frozen);
  state.BeginRow(1);
  for (std::size_t unit = 0; unit < head; ++unit) {
    state.Acquire(unit);
    state.Prefetch(unit + 1);
    state.Release(unit);
  }
  state.Acquire(head);
  if (tied) {
    state.Acquire(0);
    state.Gradient(0);
  }
  state.Gradient(head);
  if (head > 0) state.Prefetch(head - 1);
  if (tied) state.Release(0);
  state.Release(head);
  state.GradientDone(head);
  for (std::size_t unit = head; unit-- > 0;) {
    state.Acquire(unit);
    if (unit > 0) state.Prefetch(unit - 1);
    state.Gradient(unit);
    state.Release(unit);
    state.GradientDone(unit);
  }
  state.Step(0, 1, 1);
}

}  // namespace

TrainState::Memory PlanMemory(const Layout& layout, const TrainStateOptions& options, int processes) {
  MC_CHECK(processes > 0 && !layout.units.empty());
  TrainStateOptions planned = options;
  planned.device = at::Device(at::kMeta);
  TrainState::Memory most;
  // Muon's matrices are whole, so processes differ; the first few show who has most.
  const int ranks = options.muon ? std::min(processes, 8) : 1;
  for (int rank = 0; rank < ranks; ++rank) {
    AbsentProcesses communicator(rank, processes);
    const auto state = TrainState::Create(layout, planned, communicator);
    PlanStep(layout, *state);
    const TrainState::Memory memory = state->memory();
    most.weights = std::max(most.weights, memory.weights);
    most.gradients = std::max(most.gradients, memory.gradients);
    most.optimizer = std::max(most.optimizer, memory.optimizer);
    most.gathered_peak = std::max(most.gathered_peak, memory.gathered_peak);
  }
  return most;
}

}  // namespace mathcoder::train
