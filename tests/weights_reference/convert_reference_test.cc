// Conversions against Transformers: logits of converted models through the engine, folders that come back, tokens that are added.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "chat/dialect.h"
#include "engine/gguf_file.h"
#include "engine/llama_backend.h"
#include "engine/llama_model.h"
#include "support.h"
#include "weights/convert.h"
#include "weights/hf_weights.h"
#include "weights/testing.h"
#include "weights/tokenizer.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using base::Json;
using testing::Python;
using testing::RunPython;
using testing::Scratch;

class ConvertReference : public ::testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() {
    if (!fs::exists(Python())) return;
    scratch_ = std::make_unique<Scratch>();
    failure_ = RunPython("make_models.py", {scratch_->path().string()}, *scratch_ / "log");
  }
  static void TearDownTestSuite() { scratch_.reset(); }
  void SetUp() override {
    if (!scratch_) GTEST_SKIP() << "no " << Python() << "; run scripts/make-test-python";
    ASSERT_TRUE(failure_.empty()) << failure_;
    hf_ = *scratch_ / GetParam();
    record_ = Json::parse(base::ReadFile(*scratch_ / (std::string(GetParam()) + ".json")));
  }

  // The largest difference of any logit of `tokens` when the engine runs the file.
  static double Difference(const fs::path& gguf, const std::vector<TokenId>& tokens, const Json& logits) {
    engine::LlamaOptions options;
    options.model = gguf;
    options.cache_f32 = true;
    options.flash_attention = false;
    options.parallel = 1;
    options.threads = 1;
    const engine::LlamaModel model(options);
    const auto backend = engine::MakeLlamaBackend(options, model, engine::PlanContext(options, model));
    std::vector<engine::BackendRow> rows;
    for (std::size_t i = 0; i < tokens.size(); ++i) rows.push_back({tokens[i], static_cast<std::int32_t>(i), 0, true});
    EXPECT_EQ(backend->Decode(rows), engine::Backend::Status::kOk) << backend->error();
    double worst = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const auto expected = logits[i].get<std::vector<float>>();
      const std::span<const float> ours = backend->Logits(i);
      EXPECT_GE(ours.size(), expected.size());
      for (std::size_t k = 0; k < expected.size(); ++k)
        worst = std::max(worst, std::fabs(static_cast<double>(expected[k] - ours[k])));
    }
    return worst;
  }

  // What Transformers makes of folders.
  Json Check(const std::vector<fs::path>& folders) const {
    const fs::path log = out_ / "check.json";
    std::vector<std::string> arguments = {"--check"};
    for (const fs::path& folder : folders) arguments.push_back(folder.string());
    const std::string failure = RunPython("make_models.py", arguments, log);
    EXPECT_TRUE(failure.empty()) << failure;
    const std::string text = failure.empty() ? base::ReadFile(log) : "CHECKED[]";
    return Json::parse(text.substr(text.rfind("CHECKED") + 7));
  }

  static inline std::unique_ptr<Scratch> scratch_;
  static inline std::string failure_;
  Scratch out_;
  fs::path hf_;
  Json record_;
};

TEST_P(ConvertReference, LogitsAgree) {
  // The test means something only if logits differ from each other by far more than the tolerance.
  const auto row = record_["logits"][0].get<std::vector<float>>();
  ASSERT_GT(*std::max_element(row.begin(), row.end()) - *std::min_element(row.begin(), row.end()), 4.0F);
  // 16-bit weights are exact in f32; the arithmetic is then the reference's.
  const ConvertReport report = ConvertHfToGguf(hf_, out_ / "model.gguf", {.type = "f32"});
  const double difference = Difference(out_ / "model.gguf", record_["tokens"].get<std::vector<TokenId>>(), record_["logits"]);
  EXPECT_LT(difference, 1e-3);
  std::printf("%s: %zu tensors, largest difference of a logit %.2g\n", GetParam(), report.tensors, difference);
}

