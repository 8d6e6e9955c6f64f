// What preparing training data costs: tokenising transcripts into a cache, opening it, planning an epoch, filling its rows.
//   train_data_bench MODEL.gguf FILES_OR_PATTERN...     e.g. models/mathematics-7m-f16.gguf '../shared/transcripts/*/*.jsonl'
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/error.h"
#include "engine/llama_model.h"
#include "train/data/packing.h"
#include "train/data/split.h"

namespace {

using namespace mathcoder;

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

void Run(const std::filesystem::path& model_file, const std::vector<train::DataSource>& sources,
         const std::filesystem::path& scratch) {
  engine::LlamaOptions model_options;
  model_options.model = model_file;
  model_options.gpu_layers = 0;
  const engine::LlamaModel model(model_options);
  const auto dialect = chat::DetectDialect(model.hints(), model.tokenizer());
  if (dialect == nullptr) throw base::BadInput(model_file.string() + ": no dialect fits");
  const std::vector<train::DataFile> files = train::ExpandSources(sources);
  std::unique_ptr<train::TokenCache> cache;
  for (const std::size_t length : {std::size_t{512}, std::size_t{2048}}) {
    for (const std::size_t threads : {std::size_t{1}, static_cast<std::size_t>(std::thread::hardware_concurrency())}) {
      train::CacheOptions options;
      options.length = length;
      options.threads = threads;
      options.quiet = true;
      std::filesystem::remove_all(scratch);
      auto start = std::chrono::steady_clock::now();
      cache = train::OpenOrBuildCache(scratch, files, *dialect, model.tokenizer(), options);
      const double build = Seconds(start);
      start = std::chrono::steady_clock::now();
      cache = std::make_unique<train::TokenCache>(cache->path());
      const double open = Seconds(start);
      std::printf(
          "length %zu: %zu examples of %llu records, %llu too long; %llu tokens in %.2f s with %zu threads (%.0f/s); opened in "
          "%.1f ms\n",
          length, cache->size(), static_cast<unsigned long long>(cache->counts().records),
          static_cast<unsigned long long>(cache->counts().dropped), static_cast<unsigned long long>(cache->tokens()), build,
          threads, static_cast<double>(cache->tokens()) / build, open * 1e3);
    }
    const train::Split split = train::MakeSplit(*cache, {});
    auto start = std::chrono::steady_clock::now();
    const train::EpochPlan plan(*cache, split.train, {.length = length}, 0);
    const double planned = Seconds(start);
    start = std::chrono::steady_clock::now();
    train::Row row;
    for (std::size_t r = 0; r < plan.rows(); ++r) train::FillRow(*cache, plan.row(r), &row);
    const train::PlanStats& stats = plan.stats();
    std::printf(
        "length %zu: %zu rows, %.2f%% full (one example a row: %.2f%%), %.1f%% of %llu tokens learned; planned in %.1f ms, filled "
        "at %.0f tokens/s\n",
        length, stats.rows, 100 * stats.efficiency,
        100 * static_cast<double>(stats.tokens) / (static_cast<double>(stats.examples) * static_cast<double>(length)),
        100 * static_cast<double>(stats.loss_tokens) / static_cast<double>(stats.tokens),
        static_cast<unsigned long long>(stats.tokens), planned * 1e3, static_cast<double>(stats.tokens) / Seconds(start));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: train_data_bench MODEL.gguf FILES_OR_PATTERN...\n", stderr);
    return 2;
  }
  std::vector<train::DataSource> sources;
  for (int i = 2; i < argc; ++i) sources.push_back(train::ParseSource(argv[i]));
  const std::filesystem::path scratch = std::filesystem::temp_directory_path() / ("train-data-bench-" + std::to_string(::getpid()));
  int status = 0;
  try {
    Run(argv[1], sources, scratch);
  } catch (const base::Error& error) {
    std::fprintf(stderr, "train_data_bench: %s\n", error.what());
    status = static_cast<int>(error.code());
  }
  std::filesystem::remove_all(scratch);
  return status;
}
