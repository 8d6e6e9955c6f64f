// What several tests of this room need.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "evaluate/item.h"

namespace mathcoder::evaluate {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "mathcoder-evaluate-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::filesystem::path SharedData() {
  const char* const own = std::getenv("MATHCODER_SHARED");
  return own != nullptr ? own : std::filesystem::path(MATHCODER_SOURCE_DIR) / "../shared";
}

inline Item ItemOf(const std::string& benchmark, std::size_t index, std::uint32_t sample, grade::Outcome outcome,
                   const std::string& answer = "1") {
  Item item;
  item.task = {benchmark, index, sample};
  item.question_sha256 = "sha of " + std::to_string(index);
  item.outcome = outcome;
  item.answer = outcome == grade::Outcome::kNoAnswer ? "" : answer;
  item.reference = "1";
  item.reason = "because";
  return item;
}

}  // namespace mathcoder::evaluate
