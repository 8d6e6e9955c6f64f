// Properties of equality over generated expressions, against an oracle that shares nothing with it: the tree is evaluated modulo
// 2^61 - 1 at random points (rational expressions), or in long double (with functions). MATHCODER_PROPERTY_N: how many (100000);
// MATHCODER_SEED: another seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <random>

#include "math/compare.h"
#include "math/read.h"

namespace mathcoder::math {
namespace {

using Rng = std::mt19937_64;

long FromEnvironment(const char* name, long otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::atol(value) : otherwise;
}

// ---- the oracle ----

constexpr std::uint64_t kPrime = (1ULL << 61) - 1;
std::uint64_t Times(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(a) * b % kPrime);
}
std::uint64_t Raise(std::uint64_t a, std::uint64_t e) {
  std::uint64_t r = 1;
  for (; e > 0; e >>= 1, a = Times(a, a)) {
    if (e & 1U) r = Times(r, a);
  }
  return r;
}

using ModularPoint = std::map<std::string, std::uint64_t>;
std::optional<std::uint64_t> Modular(const Expr& e, const ModularPoint& at) {
  std::vector<std::uint64_t> v;
  const std::size_t numbers = e.kind == Kind::kPower ? 1 : e.args.size();
  for (std::size_t i = 0; i < numbers; ++i) {
    const auto x = Modular(e.args[i], at);
    if (!x) return std::nullopt;
    v.push_back(*x);
  }
  switch (e.kind) {
    case Kind::kInteger:
      return std::stoull(e.text) % kPrime;
    case Kind::kSymbol:
      return at.at(e.text);
    case Kind::kNegate:
      return v[0] == 0 ? 0 : kPrime - v[0];
    case Kind::kAdd: {
      std::uint64_t sum = 0;
      for (const std::uint64_t x : v) sum = (sum + x) % kPrime;
      return sum;
    }
    case Kind::kMultiply: {
      std::uint64_t product = 1;
      for (const std::uint64_t x : v) product = Times(product, x);
      return product;
    }
    case Kind::kDivide:
      if (v[1] == 0) return std::nullopt;
      return Times(v[0], Raise(v[1], kPrime - 2));
    case Kind::kPower: {
      const bool negative = e.args[1].kind == Kind::kNegate;
      const std::uint64_t n = std::stoull(negative ? e.args[1].args[0].text : e.args[1].text);
      if (v[0] == 0 && (negative || n == 0)) return std::nullopt;
      const std::uint64_t power = Raise(v[0], n);
      return negative ? Raise(power, kPrime - 2) : power;
    }
    default:
      return std::nullopt;
  }
}

enum class Truth { kSame, kOther, kNone };
Truth ModularTruth(const Expr& a, const Expr& b, Rng* rng) {
  int compared = 0;
  for (int round = 0; round < 3; ++round) {
    ModularPoint at;
    for (const char* name : {"x", "y", "z"}) at[name] = 1 + (*rng)() % (kPrime - 1);
    const auto x = Modular(a, at), y = Modular(b, at);
    if (!x || !y) return Truth::kNone;
    if (*x != *y) return Truth::kOther;
    ++compared;
  }
  return compared > 0 ? Truth::kSame : Truth::kNone;
}

using RealPoint = std::map<std::string, long double>;
long double Real(const Expr& e, const RealPoint& at) {
  std::vector<long double> v;
  for (const Expr& arg : e.args) v.push_back(Real(arg, at));
  switch (e.kind) {
    case Kind::kInteger:
      return std::stold(e.text);
    case Kind::kSymbol:
      return at.at(e.text);
    case Kind::kNegate:
      return -v[0];
    case Kind::kAdd: {
      long double sum = 0;
      for (const long double x : v) sum += x;
      return sum;
    }
    case Kind::kMultiply: {
      long double product = 1;
      for (const long double x : v) product *= x;
      return product;
    }
    case Kind::kDivide:
      return v[0] / v[1];
    case Kind::kPower:
      return std::pow(v[0], v[1]);
    case Kind::kCall:
      if (e.text == "sin") return std::sin(v[0]);
      if (e.text == "cos") return std::cos(v[0]);
      if (e.text == "exp") return std::exp(v[0]);
      if (e.text == "ln") return std::log(v[0]);
      if (e.text == "sqrt") return std::sqrt(v[0]);
      if (e.text == "atan") return std::atan(v[0]);
      return NAN;
    default:
      return NAN;
  }
}

// ---- generation ----

Expr Node(Kind kind, std::vector<Expr> args, std::string text = "") {
  return {.kind = kind, .text = std::move(text), .number = 0, .args = std::move(args)};
}
Expr Number(std::uint64_t n) { return Node(Kind::kInteger, {}, std::to_string(n)); }

Expr Generate(Rng* rng, int depth, bool functions) {
  const auto pick = [&](std::uint64_t n) { return (*rng)() % n; };
  if (depth == 0 || pick(5) == 0) {
    if (pick(2) == 0) return Number(1 + pick(12));
    const char* names[] = {"x", "y", "z"};
    return Node(Kind::kSymbol, {}, names[pick(3)]);
  }
  switch (pick(functions ? 8 : 6)) {
    case 0:
    case 1: {
      std::vector<Expr> args;
      for (std::uint64_t i = 0, n = 2 + pick(2); i < n; ++i) {
        Expr term = Generate(rng, depth - 1, functions);
        args.push_back(i > 0 && pick(3) == 0 ? Node(Kind::kNegate, {std::move(term)}) : std::move(term));
      }
      return Node(Kind::kAdd, std::move(args));
    }
    case 2:
    case 3:
      return Node(Kind::kMultiply, {Generate(rng, depth - 1, functions), Generate(rng, depth - 1, functions)});
    case 4:
      return Node(Kind::kDivide, {Generate(rng, depth - 1, functions), Generate(rng, depth - 1, functions)});
    case 5: {
      Expr exponent = Number(2 + pick(3));
      if (pick(5) == 0) exponent = Node(Kind::kNegate, {std::move(exponent)});
      return Node(Kind::kPower, {Generate(rng, depth - 1, functions), std::move(exponent)});
    }
    default: {
      const char* names[] = {"sin", "cos", "exp", "ln", "sqrt", "atan"};
      return Node(Kind::kCall, {Generate(rng, depth - 1, functions)}, names[pick(6)]);
    }
  }
}

// The same value written otherwise: terms and factors in another order, products of sums distributed, quotients extended, powers
// multiplied out, things added and taken away.
Expr Rewrite(const Expr& e, Rng* rng) {
  Expr out = e;
  for (std::size_t i = 0; i < out.args.size(); ++i) {
    if (e.kind == Kind::kPower && i == 1) break;
    out.args[i] = Rewrite(e.args[i], rng);
  }
  const auto pick = [&](std::uint64_t n) { return (*rng)() % n; };
  if (out.kind == Kind::kAdd || out.kind == Kind::kMultiply) std::shuffle(out.args.begin(), out.args.end(), *rng);
  if (out.kind == Kind::kMultiply && pick(2) == 0) {
    for (std::size_t i = 0; i < out.args.size(); ++i) {
      if (out.args[i].kind != Kind::kAdd) continue;
      Expr sum = Node(Kind::kAdd, {});
      for (const Expr& term : out.args[i].args) {
        Expr product = out;
        product.args[i] = term;
        sum.args.push_back(std::move(product));
      }
      return sum;
    }
  }
  if (out.kind == Kind::kDivide && pick(2) == 0) {
    const Expr k = Number(2 + pick(5));
    return Node(Kind::kDivide, {Node(Kind::kMultiply, {k, out.args[0]}), Node(Kind::kMultiply, {out.args[1], k})});
  }
  if (out.kind == Kind::kPower && out.args[1].kind == Kind::kInteger && pick(2) == 0) {
    Expr product = Node(Kind::kMultiply, {});
    for (int k = std::stoi(out.args[1].text); k > 0; --k) product.args.push_back(out.args[0]);
    return product;
  }
  if (out.kind == Kind::kSymbol && pick(4) == 0) {
    const Expr k = Number(1 + pick(5));
    return Node(Kind::kAdd, {k, out, Node(Kind::kNegate, {k})});
  }
  return out;
}

// One leaf or sign changed: mostly another value; the oracle knows.
Expr Mutate(const Expr& e, Rng* rng) {
  Expr out = e;
  Expr* at = &out;
  while (!at->args.empty() && (*rng)() % 6 != 0) {
    const std::size_t last = at->kind == Kind::kPower ? 1 : at->args.size();
    at = &at->args[(*rng)() % last];
  }
  if (at->kind == Kind::kInteger)
    *at = Number(std::stoull(at->text) + 1 + (*rng)() % 2);
  else if (at->kind == Kind::kSymbol)
    at->text = at->text == "x" ? "y" : at->text == "y" ? "z" : "x";
  else
    *at = Node(Kind::kNegate, {Expr(*at)});
  return out;
}

bool Same(const Comparison& c) { return c.equality == Equality::kEqual || c.equality == Equality::kProbablyEqual; }
std::string Show(const Expr& a, const Expr& b, const Comparison& c) {
  return ToPlain(a) + "  |  " + ToPlain(b) + ": " + std::string(Name(c.equality)) + " [" + c.rule + "] " + c.reason;
}

TEST(CompareProperty, RationalExpressionsAgreeWithTheOracle) {
  const long count = FromEnvironment("MATHCODER_PROPERTY_N", 100000);
  const auto seed = static_cast<std::uint64_t>(FromEnvironment("MATHCODER_SEED", 20231));
  std::cout << "seed " << seed << ", " << count << " expressions\n";
  Rng rng(seed);
  long same = 0, other = 0, unknown = 0, failures = 0;
  for (long i = 0; i < count && failures < 10; ++i) {
    const Expr a = Generate(&rng, 1 + static_cast<int>(i % 4), false);
    const Expr b = i % 3 == 0 ? Mutate(a, &rng) : i % 3 == 1 ? Rewrite(a, &rng) : Rewrite(Mutate(a, &rng), &rng);
    const Truth truth = ModularTruth(a, b, &rng);
    if (truth == Truth::kNone) continue;
    const Comparison there = CompareMath(a, b), back = CompareMath(b, a);
    if (there.equality == Equality::kUnknown) {
      ++unknown;
      continue;
    }
    (truth == Truth::kSame ? same : other) += 1;
    const bool right = Same(there) == (truth == Truth::kSame) && Same(back) == Same(there) && Same(CompareMath(a, a));
    if (!right) ADD_FAILURE() << "expression " << i << ": " << Show(a, b, there) << "; back: " << Name(back.equality), ++failures;
  }
  std::cout << same << " the same, " << other << " different, " << unknown << " unknown\n";
  EXPECT_GT(same, count / 4);
  EXPECT_GT(other, count / 4);
  EXPECT_LE(unknown, count / 1000);
}

TEST(CompareProperty, LatexAndPlainTextComeBackEqual) {
  const long count = FromEnvironment("MATHCODER_PROPERTY_N", 100000) / 4;
  const auto seed = static_cast<std::uint64_t>(FromEnvironment("MATHCODER_SEED", 20232));
  std::cout << "seed " << seed << '\n';
  Rng rng(seed);
  int failures = 0;
  for (long i = 0; i < count && failures < 10; ++i) {
    const Expr a = Generate(&rng, 1 + static_cast<int>(i % 4), i % 2 == 0);
    if (ModularTruth(a, a, &rng) == Truth::kNone && i % 2 != 0) continue;
    for (const std::string& text : {ToLatex(a), ToPlain(a)}) {
      const ReadResult read = ReadMath(text);
      if (!read.ok()) {
        ADD_FAILURE() << text << ": " << read.error().message, ++failures;
        continue;
      }
      const Comparison c = CompareMath(a, read.expr());
      if (c.equality == Equality::kDifferent) ADD_FAILURE() << text << ": " << Show(a, read.expr(), c), ++failures;
    }
  }
}

TEST(CompareProperty, FunctionsAgreeWithLongDouble) {
  const long count = FromEnvironment("MATHCODER_PROPERTY_N", 100000) / 5;
  const auto seed = static_cast<std::uint64_t>(FromEnvironment("MATHCODER_SEED", 20233));
  std::cout << "seed " << seed << '\n';
  Rng rng(seed);
  long same = 0, other = 0, unknown = 0, failures = 0;
  for (long i = 0; i < count && failures < 10; ++i) {
    const Expr a = Generate(&rng, 1 + static_cast<int>(i % 3), true);
    const Expr b = i % 2 == 0 ? Rewrite(a, &rng) : Mutate(a, &rng);
    // positive points, as the convention of math/compare.h has it; only clear cases are judged
    long double nearest = 1e9L, farthest = 0;
    int defined = 0;
    for (int round = 0; round < 4; ++round) {
      RealPoint at;
      for (const char* name : {"x", "y", "z"}) at[name] = 0.05L + static_cast<long double>(rng() % 100000) / 25000.0L;
      const long double x = Real(a, at), y = Real(b, at);
      if (!std::isfinite(x) || !std::isfinite(y)) continue;
      const long double size = std::max({std::fabs(x), std::fabs(y), 1e-6L});
      if (size > 1e6L || size < 1e-5L) continue;
      const long double distance = std::fabs(x - y) / size;
      nearest = std::min(nearest, distance), farthest = std::max(farthest, distance);
      ++defined;
    }
    if (defined < 3) continue;
    const Comparison c = CompareMath(a, b);
    if (c.equality == Equality::kUnknown) {
      ++unknown;
      continue;
    }
    if (farthest < 1e-13L && i % 2 == 0) {
      ++same;
      if (!Same(c)) ADD_FAILURE() << "expression " << i << ": " << Show(a, b, c), ++failures;
    } else if (nearest > 1e-6L) {
      ++other;
      if (Same(c)) ADD_FAILURE() << "expression " << i << ": " << Show(a, b, c), ++failures;
    }
  }
  std::cout << same << " the same, " << other << " different, " << unknown << " unknown\n";
  EXPECT_GT(same, count / 10);
  EXPECT_GT(other, count / 10);
}

TEST(CompareProperty, EquationsMayBeScaledAndShifted) {
  const long count = FromEnvironment("MATHCODER_PROPERTY_N", 100000) / 10;
  const auto seed = static_cast<std::uint64_t>(FromEnvironment("MATHCODER_SEED", 20234));
  std::cout << "seed " << seed << '\n';
  Rng rng(seed);
  long checked = 0, failures = 0, different = 0;
  for (long i = 0; i < count && failures < 10; ++i) {
    const Expr left = Generate(&rng, 2, false), right = Generate(&rng, 2, false), shift = Generate(&rng, 1, false);
    if (ModularTruth(left, right, &rng) != Truth::kOther || ModularTruth(shift, shift, &rng) == Truth::kNone) continue;
    const Expr k = Number(2 + rng() % 7);
    const Expr minus = Node(Kind::kNegate, {k});
    const auto scaled = [&](const Expr& side, const Expr& factor) {
      return Node(Kind::kAdd, {Node(Kind::kMultiply, {factor, Rewrite(side, &rng)}), shift});
    };
    const Expr a = Node(Kind::kRelation, {left, right}, "=");
    const Expr b = Node(Kind::kRelation, {scaled(right, minus), scaled(left, minus)}, "=");
    const Comparison c = CompareMath(a, b);
    ++checked;
    if (c.equality == Equality::kDifferent) ADD_FAILURE() << Show(a, b, c), ++failures;
    const Expr less = Node(Kind::kRelation, {left, right}, "<");
    const Expr turned = Node(Kind::kRelation, {scaled(left, minus), scaled(right, minus)}, ">");
    const Comparison d = CompareMath(less, turned);
    if (d.equality == Equality::kDifferent) ADD_FAILURE() << Show(less, turned, d), ++failures;
    const Expr wrong = Node(Kind::kRelation, {scaled(left, minus), scaled(right, minus)}, "<");
    const Comparison w = CompareMath(less, wrong);
    different += w.equality == Equality::kDifferent ? 1 : 0;
    if (Same(w)) ADD_FAILURE() << Show(less, wrong, w), ++failures;
  }
  std::cout << checked << " equations, " << different << " turned inequalities told apart\n";
  EXPECT_GT(checked, count / 4);
  EXPECT_GT(different, checked / 2);
}

}  // namespace
}  // namespace mathcoder::math
