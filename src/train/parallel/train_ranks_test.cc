// One process of tests/train_ranks_test.py, which starts several by mpirun. Says what it found as lines of JSON, from rank 0.
//   train_ranks_test collectives ROUNDS
//   train_ranks_test train key=value...      stage=0..3 muon=0|1 model=toy|small|large steps=N first=N rows=N save=DIR load=DIR
//   sleep=MS
//                                            fail=STEP (rank 1 throws an error there) quit=STEP (all end with code 1) bf16=0|1
#include <ATen/ATen.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>

#include "base/check.h"
#include "base/error.h"
#include "train/model/init.h"
#include "train/model/model.h"
#include "train/parallel/collectives_check.h"
#include "train/parallel/communicator.h"
#include "train/parallel/toy_model.h"
#include "train/parallel/train_state.h"

namespace mathcoder::train {
namespace {

std::string Path(const std::string& folder, std::string name) {
  for (char& c : name) {
    if (c == '/' || c == ' ') c = '_';
  }
  return folder + "/" + name;
}

// Every tensor a file, each process writes its share of it.
void Save(TrainState& state, const std::string& folder) {
  for (const StatePart& part : state.Parts()) {
    const int file = open(Path(folder, part.name).c_str(), O_WRONLY | O_CREAT, 0666);
    MC_CHECK(file >= 0);
    const auto element = static_cast<std::int64_t>(part.data.element_size());
    MC_CHECK(pwrite(file, part.data.data_ptr(), part.data.nbytes(), part.begin * element) ==
             static_cast<ssize_t>(part.data.nbytes()));
    close(file);
  }
}

void Load(TrainState& state, const std::string& folder) {
  state.Load([&](const std::string& name, std::int64_t begin, at::Tensor& into) {
    const int file = open(Path(folder, name).c_str(), O_RDONLY);
    if (file < 0) throw base::BadInput(Path(folder, name) + ": no such file");
    const auto element = static_cast<std::int64_t>(into.element_size());
    MC_CHECK(pread(file, into.data_ptr(), into.nbytes(), begin * element) == static_cast<ssize_t>(into.nbytes()));
    close(file);
  });
}

// Bytes of this process that are in memory: its own ("RssAnon") and those it shares with the others of its machine.
std::int64_t Resident(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":")) return std::atoll(line.c_str() + key.size() + 1) * 1024;
  }
  return 0;
}

int Collectives(Communicator& communicator, std::int64_t rounds) {
  std::uint64_t digest = 0;
  std::string wrong;
  for (std::int64_t round = 0; round < rounds; ++round) {
    // From nothing to several chunks.
    for (std::int64_t count : {0, 1, 2, 3, 7, 64, 1023, 1025, 40001}) {
      wrong += CheckCollectives(communicator, count, static_cast<std::uint64_t>(count + round), digest);
    }
  }
  wrong += CheckCollectives(communicator, 300001, 11, digest);
  at::Tensor digests = at::zeros({communicator.size()}, at::kLong), bad = at::tensor({static_cast<std::int64_t>(!wrong.empty())});
  communicator.AllGather(at::tensor({static_cast<std::int64_t>(digest)}), digests)->Wait();
  communicator.AllReduceSum(bad)->Wait();
  if (!wrong.empty()) std::fprintf(stderr, "rank %d: %s\n", communicator.rank(), wrong.c_str());
  if (communicator.rank() == 0) {
    std::printf("{\"name\": \"%s\", \"size\": %d, \"wrong\": %ld, \"digests\": [", communicator.name().c_str(), communicator.size(),
                static_cast<long>(bad.item<std::int64_t>()));
    for (int i = 0; i < communicator.size(); ++i)
      std::printf("%s%ld", i > 0 ? ", " : "", static_cast<long>(digests[i].item<std::int64_t>()));
    std::printf("]}\n");
  }
  return 0;
}

weights::ModelConfig Config(bool large) {
  weights::ModelConfig config;
  config.vocab_size = large ? 8192 : 64;
  config.hidden_size = large ? 384 : 48;
  config.intermediate_size = large ? 1024 : 80;
  config.num_hidden_layers = large ? 10 : 3;
  config.num_attention_heads = 6;
  config.num_key_value_heads = 2;
  config.head_dim = config.hidden_size / 6;
  config.tie_word_embeddings = true;
  return config;
}

// Three sequences whose next token mostly follows from the last; a quarter of the targets has no weight.
Row PackedRow(std::int64_t number, std::int64_t vocabulary) {
  std::mt19937_64 random(static_cast<std::uint64_t>(number) * 7919 + 17);
  Row row;
  row.borders = {0};
  for (const int length : {13, 24, 7}) {
    auto id = static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(vocabulary));
    for (int i = 0; i < length; ++i) {
      const bool last = i + 1 == length;
      const auto next = static_cast<std::int32_t>((id * 3 + static_cast<std::int64_t>(random() % 3)) % vocabulary);
      row.ids.push_back(id);
      row.positions.push_back(i);
      row.targets.push_back(last ? -1 : next);
      row.weights.push_back(last || random() % 4 == 0 ? 0.0F : 1.0F);
      row.roles.push_back(0);
      id = next;
    }
    row.borders.push_back(static_cast<std::int32_t>(row.ids.size()));
  }
  return row;
}

