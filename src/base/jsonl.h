// Reads JSON Lines: one object a line, blank lines ignored, a byte-order mark at the start ignored.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace mathcoder::base {

class JsonLines {
 public:
  // "-" reads standard input. Throws BadInput when the file cannot be opened.
  explicit JsonLines(const std::filesystem::path& path);

  // The next object, or nullopt at the end. A line that is no JSON object, or holds invalid UTF-8, is a Failure whose message
  // begins with "file:line: "; reading goes on with the line after it.
  std::optional<Result<Json>> Next();

  std::size_t line() const { return line_; }  // of the record that Next returned last, from 1
  std::string Where() const;                  // "file:line"

 private:
  std::string name_;
  std::ifstream file_;
  std::istream* in_;
  std::size_t line_ = 0;
};

}  // namespace mathcoder::base
