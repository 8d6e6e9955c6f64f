#include "math/compare_lower.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "math/compare_calculus.h"
#include "math/compare_units.h"
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
  if (significant >= 15 && point) dag_.SetFlag(node, Dag::kNoisy);
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
  // a segment and an angle may be named from either end
  const bool reversible = e.kind == Kind::kCall && (e.text == "segment" || e.text == "angle" || e.text == "triangle");
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

int Lowerer::Trigonometric(std::string_view name, int x, bool* known) {
  const int one = dag_.Rational(1, 1);
  const auto sine = [&] { return dag_.Unary(MC_SIN, x); };
  const auto cosine = [&] { return dag_.Unary(MC_COS, x); };
  const auto hyperbolic_sine = [&] { return dag_.Unary(MC_SINH, x); };
  const auto hyperbolic_cosine = [&] { return dag_.Unary(MC_COSH, x); };
  *known = true;
  if (name == "sin") return sine();
  if (name == "cos") return cosine();
  if (name == "tan") return Ratio(sine(), cosine());
  if (name == "cot") return Ratio(cosine(), sine());
  if (name == "sec") return Ratio(one, cosine());
  if (name == "csc") return Ratio(one, sine());
  if (name == "asin") return dag_.Unary(MC_ASIN, x);
  if (name == "acos") return dag_.Unary(MC_ACOS, x);
  if (name == "atan") return dag_.Unary(MC_ATAN, x);
  if (name == "acot") {  // between 0 and pi
    const int half_pi = dag_.Multiply(dag_.Rational(1, 2), dag_.Constant(MC_PI));
    return dag_.Subtract(half_pi, dag_.Unary(MC_ATAN, x));
  }
  if (name == "asec") return dag_.Unary(MC_ACOS, Ratio(one, x));
  if (name == "acsc") return dag_.Unary(MC_ASIN, Ratio(one, x));
  if (name == "sinh") return hyperbolic_sine();
  if (name == "cosh") return hyperbolic_cosine();
  if (name == "tanh") return Ratio(hyperbolic_sine(), hyperbolic_cosine());
  if (name == "coth") return Ratio(hyperbolic_cosine(), hyperbolic_sine());
  if (name == "sech") return Ratio(one, hyperbolic_cosine());
  if (name == "csch") return Ratio(one, hyperbolic_sine());
  if (name == "asinh") return dag_.Unary(MC_ASINH, x);
  if (name == "acosh") return dag_.Unary(MC_ACOSH, x);
  if (name == "atanh") return dag_.Unary(MC_ATANH, x);
  if (name == "acoth") return dag_.Unary(MC_ATANH, Ratio(one, x));
  if (name == "asech") return dag_.Unary(MC_ACOSH, Ratio(one, x));
  if (name == "acsch") return dag_.Unary(MC_ASINH, Ratio(one, x));
  *known = false;
  return 0;
}

int Lowerer::Bound(const Expr& e, std::size_t variable) {
  const int node = dag_.Variable("bound " + std::to_string(bound_.size()));
  bound_.emplace_back(e.args[variable].text, node);
  const int body = Lower(e.args[0]);
  bound_.pop_back();
  return body;
}

int Lowerer::Deep(int node, std::vector<int> values, int* steps) {
  const auto keep = [&](std::vector<int> v) {  // for Dag::Substitute, which replaces every variable
    v.resize(static_cast<std::size_t>(dag_.variables()), -1);
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (v[i] < 0) v[i] = dag_.Variable(std::string(dag_.name(static_cast<int>(i))));
    }
    return v;
  };
  if (--*steps < 0 || dag_.full()) return dag_.Undefined();
  // atoms in the order of their making: the arguments of one hold earlier ones only
  const std::size_t count = atoms_.size();
  for (std::size_t t = 0; t < count; ++t) {
    const Atom atom = atoms_[t];
    if (!DependsOn(dag_, node, atom.node)) continue;
    const std::vector<int> all = keep(values);
    std::vector<int> args;
    for (const int arg : atom.args) args.push_back(dag_.Substitute(arg, all));
    int image = -1;
    std::int64_t from = 0, to = 0;
    if (atom.bound >= 0 && dag_.IsInteger(args[1], &from) && dag_.IsInteger(args[2], &to) && to - from < 256) {
      const bool product = atom.head == "product";
      image = dag_.Rational(product ? 1 : 0, 1);
      for (std::int64_t k = from; k <= to; ++k) {
        std::vector<int> inner = values;
        inner.resize(static_cast<std::size_t>(dag_.variables()), -1);
        inner[static_cast<std::size_t>(dag_.node(atom.bound).num)] = dag_.Rational(k, 1);
        const int term = Deep(atom.args[0], std::move(inner), steps);
        image = product ? dag_.Multiply(image, term) : dag_.Add(image, term);
        if (*steps < 0) return dag_.Undefined();
      }
    } else if (args != atom.args) {
      image = AtomOf(atom.head, args, dag_.flags(atom.node) & (Dag::kMeaning | Dag::kKernel), atom.bound);
    }
    values.resize(static_cast<std::size_t>(dag_.variables()), -1);
    values[static_cast<std::size_t>(dag_.node(atom.node).num)] = image;
  }
  return dag_.Substitute(node, keep(values));
}

