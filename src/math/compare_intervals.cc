// Sets of reals as sorted, disjoint pieces: intervals, unions, finite sets of numbers, and inequalities in one variable.
#include <algorithm>

#include "math/compare_calculus.h"
#include "math/compare_judge.h"

namespace mathcoder::math {
namespace {

struct Piece {
  int low, high;  // nodes
  bool low_closed, high_closed;
};
using Pieces = std::vector<Piece>;
constexpr std::size_t kMostPieces = 64;

class Reals {
 public:
  Reals(const CompareOptions&, Budget* budget) : budget_(*budget), lowerer_(&dag_, {}) {}

  Dag& dag() { return dag_; }
  const std::string& variable() const { return variable_; }
  void ForgetVariable() { variable_.clear(); }

  // nullopt: not understood, or an order could not be decided.
  std::optional<Pieces> Of(const Expr& e, int depth = 0) {
    if (depth > 12) return std::nullopt;
    switch (e.kind) {
      case Kind::kGroup: {
        if (e.args.size() != 2 || !IsScalar(e.args[0]) || !IsScalar(e.args[1]) || e.text == "<>") return std::nullopt;
        Piece piece{lowerer_.Lower(e.args[0]), lowerer_.Lower(e.args[1]), e.text[0] == '[', e.text.back() == ']'};
        if (!Finite(piece.low)) piece.low_closed = false;
        if (!Finite(piece.high)) piece.high_closed = false;
        return Pieces{piece};
      }
      case Kind::kSet: {
        Pieces points;
        for (const Expr& element : ElementsOf(e)) {
          if (!IsScalar(element)) return std::nullopt;
          const int at = lowerer_.Lower(element);
          points.push_back({at, at, true, true});
        }
        return Normal(std::move(points));
      }
      case Kind::kSymbol:
      case Kind::kConstant:
        if (e.text == "R" || e.text == "Reals" || e.text == "reals") return Line();
        if (e.text == "emptyset") return Pieces{};
        return std::nullopt;
      case Kind::kCall: {
        if (e.text != "union" && e.text != "intersection" && e.text != "setminus") return std::nullopt;
        if (e.args.empty()) return std::nullopt;
        std::optional<Pieces> total = Of(e.args[0], depth + 1);
        for (std::size_t i = 1; total && i < e.args.size(); ++i) {
          std::optional<Pieces> next = Of(e.args[i], depth + 1);
          if (!next) return std::nullopt;
          if (e.text == "union") {
            total->insert(total->end(), next->begin(), next->end());
            total = Normal(std::move(*total));
          } else {
            if (e.text == "setminus") next = Complement(*next);
            if (!next) return std::nullopt;
            total = Intersect(*total, *next);
          }
        }
        return total;
      }
      case Kind::kSetBuilder:
        return Builder(e, depth);
      case Kind::kNot: {
        if (e.args.size() != 1) return std::nullopt;
        const auto inner = Of(e.args[0], depth + 1);
        return inner ? Complement(*inner) : std::nullopt;
      }
      case Kind::kList:  // x < 3, x > 1 are both meant; x < 1, x > 3 can only be alternatives
        if (!std::all_of(e.args.begin(), e.args.end(), IsStatement)) return std::nullopt;
        if (e.text != "or") {
          Expr both = e;
          both.kind = Kind::kAnd;
          auto met = Of(both, depth + 1);
          if (met && !met->empty()) return met;
        }
        [[fallthrough]];
      case Kind::kAnd:
      case Kind::kOr: {
        std::optional<Pieces> total;
        for (const Expr& part : e.args) {
          std::optional<Pieces> next = Of(part, depth + 1);
          if (!next) return std::nullopt;
          if (!total) {
            total = std::move(next);
          } else if (e.kind == Kind::kAnd) {
            total = Intersect(*total, *next);
          } else {
            total->insert(total->end(), next->begin(), next->end());
            total = Normal(std::move(*total));
          }
          if (!total) return std::nullopt;
        }
        return total;
      }
      case Kind::kRelation:
        return Relation(e, depth);
      default:
        return std::nullopt;
    }
  }

