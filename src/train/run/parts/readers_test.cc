// What others read of a run: TensorBoard's own reader on the event files, safetensors' on a checkpoint. Needs
// scripts/make-test-python.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "train/run/parts/checkpoint_testing.h"
#include "train/run/parts/metrics.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;
using base::Json;

fs::path Python() {
  if (const char* set = std::getenv("MATHCODER_TEST_PYTHON")) return set;
  const char* deps = std::getenv("MATHCODER_DEPS");
  return (deps != nullptr ? fs::path(deps) : fs::path(MATHCODER_SOURCE_DIR) / "build/deps") / "python-test/bin/python3";
}

class ReadersTest : public CheckpointTest {
 protected:
  void SetUp() override {
    CheckpointTest::SetUp();
    if (!fs::exists(Python())) GTEST_SKIP() << "no " << Python() << "; run scripts/make-test-python";
  }
  // What the script prints, given the folder of the test.
  Json Ask(const std::string& script) {
    std::ofstream(dir_ / "script.py") << script;
    const std::string command = "'" + Python().string() + "' -I '" + (dir_ / "script.py").string() + "' '" + dir_.string() +
                                "' >'" + (dir_ / "answer").string() + "' 2>'" + (dir_ / "log").string() + "'";
    if (std::system(command.c_str()) != 0) {
      ADD_FAILURE() << base::ReadFile(dir_ / "log");
      return Json::object();
    }
    return Json::parse(base::ReadFile(dir_ / "answer"));
  }
};

TEST_F(ReadersTest, TensorBoardReadsScalarsTextsAndResumedRuns) {
  const fs::path run = dir_ / "run";
  {
    Metrics metrics(run, std::nullopt, true);
    for (int step = 1; step <= 6; ++step) metrics.Append(step, {{"loss", 10.0 + step}, {"held_out", {{"code", -0.5 * step}}}});
    metrics.Text(2, "transcript", "**two** \xE2\x82\xAC");
  }
  for (const auto& entry : fs::directory_iterator(run / "tensorboard")) {
    fs::resize_file(entry.path(), fs::file_size(entry.path()) - 5);  // a kill within the last event (the text)
  }
  {
    Metrics metrics(run, 4, true);
    for (int step = 5; step <= 1000; step *= 3) metrics.Append(step, {{"loss", 20.0 + step}, {"big", 1e38}, {"bad", NAN}});
    metrics.GoBackTo(200);
    metrics.Append(201, {{"loss", 7}});
  }
  const Json answer = Ask(R"(
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1] + "/run/tensorboard")
events.Reload()
tags = events.Tags()
answer = {tag: [[e.step, e.value if e.value == e.value else None] for e in events.Scalars(tag)] for tag in tags["scalars"]}
answer["texts"] = {tag: [[e.step, e.tensor_proto.string_val[0].decode()] for e in events.Tensors(tag)] for tag in tags["tensors"]}
answer["plugin"] = events.SummaryMetadata(tags["tensors"][0]).plugin_data.plugin_name if tags["tensors"] else None
answer["clock"] = events.Scalars("loss")[0].wall_time > 1.7e9
print(json.dumps(answer))
)");
  EXPECT_EQ(answer["loss"],
            Json::parse("[[1,11.0],[2,12.0],[3,13.0],[4,14.0],[5,25.0],[15,35.0],[45,65.0],[135,155.0],[201,7.0]]"));
  EXPECT_EQ(answer["held_out/code"], Json::parse("[[1,-0.5],[2,-1.0],[3,-1.5],[4,-2.0]]"));
  EXPECT_EQ(answer["bad"][0], Json::parse("[5,null]"));
  EXPECT_FLOAT_EQ(answer["big"][0][1].get<float>(), 1e38F);
  EXPECT_EQ(answer["texts"], Json::object());  // it was torn
  EXPECT_EQ(answer["clock"], true);
  {
    Metrics metrics(run, 201, true);
    metrics.Text(202, "transcript", "**two** \xE2\x82\xAC");
  }
  const Json texts = Ask(R"(
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1] + "/run/tensorboard")
events.Reload()
tag, = events.Tags()["tensors"]
e, = events.Tensors(tag)
print(json.dumps([tag, e.step, e.tensor_proto.string_val[0].decode(), events.SummaryMetadata(tag).plugin_data.plugin_name]))
)");
  EXPECT_EQ(texts, Json::parse("[\"transcript\", 202, \"**two** \xE2\x82\xAC\", \"text\"]"));
}

TEST_F(ReadersTest, SafetensorsReadsTheFilesOfACheckpoint) {
  {
    std::vector<std::unique_ptr<CheckpointStore>> stores;
    for (int rank = 0; rank < 2; ++rank) stores.push_back(std::make_unique<CheckpointStore>(Options(rank, 2)));
    for (int rank = 0; rank < 2; ++rank) stores[static_cast<std::size_t>(rank)]->Save(9, TestState(9, rank, 2).parts, Run(9));
    for (auto& store : stores) store->Wait();
  }
  const Json answer = Ask(R"(
import json, sys
from safetensors import safe_open
answer = {}
with safe_open(sys.argv[1] + "/checkpoints/step-00000009/rank-0001-of-0002.safetensors", "pt") as file:
    answer["metadata"] = file.metadata()
    answer["tensors"] = {name: [str(file.get_tensor(name).dtype), list(file.get_tensor(name).shape)] for name in file.keys()}
    import torch
    answer["bytes"] = file.get_tensor("layer 0/weights[512:1024]").view(torch.uint8)[:8].tolist()
print(json.dumps(answer))
)");
  EXPECT_EQ(answer["metadata"]["step"], "9");
  EXPECT_EQ(answer["tensors"]["embedding/weights[1501:3001]"], Json::parse("[\"torch.float32\",[1500]]"));
  EXPECT_EQ(answer["tensors"]["layer 0/weights[512:1024]"], Json::parse("[\"torch.bfloat16\",[512]]"));
  EXPECT_EQ(answer["tensors"]["head/weights[1:1]"], Json::parse("[\"torch.float32\",[0]]"));
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(answer["bytes"][i], static_cast<int>(TestByte(9, 1, 1024 + i)));
}

}  // namespace
}  // namespace mathcoder::train
