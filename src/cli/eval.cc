// mathcoder eval: benchmarks solved and graded into a folder, transcripts graded as they are, two runs compared.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
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
#include "cli/verbs.h"
#include "evaluate/benchmark.h"
#include "evaluate/compare.h"
#include "evaluate/manifest.h"
#include "evaluate/resources.h"
#include "evaluate/run_folder.h"
#include "evaluate/run_writer.h"
#include "evaluate/solve_run.h"
#include "evaluate/store.h"
#include "evaluate/transcript_files.h"

namespace mathcoder::cli {
namespace {

namespace fs = std::filesystem;
using base::ExitCode;
using base::Json;

struct EvalArguments {
  MachineOptions machine;
  std::string bench;
  std::vector<std::string> bench_files;
  std::vector<std::string> transcripts;
  std::string data;
  std::string mode = "strict";
  std::size_t limit = 0;
  std::string out;
  std::string store;
  std::string run;
  double lease_seconds = 60;
  std::vector<std::string> compare;
  bool temperature_given = false;
  bool json = false;
  bool quiet = false;
};

std::vector<evaluate::Benchmark> KnownBenchmarks(const EvalArguments& arguments) {
  std::vector<evaluate::Benchmark> known = evaluate::BuiltInBenchmarks();
  for (const std::string& file : arguments.bench_files) {
    evaluate::Benchmark own = evaluate::LoadBenchmark(file);
    std::erase_if(known, [&](const evaluate::Benchmark& other) { return other.name == own.name; });
    known.push_back(std::move(own));
  }
  return known;
}

fs::path DataFolder(const EvalArguments& arguments) {
  if (!arguments.data.empty()) return arguments.data;
  const char* const own = std::getenv("MATHCODER_BENCHMARKS");
  return own != nullptr ? own : "benchmarks";
}

std::vector<std::pair<std::string, std::string>> Titles(const std::vector<evaluate::Benchmark>& benchmarks) {
  std::vector<std::pair<std::string, std::string>> titles;
  for (const evaluate::Benchmark& benchmark : benchmarks) titles.emplace_back(benchmark.name, benchmark.title);
  return titles;
}

std::vector<evaluate::Benchmark> BenchmarksOf(const std::vector<evaluate::Selection>& selections) {
  std::vector<evaluate::Benchmark> benchmarks;
  for (const evaluate::Selection& selection : selections) benchmarks.push_back(selection.benchmark);
  return benchmarks;
}

Json ManifestHead(const EvalArguments& arguments) {
  return {{"program", std::string("mathcoder ") + MATHCODER_VERSION},
          {"code_version", std::string(evaluate::CodeVersion())},
          {"deterministic", arguments.machine.deterministic}};
}

std::string WorkerName() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return std::string(host) + ":" + std::to_string(::getpid()) + ":" + std::to_string(std::random_device()());
}

void PrintSummary(const evaluate::Summary& summary, const fs::path& folder) {
  std::printf("%-14s %-20s %6s %8s %7s %16s %8s %8s %9s %10s\n", "benchmark", "model", "n", "correct", "%", "95% interval",
              "unknown", "no answer", "truncated", "not scored");
  for (const evaluate::Group& group : summary.groups) {
    const evaluate::Score& score = group.score;
    char interval[40];
    std::snprintf(interval, sizeof interval, "[%.1f, %.1f]", 100 * score.interval.low, 100 * score.interval.high);
    std::printf("%-14s %-20s %6zu %8zu %7.1f %16s %8zu %9zu %9zu %10zu\n", group.benchmark.c_str(), group.model.c_str(), score.n,
                score.correct, 100 * score.accuracy(), interval, score.unknown, score.no_answer, score.truncated,
                score.infrastructure_failures);
    if (group.samples > 1 && !group.pass_at.empty()) {
      std::printf("%-14s %-20s pass@%zu %.1f %%, maj@%zu %.1f %%\n", "", "", group.pass_at.back().first,
                  100 * group.pass_at.back().second, group.majority_at.back().first, 100 * group.majority_at.back().second);
    }
  }
  for (const evaluate::FileCount& file : summary.files) {
    std::printf("%-48s %6zu transcripts, %6zu correct, %6zu not\n", file.file.c_str(), file.score.n, file.score.correct,
                file.score.n - file.score.correct);
  }
  std::printf("%s\n", (folder / "report.html").c_str());
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw base::OutputFailure("standard output cannot be written");
}

std::unique_ptr<evaluate::Store> OpenStore(const EvalArguments& arguments, const evaluate::RunFolder& folder) {
  if (arguments.store.empty()) return evaluate::OpenSqliteStore(folder / "run.sqlite");
  if (!arguments.store.starts_with("postgresql://") && !arguments.store.starts_with("postgres://")) {
    throw base::Error("--store: '" + arguments.store + "' is no URL of PostgreSQL; write postgresql://USER@HOST/DATABASE",
                      ExitCode::kUsage);
  }
  const std::string run =
      arguments.run.empty() ? fs::absolute(folder.path()).lexically_normal().filename().string() : arguments.run;
  return evaluate::OpenPostgresStore(
      arguments.store, run.empty() ? "run" : run,
      {.lease = std::chrono::milliseconds(static_cast<std::int64_t>(arguments.lease_seconds * 1000)), .worker = WorkerName()});
}

int Solve(const EvalArguments& arguments) {
  const std::vector<evaluate::Selection> selections = evaluate::ParseSelection(arguments.bench, KnownBenchmarks(arguments));
  std::vector<evaluate::Dataset> datasets;
  for (const evaluate::Selection& selection : selections)
    datasets.push_back(evaluate::ReadDataset(selection.benchmark, DataFolder(arguments)));
  const std::vector<evaluate::Task> tasks = evaluate::TasksOf(selections, datasets, arguments.limit);
  const evaluate::Graders graders(arguments.mode, BenchmarksOf(selections));
  const evaluate::RunFolder folder(arguments.out);
  const std::size_t parallel = arguments.machine.parallel > 0 ? arguments.machine.parallel : 16;
  MachineOptions options = arguments.machine;
  // Many samples at temperature 0 would be one and the same.
  const bool sampled = std::ranges::any_of(selections, [](const evaluate::Selection& selection) { return selection.samples > 1; });
  if (sampled && !arguments.temperature_given) options.sampling.temperature = 0.7F;
  Machine machine(options, parallel);
  if (!arguments.machine.system.empty()) {
    for (evaluate::Dataset& dataset : datasets) {
      for (evaluate::Question& question : dataset.questions) question.problem.system = arguments.machine.system;
    }
  }
  evaluate::SolveSetup setup{.engine = &machine.engine(),
                             .sandbox = [&]() -> sandbox::Sandbox& { return machine.sandbox().Get(); },
                             .dialect = machine.dialect(),
                             .scheduler = machine.SchedulerOptions(),
                             .sampling = options.sampling};
  setup.scheduler.provenance.model_sha256 = machine.engine().ModelSha256();
  setup.heartbeat = std::chrono::milliseconds(static_cast<std::int64_t>(arguments.lease_seconds * 1000 / 4));
  const sandbox::TierReport& tier = machine.sandbox().Get().tier();

  Json manifest = ManifestHead(arguments);
  manifest["benchmarks"] = evaluate::BenchmarkSection(selections, datasets, arguments.limit);
  manifest["solve"] = evaluate::SolveSection({.provenance = setup.scheduler.provenance,
                                              .sampling = engine::ToJson(options.sampling),
                                              .engine_details = machine.engine().info().details,
                                              .system = arguments.machine.system,
                                              .python_version = tier.python_version,
                                              .libraries = tier.libraries},
                                             *machine.dialect());
  manifest["grade"] = evaluate::GradeSection(arguments.mode, graders.policies(), arguments.machine.sampling.seed);

  const std::unique_ptr<evaluate::Store> store = OpenStore(arguments, folder);
  store->Prepare(evaluate::SolveIdentity(manifest["solve"], manifest["benchmarks"]), tasks);
  const std::size_t before = store->Counts().done;
  if (before > 0) std::fprintf(stderr, "mathcoder: %zu of %zu are solved already\n", before, tasks.size());
  const std::atomic<bool>& interrupted = InstallInterrupt();  // until here there is nothing to finish
  bool complete = false;
  {
    base::Progress progress({.label = "eval", .total = tasks.size(), .done = before, .quiet = arguments.quiet});
    const evaluate::SolveEvents events{
        .on_progress = [&](const evaluate::Store::Count& counts,
                           const solve::Tally& tally) { progress.Set(counts.done, tally.ToString()); },
        .on_note =
            [&](const std::string& note) { progress.Interrupt([&] { std::fprintf(stderr, "mathcoder: %s\n", note.c_str()); }); }};
    if (before < tasks.size()) evaluate::SolveTasks(*store, datasets, setup, events, interrupted);
    complete = store->Counts().done == tasks.size();
  }

  evaluate::RunWriter writer(folder, arguments.machine.deterministic);
  evaluate::RunFacts facts{.title = "MathCoder: evaluation of " + manifest["solve"]["model"].get<std::string>(),
                           .manifest = manifest,
                           .benchmark_titles = Titles(BenchmarksOf(selections)),
                           .seconds = {},
                           .seed = arguments.machine.sampling.seed,
                           .complete = complete,
                           .same = graders.Same()};
  store->ForEach([&](const evaluate::Task& task, std::string_view text, double seconds) {
    base::Result<chat::Transcript> transcript = chat::ReadTranscript(Json::parse(text, nullptr, false));
    if (!transcript.ok())
      throw base::BadInput("the store's result of " + task.benchmark + " " + std::to_string(task.index) + ": " +
                           transcript.error());
    const auto dataset = std::ranges::find(datasets, task.benchmark, [](const evaluate::Dataset& d) { return d.benchmark.name; });
    facts.seconds[task.benchmark] += seconds;
    writer.Add(evaluate::Judge(graders.Of(task.benchmark), task, dataset->questions.at(task.index), *transcript), *transcript);
  });
  const evaluate::Summary summary = writer.Finish(facts);
  PrintSummary(summary, folder.path());
  if (!complete) {
    std::fprintf(stderr, "mathcoder: interrupted; what is finished is in %s, the same command goes on from there\n",
                 arguments.out.c_str());
    return static_cast<int>(ExitCode::kInterrupted);
  }
  const bool lost =
      std::ranges::any_of(summary.groups, [](const evaluate::Group& group) { return group.score.infrastructure_failures > 0; });
  return static_cast<int>(lost ? ExitCode::kFailure : ExitCode::kOk);
}

// Files as named; of a folder, every .jsonl file below it, in the order of their names.
std::vector<fs::path> TranscriptFiles(const EvalArguments& arguments) {
  std::vector<fs::path> files;
  for (const std::string& name : arguments.transcripts) {
    if (!fs::is_directory(name)) {
      files.emplace_back(name);
      continue;
    }
    std::vector<fs::path> inside;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(name)) {
      if (entry.is_regular_file() && entry.path().extension() == ".jsonl") inside.push_back(entry.path());
    }
    if (inside.empty()) throw base::BadInput(name + ": no .jsonl file is below this folder");
    std::ranges::sort(inside);
    files.insert(files.end(), inside.begin(), inside.end());
  }
  // A file that is named twice counts once.
  std::vector<fs::path> once;
  for (const fs::path& file : files) {
    const auto same = [&](const fs::path& other) { return fs::equivalent(file, other); };
    if (std::ranges::none_of(once, same)) once.push_back(file);
  }
  return once;
}

