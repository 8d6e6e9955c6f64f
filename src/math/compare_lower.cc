#include "math/compare_lower.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "math/compare_calculus.h"
#include "math/compare_units.h"
#include "math/functions.h"
#include "math/read.h"

namespace mathcoder::math {
namespace {

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::string Trimmed(std::string_view digits) {  // no leading zeros
  const std::size_t first = std::min(digits.find_first_not_of('0'), digits.size());
  return first == digits.size() ? "0" : std::string(digits.substr(first));
}

// A double prints 17 digits at most. More of them may still be a double's, by a program that was asked for more: then the noise of
// its binary fraction stands right behind the 16th digit.
bool HoldsNoise(std::string_view digits) {
  return digits.size() <= 40 && digits.substr(15, 4).find_first_not_of('0') != std::string_view::npos;
}

std::string Hex(const Residue& r) {
  char text[40];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(r[0]), static_cast<unsigned long long>(r[1]));
  return text;
}

}  // namespace

bool IsScalar(const Expr& e) {
  switch (e.kind) {
    case Kind::kRelation:
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot:
    case Kind::kImplies:
    case Kind::kGroup:
    case Kind::kSet:
    case Kind::kSetBuilder:
    case Kind::kList:
    case Kind::kMatrix:
    case Kind::kCases:
    case Kind::kEllipsis:
    case Kind::kChoice:
    case Kind::kText:
    case Kind::kTime:
      return false;
    case Kind::kRatio:
      return e.args.size() == 2;
    case Kind::kCall:
      return e.text != "union" && e.text != "intersection" && e.text != "setminus" && e.text != "transpose";
    default:
      return true;
  }
}

int Lowerer::Decimal(std::string_view text) {
  std::string digits;  // all digits, the value is digits * 10^exponent
  std::string repeating;
  long long exponent = 0;
  bool point = false;
  std::size_t i = 0;
  bool in_cycle = false;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '(') {
      in_cycle = true;
    } else if (c == ')') {
      in_cycle = false;
    } else if (c == '.') {
      point = true;
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      (in_cycle ? repeating : digits) += c;
      if (point && !in_cycle) --exponent;
    } else {
      break;
    }
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    bool negative = false;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) negative = text[i++] == '-';
    long long written = 0;
    for (; i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0 && written < 1000000000000LL; ++i) {
      written = written * 10 + (text[i] - '0');
    }
    exponent += negative ? -written : written;
  }
  digits = Trimmed(digits);
  const std::size_t significant = digits == "0" ? 0 : digits.size();
  const std::string many = significant > 17 ? digits : std::string();
  if (!repeating.empty()) {  // 0.1(23) = (123 - 1) / 990
    const int all = dag_.BigRational(Trimmed(digits + repeating), "1");
    const int scale = dag_.BigRational(std::string(repeating.size(), '9'), "1");
    const int value = dag_.Divide(dag_.Subtract(all, dag_.BigRational(digits, "1")), scale);
    return dag_.Multiply(value, dag_.Power(dag_.Rational(10, 1), dag_.Rational(exponent, 1)));
  }
  int node = 0;
  if (exponent >= 0 && exponent <= 400) {
    if (digits != "0") digits.append(static_cast<std::size_t>(exponent), '0');
    node = dag_.BigRational(digits, "1");
  } else if (exponent < 0 && exponent >= -400) {
    std::string den = "1" + std::string(static_cast<std::size_t>(-exponent), '0');
    node = dag_.BigRational(digits, den);
  } else {
    node = dag_.Multiply(dag_.BigRational(digits, "1"), dag_.Power(dag_.Rational(10, 1), dag_.Rational(exponent, 1)));
  }
  if (point && ((significant >= 15 && significant <= 17) || (significant > 17 && HoldsNoise(many))))
    dag_.SetFlag(node, Dag::kNoisy);
  return node;
}

int Lowerer::Based(const Expr& e) {
  const int base = dag_.Rational(e.number, 1);
  int value = dag_.Rational(0, 1), places = dag_.Rational(1, 1);
  bool fraction = false;
  for (const char c : e.text) {
    if (c == '.') {
      fraction = true;
      continue;
    }
    int digit = 99;
    if (std::isdigit(static_cast<unsigned char>(c)) != 0)
      digit = c - '0';
    else if (std::isalpha(static_cast<unsigned char>(c)) != 0)
      digit = std::tolower(static_cast<unsigned char>(c)) - 'a' + 10;
    if (e.number < 2 || digit >= e.number) return Opaque(e);
    value = dag_.Add(dag_.Multiply(value, base), dag_.Rational(digit, 1));
    if (fraction) places = dag_.Multiply(places, base);
  }
  return dag_.Divide(value, places);
}

