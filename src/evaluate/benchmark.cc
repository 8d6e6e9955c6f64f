#include "evaluate/benchmark.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <regex>

#include "base/error.h"
#include "base/file.h"
#include "base/jsonl.h"
#include "chat/jsonl_formats.h"
#include "grade/grade.h"

namespace mathcoder::evaluate {
namespace {

using base::Json;

constexpr std::uint32_t kMaxSamples = 100000;

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

std::string TextOf(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() ? "" : base::Dump(value);
}

std::string Field(const Json& record, std::initializer_list<const char*> names) {
  if (!record.is_object()) return "";
  for (const char* name : names) {
    if (const auto found = record.find(name); found != record.end() && (found->is_string() || found->is_number()))
      return TextOf(*found);
  }
  return "";
}

std::string ReferenceOf(const Benchmark& benchmark, const Json& reference) {
  if (reference.is_string() || reference.is_number()) return TextOf(reference);
  if (!reference.is_object()) return "";
  std::string answer = Field(reference, {"answer"});
  if (!benchmark.answer_after.empty()) {
    if (const std::size_t at = answer.rfind(benchmark.answer_after); at != std::string::npos) {
      answer = answer.substr(at + benchmark.answer_after.size());
    }
  }
  return Trimmed(answer);
}

std::string SubjectOf(const Benchmark& benchmark, const chat::Problem& problem) {
  if (std::string subject = Field(problem.extra, {"subject", "type"}); !subject.empty()) return subject;
  if (benchmark.subject_from_id.empty() || problem.id.size() > 256) return "";
  std::smatch match;
  if (!std::regex_search(problem.id, match, std::regex(benchmark.subject_from_id)) || match.size() < 2) return "";
  std::string subject = match[1];
  std::ranges::replace(subject, '_', ' ');
  return subject;
}

std::string LevelOf(const chat::Problem& problem) {
  const std::string level = Field(problem.extra, {"level", "difficulty"});
  constexpr std::string_view kWord = "Level ";
  return level.starts_with(kWord) ? level.substr(kWord.size()) : level;
}

std::string KnownNames(const std::vector<Benchmark>& known) {
  std::string names;
  for (const Benchmark& benchmark : known) names += (names.empty() ? "" : ", ") + benchmark.name;
  return names;
}

}  // namespace

const Benchmark* FindBenchmark(const std::vector<Benchmark>& known, std::string_view name) {
  const auto found = std::ranges::find(known, name, &Benchmark::name);
  return found == known.end() ? nullptr : &*found;
}

std::vector<Selection> ParseSelection(std::string_view spelled, const std::vector<Benchmark>& known) {
  std::vector<Selection> selections;
  const auto fail = [&](const std::string& what) {
    throw base::Error("--bench: " + what + "; write NAME or NAME:SAMPLES, several with commas; known are " + KnownNames(known),
                      base::ExitCode::kUsage);
  };
  for (std::size_t at = 0; at <= spelled.size();) {
    const std::size_t comma = std::min(spelled.find(',', at), spelled.size());
    const std::string item = Trimmed(spelled.substr(at, comma - at));
    at = comma + 1;
    const std::size_t colon = item.find(':');
    const std::string name = item.substr(0, colon);
    const Benchmark* benchmark = FindBenchmark(known, Lower(name));
    if (benchmark == nullptr) fail(item.empty() ? "an empty name" : "'" + name + "' is no benchmark");
    Selection selection{*benchmark, 1};
    if (colon != std::string::npos) {
      const char* const end = item.data() + item.size();
      const auto [stopped, error] = std::from_chars(item.data() + colon + 1, end, selection.samples);
      if (error != std::errc() || stopped != end || selection.samples == 0 || selection.samples > kMaxSamples) {
        fail("'" + item + "' asks for no number of samples between 1 and " + std::to_string(kMaxSamples));
      }
    }
    if (std::ranges::any_of(selections, [&](const Selection& other) { return other.benchmark.name == benchmark->name; })) {
      fail("'" + name + "' is named twice");
    }
    selections.push_back(std::move(selection));
  }
  return selections;
}

Question QuestionOf(const Benchmark& benchmark, chat::Problem problem) {
  Question question;
  question.reference = ReferenceOf(benchmark, problem.reference);
  if (question.reference.empty()) {  // the public MATH has a solution with a box and no answer
    std::string solution = Field(problem.reference, {"solution"});
    if (solution.empty()) solution = Field(problem.extra, {"solution"});
    if (!solution.empty()) {
      if (const grade::FinalAnswer found = grade::FindAnswer(solution); found.rule == "box" || found.rule == "merged boxes") {
        question.reference = found.text;
      }
    }
  }
  question.subject = SubjectOf(benchmark, problem);
  question.level = LevelOf(problem);
  question.sha256 = base::Sha256(problem.question);
  question.problem = std::move(problem);
  return question;
}

Dataset ReadDataset(const Benchmark& benchmark, const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / benchmark.file;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    throw base::BadInput(path.string() + ": the questions of " + benchmark.title +
                         " are not there; --data names the folder that holds " + benchmark.file +
                         ". Public source: " + benchmark.source);
  }
  Dataset dataset{.benchmark = benchmark, .sha256 = base::Sha256OfFile(path), .questions = {}};
  base::JsonLines lines(path);
  while (auto record = lines.Next()) {
    if (!record->ok()) throw base::BadInput(record->error());
    base::Result<chat::Problem> problem = chat::ReadProblem(**record);
    if (!problem.ok()) throw base::BadInput(lines.Where() + ": " + problem.error());
    dataset.questions.push_back(QuestionOf(benchmark, std::move(problem).value()));
    if (dataset.questions.back().reference.empty()) {
      throw base::BadInput(lines.Where() +
                           ": the question has no reference; expected ground_truth.answer, expected_answer or answer");
    }
  }
  if (dataset.questions.empty()) throw base::BadInput(path.string() + ": holds no questions");
  return dataset;
}

const Benchmark* BenchmarkOfFile(const std::vector<Benchmark>& known, const std::filesystem::path& file) {
  const std::string stem = Lower(file.stem().string());
  const Benchmark* best = nullptr;
  std::size_t longest = 0;
  for (const Benchmark& benchmark : known) {
    std::vector<std::string> names = benchmark.aliases;
    names.push_back(benchmark.name);
    names.push_back(benchmark.title);
    for (const std::string& name : names) {
      // "math" must not claim "mathematics-wrong": a name ends where a letter or digit does not follow.
      const std::string lower = Lower(name);
      if (!stem.starts_with(lower) || lower.size() <= longest) continue;
      if (stem.size() > lower.size() && std::isalnum(static_cast<unsigned char>(stem[lower.size()])) != 0) continue;
      best = &benchmark;
      longest = lower.size();
    }
  }
  return best;
}

Benchmark LoadBenchmark(const std::filesystem::path& path) { return ReadBenchmark(base::ReadFile(path), path.string()); }

}  // namespace mathcoder::evaluate
