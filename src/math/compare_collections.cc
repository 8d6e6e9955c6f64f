// Sets, lists, tuples, matrices, cases.
#include <algorithm>

#include "math/compare_judge.h"

namespace mathcoder::math {
namespace {

constexpr std::size_t kMostPairs = 4096;

bool IsBrackets(const Expr& e, std::string_view brackets) { return e.kind == Kind::kGroup && e.text == brackets; }

bool Replace(Expr* e, int sign) {  // each a +- b by one of its values
  bool found = false;
  for (Expr& arg : e->args) found |= Replace(&arg, sign);
  if (e->kind != Kind::kPlusMinus || e->args.empty()) return found;
  const bool minus = (sign < 0) != (e->number == 1);
  Expr last = std::move(e->args.back());
  if (minus) last = Expr{.kind = Kind::kNegate, .text = "", .number = 0, .args = {std::move(last)}};
  if (e->args.size() == 1) {
    *e = Expr(std::move(last));
  } else {
    Expr first = std::move(e->args.front());
    *e = Expr{.kind = Kind::kAdd, .text = "", .number = 0, .args = {}};
    e->args.push_back(std::move(first));
    e->args.push_back(std::move(last));
  }
  return true;
}

}  // namespace

std::vector<Expr> PlusMinusValues(const Expr& e) {
  Expr plus = e;
  if (!Replace(&plus, 1)) return {};
  Expr minus = e;
  Replace(&minus, -1);
  std::vector<Expr> values;
  values.push_back(std::move(plus));
  values.push_back(std::move(minus));
  return values;
}

std::vector<Expr> ElementsOf(const Expr& e) {
  std::vector<Expr> elements;
  const auto add = [&](const Expr& element) {
    std::vector<Expr> both = PlusMinusValues(element);
    if (both.empty()) elements.push_back(element);
    for (Expr& value : both) elements.push_back(std::move(value));
  };
  const bool spread = e.kind == Kind::kRelation && (e.text == "=" || e.text == "in") && e.args.size() == 2 &&
                      e.args[0].kind == Kind::kSymbol && (e.args[1].kind == Kind::kList || e.args[1].kind == Kind::kSet);
  if (spread) {  // x = 1, 2, 3
    for (const Expr& value : e.args[1].args) {
      add(Expr{.kind = Kind::kRelation, .text = "=", .number = 0, .args = {e.args[0], value}});
    }
    return elements;
  }
  if (e.kind != Kind::kSet && e.kind != Kind::kList && e.kind != Kind::kOr && e.kind != Kind::kAnd && !IsBrackets(e, "[]")) {
    add(e);
    return elements;
  }
  const Expr* name = nullptr;  // of x = 1, 2, 3 where the first part took the name
  if (e.kind == Kind::kList && !e.args.empty() && e.args[0].kind == Kind::kRelation && e.args[0].text == "=" &&
      e.args[0].args.size() == 2 && e.args[0].args[0].kind == Kind::kSymbol) {
    const bool others = std::none_of(e.args.begin() + 1, e.args.end(), IsStatement);
    if (others && e.args.size() > 1) name = &e.args[0].args[0];
  }
  for (const Expr& arg : e.args) {
    if (name != nullptr && !IsStatement(arg))
      add(Expr{.kind = Kind::kRelation, .text = "=", .number = 0, .args = {*name, arg}});
    else if ((e.kind == Kind::kOr || e.kind == Kind::kAnd) && arg.kind == e.kind)
      for (const Expr& inner : ElementsOf(arg)) elements.push_back(inner);
    else
      add(arg);
  }
  return elements;
}

Ruling Judge::Parts(const std::vector<Expr>& a, const std::vector<Expr>& b, const char* rule) {
  if (a.size() != b.size()) {
    return {Equality::kDifferent, rule, std::to_string(a.size()) + " parts against " + std::to_string(b.size())};
  }
  Ruling total{Equality::kEqual, rule, "all " + std::to_string(a.size()) + " parts agree"};
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Ruling part = Compare(a[i], b[i]);
    if (part.equality == Equality::kEqual) continue;
    total = Both(total, {part.equality, part.rule, "part " + std::to_string(i + 1) + ": " + part.reason});
    if (total.equality == Equality::kDifferent) return total;
  }
  return total;
}

