// What the trainer computes is what inference computes: logits of one model here and in the engine, on the file that our converter
// makes.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/llama_backend.h"
#include "engine/llama_model.h"
#include "train/model/hf_io.h"
#include "train/model/local_store.h"
#include "train/model/model.h"
#include "weights/convert.h"
#include "weights/testing.h"
#include "weights/tokenizer.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;
using weights::testing::Scratch;

at::Tensor TrainerLogits(const fs::path& folder, const std::vector<std::int32_t>& ids) {
  const weights::ModelConfig config = weights::ReadModelConfig(folder);
  LocalStore store(PlanLayout(config, {}), at::kFloat, at::kFloat);
  LoadHf(weights::HfWeights(folder), config, config.vocab_size,
         [&](const std::string& name, const at::Tensor& value) { store.SetParameter(name, value); });
  Model model(config, {}, store);
  Row row;
  row.ids = ids;
  row.targets.assign(ids.begin() + 1, ids.end());
  row.targets.push_back(-1);
  row.weights.assign(ids.size(), 1.0F);
  row.weights.back() = 0;
  row.roles.assign(ids.size(), 0);
  row.positions.resize(ids.size());
  std::iota(row.positions.begin(), row.positions.end(), 0);
  row.borders = {0, static_cast<std::int32_t>(ids.size())};
  return model.Logits(row).clone();
}

double LargestDifference(const fs::path& gguf, const std::vector<std::int32_t>& ids, const at::Tensor& expected) {
  engine::LlamaOptions options;
  options.model = gguf;
  options.cache_f32 = true;
  options.flash_attention = false;
  options.parallel = 1;
  options.threads = 1;
  const engine::LlamaModel model(options);
  const auto backend = engine::MakeLlamaBackend(options, model, engine::PlanContext(options, model));
  std::vector<engine::BackendRow> rows;
  for (std::size_t i = 0; i < ids.size(); ++i) rows.push_back({ids[i], static_cast<std::int32_t>(i), 0, true});
  EXPECT_EQ(backend->Decode(rows), engine::Backend::Status::kOk) << backend->error();
  double worst = 0;
  const at::Tensor host = expected.contiguous();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::span<const float> theirs = backend->Logits(i);
    const float* ours = host.const_data_ptr<float>() + static_cast<std::int64_t>(i) * host.size(1);
    EXPECT_EQ(static_cast<std::int64_t>(theirs.size()), host.size(1));
    for (std::size_t k = 0; k < theirs.size(); ++k) worst = std::max(worst, std::fabs(static_cast<double>(ours[k]) - theirs[k]));
  }
  return worst;
}

TEST(EngineLogits, AreTheTrainersInF32AlsoWithTokensAdded) {
  const Scratch scratch;
  const fs::path plain = scratch / "plain", grown = scratch / "grown", gguf = scratch / "model.gguf";
  weights::ConvertGgufToHf(MATHCODER_SOURCE_DIR "/models/mathematics-7m-f16.gguf", plain, {});
  weights::ConvertOptions add;
  add.add_tokens = {"<|one|>", "<|two|>"};
  add.grow_embeddings = true;
  weights::ConvertHfToHf(plain, grown, add);
  for (const fs::path& folder : {plain, grown}) {
    weights::ConvertHfToGguf(folder, gguf, {.type = "f32"});
    const auto tokenizer = weights::OpenTokenizer(folder);
    std::vector<std::int32_t> ids;
    for (const char* special : {"<|user|>", "<|text|>"}) ids.push_back(tokenizer->Special(special).value());
    for (const chat::TokenId id : tokenizer->Encode("Let q = 12 - 7. What is the remainder when 173962 is divided by q*319?"))
      ids.push_back(id);
    if (folder == grown) ids.push_back(tokenizer->Special("<|two|>").value());
    const at::Tensor logits = TrainerLogits(folder, ids);
    // It means something only if logits differ from each other by far more than the tolerance.
    ASSERT_GT((logits.amax(1) - logits.amin(1)).min().item<double>(), 4);
    const double difference = LargestDifference(gguf, ids, logits);
    RecordProperty(folder.filename(), std::to_string(difference));
    EXPECT_LT(difference, 1e-3) << folder;
    fs::remove(gguf);
  }
}

}  // namespace
}  // namespace mathcoder::train
