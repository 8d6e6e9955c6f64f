// Tokens of the published grader's LaTeX reader. Private to published_reader.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mathcoder::grade {

struct PublishedToken {
  enum class Kind : std::uint8_t {
    kEnd,
    kUnknown,  // not of the reader's alphabet: looking at it is an error
    kNumber,
    kE,
    kPi,
    kInfinity,
    kVariable,  // letters, Greek, accents, and whatever else can only be read as something with a variable in it
    kFunction,  // `text`: sin, log, exp, ...
    kSqrt,
    kFrac,
    kBinom,
    kChoose,
    kTimes,  // * \times \cdot
    kOver,   // / : \div
    kModulo,
    kPlus,
    kMinus,
    kCaret,
    kUnderscore,
    kBang,
    kPrime,  // a transposition: numbers stay as they are
    kComma,
    kSemicolon,
    kRelation,
    kOpen,  // `text`: its bracket
    kClose,
    kUnusable,  // starts what is always an error or a value that is never equal: bars, sums, integrals, matrices
    kStop,      // of the alphabet, but nothing can continue with it
  };
  Kind kind = Kind::kEnd;
  std::string_view text;
};

// The token at `at`, which it moves behind it. Blanks are skipped.
PublishedToken NextPublishedToken(std::string_view text, std::size_t& at);

}  // namespace mathcoder::grade
