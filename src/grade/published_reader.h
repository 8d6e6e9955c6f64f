// What the published grader's LaTeX reader (latex2sympy2 1.9) makes of a string, as far as a verdict can depend on it: numbers, pi,
// e, roots, powers, fractions, common functions, comparisons and lists. It reads a prefix: what follows the longest formula at the
// front is ignored, as long as the next sign belongs to the reader's alphabet ("24trees" is 24, "24 %" is nothing).
//
// A variable is no formula here: in the published runs the reader failed on every variable once it had seen a differential (a "d"
// before a letter, in any answer before), and all 5,808 published labels are those of that state. Depth is bounded; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mathcoder::grade {

struct PublishedExpr {
  enum class Kind : std::uint8_t {
    kNumber,  // `text`: decimal digits, a point, a sign; no separators
    kPi,
    kE,
    kInfinity,
    kAdd,       // flat, in the order written
    kMultiply,  // flat, except that a quotient is one of its own
    kPower,     // [base, exponent]
    kCall,      // `text`: the function's name in Python's math; arguments in args
    kRelation,  // `text`: < <= > >=; [left, right]
    kList,
  };
  Kind kind = Kind::kNumber;
  std::string text;
  std::vector<PublishedExpr> args;
  friend bool operator==(const PublishedExpr&, const PublishedExpr&) = default;
};

// nullopt where the published reader raised an exception.
std::optional<PublishedExpr> ReadPublished(std::string_view text);

}  // namespace mathcoder::grade
