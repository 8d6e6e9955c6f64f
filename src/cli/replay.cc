// mathcoder replay: the code of recorded transcripts through the real loop and the real jail, outputs compared with the record.
#include "solve/replay.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/version.h"
#include "chat/jsonl_formats.h"
#include "cli/interrupt.h"
#include "cli/machine.h"
#include "cli/records.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "engine/recording_engine.h"
#include "grade/grade.h"

namespace mathcoder::cli {
namespace {

using base::ExitCode;

struct ReplayArguments {
  MachineOptions machine;
  std::vector<std::string> files;
  bool diff = false;
  bool skip_bad = false;
  bool quiet = false;
  std::string summary;
  double at_least = 0;
};

struct Recorded {
  std::string where;  // file:line
  chat::Transcript transcript;
};

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

void PrintLines(const char* sign, const std::string& text) {
  std::size_t at = 0;
  do {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::printf("    %s %s\n", sign, TerminalView::Printable(text.substr(at, end - at)).c_str());
    at = end + 1;
  } while (at <= text.size());
}

void PrintDisagreement(const solve::Disagreement& item, const std::string& where, bool diff) {
  std::printf("%s code block %zu: %s%s\n", where.c_str(), item.nth + 1, std::string(chat::Name(item.verdict)).c_str(),
              item.detail.empty() ? "" : (", " + TerminalView::Printable(FirstLine(item.detail))).c_str());
  if (!diff) return;
  PrintLines("-", item.recorded);
  PrintLines("+", item.observed);
}

std::chrono::duration<double, std::milli> Percentile(std::vector<std::chrono::microseconds>& times, double share) {
  if (times.empty()) return {};
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(times.size() - 1));
  std::nth_element(times.begin(), times.begin() + at, times.end());
  return times[static_cast<std::size_t>(at)];
}

int Replay(const ReplayArguments& arguments) {
  std::size_t bad = 0;
  std::deque<Recorded> recorded;  // jobs point into it
  for (const std::string& file : arguments.files) {
    bad += ReadRecords(file, arguments.skip_bad, chat::ReadTranscript, [&](chat::Transcript transcript, const std::string& where) {
      recorded.push_back({where, std::move(transcript)});
    });
  }
  const std::atomic<bool>& interrupted = InstallInterrupt();
  const std::size_t parallel = arguments.machine.parallel > 0 ? arguments.machine.parallel : 4;
  SandboxLater sandbox(SandboxOptionsOf(arguments.machine, parallel));
  const std::shared_ptr<const chat::Dialect> dialect =
      chat::LoadDialect(arguments.machine.dialect.empty() ? "mathcoder" : arguments.machine.dialect);
  const std::unique_ptr<engine::Engine> engine = engine::OpenRecording(dialect);

  solve::SchedulerOptions options;
  // A recording ends by itself; the limits of its time are its own.
  options.limits = {
      .blocks = SIZE_MAX, .block_tokens = SIZE_MAX, .total_tokens = SIZE_MAX, .code_time = LimitsOf(arguments.machine).code_time};
  options.observation = chat::LoadObservationPolicy(arguments.machine.observation);
  options.parallel = parallel;
  options.final_answer = [](const std::vector<chat::Block>& blocks) { return grade::FindAnswer(blocks).text; };
  options.provenance = {.program = std::string("mathcoder ") + MATHCODER_VERSION,
                        .engine = engine->info().engine,
                        .dialect = dialect->name(),
                        .observation_policy = options.observation.name,
                        .sandbox_tier = std::string(1, sandbox::Letter(sandbox.Get().tier().tier)),
                        .library_set = arguments.machine.library_set};

  base::Progress progress({.label = "replay", .unit = "transcripts", .total = recorded.size(), .quiet = arguments.quiet});
  solve::ReplayReport report;
  std::size_t at = 0;
  std::size_t failures = 0;
  std::vector<std::chrono::microseconds> run_times;
  const auto start = std::chrono::steady_clock::now();
  solve::Scheduler scheduler(
      *engine, [&]() -> sandbox::Sandbox& { return sandbox.Get(); }, dialect, options);
  scheduler.Run(
      [&]() -> std::optional<solve::Job> {
        if (at == recorded.size()) return std::nullopt;
        solve::Job job{.problem = recorded[at].transcript.problem, .recording = &recorded[at].transcript};
        job.sample = static_cast<std::uint32_t>(at++);  // finds the way back to the record
        return job;
      },
      [&](chat::Transcript transcript) {
        const Recorded& record = recorded[transcript.sample];
        for (const solve::Disagreement& item : report.Add(options.observation, record.transcript, transcript)) {
          progress.Interrupt([&] { PrintDisagreement(item, record.where, arguments.diff); });
        }
        if (transcript.ending == chat::Ending::kSandboxFailure || transcript.ending == chat::Ending::kEngineFailure) {
          ++failures;
          progress.Interrupt(
              [&] { std::fprintf(stderr, "mathcoder: %s: %s\n", record.where.c_str(), transcript.ending_detail.c_str()); });
        }
        for (const chat::Execution& execution : transcript.executions) run_times.push_back(execution.wall);
        progress.Set(report.problems, std::to_string(report.agreed) + " of " + std::to_string(report.blocks) + " outputs agree");
      },
      interrupted);
  progress.Finish();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  const double share = report.blocks > 0 ? static_cast<double>(report.agreed) / static_cast<double>(report.blocks) : 1.0;
  std::string kinds;
  for (const auto& [agreement, count] : report.by_agreement) {
    kinds += (kinds.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(chat::Name(agreement));
  }
  std::printf("%zu transcripts, %zu code blocks: %zu agree with the record (%.2f%%: %s), %zu infrastructure failures\n",
              report.problems, report.blocks, report.agreed, 100 * share, kinds.c_str(), report.infrastructure_failures);
  std::printf("time: %s; a block of code p50 %.2f ms, p99 %.1f ms; the loop's own %.3f ms a block\n",
              base::Progress::Duration(elapsed).c_str(), Percentile(run_times, 0.5).count(), Percentile(run_times, 0.99).count(),
              report.LoopMillisecondsPerBlock());
  if (!arguments.summary.empty()) {
    const base::Json summary = {{"problems", report.problems},
                                {"blocks", report.blocks},
                                {"agreed", report.agreed},
                                {"infrastructure_failures", report.infrastructure_failures},
                                {"seconds", elapsed.count()}};
    base::WriteFileAtomically(arguments.summary, base::Dump(summary) + "\n");
  }
  if (interrupted) return static_cast<int>(ExitCode::kInterrupted);
  return static_cast<int>(failures > 0 || bad > 0 || share < arguments.at_least ? ExitCode::kFailure : ExitCode::kOk);
}

}  // namespace

void AddReplay(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<ReplayArguments>();
  arguments->machine.library_set = "published";
  CLI::App* verb = app.add_subcommand("replay", "run the code of recorded transcripts again and compare the outputs");
  verb->footer(R"(
Examples:
  mathcoder replay solved.jsonl --library-set current
  mathcoder replay published/*.jsonl --diff --summary replay.json)");
  verb->add_option("files", arguments->files, "JSONL files of transcripts (docs/formats.md)")->required();
  verb->add_flag("--diff", arguments->diff, "show recorded (-) and new (+) output of each disagreement");
  verb->add_option("--summary", arguments->summary, "write {problems, blocks, agreed, infrastructure_failures, seconds} as JSON");
  verb->add_option("--at-least", arguments->at_least, "exit with 1 below this share of agreement")->check(CLI::Range(0.0, 1.0));
  verb->add_option("-j,--parallel", arguments->machine.parallel, "transcripts in flight (default: 4)")->check(CLI::PositiveNumber);
  verb->add_option("--dialect", arguments->machine.dialect, "how the recorded model wrote (default: mathcoder)");
  verb->add_flag("--skip-bad", arguments->skip_bad, "go on after a malformed line");
  verb->add_flag("-q,--quiet", arguments->quiet, "no progress line");
  AddSandboxOptions(*verb, arguments->machine);
  verb->callback([arguments, &run] { run = [arguments] { return Replay(*arguments); }; });
}

}  // namespace mathcoder::cli
