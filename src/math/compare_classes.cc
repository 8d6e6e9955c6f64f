// Residue classes in their spellings: x = 2 (mod 4), x = 4k + 2, {4k + 2 : k in Z}, pi/4 + k pi with k in Z.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "math/compare_calculus.h"
#include "math/compare_judge.h"

namespace mathcoder::math {
namespace {

bool OverIntegers(const Expr& e) {
  return e.kind == Kind::kRelation && e.text == "in" && e.args.size() == 2 && e.args[0].kind == Kind::kSymbol &&
         (e.args[1].text == "Integers" || e.args[1].text == "Z");
}

struct Spelled {
  std::string variable;   // x; empty where none is named
  std::string parameter;  // k; empty: a congruence
  const Expr* value = nullptr;
  const Expr* congruence = nullptr;
  bool stated = false;  // says that it is a class: not every x = 4k + 2 is one
};

// x = value with a parameter in it, or a bare value.
void TakeValue(const Expr& e, Spelled* s) {
  if (e.kind == Kind::kRelation && e.text == "=" && e.args.size() == 2 && e.args[0].kind == Kind::kSymbol) {
    s->variable = e.args[0].text;
    s->value = &e.args[1];
  } else if (IsScalar(e)) {
    s->value = &e;
  }
}

std::optional<Spelled> SpelledOf(const Expr& e) {
  Spelled s;
  if (e.kind == Kind::kRelation && e.text == "congruent" && e.args.size() == 3) {
    s.congruence = &e;
    s.stated = true;
    return s;
  }
  if (e.kind == Kind::kSetBuilder && e.args.size() == 2 && OverIntegers(e.args[1])) {
    s.parameter = e.args[1].args[0].text;
    s.stated = true;
    TakeValue(e.args[0], &s);
    return s.value != nullptr && IsScalar(*s.value) ? std::optional(s) : std::nullopt;
  }
  if ((e.kind == Kind::kList || e.kind == Kind::kAnd) && e.args.size() == 2) {
    for (const std::size_t at : {std::size_t{0}, std::size_t{1}}) {
      if (!OverIntegers(e.args[at])) continue;
      s.parameter = e.args[at].args[0].text;
      s.stated = true;
      TakeValue(e.args[1 - at], &s);
      if (s.value != nullptr && IsScalar(*s.value)) return s;
      return std::nullopt;
    }
    return std::nullopt;
  }
  if (e.kind == Kind::kRelation && e.text == "=") {
    TakeValue(e, &s);
    if (s.value == nullptr || !IsScalar(*s.value)) return std::nullopt;
    return s;  // the parameter is whatever single letter occurs
  }
  return std::nullopt;
}

struct Class {
  int modulus, rest;  // nodes
  std::string variable;
};

std::optional<std::pair<int, int>> LinearIn(Dag* dag, int node, int variable) {
  const auto slope = Derivative(dag, node, variable);
  if (!slope || DependsOn(*dag, *slope, variable)) return std::nullopt;
  std::vector<int> values;
  for (int v = 0; v < dag->variables(); ++v) values.push_back(dag->Variable(std::string(dag->name(v))));
  values[static_cast<std::size_t>(dag->node(variable).num)] = dag->Rational(0, 1);
  return std::pair{*slope, dag->Substitute(node, values)};
}

int OnlyVariable(Dag* dag, int node) {
  int only = -1;
  for (int v = 0; v < dag->variables(); ++v) {
    const int variable = dag->Variable(std::string(dag->name(v)));
    if (!DependsOn(*dag, node, variable)) continue;
    if (only >= 0) return -1;
    only = variable;
  }
  return only;
}

std::optional<Class> ClassOf(Dag* dag, Lowerer* lowerer, const Spelled& s) {
  if (s.congruence != nullptr) {
    const Expr& c = *s.congruence;
    if (!IsScalar(c.args[0]) || !IsScalar(c.args[1]) || !IsScalar(c.args[2])) return std::nullopt;
    const int left = lowerer->Lower(c.args[0]), right = lowerer->Lower(c.args[1]), modulus = lowerer->Lower(c.args[2]);
    const int variable = OnlyVariable(dag, left);
    if (variable < 0 || dag->name(static_cast<int>(dag->node(variable).num)).rfind("s:", 0) != 0) return std::nullopt;
    const auto linear = LinearIn(dag, left, variable);
    if (!linear) return std::nullopt;
    std::int64_t slope = 0, rest = 0, m = 0;
    const std::string name = dag->name(static_cast<int>(dag->node(variable).num)).substr(2);
    if (!dag->IsInteger(linear->first, &slope) || slope == 0) return std::nullopt;
    if (slope == 1) return Class{modulus, dag->Subtract(right, linear->second), name};
    if (!dag->IsInteger(dag->Subtract(right, linear->second), &rest) || !dag->IsInteger(modulus, &m)) return std::nullopt;
    m = std::abs(m);
    if (m == 0 || m > 1000000 || std::abs(slope) > 1000000 || std::abs(rest) > 1000000000) return std::nullopt;
    const std::int64_t common = std::gcd(slope, m);
    if (rest % common != 0) return std::nullopt;  // no solution
    slope /= common, rest /= common, m /= common;
    for (std::int64_t x = 0; x < std::min<std::int64_t>(m, 100000); ++x) {
      if ((slope * x - rest) % m == 0) return Class{dag->Rational(m, 1), dag->Rational(x, 1), name};
    }
    return std::nullopt;
  }
  const int value = lowerer->Lower(*s.value);
  int parameter = s.parameter.empty() ? OnlyVariable(dag, value) : dag->Variable("s:" + s.parameter);
  if (parameter < 0) return std::nullopt;
  if (s.parameter.empty()) {  // 4k + 2: a letter for whole numbers
    const std::string& name = dag->name(static_cast<int>(dag->node(parameter).num));
    if (name.size() != 3 || name.rfind("s:", 0) != 0 || std::string_view("jklmnt").find(name[2]) == std::string_view::npos)
      return std::nullopt;
  }
  const auto linear = LinearIn(dag, value, parameter);
  std::int64_t slope = 1;
  if (!linear || (dag->IsInteger(linear->first, &slope) && slope == 0)) return std::nullopt;
  return Class{linear->first, linear->second, s.variable};
}

// Collects the one letter of pi/6 + 2 pi k. False: there is another thing that varies, or that letter is none for whole numbers.
bool FindTurns(const Expr& e, bool* pi, std::string* letter) {
  if (e.kind == Kind::kPlusMinus) return false;
  *pi = *pi || (e.kind == Kind::kConstant && e.text == "pi");
  if (e.kind == Kind::kSymbol) {
    if (e.text.size() != 1 || std::string_view("klmn").find(e.text[0]) == std::string_view::npos) return false;
    if (!letter->empty() && *letter != e.text) return false;
    *letter = e.text;
  }
  return std::all_of(e.args.begin(), e.args.end(), [&](const Expr& arg) { return FindTurns(arg, pi, letter); });
}

// x = pi/6 + 2 pi k, or its value alone, where nothing says that k is whole.
std::optional<Spelled> TurnsOf(const Expr& e) {
  Spelled s;
  if (e.kind != Kind::kAdd && e.kind != Kind::kMultiply && e.kind != Kind::kDivide && e.kind != Kind::kRelation)
    return std::nullopt;
  TakeValue(e, &s);
  bool pi = false;
  if (s.value == nullptr || !FindTurns(*s.value, &pi, &s.parameter) || !pi || s.parameter.empty() || !IsScalar(*s.value))
    return std::nullopt;
  return s;
}

}  // namespace

// nullopt: not two residue classes.
std::optional<Ruling> Judge::Classes(const Expr& a, const Expr& b) {
  auto spelled_a = SpelledOf(a), spelled_b = SpelledOf(b);
  const bool stated = spelled_a && spelled_b && (spelled_a->stated || spelled_b->stated);
  if (!stated) {
    // Two letters for one value: they can only stand for all whole numbers.
    spelled_a = TurnsOf(a);
    if (!spelled_a) return std::nullopt;
    spelled_b = TurnsOf(b);
    if (!spelled_b || spelled_a->parameter == spelled_b->parameter) return std::nullopt;
  }
  Dag dag;
  Lowerer lowerer(&dag, {});
  const auto x = ClassOf(&dag, &lowerer, *spelled_a), y = ClassOf(&dag, &lowerer, *spelled_b);
  if (!stated) {
    if (!x || !y || dag.IsSmallRational(x->modulus)) return std::nullopt;
    std::int64_t rest = 1;  // a bare 2 pi n may be the length of a circle
    if (x->variable.empty() && y->variable.empty() && dag.IsInteger(x->rest, &rest) && rest == 0) return std::nullopt;
  }
  if (!x || !y || (!x->variable.empty() && !y->variable.empty() && x->variable != y->variable)) return std::nullopt;
  Ruling moduli = CompareNodes(&dag, x->modulus, y->modulus, &budget_);
  if (!Holds(moduli)) {
    const Ruling turned = CompareNodes(&dag, x->modulus, dag.Negate(y->modulus), &budget_);
    if (Holds(turned)) moduli = turned;
  }
  if (moduli.equality == Equality::kDifferent) return Ruling{Equality::kDifferent, "congruence", "other moduli"};
  if (!Holds(moduli)) return Ruling{Equality::kUnknown, "congruence", "moduli that could not be compared"};
  const int turns = dag.Divide(dag.Subtract(x->rest, y->rest), x->modulus);
  if ((dag.flags(turns) & (Dag::kVariable | Dag::kUndefined | Dag::kInfinite)) != 0) {
    const Ruling rests = CompareNodes(&dag, x->rest, y->rest, &budget_);
    if (Holds(rests)) return Both(moduli, {rests.equality, "congruence", "the same residue class"});
    return Ruling{Equality::kUnknown, "congruence", "residues that could not be compared"};
  }
  const auto balls = exact::CompareBalls(dag.nodes(), turns, turns, {}, 128);
  if (!balls || !balls->defined_a || std::abs(balls->re_a) > 1e15)
    return Ruling{Equality::kUnknown, "congruence", "residues that could not be compared"};
  const Ruling whole = CompareNodes(&dag, turns, dag.Rational(std::llround(balls->re_a), 1), &budget_);
  if (whole.equality == Equality::kUnknown) return Ruling{Equality::kUnknown, "congruence", "residues that could not be compared"};
  if (Holds(whole)) return Both(moduli, {whole.equality, "congruence", "the same residue class"});
  return Ruling{Equality::kDifferent, "congruence", "other residue classes"};
}

}  // namespace mathcoder::math
