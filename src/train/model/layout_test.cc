#include "train/model/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "train/model/init.h"
#include "train/model/philox.h"
#include "train/model/testing.h"
#include "weights/model_tensors.h"

namespace mathcoder::train {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::SmallConfig;

std::string ErrorOf(const weights::ModelConfig& config, const LayoutOptions& options) {
  try {
    PlanLayout(config, options);
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

TEST(LayoutTest, HasTheTensorsOfTheModelEachOnce) {
  for (const bool tied : {false, true}) {
    weights::ModelConfig config = SmallConfig();
    config.tie_word_embeddings = tied;
    config.qkv_bias = config.o_bias = config.mlp_bias = true;
    const Layout layout = PlanLayout(config, {{}, {"norm", "layers.1.mlp"}});
    std::set<std::string> names;
    std::int64_t elements = 0;
    for (const Unit& unit : layout.units) {
      for (const bool learning : {true, false}) {
        std::int64_t end = 0;
        for (const Parameter& parameter : learning ? unit.learning : unit.frozen) {
          EXPECT_TRUE(names.insert(parameter.name).second) << parameter.name;
          EXPECT_EQ(parameter.offset % 32, 0);
          EXPECT_GE(parameter.offset, end);
          end = parameter.offset + parameter.size;
          elements += parameter.size;
          const bool frozen =
              parameter.name.find("norm") != std::string::npos || parameter.name.find("layers.1.mlp") != std::string::npos;
          EXPECT_EQ(learning, !frozen) << parameter.name;
          EXPECT_EQ(parameter.decay, parameter.shape.size() == 2) << parameter.name;
          EXPECT_EQ(parameter.matrix, parameter.shape.size() == 2 && parameter.name.find("layers") != std::string::npos)
              << parameter.name;
        }
        EXPECT_LE(end, learning ? unit.learning_size : unit.frozen_size);
      }
    }
    for (const weights::TensorSpec& spec : weights::ExpectedTensors(config)) {
      const std::optional<Place> place = Find(layout, spec.name);
      ASSERT_TRUE(place.has_value()) << spec.name;
      EXPECT_EQ(place->parameter.shape, spec.shape);
    }
    EXPECT_EQ(names.size(), weights::ExpectedTensors(config).size());
    EXPECT_EQ(layout.learning_count() + layout.frozen_count(), elements);
    EXPECT_FALSE(Find(layout, "model.layers.2.mlp.up_proj.weight").has_value());
  }
}

TEST(LayoutTest, QueriesKeysAndValuesAdjoin) {
  weights::ModelConfig config = SmallConfig();
  config.qkv_bias = true;
  config.head_dim = 16;
  const Layout layout = PlanLayout(config, {});
  const auto offset = [&](const std::string& name) { return Find(layout, "model.layers.1." + name)->parameter.offset; };
  EXPECT_EQ(offset("self_attn.k_proj.weight"), offset("self_attn.q_proj.weight") + 64 * 32);
  EXPECT_EQ(offset("self_attn.v_proj.weight"), offset("self_attn.k_proj.weight") + 32 * 32);
  EXPECT_EQ(offset("self_attn.k_proj.bias"), offset("self_attn.q_proj.bias") + 64);
  EXPECT_EQ(offset("mlp.up_proj.weight"), offset("mlp.gate_proj.weight") + 48 * 32);
}

TEST(LayoutTest, LoraFreezesTheBase) {
  const Layout layout = PlanLayout(SmallConfig(), {{4, 8, false, {"q_proj", "down_proj"}, {"lm_head"}}, {}});
  std::set<std::string> learning;
  for (const Unit& unit : layout.units) {
    for (const Parameter& parameter : unit.learning) learning.insert(parameter.name);
  }
  EXPECT_EQ(learning.size(), 2 * 4 + 1);
  EXPECT_TRUE(learning.contains("lm_head.weight"));
  EXPECT_TRUE(learning.contains("base_model.model.model.layers.1.mlp.down_proj.lora_B.weight"));
  const Place a = *Find(layout, "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight");
  EXPECT_EQ(a.parameter.shape, (std::vector<std::int64_t>{4, 48}));
  EXPECT_TRUE(a.parameter.decay);
  EXPECT_FALSE(a.parameter.matrix);
  EXPECT_DOUBLE_EQ((LoraOptions{16, 8, false, {}, {}}.scale()), 0.5);
  EXPECT_DOUBLE_EQ((LoraOptions{16, 8, true, {}, {}}.scale()), 2);
}

TEST(LayoutTest, ErrorsNameWhatThereIs) {
  weights::ModelConfig config = SmallConfig();
  EXPECT_THAT(ErrorOf(config, {{4, 8, false, {"query"}, {}}, {}}),
              AllOf(HasSubstr("'query'"), HasSubstr("q_proj, k_proj"), HasSubstr("down_proj")));
  EXPECT_THAT(ErrorOf(config, {{4, 8, false, {}, {"norm"}}, {}}), AllOf(HasSubstr("'norm'"), HasSubstr("embed_tokens, lm_head")));
  EXPECT_THAT(ErrorOf(config, {{}, {"embed", "wte"}}),
              AllOf(HasSubstr("'wte'"), HasSubstr("model.embed_tokens.weight"), HasSubstr("model.layers.<n>.mlp.up_proj.weight"),
                    HasSubstr("lm_head.weight")));
  EXPECT_THAT(ErrorOf(config, {{}, {"("}}), HasSubstr("'(' is no regular expression"));
  config.tie_word_embeddings = true;
  EXPECT_THAT(ErrorOf(config, {{4, 8, false, {}, {"lm_head"}}, {}}), HasSubstr("name embed_tokens"));
}

// Known answers of the authors (Random123, kat_vectors).
TEST(PhiloxTest, KnownAnswers) {
  EXPECT_EQ(Philox({0, 0, 0, 0}, {0, 0}), (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(InitTest, HasTheDeviationsItPromises) {
  weights::ModelConfig config = SmallConfig();
  config.hidden_size = 256;
  config.intermediate_size = 512;
  config.num_hidden_layers = 8;
  const auto value = [&](const std::string& name, std::vector<std::int64_t> shape, std::uint64_t seed = 1) {
    return InitialValue({name, std::move(shape)}, config, seed);
  };
  const at::Tensor up = value("model.layers.0.mlp.up_proj.weight", {512, 256});
  EXPECT_NEAR(up.std().item<double>(), 0.02, 2e-4);
  EXPECT_NEAR(up.mean().item<double>(), 0, 2e-4);
  EXPECT_NEAR(up.pow(4).mean().item<double>() / std::pow(0.02, 4), 3, 0.1);  // a normal's kurtosis
  EXPECT_NEAR(value("model.layers.0.mlp.down_proj.weight", {256, 512}).std().item<double>(), 0.005, 5e-5);
  EXPECT_NEAR(value("model.layers.0.self_attn.o_proj.weight", {256, 256}).std().item<double>(), 0.005, 7e-5);
  EXPECT_EQ(value("model.norm.weight", {256}).min().item<double>(), 1);
  EXPECT_EQ(value("model.layers.0.self_attn.q_proj.bias", {256}).abs().max().item<double>(), 0);
  const at::Tensor a = value("base_model.model.model.layers.0.mlp.up_proj.lora_A.weight", {64, 256});
  EXPECT_LE(a.abs().max().item<double>(), 1.0 / 16);
  EXPECT_NEAR(a.std().item<double>(), 1.0 / 16 / std::sqrt(3.0), 5e-4);
  EXPECT_EQ(value("base_model.model.model.layers.0.mlp.up_proj.lora_B.weight", {512, 8}).abs().max().item<double>(), 0);
  EXPECT_TRUE(up.equal(value("model.layers.0.mlp.up_proj.weight", {512, 256})));
  EXPECT_FALSE(up.equal(value("model.layers.0.mlp.up_proj.weight", {512, 256}, 2)));
  EXPECT_FALSE(up.equal(value("model.layers.1.mlp.up_proj.weight", {512, 256})));
}

TEST(InitTest, NewRowsAreTheMean) {
  const at::Tensor old = at::randn({5, 8});
  const at::Tensor grown = GrowRows(old, 8);
  EXPECT_TRUE(grown.narrow(0, 0, 5).equal(old));
  for (int row = 5; row < 8; ++row) EXPECT_LT((grown[row] - old.mean(0)).abs().max().item<double>(), 1e-6);
  EXPECT_TRUE(GrowRows(old, 5).equal(old));
}

}  // namespace
}  // namespace mathcoder::train
