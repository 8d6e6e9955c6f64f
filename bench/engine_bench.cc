// The engine alone: prefills `batch` prompts and decodes them together, as llama-batched-bench does. One line of JSON a repeat.
//   engine_bench [--model FILE] [--batch 8] [--prompt 200] [--tokens 100] [--threads 0] [--layout auto|shared|streams]
//                [--deterministic] [--repeats 2]
// Prompts are random and differ from their first token on, so that nothing is shared; no stop ends a sequence early (the numbers
// are of all tokens that were asked for, and the program fails when one is missing).
#include <CLI/CLI.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/paths.h"
#include "engine/llama_engine.h"

namespace mathcoder::engine {
namespace {

struct Arguments {
  LlamaOptions options;
  std::size_t batch = 8;
  std::size_t prompt = 200;
  std::size_t tokens = 100;
  int repeats = 2;
};

// Generates for all sequences at once; returns the seconds until the last one ended. A model's own end is passed over.
double GenerateAll(Engine& engine, const std::vector<SequenceId>& ids, std::size_t tokens) {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t ended = 0;
  const auto start = std::chrono::steady_clock::now();
  struct Job {
    std::size_t done = 0;
    bool over = false;
  };
  std::vector<Job> jobs(ids.size());
  const auto generate = [&](std::size_t i) {
    GenerateOptions options;
    options.max_tokens = tokens - jobs[i].done;
    engine.Generate(ids[i], options, {nullptr, [&, i](const GenerateResult& result) {
                                        const std::lock_guard lock(mutex);
                                        jobs[i].done += result.tokens.size();
                                        jobs[i].over = true;
                                        ++ended;
                                        changed.notify_all();
                                      }});
  };
  for (std::size_t i = 0; i < ids.size(); ++i) generate(i);
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return ended > 0; });
    ended = 0;
    bool waiting = false;
    std::vector<std::size_t> again;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (jobs[i].over && jobs[i].done < tokens) {
        jobs[i].over = false;
        again.push_back(i);
      }
      waiting = waiting || !jobs[i].over;
    }
    if (!waiting) break;
    lock.unlock();
    for (const std::size_t i : again) generate(i);
    lock.lock();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Run(const Arguments& arguments) {
  const auto engine = OpenLlama(arguments.options);
  for (int repeat = 0; repeat < arguments.repeats; ++repeat) {
    std::mt19937 random(static_cast<unsigned>(repeat));
    std::vector<SequenceId> ids;
    for (std::size_t i = 0; i < arguments.batch; ++i) {
      std::vector<TokenId> prompt(arguments.prompt);
      for (TokenId& token : prompt) token = static_cast<TokenId>(random() % engine->tokenizer().size());
      ids.push_back(engine->Open({}));
      engine->Append(ids.back(), prompt);
    }
    const double prefill = GenerateAll(*engine, ids, 1);
    const double decode = GenerateAll(*engine, ids, arguments.tokens);
    base::Json line;
    line["batch"] = arguments.batch;
    line["prompt"] = arguments.prompt;
    line["tokens"] = arguments.tokens;
    line["prefill_per_second"] = static_cast<double>(arguments.batch * arguments.prompt) / prefill;
    line["decode_per_second"] = static_cast<double>(arguments.batch * arguments.tokens) / decode;
    line["engine"] = engine->info().details;
    std::printf("%s\n", base::Dump(line).c_str());
    std::fflush(stdout);
    for (const SequenceId id : ids) engine->Close(id);
  }
}

}  // namespace
}  // namespace mathcoder::engine

int main(int argc, char** argv) {
  using namespace mathcoder;
  engine::Arguments arguments;
  std::string model;
  std::string layout = "auto";
  CLI::App app("engine_bench: prefills and decodes a batch of random prompts");
  app.add_option("--model,-m", model, "GGUF file; the default model without it");
  app.add_option("--batch", arguments.batch);
  app.add_option("--prompt", arguments.prompt);
  app.add_option("--tokens", arguments.tokens);
  app.add_option("--threads,-t", arguments.options.threads);
  app.add_option("--poll", arguments.options.poll);
  app.add_option("--repeats", arguments.repeats);
  app.add_option("--layout", layout)->check(CLI::IsMember({"auto", "shared", "streams"}));
  app.add_flag("--deterministic", arguments.options.deterministic);
  CLI11_PARSE(app, argc, argv);
  try {
    if (model.empty()) {
      const auto found = base::FindData("models/mathematics-7m-f16.gguf");
      if (!found) throw std::runtime_error("no default model; name one with --model");
      model = found->string();
    }
    arguments.options.model = model;
    arguments.options.layout = layout == "shared"    ? engine::KvLayout::kShared
                               : layout == "streams" ? engine::KvLayout::kStreams
                                                     : engine::KvLayout::kAuto;
    arguments.options.parallel = static_cast<std::uint32_t>(arguments.batch);
    arguments.options.sequence_context = static_cast<std::uint32_t>((arguments.prompt + arguments.tokens + 257) / 256 * 256);
    engine::Run(arguments);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "engine_bench: %s\n", error.what());
    return 1;
  }
}
