#include "math/compare_scalar.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "math/compare_sample.h"

namespace mathcoder::math {
namespace {

constexpr long kBits = 1L << 17;         // of exact rationals in process
constexpr long kMostBits = 1500;         // of agreement at a point
constexpr double kNoise = 4.5e-16;       // two units in the last place of a double
constexpr double kRounded = 5e-15;       // half a unit of the 15th digit
constexpr double kNoiseOfTerms = 4e-15;  // where several rounded coefficients are added up

using exact::Balls;
using exact::Point;

std::string Number(double re, double im) {
  char text[64];
  if (im != 0)
    std::snprintf(text, sizeof text, "%.6g%+.6gi", re, im);
  else
    std::snprintf(text, sizeof text, "%.9g", re);
  return text;
}

std::string Where(const Dag& dag, const std::vector<Point>& points) {
  std::string where;
  for (int v = 0; v < dag.variables() && v < 3; ++v) {
    const std::string& name = dag.name(v);
    if (name.rfind("s:", 0) != 0) continue;
    if (!where.empty()) where += ", ";
    const Point& p = points[static_cast<std::size_t>(v)];
    where += name.substr(2) + " = " + Number(static_cast<double>(p.re_num) / static_cast<double>(p.re_den), 0);
  }
  return where.empty() ? "a sample point" : where;
}

// ---- proof as rational functions over kernels ----

// A copy in which sin u and cos u are rational functions of one generator, and kernels whose arguments are proven equal are one
// generator.
class Proof {
 public:
  Proof(const Dag& dag, Budget* budget) : dag_(dag), budget_(*budget) {}

  bool Equal(int a, int b, int depth = 0) {
    if (a == b) return true;
    if (depth > 6 || dag_.fingerprint(a) != dag_.fingerprint(b)) return false;
    nodes_.clear();
    generator_.clear();
    square_.clear();
    image_.assign(dag_.nodes().size(), -1);
    classes_.clear();
    pending_.clear();
    const int x = Image(a), y = Image(b);
    if (x < 0 || y < 0 || nodes_.size() > 3000 || square_.size() > 48) return false;
    if (!budget_.Spend(static_cast<long>(nodes_.size()))) return false;
    const long terms = budget_.worker ? 20000 : 600;
    const bool proven = exact::ProveRational(nodes_, x, y, generator_, square_, terms, budget_.worker ? 20000 : 2000);
    budget_.Spend(static_cast<long>(nodes_.size()) * 2);
    if (!proven) return false;
    const auto pending = pending_;
    for (const auto& [u, v] : pending) {
      if (!Proof(dag_, &budget_).Equal(u, v, depth + 1)) return false;
    }
    return true;
  }

 private:
  int Emit(exact::Node node, int generator = -1) {
    nodes_.push_back(node);
    generator_.push_back(generator);
    return static_cast<int>(nodes_.size()) - 1;
  }
  int EmitOp(int op, int a, int b) {
    return Emit({.op = op, .a = a, .b = b, .num = 0, .den = 0, .big_num = nullptr, .big_den = nullptr});
  }
  int EmitInteger(std::int64_t n) {
    return Emit({.op = MC_RATIONAL, .a = -1, .b = -1, .num = n, .den = 1, .big_num = nullptr, .big_den = nullptr});
  }
  int Generator(std::int64_t square) {
    square_.push_back(square);
    return Emit({.op = MC_VARIABLE, .a = -1, .b = -1, .num = 0, .den = 0, .big_num = nullptr, .big_den = nullptr},
                static_cast<int>(square_.size()) - 1);
  }
  // The generator of a kernel: one for each class of equal arguments.
  int ClassOf(int op, int node, std::int64_t square = 0) {
    const exact::Node& n = dag_.node(node);
    for (const auto& [known_op, known, image] : classes_) {
      if (known_op != op) continue;
      const exact::Node& k = dag_.node(known);
      if (op == MC_RATIONAL || op == MC_VARIABLE || n.a < 0) {
        if (known == node) return image;
        continue;
      }
      if (dag_.fingerprint(k.a) != dag_.fingerprint(n.a)) continue;
      if ((n.b >= 0) != (k.b >= 0) || (n.b >= 0 && dag_.fingerprint(k.b) != dag_.fingerprint(n.b))) continue;
      if (k.a != n.a) pending_.emplace_back(k.a, n.a);
      if (n.b >= 0 && k.b != n.b) pending_.emplace_back(k.b, n.b);
      return image;
    }
    const int image = Generator(square);
    classes_.emplace_back(op, node, image);
    return image;
  }

