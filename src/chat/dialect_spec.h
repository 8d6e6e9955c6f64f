// What a dialect file says, after it was read and checked. docs/dialects.md describes the format.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/dialect.h"

namespace mathcoder::chat {

// How one kind of block is written: between control tokens, or (code and execution) as a fence of Markdown.
struct BlockMarks {
  std::string open;  // control tokens and plain text, as written
  std::string close;
  std::vector<std::string> also_closed_by;  // control tokens that end the block as well when a model writes it
  std::vector<std::string> fences;          // "```python"; the first one is written, all are read. Empty: no fence
  std::string fence_close;                  // "```"
};

// All that is given must hold.
struct DetectRule {
  std::vector<std::string> specials;  // in the vocabulary
  std::vector<std::string> in_template;
  std::string in_name;  // without regard to case
};

struct DialectSpec {
  std::string name;
  std::string system;
  std::vector<std::string> control;           // must be in the vocabulary
  std::vector<std::string> optional_control;  // used where the vocabulary has them
  std::string prompt;                         // with {system} and {question}
  std::string prompt_without_system;          // for an empty system message; empty: `prompt`
  BlockMarks text, code, execution;
  std::string message_end;  // one control token
  std::vector<DetectRule> detect;

  bool fenced() const { return !code.fences.empty(); }
};

// `where` names the file in errors. Throws base::BadInput: "file:line: what was found and what is expected".
DialectSpec ParseDialect(std::string_view yaml, const std::string& where);

// Cuts a template at its control tokens (the longest that fits, from the left).
std::vector<Segment> SplitControl(std::string_view text, const std::vector<std::string>& control, TokenRole role);

struct BuiltInDialect {
  std::string_view name;
  std::string_view yaml;
};
// In the order in which DetectDialect tries them; defined in a file that CMake writes from dialects/*.yaml.
const std::vector<BuiltInDialect>& BuiltInDialectFiles();

}  // namespace mathcoder::chat
