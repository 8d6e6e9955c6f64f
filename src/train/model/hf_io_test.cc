#include "train/model/hf_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "train/model/adapter_io.h"
#include "train/model/testing.h"
#include "weights/testing.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Randomize;
using testing::SmallConfig;
using weights::testing::ErrorOf;
using weights::testing::Scratch;

// A folder with a random model in it; its weights as they are in memory.
LocalStore WriteModel(const fs::path& folder, const weights::ModelConfig& config, weights::DType type) {
  LocalStore store(PlanLayout(config, {}), at::kFloat, at::kFloat);
  Randomize(store, 31);
  HfExportOptions options;
  options.dtype = type;
  HfExport model(config, options);
  store.ForEachParameter([&](const Parameter& parameter, const at::Tensor& value) { model.Add(parameter.name, value); });
  model.Write(folder);
  return store;
}

TEST(HfIoTest, LoadsWhatItWroteInEveryType) {
  for (const auto& [type, bound] :
       {std::pair{weights::DType::kF32, 0.0}, {weights::DType::kBF16, 1.0 / 256}, {weights::DType::kF16, 1.0 / 2048}}) {
    const Scratch scratch;
    LocalStore wrote = WriteModel(scratch.path(), SmallConfig(), type);
    const weights::ModelConfig config = weights::ReadModelConfig(scratch.path());
    EXPECT_EQ(config.torch_dtype, type);
    std::size_t tensors = 0;
    LoadHf(weights::HfWeights(scratch.path()), config, config.vocab_size, [&](const std::string& name, const at::Tensor& value) {
      ++tensors;
      EXPECT_LE((value - wrote.Value(name)).abs().div(wrote.Value(name).abs() + 1e-4).max().item<double>(), bound) << name;
    });
    EXPECT_EQ(tensors, 1U + 2 * 9 + 2);
  }
}

TEST(HfIoTest, AGrownVocabularyBeginsAtTheMean) {
  const Scratch scratch;
  WriteModel(scratch.path(), SmallConfig(), weights::DType::kF32);
  const weights::ModelConfig config = weights::ReadModelConfig(scratch.path());
  std::size_t grown = 0;
  LoadHf(weights::HfWeights(scratch.path()), config, 64, [&](const std::string& name, const at::Tensor& value) {
    if (value.size(0) != 64) return;
    ++grown;
    EXPECT_LT((value[63] - value.narrow(0, 0, 61).mean(0)).abs().max().item<double>(), 1e-6) << name;
  });
  EXPECT_EQ(grown, 2U);
}

TEST(HfIoTest, EveryWrongTensorIsNamedAtOnce) {
  const Scratch scratch;
  WriteModel(scratch.path(), SmallConfig(), weights::DType::kF32);
  weights::ModelConfig config = SmallConfig();
  config.intermediate_size = 50;
  config.qkv_bias = true;
  config.tie_word_embeddings = true;
  config.num_hidden_layers = 1;
  const std::string error = ErrorOf([&] {
    LoadHf(weights::HfWeights(scratch.path()), config, config.vocab_size, [](const std::string&, const at::Tensor&) { FAIL(); });
  });
  EXPECT_THAT(error, AllOf(HasSubstr("missing: model.layers.0.self_attn.q_proj.bias"),
                           HasSubstr("model.layers.0.mlp.down_proj.weight [32, 48] instead of [32, 50]"), HasSubstr("unexpected: "),
                           HasSubstr("model.layers.1."), Not(HasSubstr("\n"))));
}

