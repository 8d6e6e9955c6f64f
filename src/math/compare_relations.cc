// Equations up to a factor, inequalities up to a positive factor, systems as sets of statements.
#include <algorithm>

#include "math/compare_judge.h"

namespace mathcoder::math {
namespace {

bool IsOrder(std::string_view relation) { return relation == "<" || relation == "<=" || relation == ">" || relation == ">="; }

Expr Turned(const Expr& e) {  // > and >= as < and <=
  if (e.text != ">" && e.text != ">=") return e;
  Expr turned = e;
  turned.text = e.text == ">" ? "<" : "<=";
  std::swap(turned.args[0], turned.args[1]);
  return turned;
}

bool ScalarSides(const Expr& e) { return e.args.size() == 2 && IsScalar(e.args[0]) && IsScalar(e.args[1]); }

// numerator and denominator as nodes, nothing expanded
std::pair<int, int> Together(Dag* dag, int node, int* steps) {
  const exact::Node n = dag->node(node);
  const int one = dag->Rational(1, 1);
  if (--*steps < 0 || dag->full()) return {node, one};  // nodes are shared, and visited once for each use
  switch (n.op) {
    case MC_RATIONAL:
      if (n.big_num == nullptr && n.den != 0) return {dag->Rational(n.num, 1), dag->Rational(n.den, 1)};
      return {node, one};
    case MC_NEG: {
      const auto [top, bottom] = Together(dag, n.a, steps);
      return {dag->Negate(top), bottom};
    }
    case MC_ADD: {
      const auto a = Together(dag, n.a, steps), b = Together(dag, n.b, steps);
      if (a.second == b.second) return {dag->Add(a.first, b.first), a.second};
      return {dag->Add(dag->Multiply(a.first, b.second), dag->Multiply(b.first, a.second)), dag->Multiply(a.second, b.second)};
    }
    case MC_MUL: {
      const auto a = Together(dag, n.a, steps), b = Together(dag, n.b, steps);
      return {dag->Multiply(a.first, b.first), dag->Multiply(a.second, b.second)};
    }
    case MC_DIV: {
      const auto a = Together(dag, n.a, steps), b = Together(dag, n.b, steps);
      return {dag->Multiply(a.first, b.second), dag->Multiply(a.second, b.first)};
    }
    case MC_POW: {
      std::int64_t times = 0;
      if (!dag->IsInteger(n.b, &times) || times == 0) return {node, one};
      const auto a = Together(dag, n.a, steps);
      const int up = dag->Power(times > 0 ? a.first : a.second, dag->Rational(std::abs(times), 1));
      const int down = dag->Power(times > 0 ? a.second : a.first, dag->Rational(std::abs(times), 1));
      return {up, down};
    }
    default:
      return {node, one};
  }
}

}  // namespace

// Is f a constant multiple of g (a positive one)? At a point p where neither is zero: f(x) g(p) = g(x) f(p) everywhere.
Ruling Judge::Proportional(Dag* dag, int f, int g, bool positive) {
  const int zero = dag->Rational(0, 1);
  const bool zero_f = Holds(CompareNodes(dag, f, zero, &budget_)), zero_g = Holds(CompareNodes(dag, g, zero, &budget_));
  if (zero_f || zero_g) {
    if (zero_f && zero_g) return {Equality::kEqual, "equation", "both say 0 = 0"};
    return {Equality::kDifferent, "equation", "one side holds always"};
  }
  const std::vector<int> point = CommonPoint(dag, f, g, &budget_);
  if (dag->variables() > 0 && point.empty()) return {Equality::kUnknown, "equation", "no point at which both sides have a value"};
  const int fp = dag->Substitute(f, point), gp = dag->Substitute(g, point);
  if (positive) {
    const NodeOrder sign_f = OrderNodes(dag, fp, zero, &budget_), sign_g = OrderNodes(dag, gp, zero, &budget_);
    if (sign_f.equality == Equality::kUnknown || sign_g.equality == Equality::kUnknown) {
      return {Equality::kUnknown, "inequality", "a sign could not be decided"};
    }
    if (sign_f.sign != sign_g.sign) return {Equality::kDifferent, "inequality", "the factor between them is negative at a point"};
  }
  return CompareNodes(dag, dag->Multiply(f, gp), dag->Multiply(g, fp), &budget_);
}

Ruling Judge::Equations(const Expr& a, const Expr& b) {
  if (a.args.size() == 2 && b.args.size() == 2) {
    if (a.args[0] == b.args[0]) {
      Ruling rights = Compare(a.args[1], b.args[1]);
      if (Holds(rights) || a.args[0].kind == Kind::kSymbol || !ScalarSides(a) || !ScalarSides(b)) return rights;
    }
    if (!ScalarSides(a) || !ScalarSides(b)) {
      const Ruling straight = Parts(a.args, b.args, "equation");
      if (Holds(straight)) return straight;
      const Ruling crossed = Both(Compare(a.args[0], b.args[1]), Compare(a.args[1], b.args[0]));
      return Holds(crossed) ? crossed : straight;
    }
    // y = x^2 | f(x) = x^2: the function's value has either name
    const auto function = [](const Expr& e) {
      return e.args[0].kind == Kind::kCall && e.args[0].text.size() == 1 &&
             std::all_of(e.args[0].args.begin(), e.args[0].args.end(), [](const Expr& p) { return p.kind == Kind::kSymbol; });
    };
    const auto named = [](const Expr& e) {
      return e.args[0].kind == Kind::kSymbol && (e.args[0].text == "y" || e.args[0].text == "z");
    };
    if ((function(a) && named(b)) || (named(a) && function(b))) return Compare(a.args[1], b.args[1]);
    // x = 2 | 2 = x under the options of numbers: rounding, units
    if (a.args[0] == b.args[1] && a.args[0].kind == Kind::kSymbol) return Compare(a.args[1], b.args[0]);
    if (a.args[1] == b.args[1] && a.args[1].kind == Kind::kSymbol) return Compare(a.args[0], b.args[0]);
    if (a.args[1] == b.args[0] && a.args[1].kind == Kind::kSymbol) return Compare(a.args[0], b.args[1]);
  }
  if (!ScalarSides(a) || !ScalarSides(b)) return {Equality::kUnknown, "equation", "sides that are no numbers"};
  Dag dag;
  LowerOptions plain;
  plain.prime_variable = PrimeVariable(a, b);
  Lowerer lowerer(&dag, plain);
  lowerer.same_value = [&](int x, int y) { return Holds(CompareNodes(&dag, x, y, &budget_)); };
  const int f = dag.Subtract(lowerer.Lower(a.args[0]), lowerer.Lower(a.args[1]));
  const int g = dag.Subtract(lowerer.Lower(b.args[0]), lowerer.Lower(b.args[1]));
  Ruling ruling = Proportional(&dag, f, g, false);
  if (Holds(ruling)) return {ruling.equality, "equation", "equal up to a constant factor"};
  int steps = 500;
  const auto top_f = Together(&dag, f, &steps), top_g = Together(&dag, g, &steps);
  if (!(dag.IsSmallRational(top_f.second) && dag.IsSmallRational(top_g.second))) {
    const Ruling tops = Proportional(&dag, top_f.first, top_g.first, false);
    if (Holds(tops)) return {tops.equality, "equation", "equal after clearing denominators"};
  }
  return ruling.equality == Equality::kDifferent ? UnequalForms(&dag, top_f.first, top_g.first) : ruling;
}

Ruling Judge::Inequalities(const Expr& written_a, const Expr& written_b) {
  const Expr a = Turned(written_a), b = Turned(written_b);
  if (a.text != b.text) return {Equality::kDifferent, "inequality", "strict against not strict"};
  const Ruling straight = Parts(a.args, b.args, "inequality");
  if (Holds(straight) || !ScalarSides(a) || !ScalarSides(b)) return straight;
  Dag dag;
  Lowerer lowerer(&dag, {});
  const int f = dag.Subtract(lowerer.Lower(a.args[0]), lowerer.Lower(a.args[1]));
  const int g = dag.Subtract(lowerer.Lower(b.args[0]), lowerer.Lower(b.args[1]));
  const Ruling ruling = Proportional(&dag, f, g, true);
  if (Holds(ruling)) return {ruling.equality, "inequality", "equal up to a positive factor"};
  if (ruling.equality != Equality::kDifferent) return ruling;
  return OneHoldsOnly(&dag, f, g, a.text == "<=");  // no factor alone is no proof: x^3 > 8 and x > 2 say the same
}

std::optional<bool> Judge::TruthOf(const Expr& s) {
  if (s.kind == Kind::kNot && s.args.size() == 1) {
    const auto inner = TruthOf(s.args[0]);
    return inner ? std::optional<bool>(!*inner) : std::nullopt;
  }
  if (s.kind == Kind::kAnd || s.kind == Kind::kOr) {
    for (const Expr& part : s.args) {
      const auto truth = TruthOf(part);
      if (!truth) return std::nullopt;
      if (*truth == (s.kind == Kind::kOr)) return truth;
    }
    return s.kind == Kind::kAnd;
  }
  if (s.kind != Kind::kRelation || s.args.size() != 2) return std::nullopt;
  const Expr &left = s.args[0], &right = s.args[1];
  if (s.text == "=" || s.text == "!=") {
    const Ruling r = Compare(left, right);
    if (r.equality == Equality::kUnknown) return std::nullopt;
    return Holds(r) == (s.text == "=");
  }
  if (IsOrder(s.text) && ScalarSides(s)) {
    Dag dag;
    Lowerer lowerer(&dag, {});
    const int x = lowerer.Lower(left), y = lowerer.Lower(right);
    const NodeOrder order = OrderNodes(&dag, x, y, &budget_);
    if (order.equality == Equality::kUnknown) return std::nullopt;
    if (order.sign == 0) return s.text == "<=" || s.text == ">=";
    return (order.sign < 0) == (s.text[0] == '<');
  }
  const bool negated = s.text.rfind("not", 0) == 0;
  const std::string_view name = negated ? std::string_view(s.text).substr(3) : std::string_view(s.text);
  if (name == "in") {
    const auto set = EvaluateSet(right);
    if (!set) return std::nullopt;
    bool in = false;
    for (const Expr& element : ElementsOf(*set)) in = in || Holds(Compare(left, element));
    return in != negated;
  }
  if (name == "subset" || name == "subseteq" || name == "supset" || name == "supseteq") {
    const bool super = name[2] == 'p';
    const auto x = EvaluateSet(super ? right : left), y = EvaluateSet(super ? left : right);
    if (!x || !y) return std::nullopt;
    const std::vector<Expr> small = ElementsOf(*x), large = ElementsOf(*y);
    const auto inside = [&](const std::vector<Expr>& p, const std::vector<Expr>& q) {
      return std::all_of(p.begin(), p.end(), [&](const Expr& e) {
        return std::any_of(q.begin(), q.end(), [&](const Expr& f) { return Holds(Compare(e, f)); });
      });
    };
    const bool proper = name == "subset" || name == "supset";
    const bool holds = inside(small, large) && !(proper && inside(large, small));
    return holds != negated;
  }
  return std::nullopt;
}

Ruling Judge::Relations(const Expr& written_a, const Expr& written_b) {
  const auto plain = [](const Expr& e) {  // not x = 2: x != 2; x != {1, 2}: x is none of them
    Expr out = e.kind == Kind::kNot && e.args.size() == 1 && e.args[0].kind == Kind::kRelation &&
                       (e.args[0].text == "=" || e.args[0].text == "in")
                   ? e.args[0]
                   : e;
    if (e.kind == Kind::kNot && out.kind == Kind::kRelation) out.text = out.text == "=" ? "!=" : "notin";
    if (out.kind == Kind::kRelation && out.text == "!=" && out.args.size() == 2 && out.args[1].kind == Kind::kSet)
      out.text = "notin";
    return out;
  };
  if (written_a.kind == Kind::kNot || written_b.kind == Kind::kNot) {
    const Expr a = plain(written_a), b = plain(written_b);
    if (a.kind != Kind::kNot || b.kind != Kind::kNot) {
      if (a.kind == Kind::kNot || b.kind == Kind::kNot)
        return {Equality::kUnknown, "statement", "a negation that could not be resolved"};
      if (a == b) return {Equality::kEqual, "statement", "the same statement"};
      return Relations(a, b);
    }
  }
  const Expr &a = written_a, &b = written_b;
  if (a.kind == Kind::kNot && b.kind == Kind::kNot) return Parts(a.args, b.args, "statement");
  if (a.kind == Kind::kImplies && b.kind == Kind::kImplies) return Parts(a.args, b.args, "statement");
  const bool single_a = a.kind == Kind::kRelation, single_b = b.kind == Kind::kRelation;
  if (single_a && single_b && a.text == "=" && b.text == "=") {
    const std::vector<Expr> x = ElementsOf(a), y = ElementsOf(b);
    const Ruling written = x.size() > 1 || y.size() > 1 ? Unordered(x, y, true) : Equations(a, b);
    if (Holds(written)) return written;
    if (auto solutions = Solutions(a, b)) return *solutions;
    return written;
  }
  if (auto sets = RealSets(a, b)) return *sets;
  if (single_a && single_b) {
    if (a.args.size() < 2 || b.args.size() < 2) return Parts(a.args, b.args, "statement");
    if (IsOrder(a.text) && IsOrder(b.text)) return Inequalities(a, b);
    const bool membership_a = a.text == "in" || a.text == "=", membership_b = b.text == "in" || b.text == "=";
    if (membership_a && membership_b) return Parts(a.args, b.args, "statement");
    if (a.text != b.text) {
      // A subset B, B supset A
      const auto mirror = [](std::string_view t) -> std::string {
        if (t == "subset") return "supset";
        if (t == "supset") return "subset";
        if (t == "subseteq") return "supseteq";
        if (t == "supseteq") return "subseteq";
        return "";
      };
      if (mirror(a.text) == b.text) {
        return Both(Compare(a.args[0], b.args[1]), Compare(a.args[1], b.args[0]));
      }
      return {Equality::kDifferent, "statement", a.text + " against " + b.text};
    }
    if (a.text == "congruent" && a.args.size() == 3 && b.args.size() == 3 && a.args[0] == b.args[0] &&
        Holds(Compare(a.args[2], b.args[2]))) {
      const Expr minus{.kind = Kind::kNegate, .text = "", .number = 0, .args = {b.args[1]}};
      const Expr difference{.kind = Kind::kAdd, .text = "", .number = 0, .args = {a.args[1], minus}};
      const Expr rest{.kind = Kind::kCall, .text = "mod", .number = 0, .args = {difference, a.args[2]}};
      const Ruling zero = Compare(rest, Expr{.kind = Kind::kInteger, .text = "0", .number = 0, .args = {}});
      return {zero.equality, "congruence", Holds(zero) ? "the same residue class" : "other residue classes"};
    }
    if (a.text == "!=") {
      const Ruling equations = Equations(a, b);
      return {equations.equality, "statement", equations.reason};
    }
    const Ruling straight = Parts(a.args, b.args, "statement");
    const bool symmetric =
        a.text == "~" || a.text == "similar" || a.text == "parallel" || a.text == "perpendicular" || a.text == "congruent";
    if (Holds(straight) || !symmetric) return straight;
    Expr crossed = b;
    std::swap(crossed.args[0], crossed.args[1]);
    const Ruling other = Parts(a.args, crossed.args, "statement");
    return Holds(other) ? other : straight;
  }
  // systems and alternatives, as sets of statements
  if ((a.kind == Kind::kAnd && b.kind == Kind::kOr) || (a.kind == Kind::kOr && b.kind == Kind::kAnd)) {
    if (!std::all_of(a.args.begin(), a.args.end(), IsStatement)) return {Equality::kDifferent, "statement", "and against or"};
  }
  const std::vector<Expr> x = ElementsOf(a), y = ElementsOf(b);
  if (x.size() < 2 && y.size() < 2) return {Equality::kUnknown, "statement", "statements of other forms"};
  Ruling parts = Unordered(x, y, false);
  if (!Holds(parts)) {
    if (auto solutions = Solutions(a, b)) return *solutions;
    const auto order = [](const Expr& e) { return e.kind == Kind::kRelation && IsOrder(e.text); };
    if ((order(a) && b.kind == Kind::kAnd) || (order(b) && a.kind == Kind::kAnd))
      return {Equality::kUnknown, "inequality", "an inequality that was not solved against several"};
  }
  if (Holds(parts) && a.kind != b.kind && x.size() > 1) return {parts.equality, "statement", "the same statements"};
  return parts;
}

}  // namespace mathcoder::math
