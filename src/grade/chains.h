// Chains of equalities that state one value: "1/2 = 0.5", "BC = 2\sqrt{3}", "a+b = 40+2 = 42", "1/3 \approx 0.333". Private to the
// room.
#pragma once

#include <optional>
#include <vector>

#include "math/expr.h"

namespace mathcoder::grade {

struct Chain {
  // What the chain is about: names and sums, products, powers of names without a number in front, in the order of writing.
  std::vector<math::Expr> names;
  // Each of them is a single name: not "x + y", which may be a line's equation where the reference writes it.
  bool single_names = true;
  // The values, first to last, up to the first "approximately": what stands behind that is no exact value. Never empty.
  std::vector<math::Expr> values;
};

// nullopt: no chain of equalities, one that states no value ("2x + 3y = 12", "x + 1 = 5"), or one side that is no value. Whether
// the values agree is the caller's to prove. A single "symbol = value" is none: it has a rule of its own (value_of_equation).
std::optional<Chain> ChainOf(const math::Expr& expression);

}  // namespace mathcoder::grade
