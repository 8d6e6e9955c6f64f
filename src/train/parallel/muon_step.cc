#include "train/parallel/muon_step.h"

#include <memory>
#include <optional>

namespace mathcoder::train {
namespace {

struct Updates {
  std::size_t unit = 0;
  at::Tensor buffer;
  std::unique_ptr<Communicator::Work> arriving;
};

struct Fetched {
  at::Tensor gradient;
  std::unique_ptr<Communicator::Work> arriving;
};

at::Tensor Matrix(const at::Tensor& flat, const MuonMatrix& matrix) {
  return flat.narrow(0, matrix.begin, matrix.size).view(matrix.shape);
}

}  // namespace

void MuonStep(const std::vector<UnitCut>& cuts, bool scattered, const MuonOptions& options, const MuonStepRates& rates,
              Communicator& communicator, GradientShards& gradients, WeightShards& weights, std::vector<UnitOptimizer>& optimizers,
              BufferPool& pool, const std::function<void(std::size_t unit)>& done) {
  std::vector<std::size_t> units;
  for (std::size_t unit = 0; unit < cuts.size(); ++unit) {
    if (!cuts[unit].muon.empty()) units.push_back(unit);
  }
  const auto compute = [&](std::size_t unit, std::size_t matrix, const at::Tensor& gradient) {
    return optimizers[unit].UpdateOf(matrix, Matrix(gradient, cuts[unit].muon[matrix]), options, rates.gradient_scale);
  };
  if (communicator.size() == 1) {
    for (const std::size_t unit : units) {
      const at::Tensor gradient = gradients.Own(unit), flat = weights.Stepped(unit);
      for (std::size_t i = 0; i < cuts[unit].muon.size() && !flat.is_meta(); ++i) {
        optimizers[unit].ApplyMuon(i, flat, compute(unit, i, gradient), rates.learning_rate, options.weight_decay);
      }
      done(unit);
    }
    return;
  }

  const auto fetch = [&](std::size_t unit) {
    Fetched fetched;
    fetched.gradient = gradients.FetchWhole(unit, fetched.arriving);
    return fetched;
  };
  const auto apply = [&](Updates& updates) {
    updates.arriving->Wait();
    const UnitCut& cut = cuts[updates.unit];
    if (!updates.buffer.is_meta()) {
      optimizers[updates.unit].ApplyMuon(weights.Stepped(updates.unit), updates.buffer.narrow(0, 0, cut.padded), 0,
                                         rates.learning_rate, options.weight_decay);
    }
    pool.Give(std::move(updates.buffer));
    done(updates.unit);
  };
  std::optional<Updates> last;
  Fetched current;
  if (!units.empty()) current = fetch(units.front());
  for (std::size_t u = 0; u < units.size(); ++u) {
    const std::size_t unit = units[u];
    const UnitCut& cut = cuts[unit];
    Fetched next;
    if (u + 1 < units.size()) next = fetch(units[u + 1]);
    if (current.arriving) current.arriving->Wait();
    Updates updates{unit, pool.Take(cut.padded), nullptr};
    at::Tensor flat = updates.buffer.narrow(0, 0, cut.padded);
    flat.zero_();  // the others' matrices: a sum of one summand and zeros is that summand
    for (std::size_t i = 0; i < cut.muon.size() && !flat.is_meta(); ++i) {
      if (optimizers[unit].owns(i)) Matrix(flat, cut.muon[i]).copy_(compute(unit, i, current.gradient));
    }
    gradients.GiveWhole(unit, std::move(current.gradient));
    updates.arriving = scattered ? communicator.ReduceScatterSum(flat, flat.narrow(0, communicator.rank() * cut.part, cut.part))
                                 : communicator.AllReduceSum(flat);
    if (last) apply(*last);
    last = std::move(updates);
    current = std::move(next);
  }
  if (last) apply(*last);
}

}  // namespace mathcoder::train