bool Lowerer::TryBounds(std::int64_t first, int* a, int* b) {
  std::vector<int> values(static_cast<std::size_t>(dag_.variables()), -1);
  bool any = false;
  for (std::size_t t = 0; t < atoms_.size(); ++t) {
    const Atom& atom = atoms_[t];
    if (atom.bound < 0) continue;
    for (int v = 0; v < dag_.variables(); ++v) {
      const int node = dag_.Variable(std::string(dag_.name(v)));
      if (dag_.name(v).rfind("s:", 0) != 0 || (!DependsOn(dag_, atom.args[1], node) && !DependsOn(dag_, atom.args[2], node)))
        continue;
      if (values[static_cast<std::size_t>(v)] < 0) values[static_cast<std::size_t>(v)] = dag_.Rational(first + v, 1);
      any = true;
    }
  }
  if (!any) return false;
  int steps = 3000;
  *a = Deep(*a, values, &steps);
  *b = Deep(*b, values, &steps);
  return steps >= 0;
}

// The sum over variable = from, from + 1, ... where neighbours have one constant ratio of size below 1.
std::optional<int> Lowerer::GeometricSeries(int body, int variable, int from) {
  const auto at = [&](int value) {
    std::vector<int> values;
    for (int i = 0; i < dag_.variables(); ++i) values.push_back(dag_.Variable(std::string(dag_.name(i))));
    values[static_cast<std::size_t>(dag_.node(variable).num)] = value;
    return dag_.Substitute(body, values);
  };
  const int one = dag_.Rational(1, 1);
  const int next = at(dag_.Add(variable, one)), after = at(dag_.Add(variable, dag_.Rational(2, 1)));
  const int ratio = dag_.Divide(at(dag_.Add(from, one)), at(from));
  if (dag_.fingerprint(dag_.Multiply(next, next)) != dag_.fingerprint(dag_.Multiply(body, after))) return std::nullopt;
  if (dag_.fingerprint(next) != dag_.fingerprint(dag_.Multiply(ratio, body))) return std::nullopt;
  if ((dag_.flags(ratio) & (Dag::kVariable | Dag::kUndefined | Dag::kInfinite)) != 0) return std::nullopt;
  const auto balls = exact::CompareBalls(dag_.nodes(), dag_.Unary(MC_ABS, ratio), one, {}, 64);
  if (!balls || balls->sign >= 0) return std::nullopt;
  return dag_.Divide(at(from), dag_.Subtract(one, ratio));
}

