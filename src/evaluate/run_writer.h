// From graded transcripts to the files of RUN/: one pass, in the order of the tasks.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "evaluate/benchmark.h"
#include "evaluate/item.h"
#include "evaluate/report.h"
#include "evaluate/run_folder.h"
#include "evaluate/summary.h"
#include "grade/grade.h"

namespace mathcoder::evaluate {

// One grader a benchmark, each with its policy. Thread-safe after construction.
class Graders {
 public:
  Graders(const std::string& mode, const std::vector<Benchmark>& benchmarks);
  const grade::Grader& Of(const std::string& benchmark) const { return *graders_.at(benchmark); }
  const std::map<std::string, std::string>& policies() const { return policies_; }  // as spelled
  // Equal under the benchmark's policy: for majorities.
  SameAnswer Same() const;

 private:
  std::map<std::string, std::string> policies_;
  std::map<std::string, std::unique_ptr<grade::Grader>> graders_;
};

struct RunFacts {
  std::string title;
  base::Json manifest;
  std::vector<std::pair<std::string, std::string>> benchmark_titles;
  std::map<std::string, double> seconds;  // by benchmark; absent: unknown
  std::uint64_t seed = 0;
  bool complete = true;
  SameAnswer same;
};

class RunWriter {
 public:
  // `timeless`: transcripts, verdicts, summary, manifest and report hold nothing that differs between two equal runs.
  RunWriter(const RunFolder& folder, bool timeless);
  void Add(Item item, const chat::Transcript& transcript);
  // Writes and renames everything; the summary last but for the report. Returns what it counted.
  Summary Finish(const RunFacts& facts);

  const std::vector<Item>& items() const { return items_; }

 private:
  const RunFolder& folder_;
  const bool timeless_;
  LinesWriter transcripts_, verdicts_, timings_;
  TranscriptPages pages_;
  std::vector<Item> items_;
};

}  // namespace mathcoder::evaluate