int Lowerer::AtomOf(std::string head, std::vector<int> args, std::uint32_t flags, int bound) {
  std::string name = head;
  std::uint32_t below = 0;
  for (const int arg : args) {
    name += ' ';
    name += Hex(dag_.fingerprint(arg));
    below |= dag_.flags(arg);
  }
  if ((below & Dag::kUndefined) != 0) flags |= Dag::kMeaning;
  for (const Atom& atom : atoms_) {
    if (atom.head != head || atom.args.size() != args.size()) continue;
    bool same = true, probable = false;
    for (std::size_t i = 0; same && i < args.size(); ++i) {
      if (dag_.fingerprint(atom.args[i]) == dag_.fingerprint(args[i])) continue;
      if (((dag_.flags(atom.args[i]) | dag_.flags(args[i])) & (Dag::kKernel | Dag::kNoisy)) == 0)
        same = false;
      else
        same = probable = same_value && same_value(atom.args[i], args[i]);
    }
    if (!same) continue;
    if (probable) dag_.SetFlag(atom.node, Dag::kProbable);
    return atom.node;
  }
  const int node = dag_.Variable(name);
  if (flags != 0) dag_.SetFlag(node, static_cast<Dag::Flag>(flags));
  if (atoms_.size() < 256) atoms_.push_back({std::move(head), std::move(args), node, bound});
  return node;
}

void Lowerer::Shape(const Expr& e, std::string* head, std::vector<int>* args) {
  if (IsScalar(e)) {
    *head += '#';
    args->push_back(Lower(e));
    return;
  }
  *head += '(';
  *head += Name(e.kind);
  *head += ':';
  *head += e.text;
  *head += ':';
  *head += std::to_string(e.number);
  for (const Expr& arg : e.args) Shape(arg, head, args);
  *head += ')';
}

int Lowerer::Opaque(const Expr& e, std::uint32_t flags) {
  std::string head = std::string(Name(e.kind)) + ":" + e.text + ":" + std::to_string(e.number);
  std::vector<int> args;
  // What has a meaning that is not computed here is no proof of a difference; a function that the text itself names is one.
  const bool geometry = e.kind == Kind::kCall && (e.text == "segment" || e.text == "angle" || e.text == "triangle");
  if (!IsScalar(e) || (e.kind == Kind::kCall && IsCanonicalFunction(e.text) && !geometry)) flags |= Dag::kMeaning;
  // a segment and an angle may be named from either end
  const bool reversible = geometry;
  for (const Expr& arg : e.args) Shape(arg, &head, &args);
  if (reversible && args.size() > 1) {
    const auto before = [&](int a, int b) { return dag_.fingerprint(a) < dag_.fingerprint(b); };
    if (e.text == "triangle")
      std::sort(args.begin(), args.end(), before);
    else if (before(args.back(), args.front()))
      std::reverse(args.begin(), args.end());
  } else if (reversible && e.args.size() == 1 && e.args[0].kind == Kind::kSymbol && e.args[0].text.size() > 1) {
    std::string points = e.args[0].text;
    const std::string reversed(points.rbegin(), points.rend());
    if (e.text == "triangle")
      std::sort(points.begin(), points.end());
    else
      points = std::min(points, reversed);
    head += "'" + points;
    args.clear();
  } else if (reversible && e.args.size() == 1 && e.args[0].kind == Kind::kMultiply) {
    std::string points;
    bool letters = true;
    for (const Expr& p : e.args[0].args) letters = letters && p.kind == Kind::kSymbol, points += p.text;
    if (letters) {
      const std::string reversed(points.rbegin(), points.rend());
      if (e.text == "triangle")
        std::sort(points.begin(), points.end());
      else
        points = std::min(points, reversed);
      head += "'" + points;
      args.clear();
    }
  }
  return AtomOf(std::move(head), std::move(args), flags);
}

int Lowerer::DerivativeAtom(std::string_view function, std::int64_t order, std::string_view variable) {
  return AtomOf("derivative " + std::string(function) + " by " + std::string(variable), {dag_.Rational(order, 1)});
}

