// The trainer's model against PyTorch: loss, every gradient and 50 steps of AdamW of tiny models of Transformers and PEFT, and
// their files. Needs scripts/make-test-python.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "train/model/adapter_io.h"
#include "train/model/hf_io.h"
#include "train/model/local_store.h"
#include "train/model/model.h"
#include "train/optim/optimizer.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;

fs::path Python() {
  if (const char* set = std::getenv("MATHCODER_TEST_PYTHON")) return set;
  const char* deps = std::getenv("MATHCODER_DEPS");
  return (deps != nullptr ? fs::path(deps) : fs::path(MATHCODER_SOURCE_DIR) / "build/deps") / "python-test/bin/python3";
}

// Runs make_reference.py; its last words where it fails.
std::string RunPython(const std::string& arguments, const fs::path& log) {
  const std::string command = "HF_HUB_OFFLINE=1 '" + Python().string() +
                              "' -I '" MATHCODER_SOURCE_DIR "/tests/train_reference/make_reference.py' " + arguments + " >'" +
                              log.string() + "' 2>&1";
  return std::system(command.c_str()) == 0 ? "" : base::ReadFile(log);
}

std::vector<Row> RowsOf(const base::Json& record) {
  std::vector<Row> rows;
  for (const base::Json& json : record["rows"]) {
    Row row;
    row.ids = json["ids"].get<std::vector<std::int32_t>>();
    row.targets = json["targets"].get<std::vector<std::int32_t>>();
    row.weights = json["weights"].get<std::vector<float>>();
    row.borders = json["borders"].get<std::vector<std::int32_t>>();
    row.roles.assign(row.ids.size(), 3);
    rows.push_back(row);
  }
  return rows;
}

double WeightOf(const Row& row) {
  double sum = 0;
  for (const float weight : row.weights) sum += static_cast<double>(weight);
  return sum;
}

double Relative(const at::Tensor& ours, const at::Tensor& expected) {
  const at::Tensor a = ours.to(at::kDouble), b = expected.to(at::kDouble);
  return (a - b).norm().item<double>() / std::max(b.norm().item<double>(), 1e-30);
}

// A model in f32 with the weights of a folder, and of an adapter.
struct Loaded {
  Loaded(const fs::path& folder, const fs::path& adapter) : config(weights::ReadModelConfig(folder)), source(folder) {
    if (!adapter.empty()) layout.lora = ReadAdapterOptions(adapter);
    store = std::make_unique<LocalStore>(PlanLayout(config, layout), at::kFloat, at::kFloat);
    const SetParameter set = [&](const std::string& name, const at::Tensor& value) { store->SetParameter(name, value); };
    LoadHf(source, config, config.vocab_size, set);
    if (!adapter.empty()) LoadAdapter(adapter, store->layout(), set);
    ModelOptions options;
    options.lora = layout.lora;
    model = std::make_unique<Model>(config, options, *store);
  }
  weights::ModelConfig config;
  weights::HfWeights source;
  LayoutOptions layout;
  std::unique_ptr<LocalStore> store;
  std::unique_ptr<Model> model;
};