int Lowerer::Calculus(const Expr& e) {
  const std::size_t count = e.args.size();
  if (count < 2 || (e.args[1].kind != Kind::kSymbol && e.args[1].kind != Kind::kConstant) || !IsScalar(e.args[0]))
    return Opaque(e, Dag::kMeaning | Dag::kKernel);
  const int variable = dag_.Variable("bound " + std::to_string(bound_.size()));
  if (e.text == "derivative") {
    std::int64_t order = 1;
    const int free_variable = Lower(e.args[1]);
    int body = Lower(e.args[0]);
    const bool depends = dag_.node(free_variable).op == MC_VARIABLE && DependsOn(dag_, body, free_variable);
    if (count == 3 && (!dag_.IsInteger(Lower(e.args[2]), &order) || order < 1 || order > 8)) return Opaque(e);
    if (!depends) return Opaque(e, Dag::kKernel);  // dy/dx: y depends on x unsaid
    for (std::int64_t k = 0; k < order; ++k) {
      const auto next = Derivative(&dag_, body, free_variable);
      if (!next) return Opaque(e, Dag::kKernel | Dag::kMeaning);
      body = *next;
    }
    return body;
  }
  const int body = Bound(e, 1);
  if (e.text == "limit" && count >= 3) {
    std::vector<int> values;
    for (int i = 0; i < dag_.variables(); ++i) values.push_back(dag_.Variable(std::string(dag_.name(i))));
    const int point = Lower(e.args[2]);
    values[static_cast<std::size_t>(dag_.node(variable).num)] = point;
    if ((dag_.flags(point) & Dag::kInfinite) == 0) {
      const int value = dag_.Substitute(body, values);
      if ((dag_.flags(value) & (Dag::kUndefined | Dag::kInfinite)) == 0) return value;
    }
    const bool sided = (dag_.flags(point) & Dag::kInfinite) == 0;
    return AtomOf("limit" + std::to_string(sided ? e.number : 0), {body, point}, Dag::kKernel | Dag::kMeaning);
  }
  if (e.text == "integral") {
    const auto inner = Antiderivative(&dag_, body, variable);
    if (count == 2) {
      if (!inner) return AtomOf("integral", {body, Lower(e.args[1])}, 0);
      std::vector<int> values;
      for (int i = 0; i < dag_.variables(); ++i) values.push_back(dag_.Variable(std::string(dag_.name(i))));
      values[static_cast<std::size_t>(dag_.node(variable).num)] = Lower(e.args[1]);
      return dag_.Add(dag_.Substitute(*inner, values), dag_.Variable("s:C"));
    }
    if (count == 4) {
      const int from = Lower(e.args[2]), to = Lower(e.args[3]);
      if (inner && ((dag_.flags(from) | dag_.flags(to)) & Dag::kInfinite) == 0) {
        std::vector<int> values;
        for (int i = 0; i < dag_.variables(); ++i) values.push_back(dag_.Variable(std::string(dag_.name(i))));
        std::vector<int> low = values;
        const auto index = static_cast<std::size_t>(dag_.node(variable).num);
        low[index] = from, values[index] = to;
        return dag_.Subtract(dag_.Substitute(*inner, values), dag_.Substitute(*inner, low));
      }
      return AtomOf("integral", {body, from, to}, Dag::kKernel | Dag::kMeaning);
    }
  }
  if ((e.text == "sum" || e.text == "product") && count == 4) {
    const int from = Lower(e.args[2]), to = Lower(e.args[3]);
    std::int64_t low = 0, high = 0;
    if (dag_.IsInteger(from, &low) && dag_.IsInteger(to, &high)) {
      std::vector<int> none(static_cast<std::size_t>(dag_.variables()), -1);
      int steps = 2000;
      const int atom = AtomOf(e.text, {body, from, to}, Dag::kKernel | Dag::kMeaning, variable);
      none.resize(static_cast<std::size_t>(dag_.variables()), -1);
      return Deep(atom, none, &steps);
    }
    if (e.text == "sum" && dag_.node(to).op == MC_OPS) {
      if (const auto total = GeometricSeries(body, variable, from)) return *total;
    }
    return AtomOf(e.text, {body, from, to}, Dag::kKernel | Dag::kMeaning, variable);
  }
  return Opaque(e, Dag::kKernel | Dag::kMeaning);
}