std::optional<int> Lowerer::Counting(const Expr& name, const Expr& arguments) {
  if (name.kind != Kind::kSymbol || (name.text != "C" && name.text != "P") || arguments.kind != Kind::kGroup ||
      arguments.text != "()" || arguments.args.size() != 2)
    return std::nullopt;
  const int n = IsScalar(arguments.args[0]) ? Lower(arguments.args[0]) : -1,
            k = IsScalar(arguments.args[1]) ? Lower(arguments.args[1]) : -1;
  if (n < 0 || k < 0 || !dag_.IsInteger(k)) return std::nullopt;  // P(A, B) is something else
  const int binomial = dag_.Binary(MC_BINOMIAL, n, k);
  return name.text == "C" ? binomial : dag_.Multiply(binomial, dag_.Unary(MC_FACTORIAL, k));
}

namespace {

const std::string* DifferentiatedBy(const Expr& e) {
  if (e.kind == Kind::kCall && e.text == "derivative" && e.args.size() >= 2 && e.args[1].kind == Kind::kSymbol)
    return &e.args[1].text;
  if (e.kind == Kind::kApply && e.args.size() == 2 && e.args[0].kind == Kind::kSymbol && e.args[0].text.ends_with('\'') &&
      e.args[1].kind == Kind::kSymbol)
    return &e.args[1].text;
  for (const Expr& arg : e.args) {
    if (const std::string* found = DifferentiatedBy(arg)) return found;
  }
  return nullptr;
}

}  // namespace

std::string PrimeVariable(const Expr& a, const Expr& b) {
  const std::string* found = DifferentiatedBy(a);
  if (found == nullptr) found = DifferentiatedBy(b);
  return found != nullptr ? *found : "x";
}

