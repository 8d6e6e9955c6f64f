#include "train/parallel/toy_model.h"

#include <ATen/ATen.h>

#include <optional>
#include <random>

#include "base/check.h"

namespace mathcoder::train {
namespace {

class UnitPlan {
 public:
  explicit UnitPlan(std::string name) { unit_.name = std::move(name); }
  void Add(const std::string& name, std::vector<std::int64_t> shape, bool matrix, bool learns = true) {
    Parameter parameter;
    parameter.name = unit_.name + "." + name;
    parameter.size = 1;
    for (std::int64_t side : shape) parameter.size *= side;
    parameter.decay = shape.size() == 2;
    parameter.matrix = matrix;
    parameter.shape = std::move(shape);
    std::int64_t& size = learns ? unit_.learning_size : unit_.frozen_size;
    parameter.offset = (size + 31) / 32 * 32;
    size = parameter.offset + parameter.size;
    (learns ? unit_.learning : unit_.frozen).push_back(std::move(parameter));
  }
  Unit Take() { return std::move(unit_); }

 private:
  Unit unit_;
};

// Acquired from construction to destruction.
class Use {
 public:
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  Use(ParameterStore& store, std::size_t unit) : store_(store), unit_(unit) { store_.Acquire(unit_); }
  ~Use() { store_.Release(unit_); }
  at::Tensor Weight(const std::string& name) {
    const Unit& unit = store_.layout().units[unit_];
    for (const bool learns : {true, false}) {
      for (const Parameter& p : learns ? unit.learning : unit.frozen) {
        if (p.name.ends_with("." + name)) {
          return (learns ? store_.Learning(unit_) : store_.Frozen(unit_)).narrow(0, p.offset, p.size).view(p.shape).to(at::kFloat);
        }
      }
    }
    MC_CHECK(false);
  }
  void AddGradient(const std::string& name, const at::Tensor& gradient) {
    for (const Parameter& p : store_.layout().units[unit_].learning) {
      if (p.name.ends_with("." + name)) store_.Gradient(unit_).narrow(0, p.offset, p.size).view(p.shape).add_(gradient);
    }
  }

