// Text into tokens: LaTeX, plain text, Unicode and Python spellings become one vocabulary, so that the parser never sees which it
// was. Linear. Letter runs are split here: "xdx" into letters, "sinx" into a function and a letter, "feet" stays a word.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "math/functions.h"
#include "math/read.h"

namespace mathcoder::math {

enum class Tok : std::uint8_t {
  kEnd,
  kNumber,    // as written: separators, exponent; count 1: with a repetend, 2: cut off by dots, 3: 0x1f, 4: points group
  kLetter,    // one Latin letter
  kName,      // symbol with its canonical name in text: alpha, Reals, value1
  kConstant,  // pi, infinity, undefined, e (\mathrm{e}), i
  kFunction,  // function
  kWord,      // an ordinary word
  kUnit,      // a unit's word behind a number
  kText,      // \text{...}: the content
  kPlus,
  kMinus,
  kPlusMinus,
  kMinusPlus,
  kTimes,
  kSlash,
  kMod,
  kCompose,
  kCaret,
  kUnderscore,
  kBang,
  kPercent,
  kDegree,
  kPrime,
  kRelation,     // text: as in Kind::kRelation, also "ni"
  kSetOperator,  // text: union intersection setminus
  kLogic,        // text: and or implies iff
  kNot,
  kWordAnd,
  kWordOr,
  kComma,
  kSemicolon,
  kColon,
  kBar,
  kSuchThat,
  kOpen,  // text: ( [ { < | floor ceil norm .
  kClose,
  kLeftBrace,
  kRightBrace,  // unescaped: LaTeX's grouping or a Python set
  kMoney,       // text: $ € ...
  kFraction,    // text: "" or "binom"
  kRoot,
  kAccent,  // text: bar vec hat tilde dot
  kBig,     // text: sum product integral; number of integral signs in count
  kLimit,
  kPmod,
  kChoose,
  kFigure,  // text: angle triangle
  kEllipsis,
  kVulgar,       // a Unicode fraction: text "1/3"
  kSuperscript,  // Unicode superscripts: text "-12"
  kPartial,
  kAmpersand,
  kRowBreak,
  kBegin,
  kEndEnvironment,  // text: matrix det array cases rows
};

struct Token {
  Tok type = Tok::kEnd;
  bool space = false;  // white space before it
  bool latex = false;  // written as a command
  bool hard = false;   // kOpen, kClose: with \left, \right or a direction of its own
  std::uint8_t count = 0;
  std::uint32_t begin = 0, end = 0;  // bytes of the input
  std::uint32_t close = 0;           // an opening bracket: the token that closes it (ResolveBrackets)
  std::string_view text;
  const Function* function = nullptr;
};

struct Lexed {
  std::vector<Token> tokens;  // the last is kEnd
  bool ok = true;
  bool latex = false;  // has commands
  Doubts doubts;       // of letters and digits
  ReadError error;
};

// `text` outlives the result.
Lexed Lex(std::string_view text, const ReadOptions& options);

// Checks that brackets match and decides for each bar whether it opens, closes or separates. Returns an error's message or "".
bool ResolveBrackets(Lexed* lexed);

}  // namespace mathcoder::math
