// Tokens a second and MFU of full fine-tuning on one GPU, with random tokens: the whole step (forward, backward, clipping, AdamW).
//   train_gpu_bench --model 0.5b --row 32768
//   train_gpu_bench --model 7b --row 8192 --moments int8 --checkpointing full
// MFU: floating-point operations as Model::FlopsOf counts them, by the card's dense bf16 peak (--peak where the card is not in the
// table).
// --device cpu --model tiny runs the same loop where no GPU is, which says nothing about speed.
#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

#include "train/model/model.h"
#include "train/parallel/communicator.h"
#include "train/parallel/train_state.h"

#ifdef MATHCODER_TRAIN_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <cuda_runtime_api.h>
#endif

namespace mathcoder::train {
namespace {

struct BenchOptions {
  std::string model = "0.5b", device = "cuda:0", checkpointing = "selective", moments = "bf16";
  std::int64_t length = 2048, row = 16384, steps = 10, warm_up = 3;
  double peak = 0;  // TFLOPS; 0: by the card's name
};

weights::ModelConfig Config(const std::string& name) {
  struct Shape {
    weights::Family family;
    std::int64_t vocabulary, hidden, intermediate, layers, heads, kv_heads, head_dim;
    bool tied;
  };
  using enum weights::Family;
  const std::map<std::string, Shape> shapes = {
      {"tiny", {kLlama, 320, 64, 176, 2, 4, 2, 16, false}},
      {"0.5b", {kQwen2, 151936, 896, 4864, 24, 14, 2, 64, true}},    // Qwen2.5
      {"1.5b", {kQwen2, 151936, 1536, 8960, 28, 12, 2, 128, true}},  // Qwen2.5
      {"7b", {kLlama, 32000, 4096, 11008, 32, 32, 32, 128, false}},  // Llama 2, Code Llama
  };
  const Shape& shape = shapes.at(name);
  weights::ModelConfig config;
  config.family = shape.family;
  config.vocab_size = shape.vocabulary;
  config.hidden_size = shape.hidden;
  config.intermediate_size = shape.intermediate;
  config.num_hidden_layers = shape.layers;
  config.num_attention_heads = shape.heads;
  config.num_key_value_heads = shape.kv_heads;
  config.head_dim = shape.head_dim;
  config.tie_word_embeddings = shape.tied;
  config.qkv_bias = shape.family == kQwen2;
  return config;
}

// Sequences of `length` random tokens, each but the last of a sequence with a target.
Row RandomRow(const BenchOptions& options, std::int64_t vocabulary, std::mt19937& random) {
  Row row;
  std::uniform_int_distribution<std::int32_t> token(0, static_cast<std::int32_t>(vocabulary) - 1);
  row.borders.push_back(0);
  for (std::int64_t i = 0; i < options.row; ++i) {
    const std::int64_t position = i % options.length;
    const bool last = position + 1 == options.length || i + 1 == options.row;
    row.ids.push_back(token(random));
    row.positions.push_back(static_cast<std::int32_t>(position));
    row.targets.push_back(last ? -1 : 0);
    row.weights.push_back(last ? 0 : 1);
    row.roles.push_back(0);
    if (last) row.borders.push_back(static_cast<std::int32_t>(i) + 1);
  }
  for (std::size_t i = 0; i + 1 < row.ids.size(); ++i) {
    if (row.targets[i] >= 0) row.targets[i] = row.ids[i + 1];
  }
  return row;
}

void Synchronize(at::Device device) {
  if (!device.is_cpu()) c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
}

// Dense bf16, in TFLOPS, from the cards' data sheets.
double PeakOf([[maybe_unused]] at::Device device, std::string& card) {
  card = "CPU";
#ifdef MATHCODER_TRAIN_CUDA
  if (device.is_cuda()) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, device.index()) != cudaSuccess) return 0;
    card = properties.name;
    const std::pair<const char*, double> peaks[] = {{"B200", 2250}, {"H200", 989}, {"H100 PCIe", 756}, {"H100", 989}, {"A100", 312},
                                                    {"L40S", 362},  {"L4", 121},   {"RTX 4090", 165},  {"A10", 125}};
    for (const auto& [name, peak] : peaks) {
      if (card.find(name) != std::string::npos) return peak;
    }
  }
#endif
  return 0;
}