int GradeTranscripts(const EvalArguments& arguments) {
  const std::vector<evaluate::Benchmark> known = KnownBenchmarks(arguments);
  std::vector<evaluate::Benchmark> wanted = known;
  if (!arguments.bench.empty()) wanted = BenchmarksOf(evaluate::ParseSelection(arguments.bench, known));
  std::vector<evaluate::Dataset> datasets;
  const bool data_named = !arguments.data.empty();
  for (const evaluate::Benchmark& benchmark : wanted) {
    // The transcripts carry their references; question files give what they lack.
    if (data_named && (!arguments.bench.empty() || fs::exists(DataFolder(arguments) / benchmark.file))) {
      datasets.push_back(evaluate::ReadDataset(benchmark, DataFolder(arguments)));
    }
  }
  const evaluate::Graders graders(arguments.mode, wanted);
  const std::vector<fs::path> files = TranscriptFiles(arguments);
  const evaluate::RunFolder folder(arguments.out);
  if (fs::exists(folder / "run.sqlite")) {
    throw base::BadInput((folder / "run.sqlite").string() +
                         ": the folder is of a run that solved; name another -o for graded transcripts");
  }
  const std::atomic<bool>& interrupted = InstallInterrupt();

  Json manifest = ManifestHead(arguments);
  manifest["transcripts"] = Json::array();
  for (const fs::path& file : files) {
    manifest["transcripts"].push_back(
        {{"file", (fs::absolute(file).lexically_normal().parent_path().filename() / file.filename()).string()},
         {"sha256", base::Sha256OfFile(file)}});
  }
  manifest["benchmarks"] = Json::array();
  for (const evaluate::Dataset& dataset : datasets) {
    manifest["benchmarks"].push_back(
        {{"name", dataset.benchmark.name}, {"file", dataset.benchmark.file}, {"sha256", dataset.sha256}});
  }
  manifest["grade"] = evaluate::GradeSection(arguments.mode, graders.policies(), arguments.machine.sampling.seed);

  // What was solved before is graded like a run of ours: times are those of the transcripts.
  evaluate::RunWriter writer(folder, arguments.machine.deterministic);
  bool complete = true;
  {
    base::Progress progress({.label = "grade", .unit = "transcripts", .quiet = arguments.quiet});
    std::map<std::string, std::size_t> of_file;
    evaluate::ReadTranscriptFiles(files, known, datasets, [&](evaluate::GivenTranscript given) {
      complete = complete && !interrupted;
      const bool chosen = std::ranges::any_of(wanted, [&](const evaluate::Benchmark& b) { return b.name == given.task.benchmark; });
      if (!complete || !chosen || (arguments.limit > 0 && ++of_file[given.file] > arguments.limit)) return;
      evaluate::Item item = evaluate::Judge(graders.Of(given.task.benchmark), given.task, given.question, given.transcript);
      item.model = given.model;
      item.file = given.file;
      writer.Add(std::move(item), given.transcript);
      progress.Set(writer.items().size(), "");
    });
  }
  if (writer.items().empty() && complete) {
    throw base::BadInput(files.front().string() + (files.size() > 1 ? " and the others" : "") +
                         ": no transcript of a wanted benchmark in it");
  }
  std::vector<std::pair<std::string, std::string>> titles = Titles(wanted);
  std::erase_if(titles, [&](const auto& title) {
    return std::ranges::none_of(writer.items(), [&](const evaluate::Item& item) { return item.task.benchmark == title.first; });
  });
  const evaluate::Summary summary = writer.Finish({.title = "MathCoder: transcripts graded in mode " + arguments.mode,
                                                   .manifest = manifest,
                                                   .benchmark_titles = std::move(titles),
                                                   .seconds = {},
                                                   .seed = arguments.machine.sampling.seed,
                                                   .complete = complete,
                                                   .same = graders.Same()});
  PrintSummary(summary, folder.path());
  return static_cast<int>(complete ? ExitCode::kOk : ExitCode::kInterrupted);
}

