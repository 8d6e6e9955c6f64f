// Shows one solution while it is written: text as it comes, code with colours, outputs set apart. Without a terminal the same in
// plain text, code and output in fences. Not thread-safe.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "solve/loop.h"

namespace mathcoder::cli {

class TerminalView : public solve::Observer {
 public:
  explicit TerminalView(std::FILE* out);
  void OnChunk(const chat::BlockReader::Chunk& chunk) override;
  void OnExecution(const chat::Execution& execution, std::string_view observation) override;
  void Finish();  // ends the line and the colours

  // Control characters of what a model or a program wrote must not reach the terminal; newline and tab stay.
  static std::string Printable(std::string_view text);

 private:
  void Open(chat::BlockKind kind);
  void Close();
  void Put(std::string_view text);

  std::FILE* const out_;
  const bool colour_;
  bool open_ = false;
  bool at_line_start_ = true;
  chat::BlockKind kind_ = chat::BlockKind::kText;
  std::string line_;  // of code: coloured when it is whole
};

// One line of Python with ANSI colours (keywords, strings, numbers, comments). Lines are coloured alone: a string over several
// lines keeps its colour only on lines that show its quotes.
std::string HighlightPython(std::string_view line);

}  // namespace mathcoder::cli
