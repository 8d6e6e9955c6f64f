#include "cli/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

namespace mathcoder::cli {
namespace {

using chat::BlockKind;

constexpr char kReset[] = "\033[0m";
constexpr char kDim[] = "\033[2m";
constexpr char kKeyword[] = "\033[35m";
constexpr char kString[] = "\033[32m";
constexpr char kNumber[] = "\033[36m";
constexpr char kComment[] = "\033[90m";
constexpr char kOutput[] = "\033[33m";

constexpr std::array<std::string_view, 35> kKeywords = {
    "False",  "None",     "True", "and",    "as",      "assert", "async",  "await",  "break", "class",  "continue", "def",
    "del",    "elif",     "else", "except", "finally", "for",    "from",   "global", "if",    "import", "in",       "is",
    "lambda", "nonlocal", "not",  "or",     "pass",    "raise",  "return", "try",    "while", "with",   "yield"};

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

std::string HighlightPython(std::string_view line) {
  std::string result;
  const auto coloured = [&](const char* colour, std::string_view text) {
    result += colour;
    result += text;
    result += kReset;
  };
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    std::size_t end = at + 1;
    if (c == '#') {
      coloured(kComment, line.substr(at));
      break;
    }
    if (c == '"' || c == '\'') {
      while (end < line.size() && line[end] != c) end += line[end] == '\\' ? 2 : 1;
      end = std::min(line.size(), end + 1);
      coloured(kString, line.substr(at, end - at));
    } else if (IsWord(c)) {
      while (end < line.size() && (IsWord(line[end]) || (line[end] == '.' && std::isdigit(static_cast<unsigned char>(c)) != 0)))
        ++end;
      const std::string_view word = line.substr(at, end - at);
      if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
        coloured(kNumber, word);
      } else if (std::ranges::find(kKeywords, word) != kKeywords.end()) {
        coloured(kKeyword, word);
      } else {
        result += word;
      }
    } else {
      result += c;
    }
    at = end;
  }
  return result;
}

TerminalView::TerminalView(std::FILE* out)
    : out_(out), colour_(::isatty(::fileno(out)) != 0 && std::getenv("NO_COLOR") == nullptr) {}

std::string TerminalView::Printable(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    // U+0080 to U+009F: the C1 controls, CSI among them.
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      result += "\xEF\xBF\xBD";
      ++i;
    } else if (byte == '\n' || byte == '\t' || (byte >= 0x20 && byte != 0x7F)) {
      result += c;
    } else {
      result += "\xEF\xBF\xBD";
    }
  }
  return result;
}

void TerminalView::Put(std::string_view text) {
  if (text.empty()) return;
  std::fwrite(text.data(), 1, text.size(), out_);
  at_line_start_ = text.back() == '\n';
}

void TerminalView::Open(BlockKind kind) {
  Close();
  open_ = true;
  kind_ = kind;
  if (kind == BlockKind::kText) return;
  Put(colour_ ? kDim : "");
  Put(kind == BlockKind::kCode ? "```python" : "```output");
  Put(colour_ ? kReset : "");
  Put("\n");
}

void TerminalView::Close() {
  if (!open_) return;
  open_ = false;
  if (!line_.empty()) {
    Put(colour_ ? HighlightPython(line_) : line_);
    line_.clear();
  }
  if (!at_line_start_) Put("\n");
  if (kind_ != BlockKind::kText) {
    Put(colour_ ? kDim : "");
    Put("```");
    Put(colour_ ? kReset : "");
    Put("\n");
  }
}

void TerminalView::OnChunk(const chat::BlockReader::Chunk& chunk) {
  if (chunk.starts_block || !open_) Open(chunk.kind);
  std::string text = Printable(chunk.text);
  if (kind_ == BlockKind::kCode && colour_) {
    line_ += text;
    for (std::size_t newline; (newline = line_.find('\n')) != std::string::npos; line_.erase(0, newline + 1)) {
      Put(HighlightPython(std::string_view(line_).substr(0, newline)));
      Put("\n");
    }
  } else {
    Put(text);
  }
  std::fflush(out_);
}

void TerminalView::OnExecution(const chat::Execution&, std::string_view observation) {
  Open(BlockKind::kExecution);
  Put(colour_ ? kOutput : "");
  Put(Printable(observation));
  Put(colour_ ? kReset : "");
  at_line_start_ = !observation.empty() && observation.back() == '\n';
  Close();
  std::fflush(out_);
}

void TerminalView::Finish() {
  Close();
  std::fflush(out_);
}

}  // namespace mathcoder::cli
