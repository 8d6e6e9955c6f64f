// LaTeX commands, Unicode signs and plain names as tokens.
#pragma once

#include <cstddef>
#include <string_view>

#include "math/lexer.h"

namespace mathcoder::math {

struct Spelling {
  std::string_view name;
  Tok type = Tok::kEnd;
  std::string_view text;
  std::uint8_t count = 0;
};

// A command's name without its backslash. nullptr: unknown.
const Spelling* FindCommand(std::string_view name);
// The longest known command that `letters` begins with: \vertx is \vert x. nullptr: none of two letters or more.
const Spelling* FindCommandPrefix(std::string_view letters);
// The sign at the start of `text` (UTF-8, not ASCII); its name's size is what it takes. nullptr: none.
const Spelling* FindSign(std::string_view text);
// Names without a backslash: pi, oo, alpha, Reals, Matrix, and.
const Spelling* FindPlainName(std::string_view name);

// What a command does to the text around it, for the lexer.
enum class Markup : std::uint8_t {
  kNone,
  kSpace,
  kLeft,
  kRight,
  kText,
  kStyle,
  kOperatorName,
  kBlackboard,
  kSkipArgument,
  kTransparent,
  kName
};
Markup MarkupOf(std::string_view name);

}  // namespace mathcoder::math