// Makes the case that a test names when the first test asks for it.
class TrainReference : public ::testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() {
    at::set_num_threads(1);
    if (!fs::exists(Python())) return;
    std::string pattern = (fs::temp_directory_path() / "mathcoder-train-reference-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  static void TearDownTestSuite() {
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  void SetUp() override {
    if (folder_.empty()) GTEST_SKIP() << "no " << Python() << "; run scripts/make-test-python";
    if (!fs::exists(Case())) {
      ASSERT_EQ(RunPython("make '" + folder_.string() + "' " + GetParam(), folder_ / "log"), "");
    }
  }
  static fs::path Case() { return folder_ / GetParam(); }
  static fs::path Adapter() { return fs::exists(Case() / "adapter") ? Case() / "adapter" : fs::path(); }
  static base::Json Record() { return base::Json::parse(base::ReadFile(Case() / "record.json")); }

  static inline fs::path folder_;
};

TEST_P(TrainReference, LossAndEveryGradientAgree) {
  Loaded loaded(Case() / "model", Adapter());
  const base::Json record = Record();
  std::vector<Row> rows = RowsOf(record);
  rows.resize(2);
  const double weight = WeightOf(rows[0]) + WeightOf(rows[1]);
  double loss = 0;
  for (const Row& row : rows) loss += loaded.model->ForwardBackward(row, 1 / weight).weighted / weight;
  const double expected = record["loss"].get<double>();
  EXPECT_NEAR(loss, expected, 1e-4 * expected);
  std::cout << GetParam() << ": loss " << loss << ", relative difference " << std::abs(loss / expected - 1);

  const weights::SafetensorsFile gradients(Case() / "gradients.safetensors");
  std::size_t compared = 0;
  double worst = 0;
  for (const Unit& unit : loaded.store->layout().units) {
    for (const Parameter& parameter : unit.learning) {
      const weights::TensorView* reference = gradients.Find(parameter.name);
      ASSERT_NE(reference, nullptr) << parameter.name;
      const double difference = Relative(loaded.store->GradientOf(parameter.name), ToTensor(*reference));
      EXPECT_LT(difference, 1e-4) << parameter.name;
      worst = std::max(worst, difference);
      ++compared;
    }
  }
  EXPECT_EQ(compared, gradients.tensors().size());
  std::cout << "; " << compared << " gradients, largest relative difference " << worst << "\n";
}

TEST_P(TrainReference, FiftyStepsFollowTheCurve) {
  Loaded loaded(Case() / "model", Adapter());
  LocalStore& store = *loaded.store;
  const base::Json record = Record();
  const std::vector<Row> rows = RowsOf(record);
  const auto rates = record["learning_rates"].get<std::vector<double>>();
  const auto losses = record["losses"].get<std::vector<double>>();
  AdamWOptions options;
  options.weight_decay = 0.1;
  std::vector<AdamWSlice> slices;
  for (std::size_t unit = 0; unit < store.layout().units.size(); ++unit) {
    for (const Parameter& parameter : store.layout().units[unit].learning) {
      AdamWSlice slice;
      slice.weights = store.Learning(unit).narrow(0, parameter.offset, parameter.size);
      slice.gradient = store.Gradient(unit).narrow(0, parameter.offset, parameter.size);
      slice.first = at::zeros({parameter.size}, at::kFloat);
      slice.second = at::zeros({parameter.size}, at::kFloat);
      slice.begin = parameter.offset;
      slice.decay = parameter.decay;
      slices.push_back(slice);
    }
  }
  double worst = 0;
  ASSERT_EQ(rates.size(), 50U);
  for (std::size_t step = 0; step < rates.size(); ++step) {
    const Row& first = rows[2 * step % rows.size()];
    const Row& second = rows[(2 * step + 1) % rows.size()];
    const double weight = WeightOf(first) + WeightOf(second);
    store.ZeroGradients();
    const double loss =
        (loaded.model->ForwardBackward(first, 1 / weight).weighted + loaded.model->ForwardBackward(second, 1 / weight).weighted) /
        weight;
    EXPECT_NEAR(loss, losses[step], 1e-3) << "step " << step;
    worst = std::max(worst, std::abs(loss - losses[step]));
    double squares = 0;
    for (const AdamWSlice& slice : slices) squares += SumOfSquares(slice.gradient);
    const double clip = std::min(1.0, 1.0 / (std::sqrt(squares) + 1e-6));
    for (AdamWSlice& slice : slices) AdamWStep(slice, options, rates[step], static_cast<std::int64_t>(step) + 1, clip);
  }
  std::cout << GetParam() << ": loss " << losses.front() << " to " << losses.back() << ", largest difference in 50 steps " << worst
            << "\n";
  EXPECT_LT(losses.back(), losses.front());
}

using AdapterReference = TrainReference;

TEST_P(AdapterReference, AdaptersAndTheirMergeAreThoseOfPeft) {
  const fs::path adapter = Adapter();
  Loaded loaded(Case() / "model", adapter);
  // Merged weights.
  HfExportOptions options;
  options.like = &loaded.source;
  options.lora = loaded.layout.lora;
  HfExport merged(loaded.config, options);
  loaded.store->ForEachParameter([&](const Parameter& parameter, const at::Tensor& value) { merged.Add(parameter.name, value); });
  merged.Write(folder_ / "ours_merged");
  const weights::HfWeights ours(folder_ / "ours_merged"), theirs(Case() / "merged");
  ASSERT_EQ(ours.tensors().size(), theirs.tensors().size());
  for (const weights::TensorView* tensor : theirs.tensors()) {
    EXPECT_LT(Relative(ToTensor(ours.Get(tensor->name)), ToTensor(*tensor)), 1e-6) << tensor->name;
  }
  // Our adapter, read by PEFT, after a step that changed it.
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const Unit& unit : loaded.store->layout().units) {
    for (const Parameter& parameter : unit.learning) {
      loaded.store->Value(parameter.name).mul_(1.25);
      tensors.emplace_back(parameter.name, loaded.store->Value(parameter.name));
    }
  }
  WriteAdapter(folder_ / "ours_adapter", loaded.layout.lora, "", tensors);
  const fs::path out = folder_ / "logits.json";
  ASSERT_EQ(RunPython("logits '" + (Case() / "model").string() + "' '" + (folder_ / "ours_adapter").string() + "' '" +
                          (Case() / "record.json").string() + "' '" + out.string() + "'",
                      folder_ / "log"),
            "");
  const auto logits = base::Json::parse(base::ReadFile(out)).get<std::vector<std::vector<float>>>();
  const at::Tensor mine = loaded.model->Logits(RowsOf(Record())[0]);
  ASSERT_EQ(mine.size(0), static_cast<std::int64_t>(logits.size()));
  double worst = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    worst = std::max(worst, (mine[static_cast<std::int64_t>(i)] - at::tensor(logits[i])).abs().max().item<double>());
  }
  EXPECT_LT(worst, 1e-4);
  std::cout << GetParam() << ": logits of our adapter in PEFT differ by at most " << worst << "\n";
}

