#include "train/parallel/train_state.h"

#include <ATen/Tensor.h>
#include <ATen/core/Formatting.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "train/parallel/gradient_shards.h"
#include "train/parallel/muon_step.h"
#include "train/parallel/unit_cut.h"
#include "train/parallel/unit_optimizer.h"
#include "train/parallel/weight_shards.h"

namespace mathcoder::train {
namespace {

// One process has nobody to share with.
int Stage(const TrainStateOptions& options, const Communicator& communicator) {
  return communicator.size() == 1 ? 0 : options.zero_stage;
}

// A run in f32 is one in f32: how many processes it has shows in rounding only.
TrainStateOptions Effective(TrainStateOptions options) {
  if (options.compute == at::kFloat) options.muon_options.full_precision = true;
  return options;
}

std::vector<UnitCut> CutAll(const Layout& layout, const TrainStateOptions& options, int processes) {
  std::vector<double> owners(static_cast<std::size_t>(processes));
  std::vector<UnitCut> cuts;
  for (const Unit& unit : layout.units) cuts.push_back(CutUnit(unit, options.muon, owners));
  return cuts;
}

std::vector<UnitCut> CutAllFrozen(const Layout& layout, int processes) {
  std::vector<UnitCut> cuts;
  for (const Unit& unit : layout.units) cuts.push_back(CutFrozen(unit, processes));
  return cuts;
}

WeightShards::Kind WeightKind(int stage) {
  return stage == 0 ? WeightShards::Kind::kWhole : stage < 3 ? WeightShards::Kind::kWholeStepped : WeightShards::Kind::kSharded;
}

GradientShards::Kind GradientKind(int stage) {
  return stage == 0   ? GradientShards::Kind::kAllReduced
         : stage == 1 ? GradientShards::Kind::kReduced
                      : GradientShards::Kind::kScattered;
}

// The elements of a parameter that lie in `held`, of `whole` (flat, from the parameter's first element) and of `part` (from
// held.begin).
void CopyInto(const at::Tensor& part, Range held, const at::Tensor& whole, std::int64_t offset) {
  const std::int64_t begin = std::max(held.begin, offset), end = std::min(held.end, offset + whole.numel());
  if (begin < end) part.narrow(0, begin - held.begin, end - begin).copy_(whole.narrow(0, begin - offset, end - begin));
}

class ShardedTrainState : public TrainState {
 public:
  ShardedTrainState(Layout layout, const TrainStateOptions& options, Communicator& communicator)
      : layout_(std::move(layout)),
        options_(Effective(options)),
        communicator_(communicator),
        stage_(Stage(options, communicator)),
        cuts_(CutAll(layout_, options, communicator.size())),
        frozen_cuts_(CutAllFrozen(layout_, communicator.size())),
        weights_(WeightKind(stage_), cuts_, frozen_cuts_, at::TensorOptions(options.device).dtype(options.compute), communicator),
        gradients_(GradientKind(stage_), cuts_, at::TensorOptions(options.device).dtype(options.gradient), communicator),
        updates_(PaddedSizes(), at::TensorOptions(options.device).dtype(at::kFloat)) {
    for (std::size_t unit = 0; unit < cuts_.size(); ++unit) {
      optimizers_.emplace_back(cuts_[unit], weights_.SteppedRange(unit), cuts_[unit].Own(communicator.rank()), communicator.rank(),
                               options.adamw, options.compute, options.device);
      for (const bool learning : {true, false}) {
        for (const Parameter& parameter : learning ? layout_.units[unit].learning : layout_.units[unit].frozen) {
          places_[parameter.name] = {unit, learning, &parameter};
        }
      }
    }
  }

