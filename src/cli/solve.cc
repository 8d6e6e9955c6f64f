// mathcoder solve: one problem to the terminal, or a file of problems to a file of transcripts.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/utf8.h"
#include "chat/jsonl_formats.h"
#include "cli/interrupt.h"
#include "cli/machine.h"
#include "cli/records.h"
#include "cli/resume.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "grade/grade.h"
#include "solve/majority.h"

namespace mathcoder::cli {
namespace {

using base::ExitCode;

struct SolveArguments {
  MachineOptions machine;
  std::vector<std::string> words;  // of the problem
  std::uint32_t samples = 1;
  bool json = false;
  std::string in;
  std::string out;
  bool skip_bad = false;
  bool quiet = false;
};

struct Item {
  chat::Problem problem;
  std::uint32_t sample = 0;
};

engine::SamplingOptions SamplingOf(const SolveArguments& arguments, std::uint32_t sample) {
  engine::SamplingOptions sampling = arguments.machine.sampling;
  sampling.seed += sample;
  return sampling;
}

// Hands out problem by problem, all samples of one before the next: they share their prompt.
std::function<std::optional<solve::Job>()> Feed(const SolveArguments& arguments, const std::vector<Item>& items,
                                                solve::Observer* observer) {
  return [&arguments, &items, observer, at = std::size_t{0}]() mutable -> std::optional<solve::Job> {
    if (at == items.size()) return std::nullopt;
    const Item& item = items[at++];
    return solve::Job{
        .problem = item.problem, .sample = item.sample, .sampling = SamplingOf(arguments, item.sample), .observer = observer};
  };
}

std::string ReadQuestion(const SolveArguments& arguments) {
  std::string question;
  if (!arguments.words.empty()) {
    for (const std::string& word : arguments.words) question += (question.empty() ? "" : " ") + word;
  } else {
    question.assign(std::istreambuf_iterator<char>(std::cin), {});
    while (!question.empty() && std::isspace(static_cast<unsigned char>(question.back())) != 0) question.pop_back();
  }
  if (question.empty())
    throw base::Error("no problem given: write it in quotes, or pipe it in; see `mathcoder solve --help`", ExitCode::kUsage);
  if (const std::size_t bad = base::FirstInvalidUtf8(question); bad != std::string::npos) {
    throw base::BadInput("the problem holds invalid UTF-8 at byte " + std::to_string(bad + 1) + "; give it as UTF-8");
  }
  return question;
}

void CheckOutput() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw base::OutputFailure("standard output cannot be written");
}

// One line about an ending that is no answer; empty for an answer.
std::string WhyNoAnswer(const chat::Transcript& transcript) {
  if (transcript.ending == chat::Ending::kAnswered) return "";
  std::string name(chat::Name(transcript.ending));
  std::ranges::replace(name, '_', ' ');
  return transcript.ending_detail.empty() ? name : name + ": " + transcript.ending_detail;
}

ExitCode ExitOf(const std::vector<chat::Transcript>& transcripts) {
  const bool cancelled = std::ranges::any_of(transcripts, [](const auto& t) { return t.ending == chat::Ending::kCancelled; });
  const bool answered = std::ranges::any_of(transcripts, [](const auto& t) { return !t.final_answer.empty(); });
  if (cancelled) return ExitCode::kInterrupted;
  return answered ? ExitCode::kOk : ExitCode::kFailure;
}

void PrintOutcome(const SolveArguments& arguments, const std::vector<chat::Transcript>& transcripts) {
  for (const chat::Transcript& transcript : transcripts) {
    if (const std::string why = WhyNoAnswer(transcript); !why.empty()) {
      std::fprintf(stderr, "mathcoder: %s%s\n", why.c_str(),
                   arguments.samples > 1 ? (" (sample " + std::to_string(transcript.sample) + ")").c_str() : "");
    }
  }
  if (arguments.samples == 1) {
    const std::string& answer = transcripts.front().final_answer;
    std::printf("Answer: %s\n", answer.empty() ? "none" : TerminalView::Printable(answer).c_str());
    return;
  }
  const grade::Grader grader;
  const solve::Majority majority = solve::MajorityAnswer(transcripts, [&](const std::string& seen, const std::string& answer) {
    return grader.Grade(seen, answer).outcome == grade::Outcome::kCorrect;
  });
  for (const auto& [answer, count] : majority.counts) std::printf("%3zu x %s\n", count, TerminalView::Printable(answer).c_str());
  std::printf("Answer: %s (%zu of %u)\n", majority.answer.empty() ? "none" : TerminalView::Printable(majority.answer).c_str(),
              majority.count, arguments.samples);
}

int SolveOne(const SolveArguments& arguments) {
  chat::Problem problem;
  problem.question = ReadQuestion(arguments);
  if (!arguments.machine.system.empty()) problem.system = arguments.machine.system;
  const std::size_t parallel =
      arguments.machine.parallel > 0 ? arguments.machine.parallel : std::min<std::size_t>(arguments.samples, 16);
  Machine machine(arguments.machine, parallel);
  const std::atomic<bool>& interrupted = InstallInterrupt();

  std::vector<Item> items;
  for (std::uint32_t sample = 0; sample < arguments.samples; ++sample) items.push_back({problem, sample});
  TerminalView view(stdout);
  const bool streams = arguments.samples == 1 && !arguments.json;
  base::Progress progress({.label = "solve", .unit = "samples", .total = items.size(), .quiet = streams || arguments.quiet});
  std::vector<chat::Transcript> transcripts;
  solve::Scheduler scheduler(
      machine.engine(), [&]() -> sandbox::Sandbox& { return machine.sandbox().Get(); }, machine.dialect(),
      machine.SchedulerOptions());
  scheduler.Run(
      Feed(arguments, items, streams ? &view : nullptr),
      [&](chat::Transcript transcript) {
        if (arguments.json) {
          transcript.provenance.model_sha256 = machine.engine().ModelSha256();
          progress.Interrupt([&] { std::printf("%s\n", base::Dump(chat::WriteTranscript(transcript)).c_str()); });
          CheckOutput();
        }
        transcripts.push_back(std::move(transcript));
        progress.Set(transcripts.size(), "");
      },
      interrupted);
  progress.Finish();
  if (streams) view.Finish();
  if (transcripts.empty()) return static_cast<int>(ExitCode::kInterrupted);
  std::ranges::sort(transcripts, {}, &chat::Transcript::sample);
  if (transcripts.front().ending == chat::Ending::kContextFull && transcripts.front().blocks.empty()) {
    std::string why = transcripts.front().ending_detail;
    if (const std::size_t tokens = transcripts.front().timings.prompt_tokens; tokens > 0) {
      why += ": the problem takes " + std::to_string(tokens) + " tokens, the context holds " +
             std::to_string(machine.engine().info().context_tokens) + "; raise -c, or shorten it";
    }
    throw base::BadInput(why);
  }
  if (!arguments.json) PrintOutcome(arguments, transcripts);
  CheckOutput();
  return static_cast<int>(ExitOf(transcripts));
}

int SolveFile(const SolveArguments& arguments) {
  std::vector<chat::Problem> problems;
  const std::size_t bad =
      ReadRecords(arguments.in, arguments.skip_bad, chat::ReadProblem, [&](chat::Problem problem, const std::string&) {
        if (!arguments.machine.system.empty()) problem.system = arguments.machine.system;
        problems.push_back(std::move(problem));
      });
  const std::size_t parallel = arguments.machine.parallel > 0 ? arguments.machine.parallel : 16;
  if (std::error_code ignored; std::filesystem::equivalent(arguments.in, arguments.out, ignored)) {
    throw base::BadInput(arguments.out + ": is the file of problems; name another --out");
  }
  Machine machine(arguments.machine, parallel);
  base::RecordFile out(arguments.out);
  solve::SchedulerOptions options = machine.SchedulerOptions();
  options.provenance.model_sha256 = machine.engine().ModelSha256();
  FinishedWork finished(arguments.out, options.provenance, engine::ToJson(arguments.machine.sampling));
  const std::atomic<bool>& interrupted = InstallInterrupt();  // until here there is nothing to finish: a signal ends the program
  std::vector<Item> items;
  for (const chat::Problem& problem : problems) {
    const std::string key = finished.KeyOfNext(problem);
    for (std::uint32_t sample = 0; sample < arguments.samples; ++sample) {
      if (!finished.Contains(key, sample)) items.push_back({problem, sample});
    }
  }
  const std::size_t total = problems.size() * arguments.samples;
  const std::size_t before = total - items.size();
  if (before > 0) std::fprintf(stderr, "mathcoder: %zu of %zu are in %s already\n", before, total, arguments.out.c_str());
  if (out.torn_bytes() > 0)
    std::fprintf(stderr, "mathcoder: cut off a torn record of %llu bytes\n", static_cast<unsigned long long>(out.torn_bytes()));

  base::Progress progress({.label = "solve", .total = total, .done = before, .quiet = arguments.quiet});
  solve::Tally tally;
  solve::Scheduler scheduler(
      machine.engine(), [&]() -> sandbox::Sandbox& { return machine.sandbox().Get(); }, machine.dialect(), options);
  const auto start = std::chrono::steady_clock::now();
  scheduler.Run(
      Feed(arguments, items, nullptr),
      [&](chat::Transcript transcript) {
        // What was cancelled is solved again by the next run, and so is what failed for no fault of its own.
        const bool keep = transcript.ending != chat::Ending::kCancelled && transcript.ending != chat::Ending::kSandboxFailure &&
                          transcript.ending != chat::Ending::kEngineFailure;
        if (keep) out.Append(base::Dump(chat::WriteTranscript(transcript)));
        ++tally.finished;
        ++tally.by_ending[transcript.ending];
        if (!keep && transcript.ending != chat::Ending::kCancelled) {
          progress.Interrupt(
              [&] { std::fprintf(stderr, "mathcoder: not written, run again to retry: %s\n", WhyNoAnswer(transcript).c_str()); });
        }
        progress.Set(before + tally.finished, tally.ToString());
      },
      interrupted);
  out.Sync();
  progress.Finish();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  const std::size_t lost = tally.by_ending[chat::Ending::kSandboxFailure] + tally.by_ending[chat::Ending::kEngineFailure];
  std::printf("%zu problems in %s (%.1f/s): %s%s\n", tally.finished, base::Progress::Duration(elapsed).c_str(),
              elapsed.count() > 0 ? static_cast<double>(tally.finished) / elapsed.count() : 0.0, tally.ToString().c_str(),
              bad > 0 ? (", " + std::to_string(bad) + " bad lines skipped").c_str() : "");
  CheckOutput();
  if (interrupted) {
    std::fprintf(stderr, "mathcoder: interrupted; what is finished is in %s, the same command goes on from there\n",
                 arguments.out.c_str());
    return static_cast<int>(ExitCode::kInterrupted);
  }
  return static_cast<int>(lost > 0 || bad > 0 ? ExitCode::kFailure : ExitCode::kOk);
}

}  // namespace

