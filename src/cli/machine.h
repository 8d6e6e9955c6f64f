// What the verbs that solve have in common: their options, and the engine, dialect and sandbox that these name.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/dialect.h"
#include "chat/observation.h"
#include "engine/engine.h"
#include "sandbox/sandbox.h"
#include "solve/loop.h"
#include "solve/scheduler.h"

namespace CLI {
class App;
}

namespace mathcoder::cli {

struct MachineOptions {
  // engine
  std::string model;                  // empty: the model that ships with the program
  std::vector<std::string> backends;  // endpoint URLs; not empty: no model file is loaded
  std::string backend_model;
  std::string api_key_env = "OPENAI_API_KEY";
  std::string ca_file;            // PEM; empty: the system's
  std::vector<std::string> lora;  // FILE or FILE:SCALE
  std::int32_t gpu_layers = -1;
  std::uint32_t context = 0;
  std::int32_t threads = 0;
  bool deterministic = false;
  // dialect
  std::string dialect;  // empty: the model file chooses
  std::string system;   // empty: the dialect's
  std::string observation = "mathcoder";
  // sampling
  engine::SamplingOptions sampling;
  // sandbox
  std::string library_set = "current";
  std::string minimum_tier = "B";
  std::size_t memory_mib = 1024;
  // loop
  std::size_t parallel = 0;  // 0: the verb's default
  std::size_t max_blocks = solve::Limits{}.blocks;
  std::size_t max_block_tokens = solve::Limits{}.block_tokens;
  std::size_t max_tokens = solve::Limits{}.total_tokens;
  double code_seconds = 6;
};

void AddEngineOptions(CLI::App& app, MachineOptions& options);
void AddSandboxOptions(CLI::App& app, MachineOptions& options);

solve::Limits LimitsOf(const MachineOptions& options);
sandbox::SandboxOptions SandboxOptionsOf(const MachineOptions& options, std::size_t parallel);

// Starts the sandbox in the background at once, so that it is ready when the first code block is.
class SandboxLater {
 public:
  explicit SandboxLater(sandbox::SandboxOptions options);
  sandbox::Sandbox& Get();  // waits; throws base::Unavailable as StartSandbox does

 private:
  std::shared_future<std::shared_ptr<sandbox::Sandbox>> future_;
};

// Engine, dialect and sandbox of one run.
class Machine {
 public:
  // Throws base::Error with one clear line when a part cannot be had.
  Machine(const MachineOptions& options, std::size_t parallel);

  engine::Engine& engine() { return *engine_; }
  const std::shared_ptr<const chat::Dialect>& dialect() const { return dialect_; }
  SandboxLater& sandbox() { return sandbox_; }
  // Waits for the sandbox (its tier is part of every record). The model's hash is not in it yet: Engine::ModelSha256 may take
  // longer than a first answer.
  solve::SchedulerOptions SchedulerOptions();

 private:
  const MachineOptions options_;
  const std::size_t parallel_;
  SandboxLater sandbox_;
  std::unique_ptr<engine::Engine> engine_;
  std::shared_ptr<const chat::Dialect> dialect_;
};

// The model file that is used when none is named; throws base::BadInput when the program's own is missing.
std::string DefaultModel();

}  // namespace mathcoder::cli
