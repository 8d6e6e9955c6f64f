// RUN/, the folder of one evaluation (docs/evaluation.md): transcripts.jsonl, verdicts.jsonl, timings.jsonl, manifest.json,
// summary.json, report.html, and run.sqlite where results are kept while they come.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/unique_fd.h"
#include "chat/transcript.h"
#include "evaluate/item.h"

namespace mathcoder::evaluate {

// Creates the folder and holds it until destroyed: two programs cannot work in one. Throws base::OutputFailure (cannot be made,
// held by another program).
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path);
  std::filesystem::path operator/(const char* name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  base::UniqueFd lock_;
};

// Lines to a temporary file beside `path`; Commit renames it over `path`, so that a reader sees the old lines or all the new ones.
// Throws base::OutputFailure. Without Commit nothing is left.
class LinesWriter {
 public:
  explicit LinesWriter(std::filesystem::path path);
  ~LinesWriter();
  void Add(const std::string& line);
  void Commit();

 private:
  std::filesystem::path path_, temporary_;
  std::ofstream out_;
  bool committed_ = false;
};

// A line of transcripts.jsonl: the project's own record with {"benchmark", "index", "model"?, "file"?} under mathcoder.evaluation.
// `timeless`: what differs between two equal runs (times, what a cache held) is 0; it stands in timings.jsonl.
base::Json TranscriptRecord(const Item& item, chat::Transcript transcript, bool timeless);
base::Json TimingRecord(const Item& item, const chat::Transcript& transcript);

}  // namespace mathcoder::evaluate
