#include "grade/chains.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>

namespace mathcoder::grade {
namespace {

using math::Expr;
using math::Kind;

// The sides of a = b = c, and behind which of them the sign is "approximately". Empty: something else.
struct Sides {
  std::vector<Expr> parts;
  std::size_t exact = 0;  // this many parts stand before the first "approximately"
};

bool IsEquality(const Expr& e) { return e.kind == Kind::kRelation && e.args.size() == 2 && (e.text == "=" || e.text == "~"); }

std::optional<Sides> SidesOf(const Expr& e) {
  std::vector<const Expr*> links;
  if (IsEquality(e)) {
    links.push_back(&e);
  } else if (e.kind == Kind::kAnd) {
    for (const Expr& part : e.args) {
      if (!IsEquality(part)) return std::nullopt;
      // "x = 1 and y = 2" is no chain: each link begins where the one before ended.
      if (!links.empty() && !(links.back()->args[1] == part.args[0])) return std::nullopt;
      links.push_back(&part);
    }
  }
  if (links.empty()) return std::nullopt;
  Sides sides;
  sides.parts.push_back(links[0]->args[0]);
  bool exact = true;
  sides.exact = 1;
  for (const Expr* link : links) {
    exact = exact && link->text == "=";
    sides.parts.push_back(link->args[1]);
    if (exact) ++sides.exact;
  }
  return sides;
}

// The reader has no way to tell a function at 2 from twice a symbol; x, n or a are no functions.
bool NamesFunction(std::string_view symbol) {
  return symbol.size() == 1 && (std::isupper(static_cast<unsigned char>(symbol[0])) != 0 ||
                                std::string_view("fghpq").find(symbol[0]) != std::string_view::npos);
}

// A symbol, words, a figure's part, a function at an argument: what a value is given for.
bool IsName(const Expr& e) {
  switch (e.kind) {
    case Kind::kSymbol:
    case Kind::kText:
    case Kind::kChoice:
      return true;
    case Kind::kApply:
      return !e.args.empty() && e.args[0].kind == Kind::kSymbol;
    case Kind::kCall:
      return !e.args.empty() && std::all_of(e.args.begin(), e.args.end(), IsName);
    case Kind::kMultiply: {
      // BC, and "P(2)", which is read as a product of a symbol and a number behind it.
      if (e.args.empty() || !IsName(e.args[0])) return false;
      const bool names = std::all_of(e.args.begin(), e.args.end(), IsName);
      const bool call = e.args.size() == 2 && e.args[0].kind == Kind::kSymbol && NamesFunction(e.args[0].text) &&
                        e.args[1].kind == Kind::kInteger;
      return names || call;
    }
    case Kind::kGroup:
      return std::all_of(e.args.begin(), e.args.end(), IsName);
    default:
      return false;
  }
}

// a + b, m - n, x^2 + y^2, ab/c: put together from names, without a coefficient or a constant term, so that "= value" cannot be
// an equation that is still to be solved for its letters alone.
bool IsOfNames(const Expr& e) {
  if (IsName(e)) return true;
  switch (e.kind) {
    case Kind::kAdd:
    case Kind::kMultiply:
    case Kind::kDivide:
    case Kind::kNegate:
      return std::all_of(e.args.begin(), e.args.end(), IsOfNames);
    case Kind::kPower:
      return e.args.size() == 2 && IsOfNames(e.args[0]) && (e.args[1].kind == Kind::kInteger || IsOfNames(e.args[1]));
    default:
      return false;
  }
}

int Letters(const Expr& e) {
  int letters = e.kind == Kind::kSymbol || e.kind == Kind::kText ? 1 : 0;
  for (const Expr& part : e.args) letters += Letters(part);
  return letters;
}

bool IsZero(const Expr& e) {
  return (e.kind == Kind::kInteger || e.kind == Kind::kDecimal) && e.text.find_first_of("123456789") == std::string::npos;
}

bool IsValue(const Expr& e) {
  switch (e.kind) {
    case Kind::kText:
    case Kind::kRelation:
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot:
    case Kind::kImplies:
    case Kind::kList:
    case Kind::kEllipsis:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::optional<Chain> ChainOf(const Expr& expression) {
  std::optional<Sides> sides = SidesOf(expression);
  if (!sides) return std::nullopt;
  std::vector<Expr>& parts = sides->parts;
  Chain chain;
  std::size_t first = 0;
  // The last part is always a value: "x = y" says that x is y.
  while (first + 1 < parts.size() && IsName(parts[first])) ++first;
  if (first == 0 && IsOfNames(parts[0]) && !(parts.size() == 2 && IsZero(parts[1]))) {
    // One letter to a power is an equation for that letter: x^2 = 4 does not say 4. Two letters are asked for as they stand.
    if (Letters(parts[0]) > 1 || parts.size() > 2) first = 1;
  }
  if (parts.size() == 2 && first == 1 && parts[0].kind == Kind::kSymbol) return std::nullopt;
  // "x \approx 3.14": where nothing exact stands before the sign, the approximation is what is stated.
  const std::size_t end = sides->exact > first ? sides->exact : std::min(first + 1, parts.size());
  for (std::size_t i = 0; i < first; ++i) {
    chain.single_names = chain.single_names && IsName(parts[i]);
    chain.names.push_back(std::move(parts[i]));
  }
  for (std::size_t i = first; i < end; ++i) {
    if (!IsValue(parts[i])) return std::nullopt;
    chain.values.push_back(std::move(parts[i]));
  }
  if (first == 0) {
    // Without a name all sides are values, and one that has letters is so only beside another of the same letters: an identity,
    // which the caller proves. "2x = 10" has letters on one side only.
    const auto letters = [](const Expr& part) { return Letters(part) > 0; };
    const bool some = std::any_of(chain.values.begin(), chain.values.end(), letters);
    const bool all = std::all_of(chain.values.begin(), chain.values.end(), letters);
    if (some && !all) return std::nullopt;
  }
  return chain;
}

}  // namespace mathcoder::grade
