#include "train/run/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"

namespace mathcoder::train {
namespace {

constexpr char kGood[] = R"(run: runs/one
model:
  from: some/folder
data:
  train: [a.jsonl, "b.jsonl:3"]
  loss: {text: 0.5}
optimizer: {learning_rate: 2e-5}
)";

std::string Message(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  try {
    ParseConfig(yaml, "c.yaml", overrides);
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

TEST(Config, IsReadAndOverridden) {
  const Config config =
      ParseConfig(kGood, "c.yaml", {"optimizer.learning_rate=1e-3", "data.train=[x.jsonl]", "steps=7", "model.compute=f32"});
  EXPECT_EQ(config.run, "runs/one");
  EXPECT_EQ(config.data.loss_text, 0.5);
  EXPECT_EQ(config.optimizer.learning_rate, 1e-3);
  EXPECT_THAT(config.data.train, testing::ElementsAre("x.jsonl"));
  EXPECT_EQ(config.steps, 7);
  EXPECT_EQ(config.model.compute, "f32");
}

TEST(Config, WhatIsWrittenIsReadAgain) {
  const Config config =
      ParseConfig(kGood, "c.yaml", {"seed=12345678901234", "model.freeze=[\"a.*\", 'b: c']", "schedule.minimum_ratio=0.1"});
  const Config again = ParseConfig(ToYaml(config), "again", {});
  EXPECT_EQ(ToJson(config), ToJson(again)) << ToYaml(config);
  EXPECT_EQ(again.seed, 12345678901234u);
}

TEST(Config, ErrorsNameFileLineKeyAndTheNearest) {
  const std::string good = kGood;
  EXPECT_EQ(Message(good + "optimiser: {}\n"),
            "c.yaml:8: there is no key 'optimiser'; did you mean 'optimizer'? (`mathcoder train --keys` lists all)");
  EXPECT_THAT(Message(good + "schedule: {warmup: 3}\n"),
              testing::HasSubstr("c.yaml:8: there is no key 'schedule.warmup'; did you mean 'schedule.warmup_steps'"));
  EXPECT_THAT(Message(good + "learning_rate: 3\n"), testing::HasSubstr("did you mean 'optimizer.learning_rate'?"));
  EXPECT_EQ(Message(good + "batch_rows: many\n"), "c.yaml:8: key 'batch_rows' holds 'many', expected a whole number of at least 1");
  EXPECT_EQ(Message(good + "batch_rows: 1.5\n"), "c.yaml:8: key 'batch_rows' holds '1.5', expected a whole number of at least 1");
  EXPECT_EQ(
      Message(good, {"schedule.name=cosin"}),
      "command line: key 'schedule.name' holds 'cosin', expected one of cosine, linear, constant, wsd; did you mean 'cosine'?");
  EXPECT_THAT(Message(good, {"optimizer.lerning_rate=1"}), testing::HasSubstr("did you mean 'optimizer.learning_rate'?"));
  EXPECT_THAT(Message(good, {"oops"}), testing::HasSubstr("'oops' is no key=value"));
  EXPECT_THAT(Message("run: [\n"), testing::StartsWith("c.yaml:"));
  EXPECT_THAT(Message(good + "run: x\n"), testing::HasSubstr("twice"));
  EXPECT_THAT(Message(good, {"model.config=c.json"}), testing::HasSubstr("not both"));
  EXPECT_THAT(Message(good, {"data.train=[]"}), testing::HasSubstr("'data.train' is missing"));
}

TEST(Config, EveryRecipeIsRead) {
  int recipes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MATHCODER_SOURCE_DIR "/recipes")) {
    if (entry.path().extension() != ".yaml") continue;
    EXPECT_NO_THROW(ReadConfig(entry.path(), {})) << entry.path();
    ++recipes;
  }
  EXPECT_GE(recipes, 6);
}

TEST(Config, AResumedRunIsComparedInWhatShapesTheResult) {
  const Config config = ParseConfig(kGood, "c.yaml", {});
  EXPECT_EQ(WhatDiffers(ToJson(config), ParseConfig(kGood, "c.yaml", {"checkpoints.keep=9", "parallel.zero=3"})), "");
  EXPECT_EQ(WhatDiffers(ToJson(config), ParseConfig(kGood, "c.yaml", {"data.length=64", "seed=2"})),
            "data.length was 2048, is now 64; seed was 1, is now 2");
}

}  // namespace
}  // namespace mathcoder::train