INSTANTIATE_TEST_SUITE_P(Models, AdapterReference, ::testing::Values("llama_lora", "qwen2_lora"),
                         [](const auto& test) { return test.param; });
INSTANTIATE_TEST_SUITE_P(Models, TrainReference, ::testing::Values("llama", "qwen2", "mistral", "llama_lora", "qwen2_lora"),
                         [](const auto& test) { return test.param; });

using HfRoundTrip = TrainReference;

// What was loaded and not trained is written as it was, whatever its type and in however many files.
TEST_P(HfRoundTrip, IsTheSameToTheBit) {
  const fs::path from = fs::exists(Case() / "model") ? Case() / "model" : Case();
  base::WriteFileAtomically(from / "tokenizer.json", "{\"model\": \"of this test\"}\n");
  Loaded loaded(from, {});
  HfExportOptions options;
  options.like = &loaded.source;
  HfExport copy(loaded.config, options);
  loaded.store->ForEachParameter([&](const Parameter& parameter, const at::Tensor& value) { copy.Add(parameter.name, value); });
  const fs::path to = folder_ / (std::string("copy_of_") + GetParam());
  copy.Write(to);
  std::size_t files = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
    ++files;
    ASSERT_TRUE(fs::exists(to / entry.path().filename())) << entry.path();
    EXPECT_EQ(base::Sha256OfFile(to / entry.path().filename()), base::Sha256OfFile(entry.path())) << entry.path();
  }
  EXPECT_GE(files, 4U);
}

INSTANTIATE_TEST_SUITE_P(Folders, HfRoundTrip, ::testing::Values("llama", "qwen2", "bf16", "f16", "sharded"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace mathcoder::train
