#include "train/parallel/train_state.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <latch>
#include <map>
#include <mutex>

#include "base/error.h"
#include "train/parallel/self_communicator.h"
#include "train/parallel/thread_transport.h"
#include "train/parallel/toy_model.h"
#include "train/parallel/unit_cut.h"

namespace mathcoder::train {
namespace {

struct Result {
  std::vector<double> losses, norms;
  std::uint64_t digest = 0;
  TrainState::Memory memory;  // of rank 0
};

// A checkpoint as whole tensors; says what does not fit together.
struct Saved {
  std::mutex mutex;
  std::map<std::string, at::Tensor> tensors;
  std::map<std::string, std::int64_t> covered;

  void Add(TrainState& state) {
    std::lock_guard lock(mutex);
    for (const StatePart& part : state.Parts()) {
      at::Tensor& whole = tensors[part.name];
      if (!whole.defined()) whole = at::zeros({part.size}, part.data.options());
      ASSERT_EQ(whole.numel(), part.size) << part.name;
      ASSERT_TRUE(part.data.is_contiguous()) << part.name;
      whole.narrow(0, part.begin, part.data.numel()).copy_(part.data);
      covered[part.name] += part.data.numel();
    }
  }
  void ExpectComplete() const {
    for (const auto& [name, whole] : tensors) EXPECT_EQ(covered.at(name), whole.numel()) << name;
  }
  void Into(TrainState& state) const {
    state.Load([this](const std::string& name, std::int64_t begin, at::Tensor& into) {
      const at::Tensor& whole = tensors.at(name);
      ASSERT_EQ(whole.scalar_type(), into.scalar_type()) << name;
      into.copy_(whole.narrow(0, begin, into.numel()));
    });
  }
};

Result Train(int size, const TrainStateOptions& options, const ToyRun& run, const Saved* from = nullptr, Saved* to = nullptr) {
  Result result;
  const auto body = [&](Communicator& communicator) {
    at::set_num_threads(1);
    const Layout layout = ToyLayout(run.model);
    auto state = TrainState::Create(layout, options, communicator);
    InitialiseToy(layout, *state);
    if (from != nullptr) from->Into(*state);
    ToyRun mine = run;
    std::vector<double> norms;
    mine.seen = [&](std::int64_t, double, double norm) { norms.push_back(norm); };
    const std::vector<double> losses = RunToy(mine, *state, communicator);
    if (to != nullptr) to->Add(*state);
    const std::uint64_t digest = DigestOf(*state, true);
    if (communicator.rank() == 0) result = {losses, norms, digest, state->memory()};
  };
  if (size == 1) {
    SelfCommunicator self;
    body(self);
  } else {
    RunRanks(size, body, 4096);
  }
  return result;
}

double Difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0 : 1e9;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

TrainStateOptions Options(int stage, bool muon, MomentType moments = MomentType::kF32) {
  TrainStateOptions options;
  options.zero_stage = stage;
  options.muon = muon;
  options.adamw.weight_decay = 0.1;
  options.adamw.moments = moments;
  options.muon_options.weight_decay = 0.05;
  return options;
}

TEST(TrainState, ManyProcessesOfEveryStageTrainAsOne) {
  for (const bool muon : {false, true}) {
    for (const bool tied : {false, true}) {
      ToyRun run;
      run.model.tied = tied;
      run.rows = 12;
      const Result one = Train(1, Options(0, muon), run);
      EXPECT_LT(one.losses.back(), one.losses.front() * 0.9);
      for (int size : {2, 3, 4}) {
        if (tied && size != 3) continue;
        for (int stage : {0, 1, 2, 3}) {
          const Result many = Train(size, Options(stage, muon), run);
          EXPECT_LT(Difference(many.losses, one.losses), 1e-5)
              << size << " processes, stage " << stage << (muon ? ", Muon" : "") << (tied ? ", tied" : "");
          EXPECT_LT(Difference(many.norms, one.norms), 1e-4) << size << " processes, stage " << stage;
        }
      }
    }
  }
}

TEST(TrainState, StagesAgreeToTheBitAndRunsRepeatWhereOneRowAProcessMakesAStep) {
  for (const bool muon : {false, true}) {
    ToyRun run;
    run.rows = 4;
    const Result plain = Train(4, Options(0, muon), run);
    for (int stage : {0, 1, 2, 3}) {
      const Result other = Train(4, Options(stage, muon), run);
      EXPECT_EQ(other.digest, plain.digest) << "stage " << stage;
      EXPECT_EQ(other.losses, plain.losses) << "stage " << stage;
    }
  }
}

TEST(TrainState, MomentsOfEveryTypeAndBf16WeightsTrainAsOneProcessDoes) {
  for (const MomentType moments : {MomentType::kBf16, MomentType::kInt8}) {
    ToyRun run;
    const Result one = Train(1, Options(0, false, moments), run);
    for (int stage : {0, 1, 3}) {
      const Result many = Train(2, Options(stage, false, moments), run);
      EXPECT_LT(Difference(many.losses, one.losses), 5e-3) << static_cast<int>(moments) << " stage " << stage;
      EXPECT_LT(many.losses.back(), many.losses.front() * 0.9);
    }
  }
  for (const at::ScalarType gradient : {at::kFloat, at::kBFloat16}) {
    for (const bool muon : {false, true}) {
      ToyRun run;
      run.rows = 2;
      TrainStateOptions options = Options(0, muon);
      options.compute = at::kBFloat16;
      options.gradient = gradient;
      const Result plain = Train(2, options, run);
      EXPECT_LT(Difference(plain.losses, Train(1, Options(0, muon), run).losses), 0.05) << "against f32";
      for (int stage : {1, 2, 3}) {
        options.zero_stage = stage;
        EXPECT_EQ(Train(2, options, run).digest, plain.digest) << "stage " << stage << " muon " << muon;  // masters as well
      }
    }
  }
}

TEST(TrainState, FrozenParametersStayAndAreShardedInStage3Only) {
  ToyRun run;
  run.model.frozen = true;
  const Result one = Train(1, Options(0, false), run);
  std::vector<std::int64_t> weights;
  for (int stage : {0, 1, 2, 3}) {
    const Result many = Train(4, Options(stage, false), run);
    EXPECT_LT(Difference(many.losses, one.losses), 1e-5) << stage;
    weights.push_back(many.memory.weights);
  }
  EXPECT_EQ(weights[0], weights[1]);
  EXPECT_EQ(weights[1], weights[2]);
  EXPECT_EQ(weights[3] * 4, weights[0]);  // parts are padded alike
}

TEST(TrainState, MemoryIsWhatWasPlannedAndFallsAsTheStagesPromise) {
  ToyRun run;
  run.model.vocabulary = 100;
  run.model.width = 64;
  run.model.inner = 128;
  run.model.layers = 6;
  run.model.tied = true;
  run.steps = 2;
  run.rows = 8;  // two a process
  for (const bool muon : {false, true}) {
    for (const at::ScalarType compute : {at::kFloat, at::kBFloat16}) {
      std::vector<TrainState::Memory> stages;
      for (int stage : {0, 1, 2, 3}) {
        TrainStateOptions options = Options(stage, muon);
        options.compute = compute;
        const TrainState::Memory planned = PlanMemory(ToyLayout(run.model), options, 4), found = Train(4, options, run).memory;
        EXPECT_EQ(found.weights, planned.weights) << stage;
        EXPECT_EQ(found.gradients, planned.gradients) << stage;
        EXPECT_LE(found.optimizer, planned.optimizer) << stage;  // planned: of the process that has most
        EXPECT_EQ(found.gathered_peak, planned.gathered_peak) << stage;
        stages.push_back(planned);
      }
      const TrainState::Memory alone = PlanMemory(ToyLayout(run.model), Options(0, muon), 1);
      EXPECT_LT(static_cast<double>(PlanMemory(ToyLayout(run.model), Options(1, muon), 4).optimizer),
                static_cast<double>(alone.optimizer) * 0.27);
      EXPECT_EQ(stages[2].gradients * 4, stages[0].gradients);
      EXPECT_EQ(stages[3].weights * 4, stages[0].weights);
    }
  }
}

TEST(TrainState, SavedByAnyNumberResumedByAnyOther) {
  for (const bool muon : {false, true}) {
    ToyRun whole;
    whole.steps = 16;
    whole.rows = 12;
    const Result undisturbed = Train(1, Options(0, muon), whole);
    ToyRun first = whole, second = whole;
    first.steps = second.steps = 8;
    second.first_step = 9;
    std::vector<std::string> names;
    for (const auto& [size, stage] : std::vector<std::pair<int, int>>{{1, 0}, {2, 0}, {2, 1}, {2, 2}, {3, 3}}) {
      Saved saved;
      Train(size, Options(stage, muon), first, nullptr, &saved);
      saved.ExpectComplete();
      std::vector<std::string> now;
      for (const auto& [name, whole_tensor] : saved.tensors) now.push_back(name + " " + std::to_string(whole_tensor.numel()));
      if (names.empty()) names = now;
      EXPECT_EQ(now, names);  // names and sizes do not tell who saved
      for (const auto& [size2, stage2] : std::vector<std::pair<int, int>>{{1, 0}, {4, 0}, {4, 1}, {4, 2}, {4, 3}, {3, 2}}) {
        const Result resumed = Train(size2, Options(stage2, muon), second, &saved);
        const std::vector<double> wanted(undisturbed.losses.begin() + 8, undisturbed.losses.end());
        EXPECT_LT(Difference(resumed.losses, wanted), 1e-5)
            << size << "/" << stage << " to " << size2 << "/" << stage2 << " muon " << muon;
      }
    }
  }
}

TEST(TrainState, ResumingContinuesToTheBit) {
  for (const MomentType moments : {MomentType::kF32, MomentType::kBf16, MomentType::kInt8}) {
    for (const at::ScalarType compute : {at::kFloat, at::kBFloat16}) {
      ToyRun whole;
      whole.steps = 8;
      ToyRun first = whole, second = whole;
      first.steps = second.steps = 4;
      second.first_step = 5;
      TrainStateOptions options = Options(2, true, moments);
      options.compute = compute;
      const Result undisturbed = Train(4, options, whole);
      Saved saved;
      Train(4, options, first, nullptr, &saved);
      options.zero_stage = 3;  // may change: one row a process
      EXPECT_EQ(Train(4, options, second, &saved).digest, undisturbed.digest) << static_cast<int>(moments) << " " << compute;
    }
  }
}

// The formula, one element at a time, with the gradients that the store was given.
TEST(TrainState, AStepIsTheFormulaOnEveryElement) {
  SelfCommunicator self;
  const ToyOptions model;
  const Layout layout = ToyLayout(model);
  const TrainStateOptions options = Options(0, false);
  auto state = TrainState::Create(layout, options, self);
  InitialiseToy(layout, *state);
  struct Element {
    double w = 0, m = 0, v = 0;
  };
  std::vector<std::vector<Element>> oracle;
  for (std::size_t unit = 0; unit < layout.units.size(); ++unit) {
    state->Acquire(unit);
    const at::Tensor flat = state->Learning(unit);
    for (std::int64_t i = 0; i < flat.numel(); ++i) {
      if (i == 0) oracle.emplace_back();
      oracle.back().push_back({flat[i].item<float>()});
    }
    state->Release(unit);
  }
  for (int step = 1; step <= 3; ++step) {
    double squares = 0;
    std::vector<at::Tensor> gradients;
    for (std::int64_t row = 0; row < 3; ++row) {
      state->BeginRow(3 - row);
      ToyForwardBackward(model, *state, step * 3 + row, 1.0 / 3);
    }
    const double norm = state->FinishGradients();
    // What the rows added up to, by a store of its own.
    auto probe = TrainState::Create(layout, options, self);
    state->ForEachParameter(false, [&](const Parameter& p, const at::Tensor& value) { probe->SetParameter(p.name, value); });
    for (std::int64_t row = 0; row < 3; ++row) {
      probe->BeginRow(2);  // never the last: nothing is reduced
      ToyForwardBackward(model, *probe, step * 3 + row, 1.0 / 3);
    }
    for (std::size_t unit = 0; unit < layout.units.size(); ++unit) {
      gradients.push_back(probe->Gradient(unit).clone());
      squares += gradients.back().to(at::kDouble).square().sum().item<double>();
    }
    EXPECT_NEAR(norm, std::sqrt(squares), 1e-9 * norm);
    const double scale = 0.5, rate = 0.01;
    for (std::size_t unit = 0; unit < layout.units.size(); ++unit) {
      for (const Parameter& p : layout.units[unit].learning) {
        for (std::int64_t i = p.offset; i < p.offset + p.size; ++i) {
          Element& e = oracle[unit][static_cast<std::size_t>(i)];
          const double g = gradients[unit][i].item<float>() * scale;
          e.m = 0.9 * e.m + 0.1 * g;
          e.v = 0.999 * e.v + 0.001 * g * g;
          e.w -= rate * (p.shape.size() == 2 ? 0.1 : 0) * e.w;
          e.w -= rate * (e.m / (1 - std::pow(0.9, step))) / (std::sqrt(e.v / (1 - std::pow(0.999, step))) + 1e-8);
        }
      }
    }
    state->Step(rate, step, scale);
    std::size_t unit = 0;
    state->ForEachParameter(true, [&](const Parameter& p, const at::Tensor& value) {
      while (p.name.substr(0, p.name.rfind('.')) != layout.units[unit].name) ++unit;
      const at::Tensor flat = value.reshape({-1});
      double worst = 0;
      for (std::int64_t i = 0; i < p.size; ++i) {
        worst = std::max(worst, std::abs(flat[i].item<float>() - oracle[unit][static_cast<std::size_t>(p.offset + i)].w));
      }
      EXPECT_LT(worst, 2e-6) << p.name << " step " << step;
    });
  }
}

// Rank 1 begins its row when rank 0 has ended its backward pass: that is possible only if no reduction is waited for on the way.
TEST(TrainState, ReductionsDoNotHoldUpTheBackwardPass) {
  for (const int stage : {0, 1}) {
    std::latch ended(1);
    std::vector<double> norms(2);
    RunRanks(2, [&](Communicator& communicator) {
      at::set_num_threads(1);
      const ToyOptions model;
      const Layout layout = ToyLayout(model);
      auto state = TrainState::Create(layout, Options(stage, false), communicator);
      InitialiseToy(layout, *state);
      if (communicator.rank() == 1) ended.wait();
      state->BeginRow(1);
      ToyForwardBackward(model, *state, communicator.rank(), 1);
      if (communicator.rank() == 0) ended.count_down();
      norms[static_cast<std::size_t>(communicator.rank())] = state->FinishGradients();
    });
    EXPECT_GT(norms[0], 0);
    EXPECT_EQ(norms[0], norms[1]);
  }
}

TEST(TrainState, DroppedGradientsLeaveNoTrace) {
  for (const int stage : {0, 1, 2, 3}) {
    std::vector<std::uint64_t> digests(2);
    for (const bool drop : {false, true}) {
      RunRanks(2, [&](Communicator& communicator) {
        at::set_num_threads(1);
        ToyRun run;
        run.steps = 3;
        const Layout layout = ToyLayout(run.model);
        auto state = TrainState::Create(layout, Options(stage, true), communicator);
        InitialiseToy(layout, *state);
        RunToy(run, *state, communicator);
        if (drop) {
          for (const bool finished : {true, false}) {
            state->BeginRow(1);
            ToyForwardBackward(run.model, *state, 999, 100);
            if (finished) state->FinishGradients();
            state->DropGradients();
          }
        }
        run.first_step = 4;
        RunToy(run, *state, communicator);
        const std::uint64_t digest = DigestOf(*state, true);
        if (communicator.rank() == 0) digests[drop] = digest;
      });
    }
    EXPECT_EQ(digests[0], digests[1]) << "stage " << stage;
  }
}

TEST(TrainState, ParametersGoInAndComeOut) {
  for (const int stage : {0, 2, 3}) {
    for (const at::ScalarType compute : {at::kFloat, at::kBFloat16}) {
      RunRanks(3, [&](Communicator& communicator) {
        ToyOptions model;
        model.frozen = true;
        const Layout layout = ToyLayout(model);
        TrainStateOptions options = Options(stage, true);
        options.compute = compute;
        auto state = TrainState::Create(layout, options, communicator);
        std::map<std::string, at::Tensor> values;
        for (const Unit& unit : layout.units) {
          for (const auto* parameters : {&unit.learning, &unit.frozen}) {
            for (const Parameter& p : *parameters) {
              values[p.name] = at::arange(p.size, at::kFloat).add(0.123f).div(static_cast<float>(p.name.size())).view(p.shape);
              state->SetParameter(p.name, values[p.name]);
            }
          }
        }
        for (const bool master : {false, true}) {
          std::size_t seen = 0;
          state->ForEachParameter(master, [&](const Parameter& p, const at::Tensor& value) {
            ++seen;
            const bool frozen = p.name.ends_with("fixed") || p.name.starts_with("embedding");
            at::Tensor wanted = values.at(p.name);
            if (!master) wanted = wanted.to(compute);
            if (master && frozen) wanted = wanted.to(compute).to(at::kFloat);
            EXPECT_EQ(value.scalar_type(), master ? at::kFloat : compute);
            EXPECT_TRUE(at::equal(value, wanted)) << p.name << " stage " << stage << " master " << master;
          });
          EXPECT_EQ(seen, values.size());
        }
      });
    }
  }
  SelfCommunicator self;
  auto state = TrainState::Create(ToyLayout({}), Options(0, false), self);
  try {
    state->SetParameter("head.bias", at::zeros({3}));
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "the parameter head.bias has the shape [24], not [3]");
  }
  EXPECT_THROW(state->SetParameter("head.nothing", at::zeros({3})), base::Error);
}

TEST(UnitCut, SlicesOfPartsAreTheSlicesOfTheWhole) {
  ToyOptions model;
  model.width = 72;
  model.inner = 100;
  for (const bool muon : {false, true}) {
    for (int size : {1, 2, 3, 5, 8}) {
      for (const Unit& unit : ToyLayout(model).units) {
        std::vector<double> owners(static_cast<std::size_t>(size));
        const UnitCut cut = CutUnit(unit, muon, owners);
        EXPECT_EQ(cut.padded, cut.part * size);
        EXPECT_EQ(cut.part % UnitCut::kBlock, 0);
        std::int64_t elements = 0, scales = 0;
        for (int rank = 0; rank < size; ++rank) {
          for (const AdamSlice& slice : cut.Within(cut.Own(rank))) {
            EXPECT_EQ(slice.compact, elements);
            EXPECT_EQ(slice.scale, scales);
            elements += slice.size;
            scales += slice.scales;
          }
        }
        EXPECT_EQ(elements, cut.adam_size);
        EXPECT_EQ(scales, cut.scales);
        std::int64_t muons = 0;
        for (const MuonMatrix& matrix : cut.muon) muons += matrix.size;
        EXPECT_EQ(elements + muons, unit.learning_size);  // shapes of this test leave no gap behind a matrix
        EXPECT_EQ(muons > 0, muon && unit.name.starts_with("layer"));
      }
    }
  }
}

}  // namespace
}  // namespace mathcoder::train
