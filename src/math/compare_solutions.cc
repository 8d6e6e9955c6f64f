// Equations by their solutions: where the forms of two equations are no multiples of one another, that alone proves nothing.
#include <algorithm>
#include <set>

#include "math/compare_calculus.h"
#include "math/compare_judge.h"
#include "math/compare_sample.h"

namespace mathcoder::math {
namespace {

constexpr int kTrials = 3;

bool HoldsSymbol(const Expr& e) { return HasKind(e, Kind::kSymbol); }

// x = 1, x = 2: the name and the values; nullopt where a part is no such equation.
struct Solved {
  std::string name;
  std::vector<Expr> values;
};
std::optional<Solved> SolvedOf(const Expr& e) {
  Solved solved;
  for (const Expr& part : ElementsOf(e)) {
    if (part.kind != Kind::kRelation || part.text != "=" || part.args.size() != 2) return std::nullopt;
    const bool left = part.args[0].kind == Kind::kSymbol;
    const Expr& name = part.args[left ? 0 : 1];
    const Expr& value = part.args[left ? 1 : 0];
    if (name.kind != Kind::kSymbol || !IsScalar(value) || HoldsSymbol(value)) return std::nullopt;
    if (!solved.name.empty() && solved.name != name.text) return std::nullopt;
    solved.name = name.text;
    solved.values.push_back(value);
  }
  if (solved.values.empty()) return std::nullopt;
  return solved;
}

bool IsEquation(const Expr& e) {
  return e.kind == Kind::kRelation && e.text == "=" && e.args.size() == 2 && IsScalar(e.args[0]) && IsScalar(e.args[1]) &&
         !HasKind(e, Kind::kPlusMinus);
}

// The variables on which a node depends.
std::vector<int> VariablesOf(Dag* dag, int node) {
  std::vector<int> found;
  for (int v = 0; v < dag->variables(); ++v) {
    const int variable = dag->Variable(std::string(dag->name(v)));
    if (DependsOn(*dag, node, variable)) found.push_back(variable);
  }
  return found;
}

int At(Dag* dag, int node, int variable, int value) {
  std::vector<int> values;
  for (int v = 0; v < dag->variables(); ++v) values.push_back(dag->Variable(std::string(dag->name(v))));
  values[static_cast<std::size_t>(dag->node(variable).num)] = value;
  return dag->Substitute(node, values);
}

int IndexOf(const Dag& dag, int variable) { return static_cast<int>(dag.node(variable).num); }

}  // namespace

// nullopt: not a list of values against an equation in that variable.
std::optional<Ruling> Judge::Solutions(const Expr& a, const Expr& b) {
  const auto solved_a = SolvedOf(a), solved_b = SolvedOf(b);
  if (solved_a.has_value() == solved_b.has_value()) return std::nullopt;
  const Expr& equation = solved_a ? b : a;
  const Solved& solved = solved_a ? *solved_a : *solved_b;
  if (!IsEquation(equation)) return std::nullopt;
  Dag dag;
  Lowerer lowerer(&dag, {});
  const int variable = dag.Variable("s:" + solved.name);
  const int f = dag.Subtract(lowerer.Lower(equation.args[0]), lowerer.Lower(equation.args[1]));
  if (VariablesOf(&dag, f) != std::vector<int>{variable}) return std::nullopt;
  const int zero = dag.Rational(0, 1);
  bool proven = true;
  std::vector<int> distinct;
  for (const Expr& value : solved.values) {
    const int at = lowerer.Lower(value);
    const Ruling root = CompareNodes(&dag, At(&dag, f, variable, at), zero, &budget_);
    if (root.equality == Equality::kDifferent)
      return Ruling{Equality::kDifferent, "solutions", "the equation does not hold at " + solved.name + " = " + Describe(dag, at)};
    if (!Holds(root)) return Ruling{Equality::kUnknown, "solutions", "whether a value solves the equation is not known"};
    proven = proven && root.equality == Equality::kEqual;
    bool seen = false;
    for (const int other : distinct) {
      const Ruling same = CompareNodes(&dag, at, other, &budget_);
      if (same.equality == Equality::kUnknown) return Ruling{Equality::kUnknown, "solutions", "two values could not be told apart"};
      seen = seen || Holds(same);
    }
    if (!seen) distinct.push_back(at);
  }
  const auto roots = exact::CompareRoots(dag.nodes(), f, f, IndexOf(dag, variable));
  const long found = static_cast<long>(distinct.size());
  if (!roots) return Ruling{Equality::kUnknown, "solutions", "the values solve the equation; whether others do is not known"};
  if (found < roots->real_roots_a)
    return Ruling{Equality::kDifferent, "solutions", "the equation has " + std::to_string(roots->real_roots_a) + " real solutions"};
  if (found != roots->real_roots_a && found != roots->roots_a)
    return Ruling{Equality::kUnknown, "solutions", "some complex solutions are listed"};
  if (solved_a) return Ruling{Equality::kUnknown, "solutions", "the answer has the same solutions and does not state them"};
  return Ruling{proven ? Equality::kEqual : Equality::kProbablyEqual, "solutions", "these are the equation's solutions"};
}

// f < 0 (or <= 0) and g < 0: a point where one of them holds only, among samples and, in one variable, around the places where f or
// g changes its sign.
Ruling Judge::OneHoldsOnly(Dag* dag, int f, int g, bool closed) {
  const SampleNeeds needs = NeedsOf(*dag, f, g);
  const int zero = dag->Rational(0, 1);
  struct Signs {
    int f, g;
  };
  const auto signs_at = [&](const std::vector<int>& values) -> std::optional<Signs> {
    if (!budget_.Spend(30) || dag->full()) return std::nullopt;
    const NodeOrder x = OrderNodes(dag, dag->Substitute(f, values), zero, &budget_);
    const NodeOrder y = OrderNodes(dag, dag->Substitute(g, values), zero, &budget_);
    if (x.equality == Equality::kUnknown || y.equality == Equality::kUnknown) return std::nullopt;
    return Signs{x.sign, y.sign};
  };
  const auto holds = [&](int sign) { return sign < 0 || (sign == 0 && closed); };
  const auto parted = [&](const Signs& s) { return holds(s.f) != holds(s.g); };
  const Ruling different{Equality::kDifferent, "inequality", "one holds at a point where the other does not"};
  constexpr std::int64_t kPart = std::int64_t{1} << 40;
  std::vector<std::pair<std::int64_t, Signs>> seen;  // points in parts of 2^-40, of one variable
  for (int round = 0; round < 24; ++round) {
    const Region region = round % 3 == 0 ? Region::kPositive : round % 3 == 1 ? Region::kMixed : Region::kPlaces;
    std::vector<int> values;
    std::int64_t at = 0;
    for (const exact::Point& p : SampleAt(*dag, needs, region, region == Region::kPlaces ? round / 3 : round)) {
      const bool far = std::abs(p.re_num / p.re_den) >= 1 << 20;
      at = far ? p.re_num / p.re_den : static_cast<std::int64_t>(static_cast<__int128>(p.re_num) * kPart / p.re_den);
      values.push_back(dag->variables() == 1 && !far ? dag->Rational(at, kPart) : dag->Rational(p.re_num, p.re_den));
      if (far) at = 0;
    }
    const auto signs = signs_at(values);
    if (!signs) continue;
    if (parted(*signs)) return different;
    if (at != 0) seen.emplace_back(at, *signs);
  }
  if (dag->variables() == 1 && seen.size() >= 2) {
    std::sort(seen.begin(), seen.end(), [](const auto& p, const auto& q) { return p.first < q.first; });
    int tried = 0;
    for (std::size_t i = 0; i + 1 < seen.size() && tried < 2; ++i) {  // of neighbours with other signs
      auto low = seen[i], high = seen[i + 1];
      if (low.second.f == high.second.f) continue;
      ++tried;
      while (high.first - low.first > 1) {
        const std::int64_t middle = low.first + (high.first - low.first) / 2;
        const auto signs = signs_at({dag->Rational(middle, kPart)});
        if (!signs) break;
        if (parted(*signs)) return different;
        (signs->f == low.second.f ? low : high) = {middle, *signs};
      }
    }
  }
  return {Equality::kUnknown, "inequality", "no positive factor between them, and no point where one holds only"};
}

// After no constant factor was found between f = 0 and g = 0: a point that solves one of them only proves that they differ.
Ruling Judge::UnequalForms(Dag* dag, int f, int g) {
  std::vector<int> variables = VariablesOf(dag, f);
  for (const int v : VariablesOf(dag, g)) {
    if (std::find(variables.begin(), variables.end(), v) == variables.end()) variables.push_back(v);
  }
  bool polynomials = true;
  const std::size_t tried = std::min<std::size_t>(variables.size(), 3);
  for (std::size_t k = 0; k < tried && polynomials; ++k) {
    for (int trial = 0; trial < kTrials; ++trial) {  // on a line parallel to the k-th axis
      std::vector<int> values;
      for (int v = 0; v < dag->variables(); ++v) {
        const std::uint64_t draw = Scatter(static_cast<std::uint64_t>(trial), ScatterText(dag->name(v)))[0];
        const auto size = static_cast<std::int64_t>(1 + draw % 20);
        values.push_back(dag->Rational((draw >> 40 & 1) != 0 ? size : -size, 1 + static_cast<std::int64_t>(draw >> 20) % 3));
      }
      values[static_cast<std::size_t>(IndexOf(*dag, variables[k]))] = variables[k];
      const int x = dag->Substitute(f, values), y = dag->Substitute(g, values);
      if (!budget_.Spend(static_cast<long>(dag->nodes().size()) / 4)) return {Equality::kUnknown, "equation", "cut off"};
      const auto roots = exact::CompareRoots(dag->nodes(), x, y, IndexOf(*dag, variables[k]));
      if (!roots) {
        polynomials = false;
        break;
      }
      if (roots->real_common < std::max(roots->real_roots_a, roots->real_roots_b))
        return {Equality::kDifferent, "equation", "a point solves one of the equations only"};
      if (variables.size() == 1 && roots->common < std::max(roots->roots_a, roots->roots_b))
        return {Equality::kDifferent, "equation", "a complex number solves one of the equations only"};
      if (variables.size() == 1) break;
    }
  }
  if (polynomials && !variables.empty())
    return {Equality::kUnknown, "equation", "no constant factor between them, and no point that solves one only"};
  // By convention: equations with functions are compared as they are written.
  return {Equality::kDifferent, "equation", "no constant factor between the equations"};
}

}  // namespace mathcoder::math
