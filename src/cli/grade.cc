// mathcoder grade: is an answer the reference? For one pair, for files of pairs, for files of transcripts.
#include "grade/grade.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/jsonl.h"
#include "base/progress.h"
#include "chat/jsonl_formats.h"
#include "cli/grade_summary.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace mathcoder::cli {
namespace {

using base::ExitCode;
using base::Json;
using grade::Outcome;
using grade::Verdict;

struct GradeArguments {
  std::vector<std::string> files;
  std::optional<std::string> gold;
  std::optional<std::string> pred;
  std::string mode = "strict";
  std::string summary;
  double at_least = 0;
  int deadline_ms = 100;
  bool why = false;
  bool json = false;
  bool wrong_only = false;
  bool skip_bad = false;
  bool quiet = false;
};

// One thing to grade: a pair, or a transcript with its reference.
struct Pair {
  std::string where;  // file:line
  std::string gold;
  std::string pred;
  std::optional<chat::Transcript> transcript;  // instead of `pred`
  std::optional<bool> expected;
};

struct Judge {
  std::string name;
  std::unique_ptr<grade::Grader> grader;
};

// "strict,units=exact,mathcoder" are two policies: a mode's name begins one.
std::vector<std::string> PoliciesIn(std::string_view spelled) {
  std::vector<std::string> policies;
  while (true) {
    const std::size_t comma = spelled.find(',');
    const std::string_view item = spelled.substr(0, comma);
    if (policies.empty() || grade::ModeOf(item)) {
      policies.emplace_back(item);
    } else {
      policies.back() += "," + std::string(item);
    }
    if (comma == std::string_view::npos) break;
    spelled.remove_prefix(comma + 1);
  }
  if (policies.size() > 2)
    throw base::Error("--mode names " + std::to_string(policies.size()) + " modes; one, or two to compare", ExitCode::kUsage);
  return policies;
}

std::vector<Judge> JudgesOf(const GradeArguments& arguments, bool drop_letters) {
  std::vector<Judge> judges;
  for (const std::string& name : PoliciesIn(arguments.mode)) {
    grade::Grader::Options options;
    options.policy = grade::PolicyOf(name);
    options.policy.drop_letters |= drop_letters;
    options.deadline = std::chrono::milliseconds(arguments.deadline_ms);
    judges.push_back({name, std::make_unique<grade::Grader>(std::move(options))});
  }
  return judges;
}

Verdict GradeOne(const Judge& judge, const Pair& pair) {
  if (pair.transcript) return judge.grader->Grade(pair.gold, *pair.transcript);
  return judge.grader->Grade(pair.gold, pair.pred);
}

std::string TextOf(const Json& value, const char* field) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return base::Dump(value);
  throw base::BadInput(std::string("field '") + field + "' must be a string or a number");
}

// The label in the name of a file that the published program wrote: it split its results into NAME-correct and NAME-wrong.
std::optional<bool> LabelOfFile(std::string_view file) {
  if (file.ends_with("-correct.jsonl")) return true;
  if (file.ends_with("-wrong.jsonl")) return false;
  return std::nullopt;
}

Pair ReadPair(const Json& record, const std::string& file) {
  Pair pair;
  if (const auto expected = record.find("expected"); expected != record.end() && !expected->is_null()) {
    if (!expected->is_boolean()) throw base::BadInput("field 'expected' must be true or false");
    pair.expected = expected->get<bool>();
  }
  if (record.contains("gold") && record.contains("pred")) {
    pair.gold = TextOf(record["gold"], "gold");
    pair.pred = TextOf(record["pred"], "pred");
    return pair;
  }
  auto transcript = chat::ReadTranscript(record);
  if (!transcript.ok()) throw base::BadInput("neither {\"gold\", \"pred\"} nor a transcript: " + transcript.error());
  chat::Transcript solved = std::move(transcript).value();
  const Json& reference = solved.problem.reference;
  if (!reference.is_object() || !reference.contains("answer"))
    throw base::BadInput("the transcript has no ground_truth.answer to grade against");
  pair.gold = TextOf(reference["answer"], "ground_truth.answer");
  pair.transcript = std::move(solved);
  if (!pair.expected) pair.expected = LabelOfFile(file);
  return pair;
}

std::deque<Pair> ReadFile(const std::string& file, bool skip_bad, std::size_t& bad) {
  std::deque<Pair> pairs;
  base::JsonLines lines(file);
  while (auto record = lines.Next()) {
    std::string error;
    try {
      if (!record->ok()) throw base::BadInput(record->error());
      pairs.push_back(ReadPair(**record, file));
      pairs.back().where = lines.Where();
      continue;
    } catch (const base::Error& failure) {
      error = failure.what();
    }
    if (!error.starts_with(lines.Where())) error = lines.Where() + ": " + error;
    if (!skip_bad) throw base::BadInput(error + " (--skip-bad goes on with the others)");
    std::fprintf(stderr, "mathcoder: skipped: %s\n", error.c_str());
    ++bad;
  }
  return pairs;
}

