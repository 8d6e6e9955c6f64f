// Derivatives, elementary integrals and finite sums of nodes.
#pragma once

#include <optional>

#include "math/compare_dag.h"

namespace mathcoder::math {

bool DependsOn(const Dag& dag, int node, int variable);  // `variable`: an MC_VARIABLE node
// nullopt where a function without a derivative rule (floor, gcd) depends on the variable.
std::optional<int> Derivative(Dag* dag, int node, int variable);
// Sums, constant factors, powers of the variable, exp, sin and cos of linear arguments. nullopt: not among these.
std::optional<int> Antiderivative(Dag* dag, int node, int variable);
// The sum (or product) of node over variable = from..to; nullopt where there are more than 256 terms.
std::optional<int> Accumulate(Dag* dag, int node, int variable, std::int64_t from, std::int64_t to, bool product);

}  // namespace mathcoder::math
