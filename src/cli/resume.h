// What a --out file of an earlier run holds, so that a second run does the rest and nothing twice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/json.h"
#include "chat/transcript.h"

namespace mathcoder::cli {

class FinishedWork {
 public:
  // Reads the file (absent: nothing is finished). Throws base::BadInput (file:line) when a record is no transcript, or was made
  // with another model, dialect, library set or other sampling than `now`: two runs must not mix in one file.
  FinishedWork(const std::filesystem::path& path, const chat::Provenance& now, const base::Json& sampling);

  // The key of a problem of the input. Files may repeat ids and questions: the nth of the same gets a key of its own, so problems
  // are to be asked for in the input's order, once each.
  std::string KeyOfNext(const chat::Problem& problem);
  bool Contains(const std::string& key, std::uint32_t sample) const { return done_.contains({key, sample}); }

 private:
  std::set<std::pair<std::string, std::uint32_t>> done_;
  std::map<std::string, std::size_t> seen_;
};

}  // namespace mathcoder::cli