int Lowerer::Call(const Expr& e) {
  const std::string_view name = e.text;
  for (const Expr& arg : e.args) {
    if (!IsScalar(arg)) {
      if ((name == "min" || name == "max" || name == "gcd" || name == "lcm") && e.args.size() == 1 && !arg.args.empty() &&
          (arg.kind == Kind::kSet || arg.kind == Kind::kList || arg.kind == Kind::kGroup)) {
        Expr flat = e;
        flat.args = arg.args;
        return Call(flat);
      }
      return Opaque(e);
    }
  }
  if (name == "integral" || name == "sum" || name == "product" || name == "limit" || name == "derivative") return Calculus(e);
  if (e.args.empty()) return Opaque(e);
  if (name == "segment" || name == "angle" || name == "triangle") return Opaque(e);
  if (e.args.size() == 1) {
    static constexpr std::pair<std::string_view, int> kUnary[] = {
        {"exp", MC_EXP},     {"ln", MC_LOG},    {"sqrt", MC_SQRT},   {"abs", MC_ABS},        {"sign", MC_SIGN},
        {"floor", MC_FLOOR}, {"ceil", MC_CEIL}, {"round", MC_ROUND}, {"gamma", MC_GAMMA},    {"factorial", MC_FACTORIAL},
        {"re", MC_RE},       {"im", MC_IM},     {"arg", MC_ARG},     {"conjugate", MC_CONJ}, {"erf", MC_ERF},
        {"zeta", MC_ZETA}};
    for (const auto& [known, op] : kUnary) {
      if (name == known) return dag_.Unary(op, Lower(e.args[0]));
    }
    bool known = false;
    const int x = Lower(e.args[0]);
    const int value = Trigonometric(name, x, &known);
    if (known) return value;
    if (name == "cbrt") return dag_.Power(x, dag_.Rational(1, 3));
    if (name == "log") {
      if (e.number == 10 && options_.log_is_base_10) return Ratio(Logarithm(x), Logarithm(dag_.Rational(10, 1)));
      return Logarithm(x);
    }
    if (name == "log10") return Ratio(Logarithm(x), Logarithm(dag_.Rational(10, 1)));
    if (name == "log2") return Ratio(Logarithm(x), Logarithm(dag_.Rational(2, 1)));
    if (name == "cis") return dag_.Add(dag_.Unary(MC_COS, x), dag_.Multiply(dag_.Constant(MC_I), dag_.Unary(MC_SIN, x)));
    if (name == "norm") return dag_.Unary(MC_ABS, x);
    if (name == "trunc") return dag_.Multiply(dag_.Unary(MC_SIGN, x), dag_.Unary(MC_FLOOR, dag_.Unary(MC_ABS, x)));
    if (name == "factorial2") {
      std::int64_t n = 0;
      if (dag_.IsInteger(x, &n) && n >= -1 && n <= 600) {
        int product = dag_.Rational(1, 1);
        for (; n > 1; n -= 2) product = dag_.Multiply(product, dag_.Rational(n, 1));
        return product;
      }
    }
    if (name == "min" || name == "max" || name == "gcd" || name == "lcm") return x;
  }
  if (e.args.size() >= 2) {
    const int a = Lower(e.args[0]), b = Lower(e.args[1]);
    if (e.args.size() == 2) {
      if (name == "log") return Ratio(Logarithm(a), Logarithm(b));
      if (name == "root") return dag_.Power(a, dag_.Divide(dag_.Rational(1, 1), b));
      if (name == "mod") return dag_.Binary(MC_MOD, a, b);
      if (name == "binomial") return dag_.Binary(MC_BINOMIAL, a, b);
      if (name == "permutations") return dag_.Multiply(dag_.Binary(MC_BINOMIAL, a, b), dag_.Unary(MC_FACTORIAL, b));
      if (name == "round") {
        const int scale = dag_.Power(dag_.Rational(10, 1), b);
        return dag_.Divide(dag_.Unary(MC_ROUND, dag_.Multiply(a, scale)), scale);
      }
      if (name == "atan2") return dag_.Unary(MC_ARG, dag_.Add(b, dag_.Multiply(dag_.Constant(MC_I), a)));
    }
    const int op = name == "min" ? MC_MIN : name == "max" ? MC_MAX : name == "gcd" ? MC_GCD : name == "lcm" ? MC_LCM : -1;
    if (op >= 0) {
      int total = dag_.Binary(op, a, b);
      for (std::size_t i = 2; i < e.args.size(); ++i) total = dag_.Binary(op, total, Lower(e.args[i]));
      return total;
    }
  }
  return Opaque(e);
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
      return Opaque(e);
    case Kind::kAdd: {
      int total = dag_.Rational(0, 1);
      for (std::size_t i = 0; i < e.args.size(); ++i) total = dag_.Add(total, arg(i));
      return total;
    }
    case Kind::kMultiply: {
      int total = dag_.Rational(1, 1);
      for (std::size_t i = 0; i < e.args.size(); ++i) total = dag_.Multiply(total, arg(i));
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
