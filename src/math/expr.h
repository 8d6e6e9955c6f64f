// The one tree into which LaTeX, plain text and Python output are read. It keeps what was written (digits, brackets, units), since
// equality under a policy needs it: "0.50" states two digits, "(1,2)" is a point or an interval by what it is compared with.
//
// A value type. Trees come from math/read.h, whose caps (depth, nodes, length) keep recursion over one bounded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mathcoder::math {

enum class Kind : std::uint8_t {
  // Numbers. `text` holds decimal digits as written, without group separators; a sign is a kNegate around it.
  kInteger,   // "007" keeps its zeros
  kDecimal,   // "0.333", ".5", "1.5e3"; repeating digits in parentheses: "0.(3)"
  kBased,     // digits in `text`, base in `number`: 1011_2
  kMixed,     // [integer, fraction]: 3 1/2
  kConstant,  // `text`: "pi", "e", "i", "infinity", "undefined"
  // Symbols and calls
  kSymbol,  // `text`: "x", "x_1", "alpha", "bar(x)_n"
  kCall,    // `text`: the function's canonical name; arguments in args. Known names: functions.h
  kApply,   // [function expression, argument...]: f^2(x), (f+g)(x), f'(x)
  // Arithmetic
  kAdd,        // two or more terms; a subtracted one is a kNegate
  kMultiply,   // two or more factors
  kDivide,     // [numerator, denominator]
  kPower,      // [base, exponent]
  kNegate,     // [x]
  kPlusMinus,  // [a, b]: a plus or minus b; [b]: plus or minus b. `number` = 1 where the upper sign is minus
  // Annotated values
  kPercent,  // [x]
  kDegree,   // [x]: an angle; degrees of temperature are units
  kUnit,     // [x]; `text`: the unit as written ("cm", "ft^2", "miles per hour"). Currency: kMoney
  kMoney,    // [x]; `text`: "$", "€", "GBP", ...
  kTime,     // [hours, minutes] or [hours, minutes, seconds]; `text`: "", "am", "pm"
  kRatio,    // [a, b, ...]: a:b:c
  kOrdinal,  // [n]: 3rd
  // Statements
  kRelation,  // [left, right]; `text`: one of = != < <= > >= ~ (approximately) in notin subset subseteq supset supseteq
              // notsubset notsubseteq congruent (third argument: the modulus) similar parallel perpendicular divides maps
  kAnd,       // chains are conjunctions: a < b < c is [a < b, b < c]
  kOr,
  kNot,
  kImplies,
  // Collections
  kGroup,  // two or more parts in brackets, `text` = the two brackets: "()", "[]", "(]", "[)". Tuple, point, interval, list: by
           // what it is compared with; "(]" and "[)" with two parts are intervals. One part in [] stays a kGroup too
  kSet,    // braces; empty args: the empty set
  kSetBuilder,  // [variable or expression, condition]
  kList,        // bare commas, "and": 2, 3 and 4. `text`: "or" where the word was "or"
  kMatrix,      // row-major; `number` = columns. A determinant is kCall "det"
  kCases,       // [value, condition, value, condition, ...]; otherwise: kText "otherwise" as the condition
  kEllipsis,
  // Not mathematics
  kChoice,  // `text`: "A".."J", as "(C)", "\text{(C)}", "C."
  kText,    // words, lower case, single spaces
};

struct Expr {
  Kind kind = Kind::kInteger;
  std::string text;
  std::int32_t number = 0;
  std::vector<Expr> args;

  // Written alike: same kinds, texts, numbers and arguments in the same order.
  friend bool operator==(const Expr&, const Expr&) = default;
};

std::string_view Name(Kind kind);  // "integer", "decimal", ...
// One line that ReadMath reads back to an equal tree: plain notation, every operation in parentheses where needed.
std::string ToPlain(const Expr& expression);
// LaTeX for a person; reads back to a tree that is equal in value.
std::string ToLatex(const Expr& expression);
// For tests and --why: (add x (power y 2)).
std::string ToSexpr(const Expr& expression);

}  // namespace mathcoder::math
