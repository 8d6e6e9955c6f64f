// Shared data of the tests of this room: where it is, and the published transcripts with their labels.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/jsonl.h"
#include "chat/jsonl_formats.h"

namespace mathcoder::grade {

inline std::filesystem::path SharedData() {
  const char* set = std::getenv("MATHCODER_SHARED");
  return set != nullptr ? std::filesystem::path(set) : std::filesystem::path(MATHCODER_SOURCE_DIR) / ".." / "shared";
}

#define MC_REQUIRE_SHARED(folder)                                                                      \
  if (!std::filesystem::exists(SharedData() / (folder))) {                                             \
    GTEST_SKIP() << "needs " << (SharedData() / (folder)) << " (set MATHCODER_SHARED to where it is)"; \
  }

struct Labelled {
  std::string file;  // "MathCoder-L-7b/GSM8K-correct.jsonl"
  std::string where;
  std::string gold;
  chat::Transcript transcript;
  bool correct = false;
};

// A number as the published program printed it: 14.0, not 14.
inline std::string ReferenceOf(const base::Json& answer) {
  return answer.is_string() ? answer.get<std::string>() : base::Dump(answer);
}

inline std::vector<Labelled> PublishedTranscripts() {
  std::vector<Labelled> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(SharedData() / "transcripts")) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".jsonl")) continue;
    base::JsonLines lines(entry.path());
    while (auto record = lines.Next()) {
      auto transcript = chat::ReadTranscript(record->value());
      if (!transcript.ok()) throw base::BadInput(lines.Where() + ": " + transcript.error());
      Labelled item{entry.path().parent_path().filename().string() + "/" + name,
                    lines.Where(),
                    {},
                    std::move(transcript).value(),
                    name.ends_with("-correct.jsonl")};
      item.gold = ReferenceOf(item.transcript.problem.reference.at("answer"));
      all.push_back(std::move(item));
    }
  }
  return all;
}

}  // namespace mathcoder::grade