int CompareRuns(const EvalArguments& arguments) {
  const std::vector<evaluate::Item> first = evaluate::ReadVerdicts(arguments.compare[0]);
  const std::vector<evaluate::Item> second = evaluate::ReadVerdicts(arguments.compare[1]);
  const evaluate::Comparison comparison = evaluate::Compare(first, second, arguments.machine.sampling.seed);
  if (comparison.benchmarks.empty()) {
    throw base::BadInput(arguments.compare[0] + " and " + arguments.compare[1] +
                         " have no question in common; nothing can be compared");
  }
  const std::string text = arguments.json ? evaluate::ToJson(comparison).dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                                          : evaluate::ToText(comparison, arguments.compare[0], arguments.compare[1]);
  std::fputs(text.c_str(), stdout);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw base::OutputFailure("standard output cannot be written");
  return 0;
}

int Evaluate(const EvalArguments& arguments) {
  if (!arguments.compare.empty()) return CompareRuns(arguments);
  if (arguments.out.empty())
    throw base::Error("-o is missing: the folder for transcripts, verdicts, summary and report", ExitCode::kUsage);
  if (!arguments.transcripts.empty()) return GradeTranscripts(arguments);
  if (arguments.bench.empty()) {
    throw base::Error(
        "nothing to do: name benchmarks with --bench, transcripts with --transcripts, or two runs with --compare; see `mathcoder "
        "eval --help`",
        ExitCode::kUsage);
  }
  return Solve(arguments);
}

}  // namespace

