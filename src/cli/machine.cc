#include "cli/machine.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/paths.h"
#include "base/version.h"
#include "engine/endpoint_engine.h"
#include "engine/llama_engine.h"
#include "grade/grade.h"

namespace mathcoder::cli {
namespace {

constexpr char kDefaultModel[] = "models/mathematics-7m-f16.gguf";

sandbox::Tier TierFromLetter(const std::string& letter) {
  if (letter == "A") return sandbox::Tier::kA;
  return letter == "C" ? sandbox::Tier::kC : sandbox::Tier::kB;
}

std::vector<engine::LoraAdapter> LoraAdapters(const std::vector<std::string>& texts) {
  std::vector<engine::LoraAdapter> adapters;
  for (const std::string& text : texts) {
    engine::LoraAdapter adapter{.path = text};
    if (const std::size_t colon = text.rfind(':'); colon != std::string::npos) {
      char* end = nullptr;
      const float scale = std::strtof(text.c_str() + colon + 1, &end);
      if (*end == '\0' && end != text.c_str() + colon + 1) adapter = {.path = text.substr(0, colon), .scale = scale};
    }
    adapters.push_back(std::move(adapter));
  }
  return adapters;
}

std::unique_ptr<engine::Engine> OpenEngine(const MachineOptions& options, std::size_t parallel, const chat::Dialect* dialect) {
  if (!options.backends.empty()) {
    engine::EndpointOptions endpoint{.urls = options.backends, .model = options.backend_model};
    if (const char* key = std::getenv(options.api_key_env.c_str())) endpoint.api_key = key;
    endpoint.specials = dialect->special_strings();
    endpoint.context_tokens = options.context;
    endpoint.ca_file = options.ca_file;
    endpoint.max_connections = std::max<std::size_t>(parallel, 1);
    return engine::OpenEndpoint(endpoint);
  }
  engine::LlamaOptions llama;
  llama.model = options.model.empty() ? DefaultModel() : options.model;
  llama.lora = LoraAdapters(options.lora);
  llama.gpu_layers = options.gpu_layers;
  llama.context = options.context;
  // No sequence needs more than the limit of the whole, and none can use more than the model was trained on (0 below).
  llama.longest_sequence = static_cast<std::uint32_t>(std::min<std::size_t>(options.max_tokens, UINT32_MAX));
  llama.threads = options.threads;
  llama.parallel = static_cast<std::uint32_t>(std::max<std::size_t>(parallel, 1));
  llama.deterministic = options.deterministic;
  return engine::OpenLlama(llama);
}

// What is in no other field of the provenance and changes what comes out.
base::Json SettingsOf(const MachineOptions& options) {
  return {{"lora", options.lora},
          {"system", options.system},
          {"deterministic", options.deterministic},
          {"max_blocks", options.max_blocks},
          {"max_block_tokens", options.max_block_tokens},
          {"max_tokens", options.max_tokens},
          {"code_seconds", options.code_seconds},
          {"memory_mib", options.memory_mib}};
}

}  // namespace

std::string DefaultModel() {
  if (const auto path = base::FindData(kDefaultModel)) return path->string();
  throw base::BadInput(std::string("the program's own model (") + kDefaultModel +
                       ") is not there; name one with -m MODEL.gguf, or set MATHCODER_DATA to the folder that holds models/");
}

void AddEngineOptions(CLI::App& app, MachineOptions& options) {
  const char* const model = "Model";
  app.add_option("-m,--model", options.model, "GGUF file (default: the small model that ships with the program)")->group(model);
  app.add_option("--backend", options.backends, "OpenAI-compatible endpoint, http(s)://HOST:PORT/v1; repeat for several")
      ->allow_extra_args(false)
      ->group(model);
  app.add_option("--backend-model", options.backend_model, "model name at the endpoint (default: the first it serves)")
      ->group(model);
  app.add_option("--api-key-env", options.api_key_env, "environment variable that holds the endpoint's key")
      ->group(model)
      ->capture_default_str();
  app.add_option("--ca-file", options.ca_file, "certificates to trust at the endpoint, PEM (default: the system's)")
      ->group(model)
      ->check(CLI::ExistingFile);
  app.add_option("--dialect", options.dialect,
                 "mathcoder, tora, qwen-math, chatml, llama3, or a YAML file (default: the model file's)")
      ->group(model);
  app.add_option("--system", options.system, "system message (default: the dialect's)")->group(model);
  app.add_option("--lora", options.lora, "LoRA adapter, FILE or FILE:SCALE; repeat for several")
      ->allow_extra_args(false)
      ->group(model);
  app.add_option("-l,--n-gpu-layers,--ngl", options.gpu_layers, "layers on the GPU, -1: all that fit")
      ->group(model)
      ->capture_default_str();
  app.add_option("-c,--ctx-size", options.context, "tokens of KV cache for all sequences (default: what -j needs)")->group(model);
  app.add_option("-t,--threads", options.threads, "CPU threads (default: cores)")->group(model);
  app.add_flag("--deterministic", options.deterministic, "same seed, same tokens, whatever runs beside it (slower)")->group(model);
  const char* const sampling = "Sampling";
  app.add_option("--temp", options.sampling.temperature, "temperature, 0: greedy")->group(sampling)->capture_default_str();
  app.add_option("--top-k", options.sampling.top_k, "0: off")->group(sampling)->capture_default_str();
  app.add_option("--top-p", options.sampling.top_p, "1: off")->group(sampling)->capture_default_str();
  app.add_option("--min-p", options.sampling.min_p, "0: off")->group(sampling)->capture_default_str();
  app.add_option("--repeat-penalty", options.sampling.repetition_penalty, "1: off")->group(sampling)->capture_default_str();
  app.add_option("-s,--seed", options.sampling.seed, "sample i uses seed + i")->group(sampling)->capture_default_str();
  const char* const limits = "Limits";
  app.add_option("--max-blocks", options.max_blocks, "code blocks a problem")->group(limits)->capture_default_str();
  app.add_option("--max-block-tokens", options.max_block_tokens, "new tokens a block")->group(limits)->capture_default_str();
  app.add_option("--max-tokens", options.max_tokens, "tokens of prompt, solution and outputs together")
      ->group(limits)
      ->capture_default_str();
}

void AddSandboxOptions(CLI::App& app, MachineOptions& options) {
  const char* const sandbox = "Sandbox";
  app.add_option("--library-set", options.library_set, "current, published (sympy 1.12, numpy 1.26), or a Python interpreter")
      ->group(sandbox)
      ->capture_default_str();
  app.add_option("--sandbox-tier", options.minimum_tier, "weakest isolation to accept: A, B or C")
      ->group(sandbox)
      ->check(CLI::IsMember({"A", "B", "C"}))
      ->capture_default_str();
  app.add_option("--code-time", options.code_seconds, "seconds for a block of code")
      ->group(sandbox)
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--memory", options.memory_mib, "MiB for a session")
      ->group(sandbox)
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--observation", options.observation, "what the model is told of an output: mathcoder, tora, raw")
      ->group(sandbox)
      ->capture_default_str();
}

solve::Limits LimitsOf(const MachineOptions& options) {
  return {.blocks = options.max_blocks,
          .block_tokens = options.max_block_tokens,
          .total_tokens = options.max_tokens,
          .code_time = std::chrono::milliseconds(static_cast<std::int64_t>(options.code_seconds * 1000))};
}

sandbox::SandboxOptions SandboxOptionsOf(const MachineOptions& options, std::size_t parallel) {
  sandbox::SandboxOptions sandbox;
  sandbox.library_set = options.library_set;
  sandbox.minimum_tier = TierFromLetter(options.minimum_tier);
  sandbox.memory_bytes = options.memory_mib << 20;
  sandbox.warm_sessions = std::min<std::size_t>(parallel, 4);
  sandbox.max_sessions = std::max<std::size_t>(parallel + sandbox.warm_sessions, sandbox.max_sessions);
  return sandbox;
}

SandboxLater::SandboxLater(sandbox::SandboxOptions options)
    : future_(std::async(std::launch::async, [options = std::move(options)] {
        return std::shared_ptr<sandbox::Sandbox>(sandbox::StartSandbox(options));
      })) {}

sandbox::Sandbox& SandboxLater::Get() { return *future_.get(); }

Machine::Machine(const MachineOptions& options, std::size_t parallel)
    : options_(options), parallel_(parallel), sandbox_(SandboxOptionsOf(options, parallel)) {
  if (!options.dialect.empty()) dialect_ = chat::LoadDialect(options.dialect);
  if (!options.backends.empty() && dialect_ == nullptr) {
    dialect_ = chat::LoadDialect("mathcoder");
    std::fprintf(stderr,
                 "mathcoder: an endpoint does not tell how its model writes code blocks: dialect mathcoder is taken; choose with "
                 "--dialect\n");
  }
  engine_ = OpenEngine(options, parallel, dialect_.get());
  if (dialect_ == nullptr) dialect_ = chat::DetectDialect(engine_->info().hints, engine_->tokenizer());
  if (dialect_ == nullptr) {
    std::string names;
    for (const std::string& name : chat::BuiltInDialects()) names += (names.empty() ? "" : ", ") + name;
    throw base::BadInput(engine_->info().model + ": nothing in it says how it writes code blocks; choose with --dialect (" + names +
                         ", or a YAML file: docs/dialects.md)");
  }
  dialect_->CheckVocabulary(engine_->tokenizer());
}

solve::SchedulerOptions Machine::SchedulerOptions() {
  const engine::EngineInfo& info = engine_->info();
  solve::SchedulerOptions scheduler;
  scheduler.limits = LimitsOf(options_);
  // An engine that speaks text has bytes for tokens (docs/decisions/0001): the limit of the whole is stretched by what a token of
  // mathematics has in bytes, rounded up. The limit of a block is the server's to keep, in its own tokens.
  constexpr std::size_t kBytesPerToken = 4;
  if (!options_.backends.empty()) scheduler.limits.total_tokens *= kBytesPerToken;
  scheduler.observation = chat::LoadObservationPolicy(options_.observation);
  scheduler.parallel = parallel_;
  scheduler.final_answer = [](const std::vector<chat::Block>& blocks) { return grade::FindAnswer(blocks).text; };
  scheduler.provenance = {.program = std::string("mathcoder ") + MATHCODER_VERSION,
                          .engine = info.engine,
                          .model = options_.backends.empty() ? std::filesystem::path(info.model).filename().string() : info.model,
                          .dialect = dialect_->name(),
                          .observation_policy = scheduler.observation.name,
                          .sandbox_tier = std::string(1, sandbox::Letter(sandbox_.Get().tier().tier)),
                          .library_set = options_.library_set,
                          .sampling = nullptr,
                          .settings = SettingsOf(options_)};
  return scheduler;
}

}  // namespace mathcoder::cli