  std::optional<Pieces> Normal(Pieces pieces) {
    if (pieces.size() > kMostPieces) return std::nullopt;
    Pieces kept;
    if (pieces.size() > 1) {  // symbolic endpoints need no order while they are alone
      for (const Piece& p : pieces) {
        const auto order = Order(p.low, p.high);
        if (!order) return std::nullopt;
        if (*order < 0 || (*order == 0 && p.low_closed && p.high_closed)) kept.push_back(p);
      }
      bool decided = true;
      std::stable_sort(kept.begin(), kept.end(), [&](const Piece& x, const Piece& y) {
        const auto order = Order(x.low, y.low);
        if (!order) decided = false;
        if (order && *order != 0) return *order < 0;
        return x.low_closed && !y.low_closed;
      });
      if (!decided) return std::nullopt;
    } else {
      kept = std::move(pieces);
    }
    Pieces joined;
    for (const Piece& p : kept) {
      if (!joined.empty()) {
        Piece& last = joined.back();
        const auto gap = Order(p.low, last.high);
        if (!gap) return std::nullopt;
        if (*gap < 0 || (*gap == 0 && (p.low_closed || last.high_closed))) {
          const auto higher = Order(p.high, last.high);
          if (!higher) return std::nullopt;
          if (*higher > 0)
            last.high = p.high, last.high_closed = p.high_closed;
          else if (*higher == 0)
            last.high_closed = last.high_closed || p.high_closed;
          continue;
        }
      }
      joined.push_back(p);
    }
    return joined;
  }