// One line, however long and whatever it holds.
std::string Short(std::string_view text, std::size_t most) {
  std::string line = TerminalView::Printable(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  if (line.size() <= most) return line;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  return line.substr(0, end) + "...";
}

double Microseconds(const Verdict& verdict) { return std::chrono::duration<double, std::micro>(verdict.cost).count(); }

Json ToJson(const Pair& pair, const Judge& judge, const Verdict& verdict) {
  Json line;
  if (!pair.where.empty()) line["where"] = pair.where;
  line["mode"] = judge.name;
  line["gold"] = pair.gold;
  line["answer"] = verdict.answer.text;
  line["found_by"] = verdict.answer.rule;
  line["verdict"] = grade::Name(verdict.outcome);
  line["equality"] = math::Name(verdict.equality);
  line["rule"] = verdict.rule;
  line["reason"] = verdict.reason;
  line["us"] = Microseconds(verdict);
  if (pair.expected) line["expected"] = *pair.expected;
  return line;
}

void PrintLine(const Pair& pair, const Verdict& verdict) {
  const char* mark = !pair.expected || verdict.outcome == Outcome::kUnknown     ? " "
                     : (verdict.outcome == Outcome::kCorrect) == *pair.expected ? " "
                                                                                : "!";
  std::printf("%s%s %-9s %9.1f us  %s | %s  (%s; %s)\n", mark, pair.where.c_str(),
              std::string(grade::Name(verdict.outcome)).c_str(), Microseconds(verdict), Short(pair.gold, 60).c_str(),
              Short(verdict.answer.text, 60).c_str(), verdict.answer.rule.c_str(), Short(verdict.reason, 160).c_str());
}

void PrintSideBySide(const Pair& pair, const std::vector<Judge>& judges, const std::vector<Verdict>& verdicts) {
  std::printf("%s  reference %s%s\n", pair.where.c_str(), Short(pair.gold, 80).c_str(),
              pair.expected ? (*pair.expected ? "  (expected correct)" : "  (expected wrong)") : "");
  for (std::size_t i = 0; i < judges.size(); ++i) {
    std::printf("    %-10s %-9s %s  (%s; %s)\n", judges[i].name.c_str(), std::string(grade::Name(verdicts[i].outcome)).c_str(),
                Short(verdicts[i].answer.text, 60).c_str(), verdicts[i].answer.rule.c_str(),
                Short(verdicts[i].reason, 160).c_str());
  }
}

int GradePair(const GradeArguments& arguments) {
  const Pair pair{
      .where = "", .gold = *arguments.gold, .pred = *arguments.pred, .transcript = std::nullopt, .expected = std::nullopt};
  bool correct = true;
  for (const Judge& judge : JudgesOf(arguments, false)) {
    const Verdict verdict = GradeOne(judge, pair);
    correct = correct && verdict.outcome == Outcome::kCorrect;
    if (arguments.json) {
      std::printf("%s\n", base::Dump(ToJson(pair, judge, verdict)).c_str());
      continue;
    }
    std::printf("%s  %s  (%.1f us)\n", std::string(grade::Name(verdict.outcome)).c_str(), Short(verdict.reason, 1000).c_str(),
                Microseconds(verdict));
    if (arguments.why) {
      std::printf("  mode      %s\n  answer    %s  (%s)\n  equality  %s by %s\n", judge.name.c_str(),
                  Short(verdict.answer.text, 1000).c_str(), verdict.answer.rule.c_str(),
                  std::string(math::Name(verdict.equality)).c_str(), verdict.rule.c_str());
    }
  }
  return static_cast<int>(correct ? ExitCode::kOk : ExitCode::kFailure);
}

int GradeFiles(const GradeArguments& arguments) {
  std::size_t bad = 0;
  const std::vector<std::string> names = PoliciesIn(arguments.mode);
  std::vector<GradeSummary> summaries(names.size());
  const std::atomic<bool>& interrupted = InstallInterrupt();
  for (const std::string& file : arguments.files) {
    const std::deque<Pair> pairs = ReadFile(file, arguments.skip_bad, bad);
    const std::vector<Judge> judges = JudgesOf(arguments, file.find("GSM8K") != std::string::npos);
    // A terminal that shows the verdicts needs no progress beside them.
    const bool quiet = arguments.quiet || pairs.size() < 1000 || isatty(STDOUT_FILENO) != 0;
    base::Progress progress({.label = "grade", .unit = "answers", .total = pairs.size(), .quiet = quiet});
    for (std::size_t i = 0; i < pairs.size() && !interrupted; ++i) {
      const Pair& pair = pairs[i];
      std::vector<Verdict> verdicts;
      for (std::size_t j = 0; j < judges.size(); ++j) {
        verdicts.push_back(GradeOne(judges[j], pair));
        summaries[j].Add(verdicts.back(), pair.expected);
        if (arguments.json) std::printf("%s\n", base::Dump(ToJson(pair, judges[j], verdicts.back())).c_str());
      }
      if (!quiet) progress.Set(i + 1, "");
      if (arguments.json) continue;
      if (judges.size() == 2) {
        if ((verdicts[0].outcome == Outcome::kCorrect) != (verdicts[1].outcome == Outcome::kCorrect))
          PrintSideBySide(pair, judges, verdicts);
      } else if (!arguments.wrong_only || !pair.expected || !GradeSummary::Agrees(verdicts[0].outcome, *pair.expected)) {
        PrintLine(pair, verdicts[0]);
      }
    }
    if (interrupted) break;
  }
  for (std::size_t j = 0; j < names.size(); ++j) {
    const std::string text = summaries[j].ToText(names[j]);
    std::fprintf(arguments.json ? stderr : stdout, "%s", text.c_str());
  }
  if (!arguments.summary.empty()) {
    Json summary = summaries[0].ToJson();
    summary["mode"] = names[0];
    summary["grader"] = grade::GraderVersion();
    if (names.size() == 2) {
      summary["second"] = summaries[1].ToJson();
      summary["second"]["mode"] = names[1];
    }
    base::WriteFileAtomically(arguments.summary, base::Dump(summary) + "\n");
  }
  if (interrupted) return static_cast<int>(ExitCode::kInterrupted);
  return static_cast<int>(bad > 0 || summaries[0].AgreedShare() < arguments.at_least ? ExitCode::kFailure : ExitCode::kOk);
}

int Grade(const GradeArguments& arguments) {
  if (arguments.gold.has_value() != arguments.pred.has_value())
    throw base::Error("--gold and --pred go together", ExitCode::kUsage);
  if (arguments.gold.has_value() == !arguments.files.empty()) {
    throw base::Error(
        "grade needs --gold G --pred P, or files of {\"gold\", \"pred\"} or of transcripts; see `mathcoder grade --help`",
        ExitCode::kUsage);
  }
  return arguments.gold ? GradePair(arguments) : GradeFiles(arguments);
}

}  // namespace

