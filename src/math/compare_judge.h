// One comparison of two trees: which rule applies to which kinds. Not thread-safe; made for one call and thrown away.
// The rules stand in files by subject: compare_judge.cc (dispatch, text), compare_numbers.cc (scalars and policies),
// compare_collections.cc (sets, lists, tuples, matrices), compare_relations.cc (equations, inequalities), compare_intervals.cc.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "math/compare.h"
#include "math/compare_lower.h"
#include "math/compare_scalar.h"
#include "math/expr.h"

namespace mathcoder::math {

using Ruling = ScalarVerdict;  // equality, rule, reason

inline bool Holds(const Ruling& r) { return r.equality == Equality::kEqual || r.equality == Equality::kProbablyEqual; }
// All parts must hold: different if one is, unknown if one is, probable if one is.
Ruling Both(const Ruling& a, const Ruling& b);

class Judge {
 public:
  Judge(const CompareOptions& options, Budget* budget) : options_(options), budget_(*budget) {}

  Ruling Compare(const Expr& reference, const Expr& answer);

 private:
  // compare_judge.cc
  Ruling Dispatch(const Expr& a, const Expr& b);
  std::optional<Ruling> Words(const Expr& a, const Expr& b);
  std::optional<Ruling> NamedTuples(const Expr& a, const Expr& b);
  std::optional<Ruling> ValueOfStatement(const Expr& a, const Expr& b);

  // compare_numbers.cc
  Ruling Scalars(const Expr& a, const Expr& b);
  Ruling ScalarsAs(const Expr& a, const Expr& b, const LowerOptions& lower_a, const LowerOptions& lower_b);
  bool Policies(Dag* dag, int a, int b, const Expr& reference, Ruling* ruling);
  std::optional<Ruling> NumberAgainstUnits(const Expr& a, const Expr& b, bool left);
  Ruling Times(const Expr& a, const Expr& b);
  Ruling Ratios(const Expr& a, const Expr& b);

  // compare_collections.cc
  Ruling Parts(const std::vector<Expr>& a, const std::vector<Expr>& b, const char* rule);      // in order
  Ruling Unordered(const std::vector<Expr>& a, const std::vector<Expr>& b, bool repetitions);  // as multisets or sets
  Ruling WithoutTwins(const std::vector<Expr>& a, const std::vector<Expr>& b, bool repetitions);
  Ruling Matched(const std::vector<Expr>& a, const std::vector<Expr>& b, bool repetitions);
  Ruling Covered(const std::vector<Expr>& some, const std::vector<Expr>& all, const char* side);
  Ruling Collections(const Expr& a, const Expr& b);
  Ruling CasesOf(const Expr& a, const Expr& b);
  std::optional<Expr> EvaluateSet(const Expr& e);  // union, intersection, setminus of finite sets

  // compare_pieces.cc, compare_classes.cc, compare_solutions.cc
  Ruling PiecesOf(const Expr& a, const Expr& b);
  std::optional<Ruling> Classes(const Expr& a, const Expr& b);
  std::optional<Ruling> Solutions(const Expr& a, const Expr& b);
  Ruling OneHoldsOnly(Dag* dag, int f, int g, bool closed);
  Ruling UnequalForms(Dag* dag, int f, int g);

  // compare_matrix.cc
  std::optional<Ruling> Matrices(const Expr& a, const Expr& b);

  // compare_relations.cc
  Ruling Relations(const Expr& a, const Expr& b);
  Ruling Equations(const Expr& a, const Expr& b);
  Ruling Inequalities(const Expr& a, const Expr& b);
  Ruling Proportional(Dag* dag, int f, int g, bool positive);
  std::optional<bool> TruthOf(const Expr& statement);

  // compare_intervals.cc
  std::optional<Ruling> RealSets(const Expr& a, const Expr& b);

  const CompareOptions& options_;
  Budget& budget_;
  int depth_ = 0;
};

// Both values of an expression with a plus-or-minus; empty where it has none.
std::vector<Expr> PlusMinusValues(const Expr& e);
// All values where each sign is free: +-1 +- i is four numbers; empty where there are fewer than two signs, or more than three.
std::vector<Expr> IndependentValues(const Expr& e);
bool HasKind(const Expr& e, Kind kind);
// The parts of a set, list, "a or b", Python list; an element x +- y is two; x = 1, 2, 3 is three equations.
std::vector<Expr> ElementsOf(const Expr& e);
bool IsStatement(const Expr& e);
bool IsIntervalLike(const Expr& e);  // an interval, a union of such, an inequality: what compare_intervals.cc may understand

// One comparison within a budget, timed; `options.symmetric` is heeded here.
Comparison CompareWithin(const Expr& reference, const Expr& answer, const CompareOptions& options, Budget* budget);

}  // namespace mathcoder::math
