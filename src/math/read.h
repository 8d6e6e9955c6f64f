// LaTeX, plain text, Unicode mathematics and Python output into one tree (math/expr.h). One lexer, one Pratt parser; nothing is
// ever evaluated or guessed: what cannot be read whole is an error with its position. Thread-safe: no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "math/expr.h"

namespace mathcoder::math {

struct ReadOptions {
  std::size_t max_bytes = 8192;
  std::size_t max_depth = 64;  // of the tree
  std::size_t max_nodes = 4096;
  bool prose = true;  // words that are no mathematics become kText ("odd $n$", "no solution"); off: they are an error
  bool units = true;  // "48 grams" is a kUnit; off: letters after a number are factors
  // The less usual reading of what may mean two things: lone letters behind numbers are units (5 m), pounds are money, C(5,2)
  // counts, III is 3. Whoever compares asks for it where the usual one does not agree (math/second_reading.h).
  bool second = false;
  bool doubtful = false;  // readings that only make a difference unproven: 1/2x as (1/2)x, III as 3, I as the imaginary unit
};

struct ReadError {
  std::size_t position = 0;  // byte offset in the input
  std::string message;       // what was found there and what was expected: one line
};

// At which of the two options above the reading may have come out otherwise. Where one is not set, the text reads the same with it:
// what may mean two things was not met.
struct Doubts {
  bool second = false;
  bool doubtful = false;
};

// Exactly one of the two. Linear in the input's length (times the nesting depth); never throws on any input.
struct ReadResult {
  std::variant<Expr, ReadError> state;
  Doubts doubts{};
  bool ok() const { return state.index() == 0; }
  const Expr& expr() const { return std::get<0>(state); }
  const ReadError& error() const { return std::get<1>(state); }
};

ReadResult ReadMath(std::string_view text, const ReadOptions& options = {});

}  // namespace mathcoder::math
