// Are two nodes of a Dag equal? Cheapest proof first: one node, residues, exact rationals, rational functions over kernels, balls
// at sample points, and in a worker Calcium.
#pragma once

#include <string>

#include "math/compare.h"
#include "math/compare_dag.h"

namespace mathcoder::math {

// What one comparison may still spend, shared by all its parts; what is over it is unknown. Units: about a microsecond.
struct Budget {
  long left = 8000;
  bool worker = false;          // in a worker: Calcium may be asked, caps are wider
  bool worth_a_worker = false;  // set where a worker could prove what is probable or unknown here
  bool Spend(long cost) {
    left -= cost;
    return left >= 0;
  }
};

struct ScalarVerdict {
  Equality equality = Equality::kUnknown;
  std::string rule;
  std::string reason;
};
ScalarVerdict CompareNodes(Dag* dag, int a, int b, Budget* budget);

// Order of two real constants: the sign of a - b; 0 with equality kEqual or kProbablyEqual: equal. Otherwise unknown.
struct NodeOrder {
  Equality equality = Equality::kUnknown;
  int sign = 0;
};
NodeOrder OrderNodes(Dag* dag, int a, int b, Budget* budget);

// |a - b| / max(|a|, |b|) at most, for constants; 2 where it is not known.
double RelativeDistance(Dag* dag, int a, int b, Budget* budget);

// A point at which neither is zero, as values for Dag::Substitute; empty where none was found.
std::vector<int> CommonPoint(Dag* dag, int a, int b, Budget* budget);

// Short text for reasons: the exact rational, or a decimal approximation.
std::string Describe(const Dag& dag, int node);

}  // namespace mathcoder::math
