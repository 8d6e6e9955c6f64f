#include "train/data/source.h"

#include <glob.h>

#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <system_error>

#include "base/error.h"

namespace mathcoder::train {
namespace {

std::vector<std::filesystem::path> Expand(const std::string& pattern) {
  std::error_code ignored;
  if (std::filesystem::exists(pattern, ignored)) return {pattern};  // a name may hold what a pattern uses
  glob_t found{};
  const std::unique_ptr<glob_t, void (*)(glob_t*)> owner(&found, ::globfree);
  std::vector<std::filesystem::path> paths;
  if (::glob(pattern.c_str(), GLOB_TILDE, nullptr, &found) == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  return paths;
}

}  // namespace

DataSource ParseSource(std::string_view text) {
  DataSource source{std::string(text), 1};
  const std::size_t colon = text.rfind(':');
  std::error_code ignored;
  if (colon == std::string_view::npos || std::filesystem::exists(text, ignored)) return source;
  double repeat = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, repeat);
  if (error == std::errc() && stop == end) source = {std::string(text.substr(0, colon)), repeat};
  return source;
}

std::vector<DataFile> ExpandSources(const std::vector<DataSource>& sources) {
  if (sources.empty())
    throw base::BadInput("the training data names no file; give a file of transcripts (JSONL) or a pattern of them");
  std::vector<DataFile> files;
  std::map<std::filesystem::path, std::string> seen;
  for (const DataSource& source : sources) {
    if (!std::isfinite(source.repeat) || source.repeat < 0) {
      throw base::BadInput(source.files + ": repeat is " + std::to_string(source.repeat) +
                           "; it must be 0 or more copies an epoch");
    }
    const std::vector<std::filesystem::path> paths = Expand(source.files);
    if (paths.empty()) throw base::BadInput(source.files + ": there is no such file, and no file that the pattern fits");
    for (const std::filesystem::path& path : paths) {
      std::error_code ignored;
      const std::filesystem::path real = std::filesystem::weakly_canonical(path, ignored);
      if (const auto [it, fresh] = seen.emplace(real, source.files); !fresh) {
        throw base::BadInput(path.string() + ": named twice, by '" + it->second + "' and by '" + source.files +
                             "'; to weigh a file more, set its repeat");
      }
      files.push_back({path, source.repeat});
    }
  }
  return files;
}

}  // namespace mathcoder::train
