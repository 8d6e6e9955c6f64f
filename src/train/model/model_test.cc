#include "train/model/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "train/model/testing.h"

namespace mathcoder::train {
namespace {

using testing::Part;
using testing::Randomize;
using testing::RandomRow;
using testing::SmallConfig;

struct Case {
  std::string name;
  weights::ModelConfig config;
  LayoutOptions layout;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<Case> Cases() {
  std::vector<Case> cases;
  const auto add = [&](const std::string& name) -> Case& {
    cases.push_back({name, SmallConfig(), {}});
    return cases.back();
  };
  add("LlamaGrouped");
  {
    Case& c = add("LlamaTiedLlama3Scaling");
    c.config.tie_word_embeddings = true;
    c.config.rope_scaling = weights::RopeScaling{weights::RopeScaling::Type::kLlama3, 8, 1, 4, 16};
  }
  add("LlamaOneLayer").config.num_hidden_layers = 1;
  {
    Case& c = add("LlamaLinearScalingAllHeads");
    c.config.num_key_value_heads = 4;
    c.config.rope_scaling = weights::RopeScaling{weights::RopeScaling::Type::kLinear, 4};
  }
  {
    Case& c = add("Qwen2");
    c.config.family = weights::Family::kQwen2;
    c.config.qkv_bias = true;
    c.config.rope_theta = 1e6;
  }
  {
    Case& c = add("AllBiases");
    c.config.qkv_bias = c.config.o_bias = c.config.mlp_bias = true;
  }
  {
    Case& c = add("UnalignedSizes");  // q, k and v do not adjoin: 3 heads of 6 are no multiple of 32 elements
    c.config.num_attention_heads = 3;
    c.config.num_key_value_heads = 1;
    c.config.head_dim = 6;
    c.config.hidden_size = 18;
    c.config.intermediate_size = 21;
    c.config.qkv_bias = true;
  }
  {
    Case& c = add("MistralWindow");
    c.config.family = weights::Family::kMistral;
    c.config.sliding_window = 5;
  }
  add("LoraEverywhere").layout.lora = {4, 8, false, {}, {}};
  {
    Case& c = add("LoraSomeRankStabilizedSaved");
    c.layout.lora = {3, 8, true, {"q_proj", "v_proj", "down_proj"}, {"embed_tokens", "lm_head"}};
    c.config.qkv_bias = true;
  }
  add("LoraUpperLayer").layout = {{2, 4, false, {"gate_proj", "o_proj"}, {}}, {"layers\\.0\\."}};
  add("FrozenEmbeddingAndNorms").layout.freeze = {"embed_tokens", "norm"};
  {
    Case& c = add("FrozenLowerLayer");
    c.layout.freeze = {"embed_tokens", "layers\\.0\\."};
    c.config.num_hidden_layers = 3;
  }
  add("FrozenButHead").layout.freeze = {"embed_tokens", "layers"};
  add("FrozenButLastNorm").layout.freeze = {"embed_tokens", "layers", "lm_head"};
  add("FrozenKeys").layout.freeze = {"k_proj", "up_proj"};
  add("FrozenMatrices").layout.freeze = {"_proj"};
  add("OnlyDown").layout.freeze = {"embed_tokens", "layers\\.0\\.", "norm", "(q|k|v|o|gate|up)_proj"};
  {
    Case& c = add("OnlyBiases");
    c.layout.freeze = {"weight"};
    c.config.qkv_bias = true;
  }
  {
    Case& c = add("TiedFrozenEmbedding");
    c.layout.freeze = {"embed_tokens"};
    c.config.tie_word_embeddings = true;
  }
  return cases;
}

ModelOptions Options(const Case& c, Checkpointing checkpointing, at::ScalarType compute) {
  ModelOptions options;
  options.compute = compute;
  options.checkpointing = checkpointing;
  options.lora = c.layout.lora;
  return options;
}

class GradientTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override { at::set_num_threads(1); }  // so small a model is slower on many
};

// The derivative of the loss along a random direction of each whole parameter, and along single elements, by differences of fourth
// order.
TEST_P(GradientTest, AgreesWithFiniteDifferences) {
  const Case& c = GetParam();
  const double scale = 0.37;
  LocalStore store(PlanLayout(c.config, c.layout), at::kDouble, at::kDouble);
  Randomize(store, 11);
  Model model(c.config, Options(c, Checkpointing::kSelective, at::kDouble), store);
  const Row row = RandomRow({7, 1, 10}, c.config.vocab_size, 5);
  const RowLoss loss = model.ForwardBackward(row, scale);
  EXPECT_NEAR(loss.weighted, model.Evaluate(row).weighted, 1e-12 * loss.weighted);

  at::Generator generator = at::detail::createCPUGenerator(3);
  int parameters = 0;
  for (const Unit& unit : store.layout().units) {
    for (const Parameter& parameter : unit.learning) {
      ++parameters;
      const at::Tensor value = store.Value(parameter.name);
      const at::Tensor saved = value.clone();
      const at::Tensor gradient = store.GradientOf(parameter.name);
      for (const bool whole : {true, false}) {
        at::Tensor v = at::zeros(parameter.shape, at::kDouble);
        if (whole) {
          v = at::randn(parameter.shape, generator, at::kDouble);
          v.div_(v.norm());
        } else {
          v.view(-1)[7919 % parameter.size] = 1;
        }
        const auto loss_at = [&](double by) {
          value.copy_(saved + by * v);
          return scale * model.Evaluate(row).weighted;
        };
        const double h = 1e-3;
        const double numeric = (8 * (loss_at(h) - loss_at(-h)) - (loss_at(2 * h) - loss_at(-2 * h))) / (12 * h);
        const double ours = (gradient * v).sum().item<double>();
        EXPECT_NEAR(ours, numeric, 1e-9 + 1e-7 * std::abs(numeric)) << parameter.name << (whole ? ", all of it" : ", one element");
      }
      value.copy_(saved);
    }
  }
  EXPECT_GT(parameters, 0);
}

// What is kept and what is computed again is no matter of the result: to the bit, in f32 and bf16 too.
TEST_P(GradientTest, IsTheSameForEveryCheckpointing) {
  const Case& c = GetParam();
  for (const at::ScalarType compute : {at::kFloat, at::kBFloat16}) {
    std::vector<std::vector<at::Tensor>> gradients;
    std::vector<double> losses;
    for (const Checkpointing mode : {Checkpointing::kNone, Checkpointing::kSelective, Checkpointing::kFull}) {
      LocalStore store(PlanLayout(c.config, c.layout), compute, at::kFloat);
      Randomize(store, 12);
      Model model(c.config, Options(c, mode, compute), store);
      losses.push_back(model.ForwardBackward(RandomRow({7, 20, 3}, c.config.vocab_size, 6), 0.01).weighted);
      losses.back() += model.ForwardBackward(RandomRow({31, 9}, c.config.vocab_size, 7), 0.01).weighted;
      gradients.emplace_back();
      for (std::size_t unit = 0; unit < store.layout().units.size(); ++unit) gradients.back().push_back(store.Gradient(unit));
    }
    for (std::size_t mode = 1; mode < 3; ++mode) {
      EXPECT_EQ(losses[mode], losses[0]);
      for (std::size_t unit = 0; unit < gradients[0].size(); ++unit) {
        if (!gradients[0][unit].defined()) continue;
        EXPECT_TRUE(at::equal(gradients[mode][unit], gradients[0][unit])) << "mode " << mode << " unit " << unit;
      }
    }
  }
}

// A row is the sum of its examples: no token sees another example, positions restart.
TEST_P(GradientTest, OfAPackedRowIsThatOfItsExamples) {
  const Case& c = GetParam();
  const Row row = RandomRow({11, 2, 1, 17}, c.config.vocab_size, 8);
  LocalStore packed(PlanLayout(c.config, c.layout), at::kDouble, at::kDouble),
      single(PlanLayout(c.config, c.layout), at::kDouble, at::kDouble);
  Randomize(packed, 13);
  Randomize(single, 13);
  Model packed_model(c.config, Options(c, Checkpointing::kSelective, at::kDouble), packed);
  Model single_model(c.config, Options(c, Checkpointing::kSelective, at::kDouble), single);
  const RowLoss loss = packed_model.ForwardBackward(row, 1);
  RowLoss sum;
  for (std::size_t i = 0; i + 1 < row.borders.size(); ++i) {
    const RowLoss part = single_model.ForwardBackward(Part(row, i), 1);
    sum.weighted += part.weighted;
    sum.weight += part.weight;
    for (std::size_t role = 0; role < 6; ++role) sum.targets_by_role[role] += part.targets_by_role[role];
  }
  EXPECT_NEAR(loss.weighted, sum.weighted, 1e-12 * sum.weighted);
  EXPECT_NEAR(loss.weight, sum.weight, 1e-12 * sum.weight);
  EXPECT_EQ(loss.targets_by_role, sum.targets_by_role);
  for (std::size_t unit = 0; unit < packed.layout().units.size(); ++unit) {
    if (!packed.Gradient(unit).defined()) continue;
    const double largest = single.Gradient(unit).abs().max().item<double>();
    EXPECT_GT(largest, 0) << unit;
    EXPECT_LT((packed.Gradient(unit) - single.Gradient(unit)).abs().max().item<double>(), 1e-12 * largest) << unit;
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, GradientTest, ::testing::ValuesIn(Cases()),
                         [](const auto& test) { return test.param.name; });

// Buffers of earlier rows, longer or shorter, leave no trace.
TEST(ModelTest, RowsOfOtherLengthsBeforeChangeNothing) {
  const weights::ModelConfig config = SmallConfig();
  for (const Checkpointing mode : {Checkpointing::kNone, Checkpointing::kSelective, Checkpointing::kFull}) {
    const auto gradients = [&](const std::vector<std::vector<std::int32_t>>& before) {
      LocalStore store(PlanLayout(config, {}), at::kFloat, at::kFloat);
      Randomize(store, 14);
      Model model(config, {at::kFloat, at::kCPU, mode, {}}, store);
      for (const auto& lengths : before) {
        model.ForwardBackward(RandomRow(lengths, config.vocab_size, 9), 1);
        model.Evaluate(RandomRow(lengths, config.vocab_size, 10));
      }
      store.ZeroGradients();
      model.ForwardBackward(RandomRow({40, 25}, config.vocab_size, 21), 1);
      std::vector<at::Tensor> all;
      for (std::size_t unit = 0; unit < store.layout().units.size(); ++unit) all.push_back(store.Gradient(unit));
      return at::cat(all);
    };
    const at::Tensor fresh = gradients({});
    EXPECT_TRUE(at::equal(gradients({{5, 3}, {300, 240}, {7}}), fresh));
    EXPECT_TRUE(at::equal(gradients({{64}, {2}}), fresh));
  }
}

// The calls that a store sees.
class RecordingStore : public LocalStore {
 public:
  using LocalStore::LocalStore;
  void Acquire(std::size_t unit) override { LocalStore::Acquire(unit), Add('+', unit); }
  void Release(std::size_t unit) override { LocalStore::Release(unit), Add('-', unit); }
  void Prefetch(std::size_t unit) override { Add('p', unit); }
  void GradientDone(std::size_t unit) override { Add('!', unit); }
  std::string calls;

 private:
  void Add(char what, std::size_t unit) { calls += (calls.empty() ? "" : " ") + std::string(1, what) + std::to_string(unit); }
};

std::string Calls(const weights::ModelConfig& config, const LayoutOptions& layout, const Row& row) {
  RecordingStore store(PlanLayout(config, layout), at::kFloat, at::kFloat);
  Randomize(store, 15);
  Model model(config, {at::kFloat, at::kCPU, Checkpointing::kSelective, layout.lora}, store);
  model.ForwardBackward(row, 1);
  return store.calls;
}

TEST(ModelTest, TheStoreSeesTheSameCallsWhateverTheRow) {
  for (const Case& c : Cases()) {
    const std::string learned = Calls(c.config, c.layout, RandomRow({9, 4}, c.config.vocab_size, 16));
    EXPECT_EQ(Calls(c.config, c.layout, RandomRow({3}, c.config.vocab_size, 17, 0)), learned) << c.name;
  }
  weights::ModelConfig config = SmallConfig();
  config.num_hidden_layers = 2;
  const Row row = RandomRow({9, 4}, config.vocab_size, 16);
  EXPECT_EQ(Calls(config, {}, row), "+0 p1 -0 +1 p2 -1 +2 p3 -2 +3 +3 p2 -3 -3 !3 +2 p1 -2 !2 +1 -1 !1 !0");
  config.tie_word_embeddings = true;
  EXPECT_EQ(Calls(config, {}, row), "+0 p1 -0 +1 p2 -1 +2 p3 -2 +3 +0 p2 -0 -3 !3 +2 p1 -2 !2 +1 -1 !1 !0");
  config.tie_word_embeddings = false;
  EXPECT_EQ(Calls(config, {{}, {"embed", "layers.0"}}, row), "+0 p1 -0 +1 p2 -1 +2 p3 -2 +3 +3 p2 -3 -3 !3 +2 -2 !2 !1 !0");
}

TEST(ModelTest, ARowWithoutWeightLearnsNothing) {
  const weights::ModelConfig config = SmallConfig();
  LocalStore store(PlanLayout(config, {}), at::kFloat, at::kFloat);
  Randomize(store, 18);
  Model model(config, {}, store);
  const Row row = RandomRow({12, 1, 5}, config.vocab_size, 19, 0);
  const RowLoss loss = model.ForwardBackward(row, 1);
  EXPECT_EQ(loss.weight, 0);
  EXPECT_EQ(loss.weighted, 0);
  for (std::size_t unit = 0; unit < store.layout().units.size(); ++unit)
    EXPECT_EQ(store.Gradient(unit).abs().max().item<float>(), 0);
  std::int64_t targets = 0;
  for (const std::int64_t count : model.Evaluate(row).targets_by_role) targets += count;
  EXPECT_EQ(targets, 11 + 4);
}

TEST(ModelTest, LossAgreesWithTheLogits) {
  const weights::ModelConfig config = SmallConfig();
  LocalStore store(PlanLayout(config, {}), at::kDouble, at::kDouble);
  Randomize(store, 22);
  Model model(config, {at::kDouble, at::kCPU, Checkpointing::kSelective, {}}, store);
  const Row row = RandomRow({12, 5}, config.vocab_size, 23);
  const at::Tensor logits = model.Logits(row).log_softmax(-1);
  ASSERT_EQ(logits.size(0), 17);
  double expected = 0;
  std::array<double, 6> by_role{};
  for (std::size_t i = 0; i < row.ids.size(); ++i) {
    if (row.targets[i] < 0) continue;
    const double loss = -logits[static_cast<std::int64_t>(i)][row.targets[i]].item<double>();
    expected += static_cast<double>(row.weights[i]) * loss;
    by_role[row.roles[i]] += loss;
  }
  const RowLoss loss = model.Evaluate(row);
  EXPECT_NEAR(loss.weighted, expected, 1e-12 * expected);
  for (std::size_t role = 0; role < 6; ++role) EXPECT_NEAR(loss.loss_by_role[role], by_role[role], 1e-12 * expected);
}

// bf16 rounds each activation to 8 bits; direction and size of a unit's gradient stay, whichever type gradients are added up in.
TEST(ModelTest, Bf16IsCloseToF64) {
  const weights::ModelConfig config = SmallConfig();
  const Row row = RandomRow({30, 21}, config.vocab_size, 25);
  std::vector<at::Tensor> exact;
  double expected = 0;
  for (const auto& [compute, gradient] : {std::pair{at::kDouble, at::kDouble},
                                          {at::kFloat, at::kFloat},
                                          {at::kBFloat16, at::kFloat},
                                          {at::kBFloat16, at::kBFloat16}}) {
    LocalStore store(PlanLayout(config, {}), compute, gradient);
    LocalStore rounded(PlanLayout(config, {}), at::kBFloat16, at::kFloat);  // the same weights in all types
    Randomize(rounded, 26);
    rounded.ForEachParameter(
        [&](const Parameter& parameter, const at::Tensor& value) { store.SetParameter(parameter.name, value); });
    Model model(config, {compute, at::kCPU, Checkpointing::kSelective, {}}, store);
    const double loss = model.ForwardBackward(row, 0.02).weighted;
    if (exact.empty()) expected = loss;
    EXPECT_NEAR(loss, expected, (compute == at::kFloat ? 1e-5 : 5e-3) * expected);
    for (std::size_t unit = 0; unit < store.layout().units.size(); ++unit) {
      const at::Tensor ours = store.Gradient(unit).to(at::kDouble);
      if (compute == at::kDouble) {
        exact.push_back(ours);
      } else {
        const double difference = (ours - exact[unit]).norm().item<double>() / exact[unit].norm().item<double>();
        EXPECT_LT(difference, compute == at::kFloat ? 1e-5 : 0.03) << unit;
      }
    }
  }
}

TEST(ModelTest, FlopsAreThoseOfMatricesAndAttention) {
  weights::ModelConfig config = SmallConfig();
  LocalStore store(PlanLayout(config, {}), at::kFloat, at::kFloat);
  const Model model(config, {}, store);
  const Row row = RandomRow({10, 4}, config.vocab_size, 24);
  const double matrices = 2 * (32 * 32 + 2 * 16 * 32 + 32 * 32 + 3 * 32 * 48) + 61 * 32;
  EXPECT_DOUBLE_EQ(model.FlopsOf(row), 6 * matrices * 14 + 12 * 2 * 32 * (55 + 10));
  config.sliding_window = 3;
  const Model windowed(config, {}, store);
  EXPECT_DOUBLE_EQ(windowed.FlopsOf(row), 6 * matrices * 14 + 12 * 2 * 32 * ((1 + 2 + 3 * 8) + (1 + 2 + 3 * 2)));
}

}  // namespace
}  // namespace mathcoder::train