Ruling Judge::Unordered(const std::vector<Expr>& a, const std::vector<Expr>& b, bool repetitions) {
  const char* rule = repetitions ? "list" : "set";
  if (repetitions && a.size() != b.size()) {
    return {Equality::kDifferent, rule, std::to_string(a.size()) + " elements against " + std::to_string(b.size())};
  }
  if (repetitions && options_.ordered_lists) return Parts(a, b, rule);
  if (a.size() == b.size()) {  // mostly they come in one order
    Ruling ordered = Parts(a, b, rule);
    if (Holds(ordered)) return ordered;
  }
  if (a.size() * b.size() > kMostPairs) return {Equality::kUnknown, rule, "too many elements to match"};
  std::vector<std::vector<Ruling>> pair(a.size());
  bool unknown = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      pair[i].push_back(Compare(a[i], b[j]));
      unknown |= pair[i].back().equality == Equality::kUnknown;
    }
  }
  Ruling total{Equality::kEqual, rule, "the elements agree"};
  const auto missing = [&](const char* side) {
    if (unknown) return Ruling{Equality::kUnknown, rule, "an element could not be decided"};
    return Ruling{Equality::kDifferent, rule, std::string("an element of the ") + side + " has no partner"};
  };
  if (!repetitions) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      const auto it = std::find_if(pair[i].begin(), pair[i].end(), Holds);
      if (it == pair[i].end()) return missing("reference");
      total = Both(total, {it->equality, rule, it->reason});
    }
    for (std::size_t j = 0; j < b.size(); ++j) {
      bool found = false;
      for (std::size_t i = 0; i < a.size() && !found; ++i) found = Holds(pair[i][j]);
      if (!found) return missing("answer");
    }
    return total;
  }
  // augmenting paths: under a tolerance equality is not transitive, and the first partner may be another's only one
  std::vector<int> owner(b.size(), -1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::vector<char> seen(b.size(), 0);
    const std::function<bool(std::size_t)> place = [&](std::size_t who) {
      for (std::size_t j = 0; j < b.size(); ++j) {
        if (seen[j] != 0 || !Holds(pair[who][j])) continue;
        seen[j] = 1;
        if (owner[j] < 0 || place(static_cast<std::size_t>(owner[j]))) {
          owner[j] = static_cast<int>(who);
          return true;
        }
      }
      return false;
    };
    if (!place(i)) return missing("reference");
  }
  for (std::size_t j = 0; j < b.size(); ++j) {
    const Ruling& used = pair[static_cast<std::size_t>(owner[j])][j];
    total = Both(total, {used.equality, rule, used.reason});
  }
  return total;
}

Ruling Judge::CasesOf(const Expr& a, const Expr& b) {
  const auto pairs = [](const Expr& e) {
    std::vector<Expr> out;
    for (std::size_t i = 0; i + 1 < e.args.size(); i += 2) {
      out.push_back({.kind = Kind::kGroup, .text = "()", .number = 0, .args = {e.args[i], e.args[i + 1]}});
    }
    return out;
  };
  return Unordered(pairs(a), pairs(b), true);
}

