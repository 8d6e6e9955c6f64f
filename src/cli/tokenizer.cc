// mathcoder tokenizer: a vocabulary for a model from scratch.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "cli/verbs.h"
#include "weights/train_tokenizer.h"

namespace mathcoder::cli {
namespace {

int Train(const weights::TrainTokenizerOptions& options) {
  const weights::TrainTokenizerReport report = weights::TrainTokenizer(options);
  if (options.quiet) return 0;
  std::printf("%s: %zu tokens learnt from %zu texts (%.1f MB)\n", options.out.c_str(), report.vocabulary, report.texts,
              static_cast<double>(report.bytes) / 1e6);
  std::printf("checked: the ids of %zu texts agree between tokenizers and llama.cpp; %.2f bytes a token\n", report.checked_texts,
              static_cast<double>(report.checked_bytes) / static_cast<double>(report.checked_tokens));
  return 0;
}

}  // namespace

void AddTokenizer(CLI::App& app, Run& run) {
  auto options = std::make_shared<weights::TrainTokenizerOptions>();
  CLI::App* verb = app.add_subcommand("tokenizer", "learn a vocabulary for a model from scratch");
  verb->require_subcommand(1);
  CLI::App* train = verb->add_subcommand("train", "a byte-level BPE with single digits and the dialect's tokens reserved");
  train->footer(R"(
The folder that is written holds tokenizer.json and tokenizer_config.json: Transformers, llama.cpp and `mathcoder train` read it alike, and
that is checked on 2,000 texts before it gets its name. The same corpus gives the same files.

Example:
  mathcoder tokenizer train --corpus problems.jsonl solved.jsonl --vocab-size 4096 --out tokenizer)");
  train->add_option("--corpus", options->corpus, "JSONL records (problems, transcripts), or plain text")->required();
  train->add_option(
      "--field", options->fields,
      "read this field of JSONL records (can be given again; default: messages, question, problem, prompt, answer, rationale, "
      "solution, completion, text)");
  train->add_option("--vocab-size", options->vocab_size, "tokens, special ones and the 256 bytes included")
      ->required()
      ->check(CLI::PositiveNumber);
  train->add_option("-o,--out", options->out, "a new folder")->required();
  train->add_option("--dialect", options->dialect, "whose control tokens are reserved (default: mathcoder)");
  train->add_option("--max-length", options->model_max_length, "model_max_length of tokenizer_config.json (default: 2048)");
  train->add_flag("-q,--quiet", options->quiet, "no progress, no summary");
  train->callback([options, &run] { run = [options] { return Train(*options); }; });
}

}  // namespace mathcoder::cli
