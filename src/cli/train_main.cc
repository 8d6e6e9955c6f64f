// mathcoder-train: what `mathcoder train` starts. Parse, call, print.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "base/error.h"
#include "c10/util/Exception.h"
#include "chat/observation.h"
#include "cli/interrupt.h"
#include "train/data/export.h"
#include "train/data/mask_view.h"
#include "train/parallel/communicator.h"
#include "train/run/device.h"
#include "train/run/preparation.h"
#include "train/run/trainer.h"

// jemalloc reads this at its start: pages that were touched once are kept. Fresh pages cost more than the arithmetic on them
// (docs/training.md).
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always,metadata_thp:auto";
}

namespace {

using namespace mathcoder;  // NOLINT(google-build-using-namespace)
using base::ExitCode;

constexpr char kFooter[] = R"(
Examples:
  mathcoder train recipes/tiny.yaml                              # the same command goes on where it stopped
  mathcoder train my.yaml optimizer.learning_rate=1e-5 run=runs/b
  mathcoder train my.yaml --show-mask                            # what is learnt, in colours, before any time is spent
  mathcoder train my.yaml --dry-run                              # parameters, memory, steps, the first batch
  mpirun -n 4 mathcoder train my.yaml parallel.zero=2            # four processes; srun works as well

A configuration is YAML; --keys lists every key, its default and its meaning. docs/training.md tells the rest.)";

constexpr char kOutOfMemory[] =
    "out of memory; smaller rows (data.length), model.checkpointing=full or parallel.zero help (--dry-run says what is needed)";

int Report(const std::string& message, ExitCode code) {
  std::fflush(stdout);
  std::fprintf(stderr, "mathcoder train: error: %s\n", message.c_str());
  return static_cast<int>(code);
}

struct Arguments {
  std::string config;
  std::vector<std::string> overrides;
  bool dry_run = false, keys = false, quiet = false;
  int show_mask = 0;
  std::string export_form, export_to;
};

void PrintKeys() {
  for (const train::Key& key : train::KeyTable()) {
    std::printf("%-38s %-12s %s\n", key.name.c_str(), key.initial.c_str(), key.meaning.c_str());
  }
}

int ShowMask(const train::Config& config, int count) {
  const train::Preparation preparation(config, false);
  const auto& examples = preparation.split().train;
  const std::size_t wanted = std::min(examples.size(), static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < wanted; ++i) {  // spread over the data
    const train::Example example = preparation.train().example(examples[i * examples.size() / wanted]);
    train::PrintMask(example, preparation.tokenizer(), train::MaskColours::kAuto, stdout);
  }
  return 0;
}

int Export(const train::Config& config, const std::string& form_name, const std::string& file, bool quiet) {
  const auto form = train::ExportFormFromName(form_name);
  if (!form) {
    throw base::Error("--export " + form_name + ": there are messages, torchtune, axolotl and axolotl-segments", ExitCode::kUsage);
  }
  const train::Preparation preparation(config, quiet);
  const std::size_t lines =
      train::Export(preparation.train(), preparation.split().train, preparation.tokenizer(), preparation.dialect().default_system(),
                    chat::LoadObservationPolicy(config.data.observation), *form, file);
  if (!quiet) std::fprintf(stderr, "%s: %zu examples\n", file.c_str(), lines);
  return 0;
}

int Run(const Arguments& arguments) {
  if (arguments.keys) return PrintKeys(), 0;
  const train::Config config = train::ReadConfig(arguments.config, arguments.overrides);
  if (arguments.show_mask > 0) return ShowMask(config, arguments.show_mask);
  if (!arguments.export_form.empty()) return Export(config, arguments.export_form, arguments.export_to, arguments.quiet);
  const auto communicator = train::StartCommunicator(train::DeviceOf(config));
  if (arguments.dry_run) {
    if (communicator->rank() == 0) std::fputs(train::DryRun(config, communicator->size()).c_str(), stdout);
    return 0;
  }
  const train::TrainerOptions options{.quiet = arguments.quiet, .interrupted = &cli::InstallInterrupt()};
  const train::TrainingEnd end = train::Train(config, *communicator, options);
  return static_cast<int>(end == train::TrainingEnd::kDone ? ExitCode::kOk : ExitCode::kInterrupted);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Fine-tune a model of the Llama family on transcripts, or train one from scratch.", "mathcoder train");
  app.footer(kFooter);
  Arguments arguments;
  app.add_option("config", arguments.config, "the configuration (YAML)");
  app.add_option("overrides", arguments.overrides, "key=value: changes one key of it");
  app.add_flag("--keys", arguments.keys, "list every key of a configuration");
  app.add_flag("--dry-run", arguments.dry_run, "say what would be done, and what memory it would take");
  app.add_flag("--show-mask", arguments.show_mask, "print a sample of the data with what is learnt; repeat for more samples");
  app.add_option("--export", arguments.export_form,
                 "write the masked data for those who train elsewhere: messages, torchtune, axolotl, axolotl-segments");
  app.add_option("--to", arguments.export_to, "the file that --export writes");
  app.add_flag("-q,--quiet", arguments.quiet, "no progress line");
  try {
    app.parse(argc, argv);
    if (!arguments.keys && arguments.config.empty()) {
      return Report("no configuration is named; see `mathcoder train --help`", ExitCode::kUsage);
    }
    if (arguments.export_form.empty() != arguments.export_to.empty()) {
      return Report("--export FORM and --to FILE go together", ExitCode::kUsage);
    }
    return Run(arguments);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return Report(std::string(error.what()) + "; see `mathcoder train --help`", ExitCode::kUsage);
  } catch (const base::Error& error) {
    return Report(error.what(), error.code());
  } catch (const std::bad_alloc&) {
    return Report(kOutOfMemory, ExitCode::kFailure);
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    if (what.find("can't allocate memory") != std::string::npos || what.find("out of memory") != std::string::npos) {
      return Report(kOutOfMemory, ExitCode::kFailure);
    }
    return Report("unexpected: " + what + "; this is a bug, please report it", ExitCode::kInternal);
  } catch (const std::exception& error) {
    return Report(std::string("unexpected: ") + error.what() + "; this is a bug, please report it", ExitCode::kInternal);
  }
}