std::optional<Expr> Judge::EvaluateSet(const Expr& e) {
  if (e.kind == Kind::kSet) return e;
  if (e.kind != Kind::kCall || e.args.empty()) return std::nullopt;
  std::optional<Expr> total = EvaluateSet(e.args[0]);
  if (!total) return std::nullopt;
  total->args = ElementsOf(*total);
  for (std::size_t k = 1; k < e.args.size(); ++k) {
    const std::optional<Expr> next = EvaluateSet(e.args[k]);
    if (!next) return std::nullopt;
    const std::vector<Expr> elements = ElementsOf(*next);
    if (e.text == "union") {
      total->args.insert(total->args.end(), elements.begin(), elements.end());
      continue;
    }
    if (e.text != "intersection" && e.text != "setminus") return std::nullopt;
    std::vector<Expr> kept;
    for (const Expr& x : total->args) {
      bool in = false;
      for (const Expr& y : elements) {
        const Ruling r = Compare(x, y);
        if (r.equality == Equality::kUnknown) return std::nullopt;
        in = in || Holds(r);
      }
      if (in == (e.text == "intersection")) kept.push_back(x);
    }
    total->args = std::move(kept);
  }
  return total;
}

namespace {

// k of "pi/2 + k pi, k in Z": the name of a parameter over the integers, and what is said besides.
struct Parametrised {
  std::string name;
  Expr rest;
};
std::optional<Parametrised> ParameterOf(const Expr& e) {
  if (e.kind != Kind::kList && e.kind != Kind::kAnd) return std::nullopt;
  Parametrised p;
  p.rest = e;
  p.rest.args.clear();
  for (const Expr& part : e.args) {
    const bool over = part.kind == Kind::kRelation && part.text == "in" && part.args.size() == 2 &&
                      part.args[0].kind == Kind::kSymbol && (part.args[1].text == "Integers" || part.args[1].text == "Z");
    if (over && p.name.empty())
      p.name = part.args[0].text;
    else
      p.rest.args.push_back(part);
  }
  if (p.name.empty() || p.rest.args.empty()) return std::nullopt;
  return p;
}

void Rename(Expr* e, const std::string& from, const std::string& to) {
  if (e->kind == Kind::kSymbol && e->text == from) e->text = to;
  for (Expr& arg : e->args) Rename(&arg, from, to);
}

}  // namespace