void AddEval(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<EvalArguments>();
  CLI::App* verb = app.add_subcommand("eval", "benchmarks: solve, grade, and write a report; or compare two runs");
  verb->footer(R"(
Examples:
  mathcoder eval --bench gsm8k,math --data questions/ -m model.gguf -o runs/one     # run again to resume
  mathcoder eval --bench gsm8k:16 --data questions/ --backend http://gpu-box:8000/v1 -o runs/sixteen
  mathcoder eval --transcripts MathCoder-L-7b/*.jsonl --mode mathcoder -o runs/published
  mathcoder eval --compare runs/one runs/two
  mathcoder eval --bench math --data questions/ --store postgresql://user@host/db -o runs/shared     # on every machine)");
  CLI::Option* bench = verb->add_option("--bench", arguments->bench,
                                        "gsm8k, math, svamp, simuleq, mathematics, your own; NAME:SAMPLES; several with commas");
  verb->add_option("--bench-file", arguments->bench_files,
                   "definition of a benchmark of your own (docs/evaluation.md); repeat for several")
      ->allow_extra_args(false)
      ->check(CLI::ExistingFile);
  CLI::Option* transcripts =
      verb->add_option("--transcripts", arguments->transcripts, "grade these instead of solving: files or folders")
          ->check(CLI::ExistingPath);
  verb->add_option("--data", arguments->data, "folder of the question files (default: $MATHCODER_BENCHMARKS, else benchmarks/)")
      ->check(CLI::ExistingDirectory);
  verb->add_option("--mode", arguments->mode, "strict, lenient, or mathcoder (the published grader's verdicts)")
      ->check(CLI::IsMember({"strict", "lenient", "mathcoder"}))
      ->capture_default_str();
  verb->add_option("--limit", arguments->limit, "only the first N questions of each benchmark")->check(CLI::NonNegativeNumber);
  verb->add_option("-o,--out", arguments->out, "folder of the run; what it holds is not solved again");
  verb->add_option("--store", arguments->store,
                   "postgresql://USER@HOST/DATABASE, shared by the workers of one run (default: SQLite in the folder)");
  verb->add_option("--run", arguments->run, "name of the run in --store (default: the folder's name)");
  verb->add_option("--lease", arguments->lease_seconds, "seconds after which a silent worker's problems go to others")
      ->check(CLI::Range(0.5, 86400.0))
      ->capture_default_str();
  CLI::Option* compare =
      verb->add_option("--compare", arguments->compare, "two folders of finished runs: McNemar's test, interval of the difference")
          ->expected(2);
  verb->add_flag("--json", arguments->json, "with --compare: JSON");
  verb->add_option("-j,--parallel", arguments->machine.parallel, "problems in flight (default: 16)")->check(CLI::PositiveNumber);
  verb->add_flag("-q,--quiet", arguments->quiet, "no progress line");
  AddEngineOptions(*verb, arguments->machine);
  AddSandboxOptions(*verb, arguments->machine);
  compare->excludes(bench)->excludes(transcripts);
  transcripts->excludes(verb->get_option("--model"))->excludes(verb->get_option("--backend"));
  CLI::Option* temperature = verb->get_option("--temp");
  verb->callback([arguments, temperature, &run] {
    arguments->temperature_given = temperature->count() > 0;
    run = [arguments] { return Evaluate(*arguments); };
  });
}

}  // namespace mathcoder::cli
