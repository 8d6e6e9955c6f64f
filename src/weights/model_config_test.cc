#include "weights/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "weights/hf_weights.h"
#include "weights/model_tensors.h"
#include "weights/testing.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using base::Json;
using ::testing::AllOf;
using testing::ErrorOf;
using ::testing::HasSubstr;
using testing::Scratch;
using testing::SharedDir;

Json Small(const std::string& changes = "{}") {
  Json json = Json::parse(R"({"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":320,"hidden_size":64,
    "intermediate_size":176,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"rope_theta":10000.0,"extra":[1]})");
  json.merge_patch(Json::parse(changes));
  return json;
}

ModelConfig Parse(const std::string& changes) { return ParseModelConfig(Small(changes), "config.json"); }

TEST(ModelConfigTest, ReadsBothFormsOfTheRotaryKeys) {
  const std::string llama3 = R"("factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192)";
  const ModelConfig old = Parse(R"({"rope_theta":500000.0,"rope_scaling":{"rope_type":"llama3",)" + llama3 + "}}");
  const ModelConfig now =
      Parse(R"({"rope_theta":null,"rope_parameters":{"rope_theta":500000.0,"rope_type":"llama3",)" + llama3 + "}}");
  EXPECT_EQ(old.rope_theta, 500000);
  EXPECT_EQ(old.rope_theta, now.rope_theta);
  ASSERT_TRUE(old.rope_scaling.has_value());
  EXPECT_EQ(old.rope_scaling, now.rope_scaling);
  EXPECT_EQ(Parse(R"({"rope_scaling":{"type":"linear","factor":4}})").rope_scaling->factor, 4);
  EXPECT_FALSE(Parse(R"({"rope_parameters":{"rope_type":"default","rope_theta":7.0}})").rope_scaling.has_value());
  EXPECT_EQ(Parse(R"({"rope_parameters":{"rope_type":"default","rope_theta":7.0}})").rope_theta, 7);
}

TEST(ModelConfigTest, TakesTransformersDefaults) {
  EXPECT_EQ(Parse(R"({"num_key_value_heads":null})").num_key_value_heads, 4);
  EXPECT_EQ(Parse(R"({"rope_theta":null})").rope_theta, 10000);
  EXPECT_FALSE(Parse("{}").qkv_bias);
  const ModelConfig qwen =
      Parse(R"({"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","sliding_window":4096,"use_sliding_window":false})");
  EXPECT_TRUE(qwen.qkv_bias);
  EXPECT_FALSE(qwen.o_bias);
  EXPECT_FALSE(qwen.sliding_window.has_value());
  EXPECT_EQ(Parse(R"({"architectures":["MistralForCausalLM"],"sliding_window":4096})").sliding_window, 4096);
  EXPECT_EQ(Parse(R"({"torch_dtype":"bfloat16"})").torch_dtype, DType::kBF16);
  EXPECT_EQ(Parse(R"({"dtype":"float16"})").torch_dtype, DType::kF16);
}

TEST(ModelConfigTest, RefusesWhatItWouldComputeWrongly) {
  const struct {
    std::string changes, message;
  } cases[] = {
      {R"({"architectures":["GemmaForCausalLM"]})", "GemmaForCausalLM, which is not supported"},
      {R"({"architectures":null,"model_type":"phi"})", "'phi', which is not supported"},
      {R"({"hidden_act":"gelu"})", "hidden_act is 'gelu'"},
      {R"({"rope_scaling":{"type":"yarn","factor":4}})", "type 'yarn', which is not supported"},
      {R"({"rope_scaling":{"type":"linear"}})", "lacks its factor"},
      {R"({"quantization_config":{"bits":4}})", "quantised"},
      {R"({"partial_rotary_factor":0.5})", "partial_rotary_factor is 0.5"},
      {R"({"logits_scaling":8})", "logits_scaling is 8"},
      {R"({"hidden_size":null})", "lacks hidden_size"},
      {R"({"hidden_size":"64"})", "hidden_size is \"64\""},
      {R"({"num_key_value_heads":3})", "no multiple of num_key_value_heads"},
      {R"({"hidden_size":66})", "no multiple of num_attention_heads"},
      {R"({"head_dim":15})", "even one"},
      {R"({"tie_word_embeddings":1})", "true or false"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ErrorOf([&] { Parse(c.changes); }), AllOf(HasSubstr("config.json"), HasSubstr(c.message))) << c.changes;
  }
}

