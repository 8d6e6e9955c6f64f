// Shared by the tests of the room.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/error.h"

namespace mathcoder::weights::testing {

inline std::filesystem::path SharedDir() {
  const char* set = std::getenv("MATHCODER_SHARED");
  return set != nullptr ? std::filesystem::path(set) : std::filesystem::path(MATHCODER_SOURCE_DIR) / "../shared";
}

// A folder that goes away.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mathcoder-weights-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// The message of the base::Error that `call` throws; empty where it throws none.
template <typename F>
std::string ErrorOf(F call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace mathcoder::weights::testing