int Train(Communicator& communicator, std::map<std::string, std::string> settings) {
  const auto number = [&](const std::string& key, std::int64_t otherwise) {
    return settings.contains(key) ? std::atoll(settings[key].c_str()) : otherwise;
  };
  ToyRun run;
  run.steps = number("steps", 24);
  run.first_step = number("first", 1);
  run.rows = number("rows", 4);
  run.model.tied = true;
  const bool toy = settings["model"] == "toy", large = settings["model"] == "large";
  const weights::ModelConfig config = Config(large);
  if (!toy) run.learning_rate = 2e-3;
  TrainStateOptions options;
  options.zero_stage = static_cast<int>(number("stage", 0));
  options.muon = number("muon", 0) != 0;
  options.adamw.weight_decay = 0.1;
  if (number("bf16", 0) != 0) options.compute = at::kBFloat16;
  const Layout layout = toy ? ToyLayout(run.model) : PlanLayout(config, {});
  const std::int64_t before = Resident("RssAnon");
  auto state = TrainState::Create(layout, options, communicator);
  if (toy) {
    InitialiseToy(layout, *state);
  } else {
    for (const Unit& unit : layout.units) {
      for (const Parameter& parameter : unit.learning) state->SetParameter(parameter.name, InitialValue(parameter, config, 1));
    }
  }
  std::unique_ptr<Model> model;
  if (!toy) {
    ModelOptions model_options;
    model_options.compute = options.compute;
    model = std::make_unique<Model>(config, model_options, *state);
    run.row_loss = [&](std::int64_t row, double scale) {
      const Row packed = PackedRow(row, config.vocab_size);
      double weight = 0;
      for (const float w : packed.weights) weight += w;
      return model->ForwardBackward(packed, scale / weight).weighted / weight;
    };
  }
  if (settings.contains("load")) Load(*state, settings["load"]);
  run.seen = [&](std::int64_t step, double loss, double norm) {
    if (communicator.rank() == 0) {
      std::printf("{\"step\": %ld, \"loss\": %.12g, \"norm\": %.12g}\n", static_cast<long>(step), loss, norm);
      std::fflush(stdout);
    }
    if (number("sleep", 0) > 0) std::this_thread::sleep_for(std::chrono::milliseconds(number("sleep", 0)));
    if (step == number("fail", 0) && communicator.rank() == 1) throw base::OutputFailure("the disk of rank 1 is full");
    if (step == number("quit", 0)) throw base::OutputFailure("");
  };
  const auto start = std::chrono::steady_clock::now();
  RunToy(run, *state, communicator);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (settings.contains("save")) Save(*state, settings["save"]);
  const TrainState::Memory memory = state->memory();
  at::Tensor most = at::zeros({communicator.size()}, at::kLong);
  communicator.AllGather(at::tensor({Resident("RssAnon") - before}), most)->Wait();
  communicator.Barrier();  // saved by all
  std::int64_t parameters = 0;
  for (const Unit& unit : layout.units) {
    for (const Parameter& parameter : unit.learning) parameters += parameter.size;
  }
  if (communicator.rank() == 0) {
    std::printf(
        "{\"parameters\": %ld, \"weights\": %ld, \"gradients\": %ld, \"optimizer\": %ld, \"gathered_peak\": %ld, \"resident\": "
        "%ld, \"seconds\": %.3f}\n",
        static_cast<long>(parameters), static_cast<long>(memory.weights), static_cast<long>(memory.gradients),
        static_cast<long>(memory.optimizer), static_cast<long>(memory.gathered_peak),
        static_cast<long>(most.max().item<std::int64_t>()), seconds);
  }
  return 0;
}

int Main(int argc, char** argv) {
  try {
    const auto communicator = StartCommunicator(at::kCPU);
    if (argc > 2 && std::string(argv[1]) == "collectives") return Collectives(*communicator, std::atoll(argv[2]));
    std::map<std::string, std::string> settings;
    for (int i = 2; i < argc; ++i) {
      const std::string argument = argv[i];
      const auto equals = argument.find('=');
      settings[argument.substr(0, equals)] = argument.substr(equals + 1);
    }
    return Train(*communicator, settings);
  } catch (const base::Error& error) {
    if (*error.what() != 0) std::fprintf(stderr, "train_ranks_test: %s\n", error.what());
    return static_cast<int>(error.code());
  }
}

}  // namespace
}  // namespace mathcoder::train

int main(int argc, char** argv) { return mathcoder::train::Main(argc, argv); }