  Ruling Same(const Pieces& a, const Pieces& b) {
    if (a.size() != b.size()) {
      return {Equality::kDifferent, "interval", std::to_string(a.size()) + " pieces against " + std::to_string(b.size())};
    }
    Ruling total{Equality::kEqual, "interval", "the same sets of reals"};
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i].low_closed != b[i].low_closed || a[i].high_closed != b[i].high_closed) {
        return {Equality::kDifferent, "interval", "an end is closed on one side only"};
      }
      total = Both(total, End(a[i].low, b[i].low));
      total = Both(total, End(a[i].high, b[i].high));
    }
    return total;
  }

 private:
  bool Finite(int node) const { return (dag_.flags(node) & Dag::kInfinite) == 0; }
  Pieces Line() { return {{dag_.Negate(dag_.Infinity()), dag_.Infinity(), false, false}}; }
  Ruling End(int a, int b) {
    const Ruling r = CompareNodes(&dag_, a, b, &budget_);
    if (r.equality == Equality::kEqual) return {Equality::kEqual, "interval", "the same sets of reals"};
    return {r.equality, "interval", "an end: " + r.reason};
  }
  std::optional<int> Order(int a, int b) {
    const NodeOrder order = OrderNodes(&dag_, a, b, &budget_);
    if (order.equality == Equality::kUnknown) return std::nullopt;
    return order.sign;
  }
  std::optional<Pieces> Complement(const Pieces& pieces) {
    const auto normal = Normal(pieces);
    if (!normal) return std::nullopt;
    Pieces out;
    int low = dag_.Negate(dag_.Infinity());
    bool closed = false;
    for (const Piece& p : *normal) {
      if (!(p.low == low && !Finite(low))) out.push_back({low, p.low, closed, !p.low_closed && Finite(p.low)});
      low = p.high;
      closed = !p.high_closed;
    }
    if (Finite(low) || out.empty()) {
      if (Finite(low) || normal->empty()) out.push_back({low, dag_.Infinity(), closed && Finite(low), false});
    }
    Pieces kept;  // a point between two open ends stays, nothing else of length zero
    for (const Piece& p : out) {
      const auto order = Order(p.low, p.high);
      if (!order) return std::nullopt;
      if (*order < 0 || (*order == 0 && p.low_closed && p.high_closed)) kept.push_back(p);
    }
    return kept;
  }
  std::optional<Pieces> Intersect(const Pieces& a, const Pieces& b) {
    Pieces out;
    if (a.size() * b.size() > kMostPieces * 4) return std::nullopt;
    for (const Piece& x : a) {
      for (const Piece& y : b) {
        const auto low = Order(x.low, y.low), high = Order(x.high, y.high);
        if (!low || !high) return std::nullopt;
        Piece p{};
        p.low = *low >= 0 ? x.low : y.low;
        p.low_closed = *low > 0 ? x.low_closed : *low < 0 ? y.low_closed : x.low_closed && y.low_closed;
        p.high = *high <= 0 ? x.high : y.high;
        p.high_closed = *high < 0 ? x.high_closed : *high > 0 ? y.high_closed : x.high_closed && y.high_closed;
        const auto order = Order(p.low, p.high);
        if (!order) return std::nullopt;
        if (*order < 0 || (*order == 0 && p.low_closed && p.high_closed)) out.push_back(p);
      }
    }
    return Normal(std::move(out));
  }

  // {x : condition}, {x in R : condition}; an element of another form is not the condition's variable.
  std::optional<Pieces> Builder(const Expr& e, int depth) {
    if (e.args.size() != 2) return std::nullopt;
    const Expr& head = e.args[0];
    const bool within = head.kind == Kind::kRelation && head.text == "in" && head.args.size() == 2;
    const Expr& name = within ? head.args[0] : head;
    if (name.kind != Kind::kSymbol || !Name(name.text)) return std::nullopt;
    const auto condition = Of(e.args[1], depth + 1);
    if (!condition || !within) return condition;
    const auto domain = Of(head.args[1], depth + 1);
    if (!domain) return std::nullopt;
    return Intersect(*domain, *condition);
  }

  bool Name(const std::string& name) {
    if (variable_.empty()) variable_ = name;
    return variable_ == name;
  }

  // |u| < v as -v < u and u < v; |u| > v as u > v or u < -v, for a constant v.
  static std::optional<Expr> WithoutAbs(const Expr& e) {
    const bool left = e.args[0].kind == Kind::kCall && e.args[0].text == "abs" && e.args[0].args.size() == 1;
    const bool right = e.args[1].kind == Kind::kCall && e.args[1].text == "abs" && e.args[1].args.size() == 1;
    if (left == right || e.text == "!=") return std::nullopt;
    const Expr& bound = left ? e.args[1] : e.args[0];
    const Expr& inner = left ? e.args[0].args[0] : e.args[1].args[0];
    if (HasKind(bound, Kind::kSymbol)) return std::nullopt;
    const bool strict = e.text == "<" || e.text == ">";
    const bool below = (e.text[0] == '<') == left;
    const Expr minus{.kind = Kind::kNegate, .text = "", .number = 0, .args = {bound}};
    const auto relation = [&](const char* text, const Expr& a, const Expr& b) {
      return Expr{.kind = Kind::kRelation, .text = text, .number = 0, .args = {a, b}};
    };
    if (e.text == "=") {
      return Expr{.kind = Kind::kOr, .text = "", .number = 0, .args = {relation("=", inner, bound), relation("=", inner, minus)}};
    }
    const char* less = strict ? "<" : "<=";
    return Expr{.kind = below ? Kind::kAnd : Kind::kOr,
                .text = "",
                .number = 0,
                .args = below ? std::vector<Expr>{relation(less, inner, bound), relation(less, minus, inner)}
                              : std::vector<Expr>{relation(less, bound, inner), relation(less, inner, minus)}};
  }

  std::optional<Pieces> Relation(const Expr& e, int depth) {
    if (e.args.size() != 2) return std::nullopt;
    if (e.text == "in" || e.text == "notin") {
      if (e.args[0].kind != Kind::kSymbol || !Name(e.args[0].text)) return std::nullopt;
      const auto set = Of(e.args[1], depth + 1);
      return set && e.text == "notin" ? Complement(*set) : set;
    }
    const bool order = e.text == "<" || e.text == "<=" || e.text == ">" || e.text == ">=";
    if ((!order && e.text != "=" && e.text != "!=") || !IsScalar(e.args[0]) || !IsScalar(e.args[1])) return std::nullopt;
    if (HasKind(e, Kind::kPlusMinus)) {  // x = +-1 is one of two, x != +-1 excludes both
      if (order) return std::nullopt;
      return Of({.kind = e.text == "=" ? Kind::kOr : Kind::kAnd, .text = "", .number = 0, .args = PlusMinusValues(e)}, depth + 1);
    }
    if (const auto split = WithoutAbs(e)) return Of(*split, depth + 1);
    const int left = lowerer_.Lower(e.args[0]), right = lowerer_.Lower(e.args[1]);
    const int f = dag_.Subtract(left, right);
    int variable = -1;
    for (int v = 0; v < dag_.variables(); ++v) {
      const int node = dag_.Variable(std::string(dag_.name(v)));
      if (!DependsOn(dag_, f, node)) continue;
      if (variable >= 0) return std::nullopt;
      variable = node;
    }
    if (variable < 0) return std::nullopt;
    const std::string& name = dag_.name(static_cast<int>(dag_.node(variable).num));
    if (!Name(name.rfind("s:", 0) == 0 ? name.substr(2) : name)) return std::nullopt;
    if ((dag_.flags(left) | dag_.flags(right)) & Dag::kInfinite) {  // x < oo
      const bool open = e.text == "<" || e.text == ">";
      if (!open && !order) return std::nullopt;
      return Line();
    }
    return Solve(f, variable, e.text);
  }

  int At(int node, int variable, int value) {
    std::vector<int> values;
    for (int v = 0; v < dag_.variables(); ++v) values.push_back(dag_.Variable(std::string(dag_.name(v))));
    values[static_cast<std::size_t>(dag_.node(variable).num)] = value;
    return dag_.Substitute(node, values);
  }

  // f < 0 (and so on) for a polynomial f of degree 1 or 2 in the variable.
  std::optional<Pieces> Solve(int f, int variable, const std::string& relation) {
    const auto first = Derivative(&dag_, f, variable);
    if (!first) return std::nullopt;
    const int zero = dag_.Rational(0, 1);
    std::vector<int> roots;
    int direction = 0;  // sign of f right of the last root
    if (Holds(Constant(*first, variable))) {
      const int slope = At(*first, variable, dag_.Rational(1, 1));
      const auto sign = Order(slope, zero);
      if (!sign || *sign == 0) return std::nullopt;
      direction = *sign;
      roots.push_back(dag_.Negate(dag_.Divide(At(f, variable, zero), slope)));
    } else {
      const auto second = Derivative(&dag_, *first, variable);
      if (!second || !Holds(Constant(*second, variable))) return std::nullopt;
      const int a = dag_.Multiply(dag_.Rational(1, 2), At(*second, variable, dag_.Rational(1, 1)));
      const int b = At(*first, variable, zero), c = At(f, variable, zero);
      const auto sign = Order(a, zero);
      if (!sign || *sign == 0) return std::nullopt;
      direction = *sign;
      const int discriminant = dag_.Subtract(dag_.Multiply(b, b), dag_.Multiply(dag_.Rational(4, 1), dag_.Multiply(a, c)));
      const auto real = Order(discriminant, zero);
      if (!real) return std::nullopt;
      const int twice = dag_.Multiply(dag_.Rational(2, 1), a);
      if (*real == 0) {
        roots.push_back(dag_.Negate(dag_.Divide(b, twice)));
        roots.push_back(roots[0]);
      } else if (*real > 0) {
        const int root = dag_.SquareRoot(discriminant);
        const int minus = dag_.Divide(dag_.Subtract(dag_.Negate(b), root), twice);
        const int plus = dag_.Divide(dag_.Add(dag_.Negate(b), root), twice);
        roots = direction > 0 ? std::vector{minus, plus} : std::vector{plus, minus};
      }
    }
    const int low = dag_.Negate(dag_.Infinity()), high = dag_.Infinity();
    const bool closed = relation == "<=" || relation == ">=" || relation == "=";
    if (relation == "=" || relation == "!=") {
      Pieces points;
      for (const int root : roots) points.push_back({root, root, true, true});
      const auto normal = Normal(std::move(points));
      return normal && relation == "!=" ? Complement(*normal) : normal;
    }
    const bool want_positive = relation == ">" || relation == ">=";
    const bool outside = (direction > 0) == want_positive;  // the side right of the last root
    Pieces pieces;
    if (roots.empty()) return outside ? Line() : Pieces{};
    if (roots.size() == 1) {
      if (outside)
        pieces.push_back({roots[0], high, closed, false});
      else
        pieces.push_back({low, roots[0], false, closed});
    } else if (outside) {
      pieces.push_back({low, roots[0], false, closed});
      pieces.push_back({roots[1], high, closed, false});
      return Normal(std::move(pieces));
    } else if (closed || roots[0] != roots[1]) {
      pieces.push_back({roots[0], roots[1], closed, closed});
    }
    return pieces;
  }

  // Does the node not depend on the variable, as a function?
  Ruling Constant(int node, int variable) {
    if (!DependsOn(dag_, node, variable)) return {Equality::kEqual, "", ""};
    return CompareNodes(&dag_, At(node, variable, dag_.Rational(0, 1)), node, &budget_);
  }

  Budget& budget_;
  Dag dag_;
  Lowerer lowerer_;
  std::string variable_;
};

}  // namespace