void AddGrade(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<GradeArguments>();
  CLI::App* verb = app.add_subcommand("grade", "is an answer the reference? exactly, with the reason");
  verb->footer(R"(
A policy is a mode with flags: strict, lenient, mathcoder (the published grader, quirks included);
strict,round_to_reference,units=exact. docs/grading.md lists the flags. Two modes show where they disagree.
Files hold {"gold", "pred", "expected"?} or transcripts.

Examples:
  mathcoder grade --gold '\frac{1}{2}' --pred 'so \boxed{0.5}' --why
  mathcoder grade pairs.jsonl --summary grade.json
  mathcoder grade solved.jsonl --mode strict,mathcoder

Exit code of one pair: 0 correct, 1 anything else.)");
  verb->add_option("files", arguments->files, "JSONL files of pairs or of transcripts (- reads standard input)");
  verb->add_option("--gold", arguments->gold, "the reference");
  verb->add_option("--pred", arguments->pred, "an answer, or a message that states one");
  verb->add_option("--mode", arguments->mode, "policy, or two to compare (default: strict)");
  verb->add_flag("--why", arguments->why, "with --gold and --pred: the answer, how it was found, which proof decided");
  verb->add_flag("--disagreements", arguments->wrong_only, "print only verdicts that are not the expected ones");
  verb->add_flag("--json", arguments->json, "one JSON object a verdict");
  verb->add_option("--summary", arguments->summary,
                   "write {n, agreed, false_positive, false_negative, unknown, mean_us, p99_us, max_us, ...} as JSON");
  verb->add_option("--at-least", arguments->at_least, "exit with 1 below this share of agreement with the expected verdicts")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_option("--deadline-ms", arguments->deadline_ms, "most time for one verdict (default: 100)")
      ->check(CLI::Range(1, 60000));
  verb->add_flag("--skip-bad", arguments->skip_bad, "go on after a malformed line");
  verb->add_flag("-q,--quiet", arguments->quiet, "no progress line");
  verb->callback([arguments, &run] { run = [arguments] { return Grade(*arguments); }; });
}

}  // namespace mathcoder::cli