  int Image(int target) {
    std::vector<char> needed(static_cast<std::size_t>(target) + 1, 0);
    needed.back() = 1;
    const auto plain = [&](const exact::Node& n) {
      return n.op == MC_ADD || n.op == MC_MUL || n.op == MC_DIV || n.op == MC_NEG || (n.op == MC_POW && dag_.IsInteger(n.b));
    };
    for (int i = target; i >= 0; --i) {
      const exact::Node& n = dag_.node(i);
      if (needed[static_cast<std::size_t>(i)] == 0 || !plain(n)) continue;
      needed[static_cast<std::size_t>(n.a)] = 1;
      if (n.b >= 0) needed[static_cast<std::size_t>(n.b)] = 1;
    }
    for (int i = 0; i <= target; ++i) {
      int& out = image_[static_cast<std::size_t>(i)];
      if (needed[static_cast<std::size_t>(i)] == 0 || out >= 0) continue;
      const exact::Node& n = dag_.node(i);
      if (plain(n)) {
        exact::Node copy = n;
        copy.a = image_[static_cast<std::size_t>(n.a)];
        copy.b = n.b >= 0 ? image_[static_cast<std::size_t>(n.b)] : -1;
        out = Emit(copy);
      } else if (n.op == MC_RATIONAL) {
        out = Emit(n);
      } else if (n.op == MC_I) {
        out = ClassOf(MC_I, i, -1);
      } else if (n.op == MC_SQRT && dag_.IsInteger(n.a)) {
        out = ClassOf(MC_SQRT, i, dag_.node(n.a).num);
      } else if (n.op == MC_SIN || n.op == MC_COS) {
        const int t = ClassOf(MC_SIN, i);  // both kinds of one argument share it
        const int square = EmitOp(MC_MUL, t, t);
        const int bottom = EmitOp(MC_ADD, EmitInteger(1), square);
        const int top = n.op == MC_SIN ? EmitOp(MC_ADD, t, t) : EmitOp(MC_ADD, EmitInteger(1), EmitOp(MC_NEG, square, -1));
        out = EmitOp(MC_DIV, top, bottom);
      } else {
        out = ClassOf(n.op, i);
      }
      if (nodes_.size() > 3000) return -1;
    }
    return image_[static_cast<std::size_t>(target)];
  }

