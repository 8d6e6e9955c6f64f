#include "evaluate/run_writer.h"

#include "base/file.h"

namespace mathcoder::evaluate {

Graders::Graders(const std::string& mode, const std::vector<Benchmark>& benchmarks) {
  for (const Benchmark& benchmark : benchmarks) {
    const std::string& flags = mode == grade::Name(grade::Mode::kMathCoder) ? benchmark.published_policy : benchmark.policy;
    const std::string spelled = flags.empty() ? mode : mode + "," + flags;
    policies_[benchmark.name] = spelled;
    grade::Grader::Options options;
    options.policy = grade::PolicyOf(spelled);
    graders_[benchmark.name] = std::make_unique<grade::Grader>(std::move(options));
  }
}

SameAnswer Graders::Same() const {
  return [this](const std::string& benchmark, const std::string& first, const std::string& second) {
    return Of(benchmark).Grade(first, second).outcome == grade::Outcome::kCorrect;
  };
}

RunWriter::RunWriter(const RunFolder& folder, bool timeless)
    : folder_(folder),
      timeless_(timeless),
      transcripts_(folder / "transcripts.jsonl"),
      verdicts_(folder / "verdicts.jsonl"),
      timings_(folder / "timings.jsonl") {}

void RunWriter::Add(Item item, const chat::Transcript& transcript) {
  transcripts_.Add(base::Dump(TranscriptRecord(item, transcript, timeless_)));
  verdicts_.Add(base::Dump(ToJson(item)));
  timings_.Add(base::Dump(TimingRecord(item, transcript)));
  pages_.Add(item, transcript);
  items_.push_back(std::move(item));
}

Summary RunWriter::Finish(const RunFacts& facts) {
  SummaryOptions options{.seed = facts.seed, .same = facts.same, .seconds = {}};
  if (!timeless_) options.seconds = facts.seconds;
  Summary summary = Summarize(items_, options);
  base::Json json = {{"complete", facts.complete}, {"mode", facts.manifest["grade"]["mode"]}};
  json.update(ToJson(summary, items_, facts.seed));
  transcripts_.Commit();
  verdicts_.Commit();
  timings_.Commit();
  base::WriteFileAtomically(folder_ / "manifest.json",
                            facts.manifest.dump(2, ' ', false, base::Json::error_handler_t::replace) + "\n");
  base::WriteFileAtomically(folder_ / "summary.json", json.dump(2, ' ', false, base::Json::error_handler_t::replace) + "\n");
  base::WriteFileAtomically(folder_ / "report.html", RenderReport({.title = facts.title,
                                                                   .manifest = facts.manifest,
                                                                   .summary = summary,
                                                                   .items = items_,
                                                                   .published = PublishedResults(),
                                                                   .transcripts = &pages_,
                                                                   .benchmark_titles = facts.benchmark_titles,
                                                                   .with_times = !timeless_,
                                                                   .complete = facts.complete}));
  return summary;
}

}  // namespace mathcoder::evaluate
