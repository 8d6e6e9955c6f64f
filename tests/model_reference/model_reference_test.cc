// Logits of random tiny models against Transformers: the weights go through GGUF, libllama and the engine's own backend, in all
// the ways in which a sequence can be computed. Needs scripts/make-test-python.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "engine/llama_backend.h"
#include "engine/llama_model.h"
#include "engine/llama_test_util.h"

namespace mathcoder::engine {
namespace {

namespace fs = std::filesystem;

fs::path Python() {
  if (const char* set = std::getenv("MATHCODER_TEST_PYTHON")) return set;
  const char* deps = std::getenv("MATHCODER_DEPS");
  return (deps != nullptr ? fs::path(deps) : fs::path(MATHCODER_SOURCE_DIR) / "build/deps") / "python-test/bin/python3";
}

class ModelReference : public ::testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() {
    if (!fs::exists(Python())) return;
    std::string pattern = (fs::temp_directory_path() / "mathcoder-reference-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const std::string command = "HF_HUB_OFFLINE=1 '" + Python().string() +
                                "' -I '" MATHCODER_SOURCE_DIR "/tests/model_reference/make_reference.py' '" + folder_.string() +
                                "' 2>'" + (folder_ / "log").string() + "'";
    failed_ = std::system(command.c_str()) != 0;
  }
  static void TearDownTestSuite() {
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  void SetUp() override {
    if (folder_.empty()) GTEST_SKIP() << "no " << Python() << "; run scripts/make-test-python";
    ASSERT_FALSE(failed_) << base::ReadFile(folder_ / "log");
    record_ = base::Json::parse(base::ReadFile(folder_ / (std::string(GetParam()) + ".json")));
    tokens_ = record_["tokens"].get<std::vector<TokenId>>();
    options_.model = folder_ / (std::string(GetParam()) + ".gguf");
    if (std::string(GetParam()) == "adapted") options_.lora.push_back({folder_ / "adapter.gguf", 1.0F});
    options_.cache_f32 = true;
    options_.parallel = 4;
    options_.threads = 1;
  }

  // The largest difference of any logit, computing `chunk` tokens at a time. `seat` and rows of other sequences beside it must
  // not matter.
  double Difference(std::size_t chunk, KvLayout layout, bool flash, bool crowded) {
    options_.layout = layout;
    options_.flash_attention = flash;
    const LlamaModel model(options_);
    const auto backend = MakeLlamaBackend(options_, model, PlanContext(options_, model));
    double worst = 0;
    for (std::size_t at = 0; at < tokens_.size(); at += chunk) {
      const std::size_t end = std::min(tokens_.size(), at + chunk);
      std::vector<BackendRow> rows;
      for (std::size_t i = at; i < end; ++i) rows.push_back({tokens_[i], static_cast<std::int32_t>(i), 0, true});
      if (crowded) {
        for (std::int32_t seat = 1; seat < 4; ++seat) {
          for (std::size_t i = at; i < end; ++i) {
            const TokenId other = tokens_[tokens_.size() - 1 - i] % (3 + seat) + 100;
            rows.push_back({other, static_cast<std::int32_t>(i), seat, false});
          }
        }
      }
      EXPECT_EQ(backend->Decode(rows), Backend::Status::kOk) << backend->error();
      for (std::size_t i = at; i < end; ++i) {
        const auto expected = record_["logits"][i].get<std::vector<float>>();
        const std::span<const float> logits = backend->Logits(i - at);
        EXPECT_EQ(logits.size(), expected.size());
        for (std::size_t k = 0; k < expected.size(); ++k) {
          worst = std::max(worst, std::abs(static_cast<double>(expected[k]) - static_cast<double>(logits[k])));
        }
      }
    }
    return worst;
  }

  base::Json record_;
  std::vector<TokenId> tokens_;
  LlamaOptions options_;

 private:
  static inline fs::path folder_;
  static inline bool failed_ = false;
};

TEST_P(ModelReference, LogitsAgree) {
  // The test means something only if the logits differ from each other by far more than the tolerance.
  const auto row = record_["logits"][0].get<std::vector<float>>();
  ASSERT_GT(*std::max_element(row.begin(), row.end()) - *std::min_element(row.begin(), row.end()), 4.0F);
  for (const KvLayout layout : {KvLayout::kShared, KvLayout::kStreams}) {
    for (const bool flash : {true, false}) {
      // Flash attention multiplies keys and values of 16 bits, whatever the cache holds.
      options_.cache_f32 = !flash;
      for (const std::size_t chunk : {std::size_t{96}, std::size_t{17}, std::size_t{1}}) {
        for (const bool crowded : {false, true}) {
          EXPECT_LT(Difference(chunk, layout, flash, crowded), flash ? 0.1 : 1e-3)
              << "chunk " << chunk << (layout == KvLayout::kShared ? " shared" : " streams") << (flash ? " flash" : "")
              << (crowded ? " crowded" : "");
        }
      }
    }
  }
}

TEST_P(ModelReference, GreedyTokensAgree) {
  for (const KvLayout layout : {KvLayout::kShared, KvLayout::kStreams}) {
    options_.layout = layout;
    const auto engine = OpenLlama(options_);
    const SequenceId id = engine->Open({});
    engine->Append(id, tokens_);
    const auto expected = record_["greedy"].get<std::vector<TokenId>>();
    GenerateOptions generate;
    generate.max_tokens = expected.size();
    const GenerateResult result = testing::GenerateAndWait(*engine, id, generate);
    // The engine ends at the end-of-text token, which the reference writes on behind.
    const auto end = std::find(expected.begin(), expected.end(), 2);
    const auto length = end == expected.end() ? expected.size() : static_cast<std::size_t>(end - expected.begin()) + 1;
    EXPECT_EQ(result.tokens, std::vector<TokenId>(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(length)));
  }
}

class ModelReferenceAdapter : public ModelReference {};

TEST_P(ModelReferenceAdapter, MakesTheDifference) {
  EXPECT_LT(Difference(96, KvLayout::kShared, false, false), 1e-3);
  options_.lora[0].scale = 0.5F;
  EXPECT_GT(Difference(96, KvLayout::kShared, false, false), 1e-2);
  options_.lora.clear();
  EXPECT_GT(Difference(96, KvLayout::kShared, false, false), 1e-2);
}

INSTANTIATE_TEST_SUITE_P(Models, ModelReference, ::testing::Values("llama", "codellama", "qwen2", "adapted"),
                         [](const auto& model) { return std::string(model.param); });

INSTANTIATE_TEST_SUITE_P(Models, ModelReferenceAdapter, ::testing::Values("adapted"),
                         [](const auto& model) { return std::string(model.param); });

}  // namespace
}  // namespace mathcoder::engine