  const Dag& dag_;
  Budget& budget_;
  std::vector<exact::Node> nodes_;
  std::vector<int> generator_;
  std::vector<std::int64_t> square_;
  std::vector<int> image_;
  std::vector<std::tuple<int, int, int>> classes_;
  std::vector<std::pair<int, int>> pending_;
};

// ---- the steps ----

long CostOf(int a, int b) { return 3 + std::max(a, b); }

// Arguments stand before their users: what is behind both does not matter.
std::span<const exact::Node> Prefix(const Dag& dag, int a, int b) {
  return std::span(dag.nodes()).first(static_cast<std::size_t>(std::max(a, b)) + 1);
}

ScalarVerdict Constants(Dag* dag, int a, int b, Budget* budget) {
  const std::uint32_t flags = dag->flags(a) | dag->flags(b);
  const bool noisy = (flags & Dag::kNoisy) != 0;
  if (!budget->Spend(CostOf(a, b))) return {};
  const auto order = exact::RationalOrder(Prefix(*dag, a, b), a, b, budget->worker ? 16 * kBits : kBits);
  if (order.a_undefined || order.b_undefined) {
    if (order.a_undefined && order.b_undefined) return {Equality::kUnknown, "undefined", "both divide by zero"};
    return {Equality::kDifferent, "undefined", "one side divides by zero"};
  }
  if (order.known && order.sign == 0) return {Equality::kEqual, "rational", "both are " + Describe(*dag, a)};
  if (order.known && !noisy) return {Equality::kDifferent, "rational", Describe(*dag, a) + " is not " + Describe(*dag, b)};
  bool defined = false;
  long agreed = 0, error = 0;
  for (const long precision : {96L, 384L, 1536L}) {
    if (precision > 1000 && !budget->worker) break;
    if (!budget->Spend(CostOf(a, b) * precision / 96)) break;
    const auto balls = exact::CompareBalls(Prefix(*dag, a, b), a, b, {}, precision);
    if (!balls) break;
    if (!balls->defined_a || !balls->defined_b) continue;
    defined = true;
    // A rational has its exact form; what is irrational can be a decimal only by rounding it.
    const bool rounded = ((dag->flags(a) ^ dag->flags(b)) & (Dag::kNoisy | Dag::kKernel)) == (Dag::kNoisy | Dag::kKernel);
    if (noisy && balls->relative <= (rounded ? kRounded : kNoise)) {
      return {Equality::kProbablyEqual, "double",
              "they differ by less than a double's rounding: " + Number(balls->re_a, balls->im_a)};
    }
    if (balls->disjoint) {
      return {Equality::kDifferent, "ball", Number(balls->re_a, balls->im_a) + " is not " + Number(balls->re_b, balls->im_b)};
    }
    agreed = balls->accuracy;
    error = balls->error_exponent;
  }
  if (!defined && exact::LogarithmsDiffer(Prefix(*dag, a, b), a, b, 128)) {
    return {Equality::kDifferent, "logarithm", "their logarithms are disjoint"};
  }
  if (!defined) {
    budget->worth_a_worker = true;
    return {Equality::kUnknown, "ball", "no value could be computed"};
  }
  if (budget->worker) {
    const auto truth = exact::CalciumEqual(Prefix(*dag, a, b), a, b);
    if (truth)
      return {*truth ? Equality::kEqual : Equality::kDifferent, "calcium", *truth ? "proven by Calcium" : "disproven by Calcium"};
  }
  budget->worth_a_worker = true;
  if (agreed < 64) return {Equality::kUnknown, "ball", "equal to " + std::to_string(std::max(agreed, 0L)) + " bits only"};
  if (error > -AgreementBits(*dag, a, b)) return {Equality::kUnknown, "ball", "too large or too small terms to see all of them"};
  return {Equality::kProbablyEqual, "ball", "both are " + Describe(*dag, a) + "..., equal to " + std::to_string(agreed) + " bits"};
}

// Agreement and difference at points of several regions. A point where both sides stay real throughout counts; complex points count
// where there is no real one, or where conjugates occur.
class Sampling {
 public:
  Sampling(Dag* dag, int a, int b, Budget* budget)
      : dag_(*dag), a_(a), b_(b), budget_(*budget), needs_(NeedsOf(*dag, a, b)), agreement_bits_(AgreementBits(*dag, a, b)) {
    noisy_ = ((dag->flags(a) | dag->flags(b)) & Dag::kNoisy) != 0;
  }

  ScalarVerdict Run() {
    Visit(Region::kPositive, 0, 10);
    if (difference_.empty() && (needs_.branches || needs_.jumps)) {
      Visit(Region::kMixed, 10, 16);
      Visit(Region::kPlaces, 0, static_cast<int>(std::min<std::size_t>(needs_.places.size(), 10)));
    }
    if (difference_.empty() && needs_.jumps) Visit(Region::kWhole, 0, 6);
    if (difference_.empty() && real_ == 0) Visit(Region::kMixed, 16, 24);  // defined for other signs only
    if (difference_.empty() && needs_.conjugates) Visit(Region::kComplex, 0, 5);
    if (difference_.empty() && real_ == 0) difference_ = complex_difference_;
    if (!difference_.empty()) return Different();
    const int agreed = real_ > 0 ? real_ : complex_;
    if (agreed >= 2 || (agreed >= 1 && real_ + complex_ >= 2)) {
      return {Equality::kProbablyEqual, noisy_ ? "double" : "ball",
              "equal at " + std::to_string(agreed) + " sample points" +
                  (noisy_ ? " within a double's rounding" : " to " + std::to_string(least_) + " bits")};
    }
    if (one_sided_ >= 4 && real_ + complex_ == 0)
      return {Equality::kDifferent, "domain", "one side is undefined where the other is not"};
    return {Equality::kUnknown, "ball", "no sample point at which both are defined"};
  }

 private:
  ScalarVerdict Different() {
    if (((dag_.flags(a_) | dag_.flags(b_)) & Dag::kMeaning) != 0)
      return {Equality::kUnknown, "ball", "they depend on what could not be computed"};
    if (needs_.by_name) {  // sin(n pi) is 0 for whole n, and whether n is whole only the question says
      const std::string first = std::move(difference_);
      difference_.clear();
      real_ = complex_ = 0;
      Visit(Region::kWhole, 0, 6);
      if (difference_.empty() && real_ >= 2)
        return {Equality::kUnknown, "whole numbers", "they agree where the variables are whole numbers, and differ " + first};
      if (difference_.empty()) difference_ = first;
    }
    return {Equality::kDifferent, "ball", difference_};
  }