  const Layout& layout() const override { return layout_; }
  void Acquire(std::size_t unit) override { weights_.Acquire(unit); }
  void Release(std::size_t unit) override { weights_.Release(unit); }
  void Prefetch(std::size_t unit) override { weights_.Prefetch(unit); }
  at::Tensor Learning(std::size_t unit) override { return weights_.Learning(unit); }
  at::Tensor Frozen(std::size_t unit) override { return weights_.Frozen(unit); }
  at::Tensor Gradient(std::size_t unit) override { return gradients_.Gradient(unit); }
  void GradientDone(std::size_t unit) override { gradients_.Done(unit); }

  void BeginRow(std::int64_t rows_left) override { gradients_.BeginRow(rows_left); }
  double FinishGradients() override { return gradients_.Finish(); }

  void Step(double learning_rate, std::int64_t step, double gradient_scale) override {
    gradients_.Settle();
    for (std::size_t unit = 0; unit < cuts_.size(); ++unit) {
      const at::Tensor weights = weights_.Stepped(unit);
      if (!weights.is_meta()) optimizers_[unit].StepAdam(weights, gradients_.Stepped(unit), learning_rate, step, gradient_scale);
      if (cuts_[unit].muon.empty()) weights_.StepDone(unit);
    }
    BufferPool& updates = options_.gradient == at::kFloat ? gradients_.pool() : updates_;
    MuonStep(cuts_, stage_ > 0, options_.muon_options, {learning_rate * options_.muon_learning_rate_factor, gradient_scale},
             communicator_, gradients_, weights_, optimizers_, updates, [this](std::size_t unit) { weights_.StepDone(unit); });
    gradients_.Reset();
  }

  void DropGradients() override { gradients_.Reset(); }

  void SetParameter(const std::string& name, const at::Tensor& value) override {
    const auto found = places_.find(name);
    if (found == places_.end()) throw base::BadInput("the model has no parameter named " + name);
    const auto& [unit, learning, parameter] = found->second;
    if (value.sizes() != at::IntArrayRef(parameter->shape)) {
      throw base::BadInput("the parameter " + name + " has the shape " + c10::str(at::IntArrayRef(parameter->shape)) + ", not " +
                           c10::str(value.sizes()));
    }
    weights_.Settle();
    const at::Tensor flat = value.to(options_.device).contiguous().view({-1});
    if (!learning) {
      CopyInto(weights_.HeldFrozen(unit), weights_.HeldFrozenRange(unit), flat.to(options_.compute), parameter->offset);
    } else if (options_.compute == at::kBFloat16) {
      at::Tensor rounded = at::empty_like(flat, at::kBFloat16), remainder = at::empty_like(flat, at::kShort);
      SplitMaster(flat.to(at::kFloat), rounded, remainder);
      CopyInto(weights_.HeldLearning(unit), weights_.HeldLearningRange(unit), rounded, parameter->offset);
      CopyInto(optimizers_[unit].remainder(), weights_.SteppedRange(unit), remainder, parameter->offset);
    } else {
      CopyInto(weights_.HeldLearning(unit), weights_.HeldLearningRange(unit), flat.to(options_.compute), parameter->offset);
    }
  }

  void ForEachParameter(bool master, const std::function<void(const Parameter&, const at::Tensor&)>& use) override {
    for (std::size_t unit = 0; unit < cuts_.size(); ++unit) {
      Acquire(unit);
      at::Tensor learning = Learning(unit), frozen = Frozen(unit);
      if (master) {
        if (options_.compute == at::kBFloat16 && learning.numel() > 0) learning = JoinMaster(learning, WholeRemainder(unit));
        learning = learning.to(at::kFloat);
        frozen = frozen.to(at::kFloat);
      }
      for (const bool learns : {true, false}) {
        for (const Parameter& parameter : learns ? layout_.units[unit].learning : layout_.units[unit].frozen) {
          use(parameter, (learns ? learning : frozen).narrow(0, parameter.offset, parameter.size).view(parameter.shape));
        }
      }
      Release(unit);
    }
  }

