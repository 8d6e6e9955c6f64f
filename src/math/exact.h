// Exact arithmetic for the comparison, by FLINT, Arb and Calcium: the one face of them to the rest of the program. Thread-safe.
// Every function's cost is bounded by its arguments except CalciumEqual's, which belongs into a worker.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "math/exact_flint.h"

namespace mathcoder::math::exact {

using Node = mc_node;    // arguments stand before their users
using Point = mc_point;  // a value of a variable: re + i im, both rational
using Balls = mc_balls;
using RootSets = mc_root_sets;

struct Order {
  bool known = false;                             // both have a rational value
  int sign = 0;                                   // of a - b
  bool a_undefined = false, b_undefined = false;  // a division by zero
};
// Exact rational values, none longer than `max_bits`.
Order RationalOrder(std::span<const Node> nodes, int a, int b, long max_bits);
std::optional<std::string> RationalText(std::span<const Node> nodes, int a, long max_bits);

// Both at one point; nullopt where the library gave up.
std::optional<Balls> CompareBalls(std::span<const Node> nodes, int a, int b, std::span<const Point> point, long precision);
// log|a| and log|b| of constants in disjoint balls: they differ, however large.
bool LogarithmsDiffer(std::span<const Node> nodes, int a, int b, long precision);

// A proof that a and b are one rational function over the generators: generator[i] >= 0 says that node i is that one;
// square[g] != 0 that its square is that integer.
bool ProveRational(std::span<const Node> nodes, int a, int b, std::span<const int> generator, std::span<const std::int64_t> square,
                   long max_terms, long max_bits);

// How many distinct roots two polynomials in the variable have, and share; nullopt: not rational polynomials of moderate degree.
std::optional<RootSets> CompareRoots(std::span<const Node> nodes, int a, int b, int variable);

// Calcium's verdict on constants; nullopt: not decided. Time and memory are not bounded: for workers.
std::optional<bool> CalciumEqual(std::span<const Node> nodes, int a, int b);

std::string LibraryVersions();  // "FLINT 2.9.0"

}  // namespace mathcoder::math::exact