  void Visit(Region region, int from, int to) {
    for (int round = from; round < to && difference_.empty(); ++round) {
      if (region == Region::kPositive && (real_ >= 4 || (round >= 6 && real_ > 0))) return;
      if (!VisitPoint(region, SampleAt(dag_, needs_, region, round))) return;
    }
  }

  // False: no further point is worth while.
  bool VisitPoint(Region region, const std::vector<Point>& points) {
    const bool reachable = agreement_bits_ <= kMostBits && !needs_.slow;
    for (const long precision : {128L, reachable ? std::max(640L, agreement_bits_ + 500) : 640L}) {
      if (!budget_.Spend(CostOf(a_, b_) * precision / 128 * (needs_.slow ? 20 : 1))) return false;
      const auto balls = exact::CompareBalls(Prefix(dag_, a_, b_), a_, b_, points, precision);
      if (!balls) return false;
      if (balls->defined_a != balls->defined_b && precision > 128) ++one_sided_;
      if (!balls->defined_a || !balls->defined_b) continue;
      const bool both = (balls->real_a && balls->real_b) || region == Region::kComplex;
      if (noisy_ && balls->relative <= kNoiseOfTerms) {
        ++(both ? real_ : complex_);
        return true;
      }
      if (balls->disjoint) {
        std::string& where = both ? difference_ : complex_difference_;
        if (where.empty()) {
          where =
              "at " + Where(dag_, points) + ": " + Number(balls->re_a, balls->im_a) + " and " + Number(balls->re_b, balls->im_b);
        }
        return true;
      }
      if (balls->accuracy < 48 || balls->error_exponent > -agreement_bits_) continue;  // too wide to say anything
      least_ = std::min(least_, balls->accuracy);
      ++(both ? real_ : complex_);
      return true;
    }
    return true;
  }