bool IsIntervalLike(const Expr& e) {
  switch (e.kind) {
    case Kind::kGroup:
      return e.args.size() == 2 && IsScalar(e.args[0]) && IsScalar(e.args[1]);
    case Kind::kCall:
      return e.text == "union" || e.text == "intersection" || e.text == "setminus";
    case Kind::kSet:
      return true;
    case Kind::kSetBuilder:
      return true;
    case Kind::kSymbol:
      return e.text == "R" || e.text == "Reals";
    case Kind::kRelation:
      return e.text == "<" || e.text == "<=" || e.text == ">" || e.text == ">=" || e.text == "!=" || e.text == "in" ||
             e.text == "notin";
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot:
      return std::all_of(e.args.begin(), e.args.end(), IsIntervalLike);
    case Kind::kList:
      return std::all_of(e.args.begin(), e.args.end(), [](const Expr& p) { return IsStatement(p) && IsIntervalLike(p); });
    default:
      return false;
  }
}

std::optional<Ruling> Judge::RealSets(const Expr& a, const Expr& b) {
  // A point (1, 2) is an interval only beside something that can be nothing else; a set of numbers is compared as a set.
  if (a.kind == Kind::kGroup && b.kind == Kind::kGroup) return std::nullopt;
  if (a.kind == Kind::kSet && b.kind == Kind::kSet) return std::nullopt;
  if (a.kind == Kind::kRelation && b.kind == Kind::kRelation && a.text == "=" && b.text == "=") return std::nullopt;
  Reals reals(options_, &budget_);
  const auto x = reals.Of(a);
  if (!x) return std::nullopt;
  const std::string name = reals.variable();
  reals.ForgetVariable();
  const auto y = reals.Of(b);
  if (!y) return std::nullopt;
  if (!name.empty() && !reals.variable().empty() && name != reals.variable()) {
    return Ruling{Equality::kDifferent, "interval", "conditions on " + name + " and on " + reals.variable()};
  }
  const auto left = reals.Normal(*x), right = reals.Normal(*y);
  if (!left || !right) return std::nullopt;
  return reals.Same(*left, *right);
}

}  // namespace mathcoder::math
