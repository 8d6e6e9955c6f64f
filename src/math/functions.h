// The functions that the reader knows: every spelling (LaTeX, plain, sympy) and its one canonical name, which is the `text` of a
// kCall.
//
// Arguments of the canonical names, where they are not plain:
//   log [x] base not stated (`number` = 10 where written \log, whose custom is base 10; 0 where written log, in Python natural)
//   log [x, base]            ln [x]            root [x, n]          binomial [n, k]      permutations [n, k]     mod [a, n]
//   sum, product [body, variable, from, to]; [body] or [body, condition] where the bounds are not of that form
//   integral [body, variable] or [body, variable, from, to]         derivative [body, variable] or [body, variable, order]
//   limit [body, variable, point], `number` -1: from below, 1: from above
//   factorial2 is n!!; det, transpose, trace, rank take a kMatrix; union, intersection [a, b, ...]; setminus [a, b]
//   angle, triangle, segment [points...]; bar, vec, hat [expression that is no name]; compose [f, g]
// A call of any other name is of a function that the text itself names: f(x), y(t).
#pragma once

#include <cstdint>
#include <string_view>

namespace mathcoder::math {

struct Function {
  std::string_view spelled;
  std::string_view canonical;
  std::uint8_t min_args = 1;
  std::uint8_t max_args = 1;
  bool bare = false;  // takes an argument without brackets: sin x
};

// nullptr where no function is spelled so. Case counts: "Max" is sympy's, "MAX" is none.
const Function* FindFunction(std::string_view spelled);
// The longest function of the bare kind (sin, ln, arctan ...) that `letters` begins with: "sinx". nullptr: none.
const Function* FindBarePrefix(std::string_view letters);
// True for a canonical name of the table.
bool IsCanonicalFunction(std::string_view name);

}  // namespace mathcoder::math
