// Are two readings the same mathematics? Cheapest proof first; see docs/math.md for the order.
//
// `different` is proven (other normal form, disjoint balls at a point where both are defined, residues); `equal` is proven, or
// probable with its evidence; everything else is `unknown`. Overlapping balls never prove equality.
//
// CompareMath runs in this process and only does work whose cost is bounded by construction. What needs Calcium, large powers or
// long polynomial arithmetic is handed to a worker process (math/worker.h) by Comparer, which kills and replaces it at the
// deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "math/expr.h"

namespace mathcoder::math {

enum class Equality : std::uint8_t { kEqual, kProbablyEqual, kDifferent, kUnknown };
std::string_view Name(Equality equality);

// What counts as the same beyond mathematics. grade/policy.h names the sets of flags that users choose from.
struct CompareOptions {
  // A decimal that rounds to the reference, at the number of digits which the reference (left) states: 0.33 | 0.333, 3.1416
  // | 3.14159.
  bool round_to_reference = false;
  // A decimal reference of many digits stands for the exact value it was cut or rounded from: 0.333333333333333 | 1/3.
  bool reference_is_rounded = false;
  double relative_tolerance = 0;    // > 0: numbers within it are equal (lenient modes)
  bool percent_either_way = false;  // 75 | 0.75 (a bare 75 against a bare 0.75); 33.5% | 0.335 always holds
  bool ignore_units = true;  // one side without a unit; two different units of one dimension are converted, of two are different
  bool degrees_as_numbers = true;  // 74 degrees | 74
  bool ordered_lists = false;      // bare lists (2, 3) are compared as multisets unless true; tuples and points are always ordered
  bool value_of_equation = true;   // y = 2 | 2, where one side is a single symbol
  bool symmetric = false;          // false: ambiguous forms ((1,2) tuple or interval) take the reference's (left) type
  bool fold_case_of_text = true;
};

struct Comparison {
  Equality equality = Equality::kUnknown;
  std::string reason;  // one line for a person: "both are 15/2", "disjoint at x = 3: 10 and 12"
  std::string rule;    // which proof: "same tree", "rational", "polynomial", "ball", "algebraic", "calcium", "interval", ...
  std::chrono::nanoseconds cost{0};
};

// In this process, bounded by construction, microseconds for usual answers. `reference` is the left side.
Comparison CompareMath(const Expr& reference, const Expr& answer, const CompareOptions& options = {});

// Both levels: CompareMath, then a worker within the deadline. Thread-safe; owns its worker processes.
class Comparer {
 public:
  struct Options {
    std::chrono::milliseconds deadline{100};  // of one Compare, all included
    int workers = 2;                          // processes, started at need; 0: never (what needs one is kUnknown)
  };
  Comparer();
  explicit Comparer(Options options);
  ~Comparer();
  Comparison Compare(const Expr& reference, const Expr& answer, const CompareOptions& options = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mathcoder::math