TEST_P(ConvertReference, TheFolderComesBack) {
  ConvertHfToGguf(hf_, out_ / "model.gguf", {});
  ConvertGgufToHf(out_ / "model.gguf", out_ / "back", {});
  EXPECT_EQ(base::ReadFile(out_ / "back/config.json"), base::ReadFile(hf_ / "config.json"));
  EXPECT_EQ(base::ReadFile(out_ / "back/tokenizer_config.json"), base::ReadFile(hf_ / "tokenizer_config.json"));
  const HfWeights before(hf_);
  const HfWeights after(out_ / "back");
  ASSERT_EQ(before.tensors().size(), after.tensors().size());
  for (const TensorView* tensor : before.tensors()) {
    const TensorView& back = after.Get(tensor->name);
    EXPECT_EQ(tensor->dtype, back.dtype) << tensor->name;
    EXPECT_EQ(tensor->shape, back.shape) << tensor->name;
    EXPECT_TRUE(std::equal(tensor->bytes.begin(), tensor->bytes.end(), back.bytes.begin(), back.bytes.end())) << tensor->name;
  }
  if (before.layout().files.size() == 1) {
    EXPECT_TRUE(base::ReadFile(out_ / "back/model.safetensors") == base::ReadFile(hf_ / "model.safetensors"));
  }
  // The same for a folder that is only copied, shards included.
  ConvertHfToHf(hf_, out_ / "copy", {});
  for (const HfLayout::File& file : before.layout().files) {
    EXPECT_TRUE(base::ReadFile(out_ / "copy" / file.name) == base::ReadFile(hf_ / file.name)) << file.name;
  }
  if (!before.layout().index.empty()) {
    EXPECT_EQ(base::ReadFile(out_ / "copy/model.safetensors.index.json"), before.layout().index);
  }
  const Json check = Check({out_ / "back"})[0];
  const auto ids = check["ids"].get<std::vector<TokenId>>();
  EXPECT_EQ(OpenTokenizer(out_ / "back")->Encode("Let x = 12.5; what is 3*x + 7?\nIt's 44.5, isn't it?"), ids);
  EXPECT_LT(Difference(out_ / "model.gguf", ids, check["logits"]),
            std::string(GetParam()).find("16") == std::string::npos ? 1e-3 : 0.2);
}

TEST_P(ConvertReference, AddedTokensSurviveEveryRoute) {
  const auto dialect = chat::LoadDialect("mathcoder");
  const ConvertOptions add{.dialect = "mathcoder", .add_dialect_tokens = true};
  const ConvertReport report = ConvertHfToHf(hf_, out_ / "added", add);
  EXPECT_EQ(report.added_tokens, dialect->special_strings());
  ConvertHfToGguf(out_ / "added", out_ / "added.gguf", {.type = "f32"});
  ConvertGgufToHf(out_ / "added.gguf", out_ / "back", {});
  const Json checked = Check({hf_, out_ / "added", out_ / "back"});
  ASSERT_EQ(checked.size(), 3U);
  const Json& original = checked[0];
  const Json& direct = checked[1];
  const Json& back = checked[2];
  ASSERT_GE(original["size"], 296);  // Transformers gives Qwen2 a token of its own
  const auto tokenizer = OpenTokenizer(out_ / "back");
  const engine::LlamaModel model([&] {
    engine::LlamaOptions options;
    options.model = out_ / "added.gguf";
    return options;
  }());
  EXPECT_EQ(model.hints().dialect, "mathcoder");
  for (const std::string& text : dialect->special_strings()) {
    ASSERT_TRUE(direct["tokens"].contains(text)) << text;
    const auto id = direct["tokens"][text].get<TokenId>();
    EXPECT_GE(id, 296) << text;  // behind the tokenizer's own
    EXPECT_EQ(back["tokens"].value(text, -1), id) << text;
    EXPECT_EQ(tokenizer->Special(text), id) << text;
    EXPECT_EQ(model.tokenizer().Special(text), id) << text;
  }
  EXPECT_EQ(direct["rows"], 304);
  EXPECT_EQ(back["rows"], 304);
  EXPECT_EQ(direct["ids"], back["ids"]);
  // Rows that were there say what they said.
  EXPECT_EQ(original["ids"], direct["ids"]);
  for (std::size_t i = 0; i < original["logits"].size(); ++i) {
    for (std::size_t k = 0; k < 296; ++k) {
      ASSERT_NEAR(original["logits"][i][k].get<double>(), direct["logits"][i][k].get<double>(), 1e-4) << i << " " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ConvertReference,
                         ::testing::Values("llama", "tied_bf16", "llama3_rope_f16", "linear_rope", "biases", "mistral", "qwen2"),
                         [](const auto& model) { return std::string(model.param); });

}  // namespace
}  // namespace mathcoder::weights
