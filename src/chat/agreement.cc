#include "chat/agreement.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace mathcoder::chat {
namespace {

constexpr std::string_view kHeader = "Traceback (most recent call last)";
constexpr std::string_view kTimeout = "Timeout waiting for reply";

bool IsNameByte(char byte) { return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '_' || byte == '.'; }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

bool LooksLikeAnException(std::string_view type) {
  for (const std::string_view part : {"Error", "Exception", "Interrupt", "Exit", "Stop", "Warning"}) {
    if (type.find(part) != std::string_view::npos) return true;
  }
  return false;
}

// "ValueError" of "ValueError: ...", or of a line that is only that; empty where the line names no exception.
std::string_view TypeAtStart(std::string_view line) {
  std::size_t end = 0;
  while (end < line.size() && IsNameByte(line[end])) ++end;
  if (end == 0 || std::isdigit(static_cast<unsigned char>(line[0])) != 0) return {};
  const std::string_view type = line.substr(0, end);
  const bool with_message = end < line.size() && line[end] == ':';
  return with_message || (end == line.size() && LooksLikeAnException(type)) ? type : std::string_view();
}

// The type that stands before the last header of IPython's form ("ValueError      Traceback (most recent call last)").
std::string_view TypeBeforeHeader(std::string_view output, std::size_t header) {
  std::string_view before = Trimmed(output.substr(0, header));
  std::size_t begin = before.size();
  while (begin > 0 && IsNameByte(before[begin - 1])) --begin;
  return before.substr(begin);
}

// The last header of a traceback; those in lines of source that a traceback quotes (with their number, or indented) are none.
std::size_t LastHeader(std::string_view output) {
  for (std::size_t at = output.rfind(kHeader); at != std::string_view::npos;
       at = at == 0 ? std::string_view::npos : output.rfind(kHeader, at - 1)) {
    const std::size_t newline = at == 0 ? std::string_view::npos : output.rfind('\n', at - 1);
    const std::string_view line = output.substr(newline == std::string_view::npos ? 0 : newline + 1);
    const std::string_view before = line.substr(0, at - (output.size() - line.size()));
    const std::string_view type = TypeBeforeHeader(line, before.size());
    if (before.empty() || (!type.empty() && std::isdigit(static_cast<unsigned char>(type[0])) == 0)) return at;
  }
  return std::string_view::npos;
}

// The text from the last line that begins with `type`, blanks before it aside.
std::string_view FromLastLineOf(std::string_view output, std::string_view type) {
  for (std::size_t at = output.rfind(type); at != std::string_view::npos; at = at == 0 ? at : output.rfind(type, at - 1)) {
    std::size_t begin = at;
    while (begin > 0 && output[begin - 1] == ' ') --begin;
    const bool at_line = begin == 0 || output[begin - 1] == '\n';
    const std::size_t end = at + type.size();
    if (at_line && (end == output.size() || output[end] == ':' || output[end] == '\n')) return Trimmed(output.substr(at));
    if (at == 0) break;
  }
  return {};
}

std::string_view WithoutModule(std::string_view exception) {
  const std::string_view type = TypeAtStart(exception);
  const std::size_t dot = type.rfind('.');
  return dot == std::string_view::npos ? exception : exception.substr(dot + 1);
}

bool IsSyntaxError(std::string_view exception) {
  return exception.starts_with("SyntaxError") || exception.starts_with("IndentationError") || exception.starts_with("TabError");
}

// "Equality.__new__() takes 3 ..." of Python 3.10 and later is "__new__() takes 3 ..." before.
std::string WithoutQualifier(std::string exception) {
  const std::size_t call = exception.find("() ");
  if (!exception.starts_with("TypeError: ") || call == std::string::npos) return exception;
  const std::size_t begin = std::string_view("TypeError: ").size();
  const std::size_t dot = exception.rfind('.', call);
  const bool one_name =
      std::all_of(exception.begin() + static_cast<std::ptrdiff_t>(begin), exception.begin() + static_cast<std::ptrdiff_t>(call),
                  [](char byte) { return IsNameByte(byte) || byte == '<' || byte == '>'; });
  if (one_name && dot != std::string::npos && dot > begin) exception.erase(begin, dot + 1 - begin);
  return exception;
}

// What of an exception two machines can agree on.
std::string Comparable(std::string_view output) {
  std::string exception = ExceptionOf(output);
  if (IsSyntaxError(exception)) {
    // "Cell In[6], line 2" or "File ..., line 2": the last line number before the message.
    const std::size_t at = output.rfind(", line ");
    std::size_t end = at == std::string_view::npos ? at : at + std::string_view(", line ").size();
    const std::size_t begin = end;
    while (end < output.size() && std::isdigit(static_cast<unsigned char>(output[end])) != 0) ++end;
    exception.erase(std::min(exception.find(':'), exception.size()));
    if (begin < output.size()) exception += " in line " + std::string(output.substr(begin, end - begin));
  } else if (exception.find("cannot import name") != std::string::npos && exception.ends_with(")")) {
    exception.erase(std::min(exception.rfind(" ("), exception.size()));
  } else if (exception.starts_with("RecursionError")) {
    exception = "RecursionError";
  }
  return WithoutQualifier(std::move(exception));
}

}  // namespace

std::string_view Name(Agreement agreement) {
  switch (agreement) {
    case Agreement::kSame:
      return "same";
    case Agreement::kSameException:
      return "same exception";
    case Agreement::kSameTimeout:
      return "same timeout";
    case Agreement::kDifferent:
      break;
  }
  return "different";
}

std::string ExceptionOf(std::string_view output) {
  output = Trimmed(output);
  const std::size_t header = LastHeader(output);
  if (header != std::string_view::npos) {
    const std::string_view type = TypeBeforeHeader(output, header);
    if (!type.empty()) {
      const std::string_view found = FromLastLineOf(output.substr(header), type);
      if (!found.empty()) return std::string(WithoutModule(found));
    }
  } else if (output.find("\nSyntaxError: ") == std::string_view::npos &&
             output.find("\nIndentationError: ") == std::string_view::npos &&
             output.find("\nTabError: ") == std::string_view::npos) {
    return "";  // an error of syntax has no header
  }
  // Python's own form: the last line that begins with a name and a colon; what follows it belongs to the message.
  std::size_t end = output.size();
  std::size_t start_of_message = std::string_view::npos;
  while (true) {
    const std::size_t newline = end == 0 ? std::string_view::npos : output.rfind('\n', end - 1);
    const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    const std::string_view line = output.substr(begin, end - begin);
    if (!TypeAtStart(line).empty()) {
      start_of_message = begin;
      break;
    }
    if (newline == std::string_view::npos) break;
    end = newline;
  }
  return start_of_message == std::string_view::npos ? "" : std::string(WithoutModule(output.substr(start_of_message)));
}

Agreement Compare(const ObservationPolicy& policy, std::string_view recorded, std::string_view observed, bool timed_out) {
  const std::string want = Observe(policy, recorded);
  const std::string have = Observe(policy, observed);
  if (Trimmed(want) == Trimmed(have)) return Agreement::kSame;
  if (timed_out && recorded.find(kTimeout) != std::string_view::npos) return Agreement::kSameTimeout;
  ObservationPolicy whole = policy;  // a long traceback must not lose its last line
  whole.max_bytes = static_cast<std::size_t>(-1);
  whole.last_line_of_traceback = false;
  const std::string wanted = Comparable(Observe(whole, recorded));
  return !wanted.empty() && wanted == Comparable(Observe(whole, observed)) ? Agreement::kSameException : Agreement::kDifferent;
}

}  // namespace mathcoder::chat