  Dag& dag_;
  int a_, b_;
  Budget& budget_;
  const SampleNeeds needs_;
  const long agreement_bits_;
  bool noisy_ = false;
  int real_ = 0, complex_ = 0, one_sided_ = 0;
  long least_ = 1L << 40;
  std::string difference_, complex_difference_;
};

}  // namespace

ScalarVerdict CompareNodes(Dag* dag, int a, int b, Budget* budget) {
  const std::uint32_t flags = dag->flags(a) | dag->flags(b);
  if (dag->full()) return {Equality::kUnknown, "size", "the expressions are too large"};
  if ((flags & Dag::kUndefined) != 0) {
    const bool both = (dag->flags(a) & dag->flags(b) & Dag::kUndefined) != 0;
    if (both) return {Equality::kUnknown, "undefined", "both sides are undefined"};
    return {Equality::kDifferent, "undefined", "one side is undefined"};
  }
  const Equality sure = (flags & Dag::kProbable) != 0 ? Equality::kProbablyEqual : Equality::kEqual;
  if (a == b) {
    return {sure, dag->IsSmallRational(a) ? "rational" : "normal form",
            dag->IsSmallRational(a) ? "both are " + Describe(*dag, a) : "they have one normal form"};
  }
  if ((flags & Dag::kInfinite) != 0) {
    // plus or minus infinity alone, or a finite value beside it; nothing is computed with infinity
    const auto pure = [&](int i) {
      return dag->node(i).op == MC_OPS || (dag->node(i).op == MC_NEG && dag->node(dag->node(i).a).op == MC_OPS);
    };
    if ((pure(a) || (dag->flags(a) & Dag::kInfinite) == 0) && (pure(b) || (dag->flags(b) & Dag::kInfinite) == 0)) {
      return {Equality::kDifferent, "infinity", "infinity on one side only, or of the other sign"};
    }
    if (dag->fingerprint(a) == dag->fingerprint(b)) return {sure, "infinity", "the same form"};
    return {Equality::kUnknown, "infinity", "arithmetic with infinity"};
  }
  if (dag->fingerprint(a) == dag->fingerprint(b)) {
    if (Proof(*dag, budget).Equal(a, b)) {
      const bool polynomial = (flags & Dag::kVariable) != 0;
      return {sure, polynomial ? "polynomial" : "algebraic", "their normal forms agree"};
    }
    if ((flags & (Dag::kVariable | Dag::kKernel)) == 0) {
      const auto order = exact::RationalOrder(Prefix(*dag, a, b), a, b, budget->worker ? 16 * kBits : kBits);
      if (order.known && order.sign == 0) return {sure, "rational", "both are " + Describe(*dag, a)};
    }
    return {Equality::kProbablyEqual, "residues", "their normal forms agree modulo two 61-bit primes"};
  }
  if ((flags & (Dag::kKernel | Dag::kNoisy | Dag::kMeaning)) == 0) {
    std::string reason = "their residues differ";
    if ((flags & Dag::kVariable) == 0) reason = Describe(*dag, a) + " is not " + Describe(*dag, b);
    return {Equality::kDifferent, "residues", reason};
  }
  return (flags & Dag::kVariable) == 0 ? Constants(dag, a, b, budget) : Sampling(dag, a, b, budget).Run();
}

NodeOrder OrderNodes(Dag* dag, int a, int b, Budget* budget) {
  if (a == b) return {Equality::kEqual, 0};
  const std::uint32_t flags = dag->flags(a) | dag->flags(b);
  if ((flags & (Dag::kVariable | Dag::kUndefined | Dag::kMeaning)) != 0) return {};
  if ((flags & Dag::kInfinite) != 0) {
    const auto side = [&](int i) {
      if ((dag->flags(i) & Dag::kInfinite) == 0) return 0;
      if (dag->node(i).op == MC_OPS) return 1;
      return dag->node(i).op == MC_NEG && dag->node(dag->node(i).a).op == MC_OPS ? -1 : 2;
    };
    const int x = side(a), y = side(b);
    if (x == 2 || y == 2 || x == y) return {};
    return {Equality::kDifferent, x < y ? -1 : 1};
  }
  if (dag->IsSmallRational(a) && dag->IsSmallRational(b)) {
    const exact::Node& x = dag->node(a);
    const exact::Node& y = dag->node(b);
    const __int128 left = static_cast<__int128>(x.num) * y.den, right = static_cast<__int128>(y.num) * x.den;
    if (left != right) return {Equality::kDifferent, left < right ? -1 : 1};
  }
  const ScalarVerdict verdict = CompareNodes(dag, a, b, budget);
  if (verdict.equality == Equality::kEqual || verdict.equality == Equality::kProbablyEqual) return {verdict.equality, 0};
  for (const long precision : {96L, 768L}) {
    if (!budget->Spend(CostOf(a, b) * precision / 96)) break;
    const auto balls = exact::CompareBalls(Prefix(*dag, a, b), a, b, {}, precision);
    if (balls && balls->sign != 0) return {Equality::kDifferent, balls->sign};
  }
  return {};
}

double RelativeDistance(Dag* dag, int a, int b, Budget* budget) {
  if (((dag->flags(a) | dag->flags(b)) & (Dag::kVariable | Dag::kUndefined | Dag::kInfinite)) != 0) return 2;
  if (!budget->Spend(CostOf(a, b))) return 2;
  const auto balls = exact::CompareBalls(Prefix(*dag, a, b), a, b, {}, 128);
  return balls && balls->defined_a && balls->defined_b ? balls->relative : 2;
}

std::vector<int> CommonPoint(Dag* dag, int a, int b, Budget* budget) {
  const SampleNeeds needs = NeedsOf(*dag, a, b);
  const int zero = dag->Rational(0, 1);
  for (int round = 30; round < 42; ++round) {
    // small values first: at them exponentials are neither huge nor lost
    const std::vector<Point> points = SampleAt(*dag, needs, Region::kPositive, round < 33 ? 30 : round);
    if (!budget->Spend(CostOf(a, b))) return {};
    const auto x = exact::CompareBalls(Prefix(*dag, a, zero), a, zero, points, 128);
    const auto y = exact::CompareBalls(Prefix(*dag, b, zero), b, zero, points, 128);
    if (!x || !y || !x->disjoint || !y->disjoint) continue;
    std::vector<int> values;
    for (const Point& p : points) values.push_back(dag->Rational(p.re_num, p.re_den));
    return values;
  }
  return {};
}

std::string Describe(const Dag& dag, int node) {
  if ((dag.flags(node) & (Dag::kVariable | Dag::kUndefined | Dag::kInfinite)) != 0) return "an expression";
  if (dag.IsSmallRational(node)) {
    const exact::Node& n = dag.node(node);
    return std::to_string(n.num) + (n.den == 1 ? "" : "/" + std::to_string(n.den));
  }
  if (const auto text = exact::RationalText(Prefix(dag, node, node), node, 4096); text && text->size() <= 40) return *text;
  const auto balls = exact::CompareBalls(Prefix(dag, node, node), node, node, {}, 64);
  if (!balls || !balls->defined_a) return "a number";
  if (!std::isfinite(balls->re_a) || !std::isfinite(balls->im_a)) return "a number too large to show";
  return Number(balls->re_a, balls->im_a);
}

}  // namespace mathcoder::math
