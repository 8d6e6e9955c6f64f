#include "evaluate/transcript_files.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/jsonl.h"
#include "chat/jsonl_formats.h"

namespace mathcoder::evaluate {
namespace {

// "MathCoder-L-7b/GSM8K-wrong.jsonl": enough to tell files apart, and no path of a machine.
std::string ShownName(const std::filesystem::path& path) {
  const std::filesystem::path folder = std::filesystem::absolute(path).lexically_normal().parent_path().filename();
  return folder.empty() ? path.filename().string() : (folder / path.filename()).string();
}

std::string ModelOf(const chat::Transcript& transcript, const base::Json& evaluation, const std::filesystem::path& path) {
  if (evaluation.is_object() && evaluation.contains("model") && evaluation["model"].is_string())
    return evaluation["model"].get<std::string>();
  if (!transcript.provenance.model.empty()) return std::filesystem::path(transcript.provenance.model).filename().string();
  return std::filesystem::absolute(path).lexically_normal().parent_path().filename().string();
}

}  // namespace

QuestionIndex::QuestionIndex(const std::vector<Dataset>& datasets) {
  for (const Dataset& dataset : datasets) {
    for (std::size_t i = 0; i < dataset.questions.size(); ++i) {
      by_text_[dataset.questions[i].sha256].push_back({dataset.benchmark.name, i, &dataset.questions[i]});
    }
  }
}

std::optional<QuestionIndex::Place> QuestionIndex::Find(const std::string& question, const std::string& benchmark,
                                                        std::size_t nth) const {
  const auto found = by_text_.find(base::Sha256(question));
  if (found == by_text_.end()) return std::nullopt;
  std::optional<Place> place;
  for (const Place& candidate : found->second) {
    if (!benchmark.empty() && candidate.benchmark != benchmark) continue;
    place = candidate;
    if (nth-- == 0) break;
  }
  return place;
}

void ReadTranscriptFiles(const std::vector<std::filesystem::path>& files, const std::vector<Benchmark>& known,
                         const std::vector<Dataset>& datasets, const std::function<void(GivenTranscript)>& visit) {
  const QuestionIndex index(datasets);
  std::map<std::tuple<std::string, std::string, std::uint32_t, std::string>, std::size_t>
      seen;                                                           // model, benchmark, sample, question
  std::map<std::pair<std::string, std::string>, std::size_t> places;  // of questions that no dataset has
  std::set<std::tuple<std::string, std::string, std::size_t, std::uint32_t>> used;
  for (const std::filesystem::path& path : files) {
    const Benchmark* const by_name = BenchmarkOfFile(known, path);
    base::JsonLines lines(path);
    while (auto record = lines.Next()) {
      if (!record->ok()) throw base::BadInput(record->error());
      base::Result<chat::Transcript> read = chat::ReadTranscript(**record);
      if (!read.ok()) throw base::BadInput(lines.Where() + ": " + read.error());
      GivenTranscript given;
      given.transcript = std::move(read).value();
      const base::Json own = (**record).value("mathcoder", base::Json());
      const base::Json evaluation = own.is_object() ? own.value("evaluation", base::Json()) : base::Json();
      given.model = ModelOf(given.transcript, evaluation, path);
      given.file = ShownName(path);
      const Benchmark* benchmark = nullptr;
      if (evaluation.is_object() && evaluation.contains("benchmark"))
        benchmark = FindBenchmark(known, evaluation.value("benchmark", ""));
      if (benchmark == nullptr) benchmark = by_name;
      const std::string& text = given.transcript.problem.question;
      if (benchmark == nullptr) {
        if (const auto place = index.Find(text, "", 0)) benchmark = FindBenchmark(known, place->benchmark);
      }
      if (benchmark == nullptr) {
        throw base::BadInput(lines.Where() +
                             ": belongs to no benchmark by its file's name or its question; name the file after one "
                             "(gsm8k-run1.jsonl), or give --bench and --data");
      }
      given.task.benchmark = benchmark->name;
      given.task.sample = given.transcript.sample;
      const std::size_t nth = seen[{given.model, benchmark->name, given.task.sample, base::Sha256(text)}]++;
      const auto place = index.Find(text, benchmark->name, nth);
      given.question = QuestionOf(*benchmark, given.transcript.problem);
      if (place) {
        given.task.index = place->index;
        if (given.question.reference.empty()) given.question.reference = place->question->reference;
        if (given.question.subject.empty()) given.question.subject = place->question->subject;
        if (given.question.level.empty()) given.question.level = place->question->level;
      } else if (evaluation.is_object() && evaluation.contains("index") && evaluation["index"].is_number_unsigned()) {
        given.task.index = evaluation["index"].get<std::size_t>();
      } else {
        given.task.index = places[{given.model, benchmark->name}]++;
      }
      if (given.question.reference.empty()) {
        throw base::BadInput(lines.Where() +
                             ": the transcript has no reference (ground_truth.answer) and its question is in no file of --data");
      }
      // The same question twice by one model is one more sample of it.
      while (!used.insert({given.model, benchmark->name, given.task.index, given.task.sample}).second) ++given.task.sample;
      visit(std::move(given));
    }
  }
}

}  // namespace mathcoder::evaluate