int Lowerer::Lower(const Expr& e) {
  if (dag_.full()) return dag_.Undefined();
  const auto arg = [&](std::size_t i) { return Lower(e.args[i]); };
  const auto known = [&](std::size_t n) { return e.args.size() == n; };
  switch (e.kind) {
    case Kind::kInteger:
      if (!AllDigits(e.text)) break;
      return dag_.BigRational(Trimmed(e.text), "1");
    case Kind::kDecimal:
      return Decimal(e.text);
    case Kind::kBased:
      return Based(e);
    case Kind::kMixed:
      if (known(2)) return dag_.Add(arg(0), arg(1));
      break;
    case Kind::kConstant:
      for (auto it = bound_.rbegin(); it != bound_.rend(); ++it) {  // i as the index of a sum
        if (it->first == e.text) return it->second;
      }
      if (e.text == "pi") return dag_.Constant(MC_PI);
      if (e.text == "e") return dag_.Constant(MC_E);
      if (e.text == "i") return dag_.Constant(MC_I);
      if (e.text == "infinity") return dag_.Infinity();
      if (e.text == "undefined") return dag_.Undefined();
      break;
    case Kind::kSymbol:
      for (auto it = bound_.rbegin(); it != bound_.rend(); ++it) {
        if (it->first == e.text) return it->second;
      }
      if (const std::size_t primes = e.text.size() - (e.text.find_last_not_of('\'') + 1); primes > 0 && primes < e.text.size())
        return DerivativeAtom(std::string_view(e.text).substr(0, e.text.size() - primes), static_cast<std::int64_t>(primes),
                              options_.prime_variable);
      if (e.text.size() == 7 && e.text.rfind("bar(", 0) == 0 && std::isupper(static_cast<unsigned char>(e.text[4])) != 0 &&
          std::isupper(static_cast<unsigned char>(e.text[5])) != 0 && e.text[4] > e.text[5])
        return dag_.Variable(std::string("s:bar(") + e.text[5] + e.text[4] + ")");  // the segment AB from either end
      if (options_.bars_conjugate && e.text.rfind("bar(", 0) == 0 && e.text.back() == ')')
        return dag_.Unary(MC_CONJ, dag_.Variable("s:" + e.text.substr(4, e.text.size() - 5)));
      if (options_.indexed) {
        const std::size_t mark = e.text.find('_');
        if (mark != std::string::npos && mark > 0 && mark + 1 < e.text.size()) {
          std::string index = e.text.substr(mark + 1);
          if (index.front() == '{' && index.back() == '}') index = index.substr(1, index.size() - 2);
          const ReadResult read =
              ReadMath(index, {.max_bytes = 256, .max_depth = 16, .max_nodes = 64, .prose = false, .units = false});
          if (read.ok() && IsScalar(read.expr())) return AtomOf("sub " + e.text.substr(0, mark), {Lower(read.expr())});
        }
      }
      return dag_.Variable("s:" + e.text);
    case Kind::kCall:
      return Call(e);
    case Kind::kApply:
      // (f(a) - g(b))(x) is written as a product is; so it is read on both sides.
      if (known(2) && (e.args[0].kind == Kind::kAdd || e.args[0].kind == Kind::kMultiply || e.args[0].kind == Kind::kNegate) &&
          IsScalar(e.args[1])) {
        return dag_.Multiply(arg(0), arg(1));
      }
      if (known(2) && e.args[0].kind == Kind::kCall && e.args[0].text == "compose" && e.args[0].args.size() == 2) {
        const auto applied = [](const Expr& f, Expr to) {  // (f o g)(x) is f(g(x))
          if (f.kind == Kind::kSymbol) return Expr{.kind = Kind::kCall, .text = f.text, .number = 0, .args = {std::move(to)}};
          return Expr{.kind = Kind::kApply, .text = "", .number = 0, .args = {f, std::move(to)}};
        };
        return Lower(applied(e.args[0].args[0], applied(e.args[0].args[1], e.args[1])));
      }
      if (known(2) && e.args[0].kind == Kind::kSymbol && e.args[1].kind == Kind::kSymbol && e.args[0].text.ends_with('\'')) {
        const std::string& f = e.args[0].text;
        const std::size_t primes = f.size() - (f.find_last_not_of('\'') + 1);
        if (primes < f.size())
          return DerivativeAtom(f.substr(0, f.size() - primes), static_cast<std::int64_t>(primes), e.args[1].text);
      }
      return Opaque(e);
    case Kind::kAdd: {
      int total = dag_.Rational(0, 1);
      for (std::size_t i = 0; i < e.args.size(); ++i) total = dag_.Add(total, arg(i));
      return total;
    }
    case Kind::kMultiply: {
      int total = dag_.Rational(1, 1);
      for (std::size_t i = 0; i < e.args.size(); ++i) {
        if (i + 1 < e.args.size()) {
          if (const auto count = Counting(e.args[i], e.args[i + 1])) {
            total = dag_.Multiply(total, *count);
            ++i;
            continue;
          }
        }
        total = dag_.Multiply(total, arg(i));
      }
      return total;
    }
    case Kind::kDivide:
      if (known(2)) return dag_.Divide(arg(0), arg(1));
      break;
    case Kind::kPower:
      if (known(2)) return dag_.Power(arg(0), arg(1));
      break;
    case Kind::kNegate:
      if (known(1)) return dag_.Negate(arg(0));
      break;
    case Kind::kPlusMinus: {
      const bool minus = (options_.plus_minus < 0) != (e.number == 1);
      if (known(1)) return minus ? dag_.Negate(arg(0)) : arg(0);
      if (known(2)) return minus ? dag_.Subtract(arg(0), arg(1)) : dag_.Add(arg(0), arg(1));
      break;
    }
    case Kind::kPercent:
      if (known(1)) return dag_.Divide(arg(0), dag_.Rational(100, 1));
      break;
    case Kind::kDegree:
      if (!known(1)) break;
      if (options_.degrees_as_numbers) return arg(0);
      return dag_.Multiply(dag_.Multiply(arg(0), dag_.Rational(1, 180)), dag_.Constant(MC_PI));
    case Kind::kUnit:
    case Kind::kMoney: {
      if (!known(1)) break;
      int value = arg(0);
      if (options_.drop_units) return value;
      const std::optional<UnitValue> unit = e.kind == Kind::kUnit ? UnitOf(e.text) : CurrencyOfSign(e.text);
      if (!unit) return dag_.Multiply(value, dag_.Variable("unit " + e.text));
      value = dag_.Add(value, dag_.Rational(unit->offset_num, unit->offset_den));
      value = dag_.Multiply(value, dag_.Rational(unit->num, unit->den));
      for (const auto& [base, power] : unit->bases) {
        value = dag_.Multiply(value, dag_.Power(dag_.Variable("unit " + base), dag_.Rational(power, 1)));
      }
      return value;
    }
    case Kind::kRatio:
      if (known(2) && IsScalar(e.args[0]) && IsScalar(e.args[1])) return dag_.Divide(arg(0), arg(1));
      break;
    case Kind::kOrdinal:
      if (known(1)) return arg(0);
      break;
    default:
      break;
  }
  return Opaque(e);
}

}  // namespace mathcoder::math
