#include "base/paths.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"

namespace mathcoder::base {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> FirstThatExists(const std::vector<fs::path>& candidates) {
  for (const fs::path& candidate : candidates) {
    std::error_code ignored;
    if (!candidate.empty() && fs::exists(candidate, ignored)) return candidate;
  }
  return std::nullopt;
}

fs::path FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? fs::path(value) : fs::path();
}

}  // namespace

fs::path ExecutableDir() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::current_path() : self.parent_path();
}

std::optional<fs::path> FindData(std::string_view relative) {
  const fs::path own = FromEnvironment("MATHCODER_DATA");
  return FirstThatExists({own.empty() ? own : own / relative, ExecutableDir().parent_path() / "share/mathcoder" / relative,
                          fs::path(MATHCODER_SOURCE_DIR) / relative});
}

std::optional<fs::path> FindHelper(std::string_view name) {
  const fs::path own = FromEnvironment("MATHCODER_HELPERS");
  return FirstThatExists({own.empty() ? own : own / name, ExecutableDir() / name,
                          ExecutableDir().parent_path() / "libexec/mathcoder" / name,
                          ExecutableDir().parent_path() / "bin" / name});
}

std::optional<fs::path> FindLibrarySet(std::string_view name) {
  const fs::path sets = FromEnvironment("MATHCODER_PYTHON_SETS");
  const fs::path deps = FromEnvironment("MATHCODER_DEPS");
  const fs::path interpreter = fs::path(name) / "bin/python3";
  return FirstThatExists(
      {sets.empty() ? sets : sets / interpreter, ExecutableDir().parent_path() / "lib/mathcoder/python" / interpreter,
       deps.empty() ? deps : deps / "python" / interpreter, fs::path(MATHCODER_SOURCE_DIR) / "build/deps/python" / interpreter});
}

}  // namespace mathcoder::base