TEST(HfIoTest, MergingAddsTheScaledProduct) {
  const weights::ModelConfig config = SmallConfig();
  const LoraOptions lora{3, 12, false, {"up_proj"}, {}};
  // Adapters that a pattern freezes come after the base in their unit: the order must not matter.
  for (const std::vector<std::string>& freeze : {std::vector<std::string>{}, std::vector<std::string>{"lora_"}}) {
    const Scratch scratch;
    LocalStore store(PlanLayout(config, {lora, freeze}), at::kFloat, at::kFloat);
    Randomize(store, 32);
    HfExportOptions options;
    options.lora = lora;
    HfExport model(config, options);
    store.ForEachParameter([&](const Parameter& parameter, const at::Tensor& value) { model.Add(parameter.name, value); });
    model.Write(scratch.path());
    const weights::HfWeights merged(scratch.path());
    const std::string up = "model.layers.1.mlp.up_proj.weight", down = "model.layers.1.mlp.down_proj.weight";
    const at::Tensor expected =
        store.Value(up) + 4 * at::matmul(store.Value(AdapterName(up, 'B')), store.Value(AdapterName(up, 'A')));
    EXPECT_TRUE(at::allclose(ToTensor(merged.Get(up)), expected, 1e-6, 1e-6));
    EXPECT_TRUE(at::equal(ToTensor(merged.Get(down)), store.Value(down)));
  }
}

class AdapterTest : public ::testing::Test {
 protected:
  AdapterTest() : store_(PlanLayout(SmallConfig(), {lora_, {}}), at::kFloat, at::kFloat) {
    Randomize(store_, 33);
    for (const Unit& unit : store_.layout().units) {
      for (const Parameter& parameter : unit.learning) tensors_.emplace_back(parameter.name, store_.Value(parameter.name));
    }
  }
  void Configure(const std::string& key, const base::Json& value) {
    base::Json config = base::Json::parse(base::ReadFile(scratch_ / "adapter_config.json"));
    config[key] = value;
    base::WriteFileAtomically(scratch_ / "adapter_config.json", config.dump());
  }
  const LoraOptions lora_{4, 6, true, {"k_proj", "down_proj"}, {"lm_head"}};
  LocalStore store_;
  std::vector<std::pair<std::string, at::Tensor>> tensors_;
  Scratch scratch_;
};

TEST_F(AdapterTest, ComesBackAsItWas) {
  WriteAdapter(scratch_.path(), lora_, "base", tensors_);
  const LoraOptions read = ReadAdapterOptions(scratch_.path());
  EXPECT_EQ(read.rank, 4);
  EXPECT_EQ(read.alpha, 6);
  EXPECT_TRUE(read.rslora);
  EXPECT_EQ(read.target_modules, lora_.target_modules);
  EXPECT_EQ(read.modules_to_save, lora_.modules_to_save);
  std::size_t count = 0;
  LoadAdapter(scratch_.path(), store_.layout(), [&](const std::string& name, const at::Tensor& value) {
    ++count;
    EXPECT_TRUE(at::equal(value, store_.Value(name))) << name;
  });
  EXPECT_EQ(count, tensors_.size());
}

TEST_F(AdapterTest, WhatDoesNotFitIsNamed) {
  EXPECT_THAT(ErrorOf([&] { ReadAdapterOptions(scratch_.path()); }), HasSubstr("no adapter_config.json"));
  auto fewer = tensors_;
  fewer.erase(fewer.begin());
  fewer.emplace_back("model.embed_tokens.weight", at::zeros({3, 32}));
  WriteAdapter(scratch_.path(), lora_, "base", fewer);
  EXPECT_THAT(
      ErrorOf([&] { LoadAdapter(scratch_.path(), store_.layout(), [](const std::string&, const at::Tensor&) { FAIL(); }); }),
      AllOf(HasSubstr("missing: " + tensors_[0].first), HasSubstr("embed_tokens.weight [3, 32] instead of [61, 32]")));
  for (const auto& [key, value] : std::vector<std::pair<std::string, base::Json>>{{"use_dora", true},
                                                                                  {"bias", "all"},
                                                                                  {"peft_type", "IA3"},
                                                                                  {"r", 0},
                                                                                  {"rank_pattern", {{"q_proj", 2}}},
                                                                                  {"init_lora_weights", "pissa_niter_4"}}) {
    WriteAdapter(scratch_.path(), lora_, "base", tensors_);
    Configure(key, value);
    EXPECT_THAT(ErrorOf([&] { ReadAdapterOptions(scratch_.path()); }), AllOf(HasSubstr("adapter_config.json"), HasSubstr(key)))
        << key;
  }
}

}  // namespace
}  // namespace mathcoder::train