  std::vector<StatePart> Parts() override {
    weights_.Settle();
    std::vector<StatePart> parts;
    for (std::size_t unit = 0; unit < cuts_.size(); ++unit) {
      const std::string prefix = layout_.units[unit].name + "/";
      const Range own = cuts_[unit].Own(communicator_.rank());
      if (own.size() > 0) {
        parts.push_back({prefix + "weights", own.begin, cuts_[unit].size,
                         weights_.HeldLearning(unit).narrow(0, own.begin - weights_.HeldLearningRange(unit).begin, own.size())});
      }
      for (auto& part : optimizers_[unit].Parts(UnitOptimizer::Share::kOwn))
        parts.push_back({prefix + part.name, part.begin, part.size, part.data});
    }
    return parts;
  }

  void Load(const std::function<void(const std::string& name, std::int64_t begin, at::Tensor& into)>& read) override {
    weights_.Settle();
    const auto fill = [&](const std::string& name, std::int64_t begin, at::Tensor data) {
      if (data.is_cpu()) return read(name, begin, data);
      at::Tensor here = at::empty(data.sizes(), data.options().device(at::kCPU));
      read(name, begin, here);
      data.copy_(here);
    };
    for (std::size_t unit = 0; unit < cuts_.size(); ++unit) {
      const std::string prefix = layout_.units[unit].name + "/";
      if (const Range held = weights_.HeldLearningRange(unit); held.size() > 0)
        fill(prefix + "weights", held.begin, weights_.HeldLearning(unit));
      for (auto& part : optimizers_[unit].Parts(UnitOptimizer::Share::kHeld)) fill(prefix + part.name, part.begin, part.data);
    }
  }

  Memory memory() const override {
    Memory memory;
    memory.weights = weights_.held_bytes();
    memory.gradients = gradients_.held_bytes();
    for (const UnitOptimizer& optimizer : optimizers_) memory.optimizer += optimizer.bytes();
    memory.gathered_peak = weights_.gathered_bytes() + gradients_.pool().bytes() + updates_.bytes();
    return memory;
  }

 private:
  struct Place {
    std::size_t unit = 0;
    bool learning = false;
    const Parameter* parameter = nullptr;
  };

  std::vector<std::int64_t> PaddedSizes() const {
    std::vector<std::int64_t> sizes;
    for (const UnitCut& cut : cuts_) sizes.push_back(cut.padded);
    return sizes;
  }

  // [size] i16 of all processes.
  at::Tensor WholeRemainder(std::size_t unit) {
    const at::Tensor stepped = optimizers_[unit].remainder();
    if (stage_ == 0) return stepped;
    const UnitCut& cut = cuts_[unit];
    at::Tensor mine = at::zeros({cut.part}, stepped.options()), whole = at::empty({cut.padded}, stepped.options());
    mine.narrow(0, 0, stepped.numel()).copy_(stepped);
    communicator_.AllGather(mine.view(at::kByte), whole.view(at::kByte))->Wait();
    return whole.narrow(0, 0, cut.size);
  }

  const Layout layout_;
  const TrainStateOptions options_;
  Communicator& communicator_;
  const int stage_;
  const std::vector<UnitCut> cuts_, frozen_cuts_;
  WeightShards weights_;
  GradientShards gradients_;
  BufferPool updates_;  // for Muon where gradients are not f32
  std::vector<UnitOptimizer> optimizers_;
  std::map<std::string, Place> places_;
};

}  // namespace

std::unique_ptr<TrainState> TrainState::Create(Layout layout, const TrainStateOptions& options, Communicator& communicator) {
  MC_CHECK(options.zero_stage >= 0 && options.zero_stage <= 3);
  MC_CHECK(options.compute == at::kFloat || options.compute == at::kBFloat16);
  MC_CHECK(options.gradient == at::kFloat || options.gradient == at::kBFloat16);
  return std::make_unique<ShardedTrainState>(std::move(layout), options, communicator);
}

}  // namespace mathcoder::train