TEST(ModelConfigTest, KeepsEveryKeyInItsOrder) {
  ModelConfig config = Parse("{}");
  EXPECT_EQ(ToJson(config).dump(), Small().dump());
  config.vocab_size = 384;
  Json expected = Small();
  expected["vocab_size"] = 384;
  EXPECT_EQ(ToJson(config).dump(), expected.dump());
  config.rope_theta = 1e6;
  config.torch_dtype = DType::kF32;
  const ModelConfig back = ParseModelConfig(ToJson(config), "x");
  EXPECT_EQ(back.rope_theta, 1e6);
  EXPECT_EQ(back.torch_dtype, DType::kF32);

  ModelConfig v5 = Parse(R"({"rope_theta":null,"rope_parameters":{"rope_type":"default","rope_theta":7.0}})");
  v5.rope_scaling = RopeScaling{.type = RopeScaling::Type::kLlama3, .factor = 8};
  EXPECT_EQ(ParseModelConfig(ToJson(v5), "x").rope_scaling, v5.rope_scaling);
  EXPECT_FALSE(ToJson(v5).contains("rope_scaling"));
}

TEST(ModelConfigTest, ANewModelReadsBackAsItWas) {
  for (const Family family : {Family::kLlama, Family::kMistral, Family::kQwen2}) {
    ModelConfig config = Parse("{}");
    config.family = family;
    config.raw = Json();
    config.tie_word_embeddings = true;
    config.qkv_bias = family == Family::kQwen2;
    config.rope_scaling = RopeScaling{.type = RopeScaling::Type::kLinear, .factor = 2};
    const ModelConfig back = ParseModelConfig(ToJson(config), "x");
    EXPECT_EQ(ToJson(back).dump(), ToJson(config).dump());
    EXPECT_EQ(back.family, family);
    EXPECT_EQ(back.rope_scaling, config.rope_scaling);
    EXPECT_EQ(back.sliding_window, std::nullopt);
    EXPECT_EQ(back.qkv_bias, config.qkv_bias);
  }
}

TEST(ModelTensorsTest, AllThatIsWrongIsNamedAtOnce) {
  const Scratch scratch;
  ModelConfig config = Parse("{}");
  std::vector<OutputTensor> tensors;
  const auto add = [&](const std::string& name, DType type, Shape shape) {
    OutputTensor tensor{{name, type, std::move(shape)}, {}};
    tensor.bytes = [n = tensor.entry.bytes()](const auto& write) { write(std::vector<std::byte>(n)); };
    tensors.push_back(std::move(tensor));
  };
  for (const TensorSpec& spec : ExpectedTensors(config)) {
    if (spec.name == "model.norm.weight" || spec.name == "model.layers.1.mlp.up_proj.weight") continue;
    Shape shape = spec.shape;
    if (spec.name == "lm_head.weight") shape[0] = 319;
    add(spec.name, spec.name == "model.layers.0.input_layernorm.weight" ? DType::kI32 : DType::kF32, shape);
  }
  add("model.layers.2.self_attn.q_proj.weight", DType::kF32, {64, 64});
  add("model.layers.0.self_attn.rotary_emb.inv_freq", DType::kF32, {8});
  WriteHfWeights(scratch.path(), tensors, {});
  const HfWeights weights(scratch.path());
  EXPECT_THAT(ErrorOf([&] { CheckTensors(weights, config); }),
              AllOf(HasSubstr("2 missing: model.layers.1.mlp.up_proj.weight, model.norm.weight"),
                    HasSubstr("1 misshapen: lm_head.weight [319, 64] instead of [320, 64]"),
                    HasSubstr("1 of no floating-point type: model.layers.0.input_layernorm.weight I32"),
                    HasSubstr("1 unexpected: model.layers.2.self_attn.q_proj.weight")));
  EXPECT_THAT(ErrorOf([&] { CheckTensors(weights, config, 1); }), HasSubstr("model.layers.1.mlp.up_proj.weight and 1 more"));
}

TEST(ModelTensorsTest, TheSharedModelIsWhole) {
  const fs::path folder = SharedDir() / "models/mathematics-7m/hf";
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  CheckTensors(HfWeights(folder), ReadModelConfig(folder));
  EXPECT_EQ(ToJson(ReadModelConfig(folder)).dump(2), base::ReadFile(folder / "config.json"));
}

}  // namespace
}  // namespace mathcoder::weights
