#include "math/compare_judge.h"

#include <algorithm>
#include <cctype>

namespace mathcoder::math {
namespace {

std::string Folded(std::string_view text, bool fold) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '.' || c == ',' || c == '-';
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out += blank ? ' ' : fold ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// What a word or a name says: text, a symbol, a choice; "odd n" is a list of both to the reader.
std::optional<std::string> WordsOf(const Expr& e) {
  if (e.kind == Kind::kText || e.kind == Kind::kChoice) return e.text;
  if (e.kind == Kind::kSymbol) return e.text;
  if (e.kind == Kind::kGroup && e.args.size() == 1) return WordsOf(e.args[0]);
  return std::nullopt;
}

bool HoldsFreeSymbol(const Expr& e) {
  if (e.kind == Kind::kSymbol) {
    static constexpr std::string_view kSets[] = {"R", "Reals",     "Z", "Integers",  "N",       "Naturals",
                                                 "Q", "Rationals", "C", "Complexes", "emptyset"};
    return std::find(std::begin(kSets), std::end(kSets), e.text) == std::end(kSets);
  }
  return std::any_of(e.args.begin(), e.args.end(), HoldsFreeSymbol);
}

bool IsTuple(const Expr& e) { return e.kind == Kind::kGroup && e.text == "()" && e.args.size() >= 2; }

// x = 1, y = 2 and (x, y) = (1, 2): names and their values; empty where something else is said, or a name twice.
using Assignments = std::vector<std::pair<std::string, const Expr*>>;
Assignments AssignmentsOf(const Expr& e) {
  Assignments out;
  if (e.kind == Kind::kRelation && e.text == "=" && e.args.size() == 2 && IsTuple(e.args[0]) && IsTuple(e.args[1]) &&
      e.args[0].args.size() == e.args[1].args.size()) {
    for (std::size_t i = 0; i < e.args[0].args.size(); ++i) out.emplace_back(e.args[0].args[i].text, &e.args[1].args[i]);
    if (!std::all_of(e.args[0].args.begin(), e.args[0].args.end(), [](const Expr& n) { return n.kind == Kind::kSymbol; }))
      return {};
  } else if ((e.kind == Kind::kList || e.kind == Kind::kAnd) && e.text != "or" && e.args.size() >= 2) {
    for (const Expr& part : e.args) {
      if (part.kind != Kind::kRelation || part.text != "=" || part.args.size() != 2 || part.args[0].kind != Kind::kSymbol)
        return {};
      out.emplace_back(part.args[0].text, &part.args[1]);
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (out[i].first == out[j].first) return {};
    }
  }
  return out;
}

const Expr& Unwrapped(const Expr& e) {
  const Expr* at = &e;
  // [{x: 1, y: 2}], as a solver prints its one solution, is that solution.
  const auto one_solution = [](const Expr& list) {
    return list.kind == Kind::kGroup && list.text == "[]" && list.args[0].kind == Kind::kSet && !list.args[0].args.empty() &&
           std::all_of(list.args[0].args.begin(), list.args[0].args.end(), [](const Expr& part) {
             return part.kind == Kind::kRelation && part.text == "=" && part.args[0].kind == Kind::kSymbol;
           });
  };
  while (at->args.size() == 1 && (at->kind == Kind::kList || at->kind == Kind::kAnd || at->kind == Kind::kOr ||
                                  (at->kind == Kind::kGroup && at->text == "()") || one_solution(*at))) {
    at = &at->args[0];
  }
  return *at;
}

}  // namespace

Ruling Both(const Ruling& a, const Ruling& b) {
  const auto rank = [](Equality e) {
    return e == Equality::kDifferent ? 3 : e == Equality::kUnknown ? 2 : e == Equality::kProbablyEqual ? 1 : 0;
  };
  return rank(b.equality) > rank(a.equality) ? b : a;
}

bool HasKind(const Expr& e, Kind kind) {
  if (e.kind == kind) return true;
  return std::any_of(e.args.begin(), e.args.end(), [&](const Expr& arg) { return HasKind(arg, kind); });
}

bool IsStatement(const Expr& e) {
  return e.kind == Kind::kRelation || e.kind == Kind::kAnd || e.kind == Kind::kOr || e.kind == Kind::kNot ||
         e.kind == Kind::kImplies;
}

Ruling Judge::Compare(const Expr& reference, const Expr& answer) {
  const Expr& a = Unwrapped(reference);
  const Expr& b = Unwrapped(answer);
  if (a == b) return {Equality::kEqual, "same tree", "written alike"};
  if (depth_ > 24 || !budget_.Spend(1)) return {Equality::kUnknown, "budget", "the comparison was cut off at its bound"};
  ++depth_;
  Ruling ruling = Dispatch(a, b);
  --depth_;
  return ruling;
}

std::optional<Ruling> Judge::Words(const Expr& a, const Expr& b) {
  const bool word_a = a.kind == Kind::kText || a.kind == Kind::kChoice, word_b = b.kind == Kind::kText || b.kind == Kind::kChoice;
  if (!word_a && !word_b) return std::nullopt;
  for (const auto& [word, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {  // a statement that is true or false
    if (word->kind != Kind::kText || !IsStatement(*other)) continue;
    const std::string said = Folded(word->text, true);
    const bool yes = said == "true" || said == "yes";
    if (!yes && said != "false" && said != "no") continue;
    if (HoldsFreeSymbol(*other))
      return Ruling{Equality::kDifferent, "text", "a statement about variables is neither true nor false"};
    const auto truth = TruthOf(*other);
    if (!truth) return Ruling{Equality::kUnknown, "statement", "the statement's truth is not known"};
    return Ruling{*truth == yes ? Equality::kEqual : Equality::kDifferent, "statement",
                  *truth ? "the statement is true" : "it is false"};
  }
  const auto text_a = WordsOf(a), text_b = WordsOf(b);
  if (text_a && text_b) {
    const bool fold = options_.fold_case_of_text || a.kind == Kind::kChoice || b.kind == Kind::kChoice;
    const bool same = Folded(*text_a, fold) == Folded(*text_b, fold);
    const char* rule = a.kind == Kind::kChoice || b.kind == Kind::kChoice ? "choice" : "text";
    return Ruling{same ? Equality::kEqual : Equality::kDifferent, rule, same ? "the same words" : "other words"};
  }
  if (HasKind(a, Kind::kText) && HasKind(b, Kind::kText)) return std::nullopt;
  return Ruling{Equality::kDifferent, "text", "words against mathematics"};
}

// (x, y) = (1, 2), x = 1 and y = 2, and (1, 2), where the names' order says which is which.
std::optional<Ruling> Judge::NamedTuples(const Expr& a, const Expr& b) {
  Assignments x = AssignmentsOf(a), y = AssignmentsOf(b);
  const auto by_name = [](const auto& p, const auto& q) { return p.first < q.first; };
  if (x.empty() == y.empty()) {  // both name their values
    if (x.empty() || x.size() != y.size()) return std::nullopt;
    std::sort(x.begin(), x.end(), by_name);
    std::sort(y.begin(), y.end(), by_name);
    Ruling total{Equality::kEqual, "tuple", "each name has the same value"};
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (x[i].first != y[i].first) return std::nullopt;
      total = Both(total, Compare(*x[i].second, *y[i].second));
    }
    return total;
  }
  const Expr& tuple = x.empty() ? a : b;
  Assignments& named = x.empty() ? y : x;
  const bool list =
      tuple.kind == Kind::kList && tuple.text != "or" && std::none_of(tuple.args.begin(), tuple.args.end(), IsStatement);
  if (!options_.value_of_equation || !(IsTuple(tuple) || list) || tuple.args.size() != named.size()) return std::nullopt;
  const auto compare = [&] {
    Ruling total{Equality::kEqual, "tuple", "the values of the names, in order"};
    for (std::size_t i = 0; i < named.size(); ++i) {
      total = Both(total, x.empty() ? Compare(tuple.args[i], *named[i].second) : Compare(*named[i].second, tuple.args[i]));
    }
    return total;
  };
  const bool bundled = (x.empty() ? b : a).kind == Kind::kRelation;
  if (bundled || std::is_sorted(named.begin(), named.end(), by_name)) return compare();
  const Ruling written = compare();  // m = 1, b = 2: in which order a tuple would hold them is not said
  std::sort(named.begin(), named.end(), by_name);
  const Ruling sorted = compare();
  if (Holds(sorted) || !Holds(written)) return sorted;
  return Ruling{Equality::kUnknown, "tuple", "which value belongs to which name is not said"};
}

// y = 2 against 2: the value of a statement that names what it is the value of.
std::optional<Ruling> Judge::ValueOfStatement(const Expr& a, const Expr& b) {
  if (!options_.value_of_equation) return std::nullopt;
  const auto value = [](const Expr& e) -> const Expr* {
    if (e.kind != Kind::kRelation || e.args.size() != 2) return nullptr;
    if (e.text == "in") return &e.args[1];
    if (e.text != "=" && e.text != "~") return nullptr;
    const auto name = [](const Expr& side) {
      if (side.kind == Kind::kSymbol) return true;
      if (side.kind == Kind::kMultiply && side.args.size() <= 3) {  // the length AB
        return std::all_of(side.args.begin(), side.args.end(), [](const Expr& p) {
          return p.kind == Kind::kSymbol && p.text.size() == 1 && p.text[0] >= 'A' && p.text[0] <= 'Z';
        });
      }
      // f(x), angle ABC, C_n: a call of a named function on symbols or numbers
      const bool inverse = side.kind == Kind::kApply && !side.args.empty() && side.args[0].kind == Kind::kPower &&
                           side.args[0].args[0].kind == Kind::kSymbol;  // f^{-1}(x)
      return (side.kind == Kind::kCall || side.kind == Kind::kApply) &&
             std::all_of(side.args.begin() + (inverse ? 1 : 0), side.args.end(),
                         [](const Expr& arg) {
                           return arg.kind == Kind::kSymbol || arg.kind == Kind::kInteger || arg.kind == Kind::kMultiply;
                         }) &&
             (side.kind == Kind::kApply || side.text.size() == 1 || side.text == "angle" || side.text == "segment" ||
              side.text == "triangle" || side.text == "det" || side.text == "derivative");
    };
    if (name(e.args[0])) return &e.args[1];
    if (name(e.args[1])) return &e.args[0];
    return nullptr;
  };
  const Expr* va = IsStatement(b) ? nullptr : value(a);
  const Expr* vb = IsStatement(a) ? nullptr : value(b);
  if (va != nullptr) return Compare(*va, b);
  if (vb != nullptr) return Compare(a, *vb);
  return std::nullopt;
}

Ruling Judge::Dispatch(const Expr& a, const Expr& b) {
  if (auto words = Words(a, b)) return *words;

  if (auto classes = Classes(a, b)) return *classes;
  if (auto named = NamedTuples(a, b)) return *named;

  // statements and what they state
  if (IsStatement(a) != IsStatement(b)) {
    const std::vector<Expr> parts_a = ElementsOf(a), parts_b = ElementsOf(b);
    const bool lists = (parts_a.size() > 1 && parts_b.size() > 1) || a.kind == Kind::kList || b.kind == Kind::kList;
    if (IsIntervalLike(a) && IsIntervalLike(b)) {
      if (auto sets = RealSets(a, b)) return *sets;
    }
    if (!lists) {
      if (auto value = ValueOfStatement(a, b)) return *value;
    }
    if (lists && parts_a.size() == parts_b.size()) return Unordered(parts_a, parts_b, true);
    if (auto value = ValueOfStatement(a, b)) return *value;
    if (auto sets = RealSets(a, b)) return *sets;
    for (const Expr* side : {&a, &b}) {  // xy = 0 | x = 0 or y = 0
      if (side->kind == Kind::kList && std::all_of(side->args.begin(), side->args.end(), IsStatement))
        return {Equality::kUnknown, "statement", "several statements against one of another form"};
    }
    return {Equality::kDifferent, "kind", "a statement against a value"};
  }
  if (IsStatement(a)) return Relations(a, b);

  if (a.kind == Kind::kTime || b.kind == Kind::kTime) return Times(a, b);
  if (a.kind == Kind::kRatio && b.kind == Kind::kRatio) return Ratios(a, b);
  if (auto matrices = Matrices(a, b)) return *matrices;
  const bool scalar_a = IsScalar(a), scalar_b = IsScalar(b);
  if (scalar_a && scalar_b) return Scalars(a, b);
  return Collections(a, b);
}

}  // namespace mathcoder::math
