// mathcoder doctor: what the machine offers, what will be used, and what to do about what is missing.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/progress.h"
#include "base/version.h"
#include "chat/dialect.h"
#include "cli/machine.h"
#include "cli/verbs.h"
#include "engine/llama_engine.h"
#include "sandbox/sandbox.h"

namespace mathcoder::cli {
namespace {

void Line(const char* name, const std::string& value) { std::printf("%-12s %s\n", name, value.c_str()); }

// The value behind "key : value" in a file of /proc, of its first line that has it.
std::string ProcValue(const char* file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t at = line.find_first_not_of(" \t:", line.find(':'));
    return at == std::string::npos ? "" : line.substr(at);
  }
  return "unknown";
}

std::string Gib(const std::string& kib) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GiB", std::strtod(kib.c_str(), nullptr) / (1 << 20));
  return text;
}

// True when a model can be used with the dialect that it chooses.
bool ReportModel(const MachineOptions& options) {
  try {
    engine::LlamaOptions llama;
    llama.model = options.model.empty() ? DefaultModel() : options.model;
    llama.parallel = 1;
    llama.gpu_layers = options.gpu_layers;
    const auto engine = engine::OpenLlama(llama);
    const engine::EngineInfo& info = engine->info();
    Line("model", info.model);
    Line("", "sha256 " + engine->ModelSha256());
    Line("", base::Dump(info.details));
    const auto dialect =
        options.dialect.empty() ? chat::DetectDialect(info.hints, engine->tokenizer()) : chat::LoadDialect(options.dialect);
    if (dialect == nullptr) {
      Line("dialect", "none fits this model; choose one with --dialect");
      return false;
    }
    dialect->CheckVocabulary(engine->tokenizer());
    Line("dialect", dialect->name() + (options.dialect.empty() ? " (the model's choice)" : " (your choice)"));
    return true;
  } catch (const base::Error& error) {
    Line("model", std::string("NOT USABLE: ") + error.what());
    return false;
  }
}

bool ReportSandbox(const MachineOptions& options) {
  sandbox::SandboxOptions sandbox = SandboxOptionsOf(options, 1);
  sandbox.minimum_tier = sandbox::Tier::kC;  // look at everything, judge below
  try {
    const sandbox::TierReport report = sandbox::ProbeTier(sandbox);
    const char letter = sandbox::Letter(report.tier);
    const bool enough = report.tier != sandbox::Tier::kNone && letter <= options.minimum_tier.front();
    Line("sandbox", std::string("tier ") + letter + (enough ? "" : ": NOT ENOUGH, tier " + options.minimum_tier + " is asked for"));
    if (!report.why_not_higher.empty()) Line("", "not higher: " + report.why_not_higher);
    for (const sandbox::Layer& layer : report.layers) {
      Line("", (layer.available ? "+ " : "- ") + layer.name + (layer.available ? "" : ": " + layer.why_not));
    }
    std::string libraries;
    for (const auto& [name, version] : report.libraries) libraries += ", " + name + " " + version;
    Line("jail", "Python " + report.python_version + libraries + " (library set " + options.library_set + ")");
    return enough;
  } catch (const base::Error& error) {
    Line("sandbox", std::string("NOT USABLE: ") + error.what());
    return false;
  }
}

int Doctor(const MachineOptions& options) {
  Line("program", std::string("mathcoder ") + MATHCODER_VERSION);
  Line("engine", engine::LlamaVersion());
  Line("cpu", ProcValue("/proc/cpuinfo", "model name") + ", " + std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + " in use");
  Line("", engine::LlamaSystemInfo());
  Line("memory", Gib(ProcValue("/proc/meminfo", "MemTotal")) + ", " + Gib(ProcValue("/proc/meminfo", "MemAvailable")) + " free");
  const bool model = ReportModel(options);
  const bool sandbox = ReportSandbox(options);
  std::printf(model && sandbox ? "\nready: mathcoder solve \"What is 2**100 mod 97?\"\n"
                               : "\nnot ready: see the lines in capitals\n");
  return static_cast<int>(model && sandbox ? base::ExitCode::kOk : base::ExitCode::kUnavailable);
}

}  // namespace

void AddDoctor(CLI::App& app, Run& run) {
  auto options = std::make_shared<MachineOptions>();
  CLI::App* verb = app.add_subcommand("doctor", "what this machine offers and what will be used");
  verb->footer("\nExample:\n  mathcoder doctor -m model.gguf");
  verb->add_option("-m,--model", options->model, "GGUF file to look at (default: the program's own)");
  verb->add_option("--dialect", options->dialect, "dialect to check the model against");
  verb->add_option("-l,--n-gpu-layers,--ngl", options->gpu_layers, "layers on the GPU, -1: all that fit");
  AddSandboxOptions(*verb, *options);
  verb->callback([options, &run] { run = [options] { return Doctor(*options); }; });
}

}  // namespace mathcoder::cli
