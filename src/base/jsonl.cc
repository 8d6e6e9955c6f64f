#include "base/jsonl.h"

#include <cerrno>
#include <cstring>
#include <iostream>

#include "base/error.h"
#include "base/utf8.h"

namespace mathcoder::base {

JsonLines::JsonLines(const std::filesystem::path& path) : name_(path == "-" ? "standard input" : path.string()), in_(&std::cin) {
  if (path == "-") return;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw BadInput(name_ + ": is a folder, a JSONL file is needed");
  file_.open(path, std::ios::binary);
  if (!file_) throw BadInput(name_ + ": cannot be read (" + std::strerror(errno) + ")");
  in_ = &file_;
}

std::string JsonLines::Where() const { return name_ + ":" + std::to_string(line_); }

std::optional<Result<Json>> JsonLines::Next() {
  std::string text;
  while (std::getline(*in_, text)) {
    ++line_;
    if (line_ == 1 && text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (const std::size_t bad = FirstInvalidUtf8(text); bad != std::string::npos) {
      return Failure{Where() + ": invalid UTF-8 at byte " + std::to_string(bad + 1) + "; save the file as UTF-8"};
    }
    Json record;
    try {
      record = Json::parse(text);
    } catch (const Json::parse_error& error) {
      return Failure{Where() + ": not JSON at byte " + std::to_string(error.byte) + "; a line must be one whole JSON object"};
    }
    if (!record.is_object()) return Failure{Where() + ": a JSON " + std::string(record.type_name()) + ", an object is needed"};
    return Result<Json>(std::move(record));
  }
  if (in_->bad()) throw BadInput(Where() + ": reading failed");
  return std::nullopt;
}

}  // namespace mathcoder::base