void AddSolve(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<SolveArguments>();
  CLI::App* verb = app.add_subcommand("solve", "solve a problem, or a file of problems, with code that is really run");
  verb->footer(R"(
Examples:
  mathcoder solve "What is the sum of the first 100 primes?"
  mathcoder solve -m qwen2.5-math-7b-q4.gguf -k 8 --temp 0.7 "How many divisors has 20!?"
  echo "Solve 3*x + 5 = 20 for x." | mathcoder solve --json
  mathcoder solve --in problems.jsonl --out solved.jsonl -j 32     # run again to resume)");
  verb->add_option("problem", arguments->words, "the problem (default: standard input)");
  verb->add_option("-k,--samples", arguments->samples, "solutions a problem; the majority's answer is given")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  verb->add_flag("--json", arguments->json, "print transcripts, one a line, instead of the solution");
  CLI::Option* in = verb->add_option("--in", arguments->in, "JSONL file of problems (docs/formats.md)");
  CLI::Option* out =
      verb->add_option("--out", arguments->out, "JSONL file of transcripts, appended; what it holds is not solved again");
  in->needs(out);
  out->needs(in);
  verb->add_option("-j,--parallel", arguments->machine.parallel, "problems in flight (default: 16 for files)")
      ->check(CLI::PositiveNumber);
  verb->add_flag("--skip-bad", arguments->skip_bad, "go on after a malformed line of --in");
  verb->add_flag("-q,--quiet", arguments->quiet, "no progress line");
  AddEngineOptions(*verb, arguments->machine);
  AddSandboxOptions(*verb, arguments->machine);
  CLI::Option* temperature = verb->get_option("--temp");
  verb->callback([arguments, temperature, &run] {
    if (arguments->samples > 1 && temperature->count() == 0) arguments->machine.sampling.temperature = 0.7F;
    if (!arguments->in.empty() && !arguments->words.empty()) throw CLI::ValidationError("a problem and --in exclude each other");
    run = [arguments] { return arguments->in.empty() ? SolveOne(*arguments) : SolveFile(*arguments); };
  });
}

}  // namespace mathcoder::cli
