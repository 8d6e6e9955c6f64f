// Sets, lists, tuples, matrices, cases.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

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

void CountSigns(const Expr& e, int* count) {
  *count += e.kind == Kind::kPlusMinus ? 1 : 0;
  for (const Expr& arg : e.args) CountSigns(arg, count);
}

// Signs one by one: the lowest bit of *choice is the next one's.
void ReplaceFreely(Expr* e, unsigned* choice) {
  for (Expr& arg : e->args) ReplaceFreely(&arg, choice);
  if (e->kind != Kind::kPlusMinus || e->args.empty()) return;
  Expr one = std::move(*e);
  Replace(&one, (*choice & 1U) != 0 ? -1 : 1);  // its arguments have no signs left
  *e = std::move(one);
  *choice >>= 1U;
}

}  // namespace

std::vector<Expr> IndependentValues(const Expr& e) {
  int count = 0;
  CountSigns(e, &count);
  std::vector<Expr> values;
  if (count < 2 || count > 3) return values;
  for (unsigned choice = 0; choice < 1U << static_cast<unsigned>(count); ++choice) {
    unsigned signs = choice;
    values.push_back(e);
    ReplaceFreely(&values.back(), &signs);
  }
  return values;
}

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
  if (a.size() * b.size() > 64 && options_.relative_tolerance <= 0 && !options_.round_to_reference &&
      !options_.reference_is_rounded && !options_.percent_either_way) {
    return WithoutTwins(a, b, repetitions);
  }
  return Matched(a, b, repetitions);
}

// Long lists: what is written alike on both sides is settled without comparing pairs.
Ruling Judge::WithoutTwins(const std::vector<Expr>& a, const std::vector<Expr>& b, bool repetitions) {
  std::multimap<std::string, std::size_t> open;
  std::set<std::string> known;
  for (std::size_t j = 0; j < b.size(); ++j) open.emplace(ToSexpr(b[j]), j);
  std::vector<char> taken(b.size(), 0);
  std::vector<Expr> rest_a, rest_b;
  for (const Expr& element : a) {
    const std::string key = ToSexpr(element);
    const auto it = open.find(key);
    if (!repetitions && (it != open.end() || known.count(key) != 0)) {
      for (auto [at, end] = open.equal_range(key); at != end; ++at) taken[at->second] = 1;
      open.erase(key);
      known.insert(key);
    } else if (it != open.end()) {
      taken[it->second] = 1;
      open.erase(it);
    } else {
      rest_a.push_back(element);
    }
  }
  for (std::size_t j = 0; j < b.size(); ++j) {
    if (taken[j] == 0) rest_b.push_back(b[j]);
  }
  if (repetitions) return Matched(rest_a, rest_b, true);
  // of sets, what is left may equal an element that has its twin: 1/2, 0.5 and 1/2
  const Ruling forward = rest_a.empty() ? Ruling{Equality::kEqual, "set", "the elements agree"} : Covered(rest_a, b, "reference");
  if (!Holds(forward) || rest_b.empty()) return forward;
  return Both(forward, Covered(rest_b, a, "answer"));
}

// Has each element of `some` an equal one in `all`?
Ruling Judge::Covered(const std::vector<Expr>& some, const std::vector<Expr>& all, const char* side) {
  if (some.size() * all.size() > kMostPairs) return {Equality::kUnknown, "set", "too many elements to match"};
  Ruling total{Equality::kEqual, "set", "the elements agree"};
  for (const Expr& x : some) {
    Ruling best{Equality::kDifferent, "set", std::string("an element of the ") + side + " has no partner"};
    for (const Expr& y : all) {
      const Ruling r = Compare(x, y);
      if (Holds(r)) {
        best = r;
        break;
      }
      if (r.equality == Equality::kUnknown) best = {Equality::kUnknown, "set", "an element could not be decided"};
    }
    if (!Holds(best)) return best;
    total = Both(total, best);
  }
  return total;
}