 private:
  ParameterStore& store_;
  std::size_t unit_;
};

}  // namespace

Layout ToyLayout(const ToyOptions& options) {
  Layout layout;
  UnitPlan embedding("embedding");
  embedding.Add("table", {options.vocabulary, options.width}, false, !options.frozen);
  layout.units.push_back(embedding.Take());
  for (std::int64_t i = 0; i < options.layers; ++i) {
    UnitPlan layer("layer " + std::to_string(i));
    layer.Add("bias", {options.width}, false);
    layer.Add("up", {options.inner, options.width}, true);
    layer.Add("down", {options.width, options.inner}, true);
    layer.Add("scale", {options.width}, false);
    if (options.frozen) layer.Add("fixed", {options.width, options.width}, true, false);
    layout.units.push_back(layer.Take());
  }
  UnitPlan head("head");
  head.Add("bias", {options.width}, false);
  if (!options.tied) head.Add("out", {options.vocabulary, options.width}, false);
  layout.units.push_back(head.Take());
  return layout;
}

void InitialiseToy(const Layout& layout, TrainState& state) {
  for (const Unit& unit : layout.units) {
    for (const auto* parameters : {&unit.learning, &unit.frozen}) {
      for (const Parameter& p : *parameters) {
        std::mt19937_64 random(std::hash<std::string>{}(p.name));
        std::vector<float> values(static_cast<std::size_t>(p.size));
        for (float& value : values) value = static_cast<float>((static_cast<double>(random() >> 11) * 0x1p-53 - 0.5) * 0.4);
        state.SetParameter(p.name, at::tensor(values).view(p.shape));
      }
    }
  }
}

double ToyForwardBackward(const ToyOptions& options, ParameterStore& store, std::int64_t row, double scale) {
  const std::size_t head = static_cast<std::size_t>(options.layers) + 1;
  std::mt19937_64 random(static_cast<std::uint64_t>(row) * 7919 + 17);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i <= options.tokens; ++i) {
    const auto noise = static_cast<std::int64_t>(random() % 3);  // mostly predictable
    ids.push_back(i == 0 ? static_cast<std::int64_t>(random() % 1000) % options.vocabulary
                         : (ids.back() * 3 + noise) % options.vocabulary);
  }
  const at::Tensor all = at::tensor(ids, at::kLong), x = all.narrow(0, 0, options.tokens), y = all.narrow(0, 1, options.tokens);
  struct Kept {
    at::Tensor in, active;
  };
  std::vector<Kept> kept(static_cast<std::size_t>(options.layers));
  at::Tensor h;
  {
    Use embedding(store, 0);
    store.Prefetch(1);
    h = embedding.Weight("table").index_select(0, x);
  }
  for (std::size_t i = 0; i < kept.size(); ++i) {
    Use layer(store, i + 1);
    store.Prefetch(i + 2);
    kept[i].in = h + layer.Weight("bias");
    at::Tensor in = kept[i].in;
    if (options.frozen) in = in + in.mm(layer.Weight("fixed").t());
    kept[i].active = in.mm(layer.Weight("up").t()).tanh();
    h = h + kept[i].active.mm(layer.Weight("down").t()) * layer.Weight("scale");
  }
  double loss = 0;
  at::Tensor dh;
  {
    Use use(store, head);
    std::optional<Use> table;
    if (options.tied) table.emplace(store, 0);
    store.Prefetch(head - 1);
    const at::Tensor in = h + use.Weight("bias"), out = options.tied ? table->Weight("table") : use.Weight("out");
    const at::Tensor logs = in.mm(out.t()).log_softmax(-1);
    loss = -logs.gather(1, y.view({-1, 1})).to(at::kDouble).mean().item<double>();
    at::Tensor dlogits = logs.exp();
    dlogits.scatter_add_(1, y.view({-1, 1}), at::full({options.tokens, 1}, -1.0f));
    dlogits = dlogits * (scale / static_cast<double>(options.tokens));
    if (options.tied) {
      table->AddGradient("table", dlogits.t().mm(in));
    } else {
      use.AddGradient("out", dlogits.t().mm(in));
    }
    dh = dlogits.mm(out);
    use.AddGradient("bias", dh.sum(0));
  }
  store.GradientDone(head);
  for (std::size_t i = kept.size(); i-- > 0;) {
    {
      Use layer(store, i + 1);
      store.Prefetch(i);
      at::Tensor in = kept[i].in;
      if (options.frozen) in = in + in.mm(layer.Weight("fixed").t());
      const at::Tensor down = layer.Weight("down"), rate = layer.Weight("scale");
      layer.AddGradient("scale", (dh * kept[i].active.mm(down.t())).sum(0));
      const at::Tensor dout = dh * rate;
      layer.AddGradient("down", dout.t().mm(kept[i].active));
      const at::Tensor dsum = dout.mm(down) * (1 - kept[i].active * kept[i].active);
      layer.AddGradient("up", dsum.t().mm(in));
      at::Tensor din = dsum.mm(layer.Weight("up"));
      if (options.frozen) din = din + din.mm(layer.Weight("fixed"));
      layer.AddGradient("bias", din.sum(0));
      dh = dh + din;
    }
    store.GradientDone(i + 1);
  }
  if (!options.frozen) {
    Use embedding(store, 0);
    embedding.AddGradient("table", at::zeros({options.vocabulary, options.width}).index_add_(0, x, dh));
  }
  store.GradientDone(0);
  return loss;
}

std::vector<double> RunToy(const ToyRun& run, TrainState& state, Communicator& communicator) {
  std::vector<double> losses;
  const std::int64_t mine = run.rows / communicator.size();
  MC_CHECK(mine * communicator.size() == run.rows);
  for (std::int64_t step = run.first_step; step < run.first_step + run.steps; ++step) {
    at::Tensor loss = at::zeros({1}, at::kDouble);
    for (std::int64_t i = 0; i < mine; ++i) {
      state.BeginRow(mine - i);
      const std::int64_t row = step * run.rows + communicator.rank() * mine + i;
      const double scale = 1.0 / static_cast<double>(run.rows);
      loss += scale * (run.row_loss ? run.row_loss(row, scale) : ToyForwardBackward(run.model, state, row, scale));
    }
    const double norm = state.FinishGradients();
    communicator.AllReduceSum(loss)->Wait();
    losses.push_back(loss.item<double>());
    if (run.seen) run.seen(step, losses.back(), norm);
    state.Step(run.learning_rate, step, norm > run.clip ? run.clip / norm : 1);
  }
  return losses;
}

std::uint64_t DigestOf(TrainState& state, bool master) {
  std::uint64_t digest = 14695981039346656037u;
  state.ForEachParameter(master, [&](const Parameter&, const at::Tensor& value) {
    const at::Tensor whole = value.contiguous();
    const auto* bytes = static_cast<const unsigned char*>(whole.data_ptr());
    for (std::size_t i = 0; i < whole.nbytes(); ++i) digest = (digest ^ bytes[i]) * 1099511628211u;
  });
  return digest;
}

}  // namespace mathcoder::train
