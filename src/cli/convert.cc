// mathcoder convert: Hugging Face folder <-> GGUF.
#include "weights/convert.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "cli/interrupt.h"
#include "cli/verbs.h"
#include "engine/llama_vocabulary.h"

namespace mathcoder::cli {
namespace {

namespace fs = std::filesystem;

struct ConvertArguments {
  std::string in, out;
  std::string dialect_to_add;
  weights::ConvertOptions options;
  std::uint64_t shard_megabytes = 5120;
  bool quiet = false;
};

// llama.cpp's quantiser cannot be asked to stop: a signal removes what it has written and ends the program.
class QuantiserWatch {
 public:
  QuantiserWatch(const std::atomic<bool>& interrupted, std::vector<fs::path> files)
      : thread_([&interrupted, files = std::move(files)](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            if (interrupted) {
              std::error_code error;
              for (const fs::path& file : files) fs::remove(file, error);
              std::fprintf(stderr, "\nmathcoder: interrupted; nothing was written\n");
              ::_exit(static_cast<int>(base::ExitCode::kInterrupted));
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
          }
        }) {}

 private:
  std::jthread thread_;
};

std::string Size(std::uint64_t bytes) {
  char text[32];
  if (bytes >= 10'000'000'000) {
    std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(bytes) / 1e9);
  } else {
    std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  }
  return text;
}

int Convert(ConvertArguments arguments) {
  weights::ConvertOptions& options = arguments.options;
  std::transform(options.type.begin(), options.type.end(), options.type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!arguments.dialect_to_add.empty()) {
    if (!options.dialect.empty() && options.dialect != arguments.dialect_to_add) {
      throw base::Error("--dialect and --add-dialect-tokens name two dialects", base::ExitCode::kUsage);
    }
    options.dialect = arguments.dialect_to_add;
    options.add_dialect_tokens = true;
  }
  options.max_shard_bytes = arguments.shard_megabytes * 1'000'000;
  const std::atomic<bool>& interrupted = InstallInterrupt();
  constexpr std::uint64_t kMega = 1'000'000;
  std::unique_ptr<base::Progress> progress;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    if (interrupted) throw base::Error("interrupted; nothing was written", base::ExitCode::kInterrupted);
    if (!progress)
      progress = std::make_unique<base::Progress>(
          base::ProgressOptions{.label = "convert", .unit = "MB", .total = total / kMega, .quiet = arguments.quiet});
    progress->Set(done / kMega, "");
  };
  std::unique_ptr<QuantiserWatch> watch;
  options.quantising = [&](const std::vector<fs::path>& files) {
    progress.reset();
    if (!arguments.quiet) std::fprintf(stderr, "quantising to %s ...\n", options.type.c_str());
    watch = std::make_unique<QuantiserWatch>(interrupted, files);
  };
  const bool from_gguf = fs::is_regular_file(arguments.in) || arguments.in.ends_with(".gguf");
  const bool to_gguf = arguments.out.ends_with(".gguf");
  if (from_gguf && to_gguf) {
    throw base::Error("both names are GGUF files; convert reads a Hugging Face folder or writes one", base::ExitCode::kUsage);
  }
  const weights::ConvertReport report = from_gguf ? weights::ConvertGgufToHf(arguments.in, arguments.out, options)
                                        : to_gguf ? weights::ConvertHfToGguf(arguments.in, arguments.out, options)
                                                  : weights::ConvertHfToHf(arguments.in, arguments.out, options);
  watch.reset();
  progress.reset();
  if (arguments.quiet) return 0;
  std::printf("%s: %zu tensors, %.1fM parameters, %s; vocabulary %zu; dialect %s\n", arguments.out.c_str(), report.tensors,
              static_cast<double>(report.parameters) / 1e6, Size(report.bytes).c_str(), report.vocabulary,
              report.dialect.empty() ? "unknown (name it with --dialect when solving)" : report.dialect.c_str());
  if (!report.added_tokens.empty()) {
    std::string list;
    for (const std::string& token : report.added_tokens) list += " " + token;
    std::printf("added:%s\n", list.c_str());
  }
  for (const std::string& note : report.notes) std::printf("note: %s\n", note.c_str());
  return 0;
}

std::string TypesHelp() {
  std::string text = "f32, f16, bf16 (default: as stored); for GGUF also";
  for (const std::string& name : engine::QuantisationTypes()) text += " " + name;
  return text;
}

}  // namespace

void AddConvert(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<ConvertArguments>();
  weights::ConvertOptions& options = arguments->options;
  CLI::App* verb = app.add_subcommand("convert", "a model from Hugging Face's form to GGUF and back");
  verb->footer(R"(
IN and OUT say what is done: a folder holds a model in Hugging Face's form (config.json, safetensors, tokenizer), a name that ends in
.gguf is a GGUF file. Llama, Mistral and Qwen2 models; docs/weights.md says what is kept and what is refused.

Examples:
  mathcoder convert Llama-2-7b-hf llama-2-7b.gguf                          # types as stored
  mathcoder convert Llama-2-7b-hf llama-2-7b-q4.gguf --outtype q4_k_m      # through llama.cpp's quantiser
  mathcoder convert model.gguf model-hf                                    # back
  mathcoder convert CodeLlama-7b-hf start-hf --add-dialect-tokens mathcoder   # 8 block tokens, mean-initialised, ready to train)");
  verb->add_option("in", arguments->in, "a Hugging Face folder, or a GGUF file")->required();
  verb->add_option("out", arguments->out, "NAME.gguf, or a new folder")->required();
  verb->add_option("--outtype", options.type, TypesHelp());
  verb->add_option("--dialect", options.dialect,
                   "how the model writes code blocks: a dialect's name or file (default: recognised)");
  verb->add_option("--add-dialect-tokens", arguments->dialect_to_add,
                   "append the control tokens of this dialect that the vocabulary lacks");
  verb->add_option("--add-token", options.add_tokens, "append a control token (can be given again)");
  verb->add_flag("--grow-embeddings", options.grow_embeddings,
                 "add mean-initialised rows where the vocabulary has more tokens than the model");
  verb->add_option("--pre", options.pre, "llama.cpp's name of the pre-tokenizer, where it is not recognised");
  verb->add_option("--name", options.name, "the model's name in the GGUF file (default: the folder's)");
  verb->add_option("--shard-megabytes", arguments->shard_megabytes, "most of a safetensors file (default: 5120)")
      ->check(CLI::PositiveNumber);
  verb->add_option("-t,--threads", options.threads, "of the quantiser (default: all)")->check(CLI::NonNegativeNumber);
  verb->add_flag("-q,--quiet", arguments->quiet, "no progress line, no summary");
  verb->callback([arguments, &run] { run = [arguments] { return Convert(*arguments); }; });
}

}  // namespace mathcoder::cli