Ruling Judge::Collections(const Expr& a, const Expr& b) {
  if (const auto x = ParameterOf(a)) {
    if (auto y = ParameterOf(b)) {
      Rename(&y->rest, y->name, x->name);
      return Compare(x->rest, y->rest);
    }
  }
  if (a.kind == Kind::kCases && b.kind == Kind::kCases) return CasesOf(a, b);
  if (a.kind == Kind::kMatrix && b.kind == Kind::kMatrix) {
    if (a.number != b.number) return {Equality::kDifferent, "matrix", "matrices of other shapes"};
    return Parts(a.args, b.args, "matrix");
  }
  for (const auto& [matrix, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {  // a vector written as a tuple
    if (matrix->kind != Kind::kMatrix || other->kind != Kind::kGroup) continue;
    const bool vector = matrix->number == 1 || matrix->number == static_cast<int>(matrix->args.size());
    const bool nested = !other->args.empty() && std::all_of(other->args.begin(), other->args.end(),
                                                            [](const Expr& row) { return row.kind == Kind::kGroup; });
    if (nested) {  // [[1, 2], [3, 4]]
      Expr flat{.kind = Kind::kMatrix, .text = "", .number = static_cast<int>(other->args[0].args.size()), .args = {}};
      for (const Expr& row : other->args) flat.args.insert(flat.args.end(), row.args.begin(), row.args.end());
      if (flat.number != matrix->number) return {Equality::kDifferent, "matrix", "matrices of other shapes"};
      return matrix == &a ? Parts(a.args, flat.args, "matrix") : Parts(flat.args, b.args, "matrix");
    }
    if (vector) return Parts(a.args, b.args, "vector");
    return {Equality::kDifferent, "kind", "a matrix against something else"};
  }

  const bool sets_a = a.kind == Kind::kCall && !IsScalar(a), sets_b = b.kind == Kind::kCall && !IsScalar(b);
  if (sets_a || sets_b || (IsIntervalLike(a) && IsIntervalLike(b) && !(a.kind == Kind::kGroup && b.kind == Kind::kGroup))) {
    if (auto sets = RealSets(a, b)) return *sets;
  }
  if (sets_a || sets_b) {
    const auto x = EvaluateSet(a), y = EvaluateSet(b);
    if (x && y) return Unordered(x->args, y->args, false);
    if (sets_a && sets_b && a.text == b.text) {
      const Ruling parts =
          a.text == "setminus" || a.text == "transpose" ? Parts(a.args, b.args, "set") : Unordered(a.args, b.args, false);
      if (Holds(parts)) return parts;
    }
    return {Equality::kUnknown, "set", "an operation on sets that could not be carried out"};
  }
  if (a.kind == Kind::kSetBuilder && b.kind == Kind::kSetBuilder) {
    const Ruling parts = Parts(a.args, b.args, "set");
    if (Holds(parts)) return parts;
    return {Equality::kUnknown, "set", "conditions that could not be compared"};
  }
  if (a.kind == Kind::kSetBuilder || b.kind == Kind::kSetBuilder) {
    if (auto sets = RealSets(a, b)) return *sets;
    return {Equality::kUnknown, "set", "a condition that could not be compared"};
  }

  if (a.kind == Kind::kGroup && b.kind == Kind::kGroup) {
    const bool half_open = a.text == "(]" || a.text == "[)" || b.text == "(]" || b.text == "[)";
    const bool vector = a.text == "<>" || b.text == "<>";  // angle brackets hold the parts of a vector
    const bool interval = half_open || (a.text != b.text && !vector && a.args.size() == 2 && b.args.size() == 2);
    if (interval && a.text != b.text) return {Equality::kDifferent, "interval", a.text + " against " + b.text};
    Ruling parts = Parts(a.args, b.args, interval ? "interval" : "tuple");
    return parts;
  }
  const bool list_a = a.kind == Kind::kSet || a.kind == Kind::kList || IsBrackets(a, "[]");
  const bool list_b = b.kind == Kind::kSet || b.kind == Kind::kList || IsBrackets(b, "[]");
  if (a.kind == Kind::kEllipsis || b.kind == Kind::kEllipsis) {
    return {a.kind == b.kind ? Equality::kEqual : Equality::kDifferent, "kind", "an ellipsis"};
  }
  if (list_a && list_b) {
    const std::vector<Expr> x = ElementsOf(a), y = ElementsOf(b);
    return Unordered(x, y, a.kind != Kind::kSet && b.kind != Kind::kSet);
  }
  // a bare list against a point: in order
  if ((list_a && a.kind == Kind::kList && b.kind == Kind::kGroup) || (list_b && b.kind == Kind::kList && a.kind == Kind::kGroup)) {
    const Expr& group = a.kind == Kind::kGroup ? a : b;
    if (group.text == "()") return Parts(a.args, b.args, "tuple");
    return {Equality::kDifferent, "kind", "an interval against a list"};
  }
  if (list_a || list_b) {  // {2} against 2, and x +- y against a list
    const std::vector<Expr> x = ElementsOf(a), y = ElementsOf(b);
    const bool plain = (list_a && !list_b && IsScalar(b)) || (list_b && !list_a && IsScalar(a));
    const bool one = (list_a && a.kind == Kind::kSet) || (list_b && b.kind == Kind::kSet) || x.size() > 1;
    if (plain && (one || HasKind(a, Kind::kPlusMinus) || HasKind(b, Kind::kPlusMinus))) return Unordered(x, y, false);
    const bool wrapped = list_a != list_b && (list_a ? a : b).kind == Kind::kSet;  // {M} against M
    if ((plain || wrapped) && x.size() == 1 && y.size() == 1 && (x[0] != a || y[0] != b)) return Compare(x[0], y[0]);
  }
  if (a.kind == b.kind && a.text == b.text && a.number == b.number) return Parts(a.args, b.args, "parts");
  return {Equality::kDifferent, "kind", std::string(Name(a.kind)) + " against " + std::string(Name(b.kind))};
}

}  // namespace mathcoder::math