Ruling Judge::Matched(const std::vector<Expr>& a, const std::vector<Expr>& b, bool repetitions) {
  const char* rule = repetitions ? "list" : "set";
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

void NamesIn(const Expr& e, std::vector<std::string>* names) {
  if (e.kind == Kind::kSymbol && std::find(names->begin(), names->end(), e.text) == names->end()) names->push_back(e.text);
  for (const Expr& arg : e.args) NamesIn(arg, names);
}

// The variables of {f(x) : x in R}: names of the element that the condition speaks about, in their order.
std::vector<std::string> BoundNames(const Expr& builder) {
  std::vector<std::string> head, condition, bound;
  if (builder.args.size() != 2) return bound;
  NamesIn(builder.args[0], &head);
  NamesIn(builder.args[1], &condition);
  for (const std::string& name : head) {
    if (std::find(condition.begin(), condition.end(), name) != condition.end()) bound.push_back(name);
  }
  return bound;
}

// A(1, 2): the point with its name.
const Expr* NamedPoint(const Expr& e) {
  if (e.kind != Kind::kMultiply || e.args.size() != 2 || e.args[0].kind != Kind::kSymbol || e.args[1].kind != Kind::kGroup)
    return nullptr;
  const std::string& name = e.args[0].text;
  if (name.empty() || name[0] < 'A' || name[0] > 'Z' || (name.size() > 1 && name[1] != '_') || e.args[1].text != "()")
    return nullptr;
  return &e.args[1];
}

}  // namespace

Ruling Judge::Collections(const Expr& a, const Expr& b) {
  if (b.kind == Kind::kGroup && NamedPoint(a) != nullptr) return Compare(*NamedPoint(a), b);
  if (a.kind == Kind::kGroup && NamedPoint(b) != nullptr) return Compare(a, *NamedPoint(b));
  if (const auto x = ParameterOf(a)) {
    if (auto y = ParameterOf(b)) {
      Rename(&y->rest, y->name, x->name);
      return Compare(x->rest, y->rest);
    }
  }
  if (a.kind == Kind::kCases || b.kind == Kind::kCases) {
    if (a.kind == b.kind) {
      const Ruling written = CasesOf(a, b);
      if (Holds(written)) return written;
    }
    if ((a.kind == Kind::kCases || IsScalar(a)) && (b.kind == Kind::kCases || IsScalar(b))) return PiecesOf(a, b);
  }
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
    Expr renamed = b;
    const auto bound_a = BoundNames(a), bound_b = BoundNames(b);
    if (bound_a.size() == bound_b.size()) {  // first to names that occur nowhere, since {x, y} may be {y, x}
      for (std::size_t i = 0; i < bound_b.size(); ++i) Rename(&renamed, bound_b[i], "bound " + std::to_string(i));
      for (std::size_t i = 0; i < bound_a.size(); ++i) Rename(&renamed, "bound " + std::to_string(i), bound_a[i]);
    }
    const Ruling parts = Parts(a.args, renamed.args, "set");
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
    const bool signs = HasKind(a, Kind::kPlusMinus) || HasKind(b, Kind::kPlusMinus);
    if (plain && signs) {
      Ruling linked = Unordered(x, y, false);
      const std::vector<Expr> free_a = IndependentValues(a), free_b = IndependentValues(b);
      if (Holds(linked) || (free_a.empty() && free_b.empty())) return linked;
      const Ruling free = Unordered(free_a.empty() ? x : free_a, free_b.empty() ? y : free_b, false);
      return Holds(free) ? free : linked;
    }
    const bool set = a.kind == Kind::kSet || b.kind == Kind::kSet;  // of a list (2, 2) each element counts
    if (plain && one) return Unordered(x, y, !set);
    const bool wrapped = list_a != list_b && (list_a ? a : b).kind == Kind::kSet;  // {M} against M
    if ((plain || wrapped) && x.size() == 1 && y.size() == 1 && (x[0] != a || y[0] != b)) return Compare(x[0], y[0]);
  }
  if (a.kind == b.kind && a.text == b.text && a.number == b.number) return Parts(a.args, b.args, "parts");
  return {Equality::kDifferent, "kind", std::string(Name(a.kind)) + " against " + std::string(Name(b.kind))};
}

}  // namespace mathcoder::math