int Run(const BenchOptions& options) {
  const at::Device device(options.device);
  if (!device.is_cpu() && at::getNumGPUs() <= static_cast<std::size_t>(std::max<int>(0, device.index()))) {
    throw std::runtime_error("no " + options.device +
                             " here that this build can use; see docs/training-gpu.md, or --device cpu --model tiny");
  }
  const weights::ModelConfig config = Config(options.model);
  const std::unique_ptr<Communicator> communicator = StartCommunicator(at::kCPU);
  const Layout layout = PlanLayout(config, {});
  TrainStateOptions state_options;
  state_options.compute = state_options.gradient = at::kBFloat16;  // one row a step
  state_options.device = device;
  state_options.adamw.moments =
      std::map<std::string, MomentType>{{"f32", MomentType::kF32}, {"bf16", MomentType::kBf16}, {"int8", MomentType::kInt8}}.at(
          options.moments);
  const std::unique_ptr<TrainState> state = TrainState::Create(layout, state_options, *communicator);
  for (const Unit& unit : layout.units) {
    for (const Parameter& parameter : unit.learning) {
      const at::TensorOptions where = at::TensorOptions().dtype(at::kBFloat16).device(device);
      state->SetParameter(parameter.name, parameter.shape.size() == 2 ? at::empty(parameter.shape, where).normal_(0, 0.02)
                                                                      : at::ones(parameter.shape, where));
    }
  }
  ModelOptions model_options;
  model_options.compute = at::kBFloat16;
  model_options.device = device;
  model_options.checkpointing = std::map<std::string, Checkpointing>{
      {"none", Checkpointing::kNone},
      {"selective", Checkpointing::kSelective},
      {"full",
       Checkpointing::kFull}}.at(options.checkpointing);
  Model model(config, model_options, *state);

  std::mt19937 random(1);
  std::string card;
  const double peak = options.peak > 0 ? options.peak : PeakOf(device, card);
  double loss = 0, flops = 0;
  std::chrono::steady_clock::time_point begin;
  for (std::int64_t step = 1; step <= options.warm_up + options.steps; ++step) {
    if (step == options.warm_up + 1) {
      Synchronize(device);
      begin = std::chrono::steady_clock::now();
    }
    const Row row = RandomRow(options, config.vocab_size, random);
    state->BeginRow(1);
    const RowLoss result = model.ForwardBackward(row, 1 / static_cast<double>(options.row));
    const double norm = state->FinishGradients();
    state->Step(1e-5, step, norm > 1 ? 1 / norm : 1);
    loss = result.weighted / result.weight;
    if (step > options.warm_up) flops += model.FlopsOf(row);
  }
  Synchronize(device);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%s, %s: %lld parameters, rows of %lld tokens in sequences of %lld, checkpointing %s, moments %s\n",
              options.model.c_str(), card.c_str(), static_cast<long long>(layout.learning_count()),
              static_cast<long long>(options.row), static_cast<long long>(options.length), options.checkpointing.c_str(),
              options.moments.c_str());
  std::printf("%.0f tokens/s, %.3f s a step, %.1f TFLOPS", static_cast<double>(options.steps * options.row) / seconds,
              seconds / static_cast<double>(options.steps), flops / seconds / 1e12);
  if (peak > 0) std::printf(", MFU %.1f%% of %.0f TFLOPS", flops / seconds / peak / 1e10, peak);
  std::printf("; loss %.3f\n", loss);
#ifdef MATHCODER_TRAIN_CUDA
  if (device.is_cuda()) {
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
    std::printf("memory: %.1f GiB at most\n", static_cast<double>(stats.allocated_bytes[0].peak) / (std::int64_t{1} << 30));
  }
#endif
  return 0;
}

}  // namespace
}  // namespace mathcoder::train

int main(int argc, char** argv) {
  CLI::App app("MFU of full fine-tuning on one GPU, with random tokens");
  mathcoder::train::BenchOptions options;
  app.add_option("--model", options.model)->check(CLI::IsMember({"tiny", "0.5b", "1.5b", "7b"}))->capture_default_str();
  app.add_option("--device", options.device, "cuda:0, ...; cpu to see that the loop works")->capture_default_str();
  app.add_option("--length", options.length, "Tokens of a sequence")->capture_default_str();
  app.add_option("--row", options.row, "Tokens of a row, which is a step")->capture_default_str();
  app.add_option("--steps", options.steps)->capture_default_str();
  app.add_option("--warm-up", options.warm_up, "Steps before the clock runs")->capture_default_str();
  app.add_option("--checkpointing", options.checkpointing)
      ->check(CLI::IsMember({"none", "selective", "full"}))
      ->capture_default_str();
  app.add_option("--moments", options.moments)->check(CLI::IsMember({"f32", "bf16", "int8"}))->capture_default_str();
  app.add_option("--peak", options.peak, "TFLOPS of the card in dense bf16; 0: by its name")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return mathcoder::train::Run(options);
  } catch (const std::exception& error) {
    const std::string message = error.what();  // libtorch adds pages to its first line
    std::fprintf(stderr, "train_gpu_bench: %s\n", message.substr(0, message.find('\n')).c_str());
    return 1;
  }
}
