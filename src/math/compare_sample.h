// Where two expressions in variables are evaluated to see whether they agree: which regions their operations ask for, and points in
// these. Deterministic, by the variables' names: a verdict does not depend on their order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "math/compare_dag.h"
#include "math/exact.h"

namespace mathcoder::math {

struct SampleNeeds {
  bool branches = false;             // roots, logarithms, abs, min: signs and sizes of the variables matter
  bool jumps = false;                // floor, mod: whole numbers matter
  bool conjugates = false;           // re, im, arg, conjugate: complex values matter
  bool slow = false;                 // zeta, gamma: a point costs more, by orders of magnitude
  bool by_name = false;              // some variable is `named`
  std::vector<char> whole;           // by variable: used as a whole number, as n in (-1)^n
  std::vector<char> named;           // by variable: whole by name and use, as n in sin(n pi) or n mod 2
  std::vector<std::int64_t> places;  // between and beyond the constants that occur: |x - 10| changes at 10
};
SampleNeeds NeedsOf(const Dag& dag, int a, int b);
// How many bits behind the point two values must agree for that to be evidence: more than their smallest (or largest) literal could
// hide, to its third power: 10^-800, 1/e^1000 and sin(10^-500 x) are seen.
long AgreementBits(const Dag& dag, int a, int b);

enum class Region : std::uint8_t { kPositive, kMixed, kPlaces, kWhole, kComplex };
std::vector<exact::Point> SampleAt(const Dag& dag, const SampleNeeds& needs, Region region, int round);

}  // namespace mathcoder::math
