// Functions as nodes, and the identities that are applied while one is made.
#include <algorithm>
#include <cmath>

#include "math/compare_dag.h"

namespace mathcoder::math {

// Is the node's leading sign a minus? Decides which of u and -u an even or odd function keeps; any rule that answers differently
// for the two will do.
bool Dag::LeadsNegative(int a) const {
  const Residue& f = fingerprint(a);
  return f[0] > kPrimes[0] / 2;
}

int Dag::ExpOf(int a) {
  const exact::Node n = node(a);
  std::int64_t value = 0;
  if (IsInteger(a, &value)) {
    if (value == 0) return Rational(1, 1);
    return RationalPower(Constant(MC_E), value, 1);
  }
  if (n.op == MC_OPS) return a;
  if (n.op == MC_LOG) return n.a;
  if (n.op == MC_NEG) return Divide(Rational(1, 1), ExpOf(n.a));
  if (n.op == MC_ADD) return Multiply(ExpOf(n.a), ExpOf(n.b));
  if (n.op == MC_RATIONAL && n.big_num == nullptr && n.den != 0 && std::abs(n.num) < 4096 && n.num != 1) {
    return RationalPower(Kernel(MC_EXP, Rational(1, n.den), -1), n.num, 1);
  }
  if (n.op == MC_MUL) {  // exp(p/q m) is the p-th power of exp(m/q)
    for (const auto& [factor, rest] : {std::pair{n.a, n.b}, std::pair{n.b, n.a}}) {
      if (!IsSmallRational(factor) || (flags(factor) & (kUndefined | kNoisy)) != 0) continue;
      const std::int64_t num = node(factor).num, den = node(factor).den;
      if (num == 1 || std::abs(num) >= 4096) continue;
      if (den == 1) return RationalPower(ExpOf(rest), num, 1);
      return RationalPower(Kernel(MC_EXP, Multiply(Rational(1, den), rest), -1), num, 1);
    }
  }
  return Kernel(MC_EXP, a, -1);
}

int Dag::LogOf(int a) {
  const exact::Node n = node(a);
  if (n.op == MC_E) return Rational(1, 1);
  if (n.op == MC_RATIONAL && n.big_num == nullptr && n.den != 0 && n.num > 0 && (flags(a) & kNoisy) == 0) {
    if (n.den != 1) return Subtract(LogOf(Rational(n.num, 1)), LogOf(Rational(n.den, 1)));
    std::int64_t left = n.num;
    int sum = Rational(0, 1);
    for (const std::int64_t p : kSmallPrimes) {
      std::int64_t times = 0;
      while (left % p == 0) left /= p, ++times;
      if (times != 0) sum = Add(sum, Multiply(Rational(times, 1), Kernel(MC_LOG, Rational(p, 1), -1)));
    }
    return left == 1 ? sum : Add(sum, Kernel(MC_LOG, Rational(left, 1), -1));
  }
  if (n.op == MC_POW && IsSmallRational(n.a) && IsSmallRational(n.b) && node(n.a).num > 0) return Multiply(n.b, LogOf(n.a));
  return Kernel(MC_LOG, a, -1);
}

bool Dag::PiMultiple(int a, std::int64_t* num, std::int64_t* den) const {
  const exact::Node n = node(a);
  if (n.op == MC_PI) return *num = *den = 1, true;
  if (n.op == MC_NEG && PiMultiple(n.a, num, den)) return *num = -*num, true;
  if (n.op != MC_MUL) return false;
  for (const auto& [factor, rest] : {std::pair{n.a, n.b}, std::pair{n.b, n.a}}) {
    if (node(rest).op != MC_PI || !IsSmallRational(factor) || node(factor).den == 0) continue;
    return *num = node(factor).num, *den = node(factor).den, true;
  }
  return false;
}

int Dag::SineOrCosine(int op, int a) {
  std::int64_t value = 0;
  if (IsInteger(a, &value) && value == 0) return Rational(op == MC_COS ? 1 : 0, 1);
  std::int64_t num = 0, den = 1;
  if (PiMultiple(a, &num, &den) && den <= 12 && 12 % den == 0) {
    std::int64_t twelfths = (num % (2 * den)) * (12 / den);  // of pi
    if (op == MC_COS) twelfths += 6;                         // cos u = sin(u + pi/2)
    twelfths = ((twelfths % 24) + 24) % 24;
    const bool negative = twelfths >= 12;
    if (negative) twelfths -= 12;
    if (twelfths > 6) twelfths = 12 - twelfths;
    int result = 0;
    const auto root = [&](std::int64_t n) { return SquareRoot(Rational(n, 1)); };
    const int quarter = Rational(1, 4);
    switch (twelfths) {
      case 0:
        result = Rational(0, 1);
        break;
      case 1:
        result = Multiply(quarter, Subtract(root(6), root(2)));
        break;
      case 2:
        result = Rational(1, 2);
        break;
      case 3:
        result = Multiply(Rational(1, 2), root(2));
        break;
      case 4:
        result = Multiply(Rational(1, 2), root(3));
        break;
      case 5:
        result = Multiply(quarter, Add(root(6), root(2)));
        break;
      default:
        result = Rational(1, 1);
        break;
    }
    return negative ? Negate(result) : result;
  }
  if (LeadsNegative(a)) {
    const int positive = SineOrCosine(op, Negate(a));
    return op == MC_COS ? positive : Negate(positive);
  }
  // sin = 2t / (1 + t^2), cos = (1 - t^2) / (1 + t^2): their squares add up to 1 whatever t is.
  const Residue t = Scatter(MC_SIN, fingerprint(a));
  const Residue square = mathcoder::math::Multiply(t, t);
  const auto inverse = Invert(mathcoder::math::Add(ResidueOf(1), square));
  const Residue top =
      op == MC_SIN ? mathcoder::math::Add(t, t) : mathcoder::math::Add(ResidueOf(1), mathcoder::math::Negate(square));
  return MakeOp(op, a, -1, inverse ? mathcoder::math::Multiply(top, *inverse) : Scatter(97, t), flags(a) | kKernel);
}

// A node whose residues are those of a small integer is that integer: jumps (floor) and absolute values must not see 2y - y - y.
int Dag::Settled(int a) {
  if (node(a).op == MC_RATIONAL || (flags(a) & (kKernel | kUndefined | kNoisy)) != 0) return a;
  const Residue& f = fingerprint(a);
  if (f[0] == f[1] && f[0] < 1000000) return Rational(static_cast<std::int64_t>(f[0]), 1);
  const Residue n = mathcoder::math::Negate(f);
  if (n[0] == n[1] && n[0] < 1000000) return Rational(-static_cast<std::int64_t>(n[0]), 1);
  return a;
}

// The exact value where the arguments are rationals.
int Dag::Folded(int kernel) {
  const exact::Node n = node(kernel);
  if (((flags(n.a) | (n.b >= 0 ? flags(n.b) : 0U)) & (kVariable | kKernel | kUndefined | kNoisy)) != 0) return kernel;
  const auto text = exact::RationalText(std::span(nodes_).first(Index(kernel) + 1), kernel, 4096);
  if (!text) return kernel;
  const std::size_t slash = text->find('/');
  return BigRational(text->substr(0, slash), slash == std::string::npos ? "1" : text->substr(slash + 1));
}

// a as coefficient times a product of powers of nodes; false where it is none (a is then one factor).
void Dag::Factors(int a, int power, int* coefficient, std::vector<std::pair<int, int>>* factors) {
  const exact::Node n = node(a);
  if (factors->size() > 32 || std::abs(power) > 4096) return;  // the caller gives up
  std::int64_t times = 0;
  switch (n.op) {
    case MC_RATIONAL:
      *coefficient = Multiply(*coefficient, Power(a, Rational(power, 1)));
      return;
    case MC_NEG:
      if (power % 2 != 0) *coefficient = Negate(*coefficient);
      return Factors(n.a, power, coefficient, factors);
    case MC_MUL:
      Factors(n.a, power, coefficient, factors);
      return Factors(n.b, power, coefficient, factors);
    case MC_POW:
      if (IsInteger(n.b, &times) && times > 0 && times <= 64 && std::abs(power) <= 64) {
        return Factors(n.a, power * static_cast<int>(times), coefficient, factors);
      }
      break;
    default:
      break;
  }
  for (auto& [base, exponent] : *factors) {
    if (fingerprint(base) != fingerprint(a)) continue;
    exponent += power;
    return;
  }
  factors->emplace_back(a, power);
}

// Of products of powers, as polynomials: over the integers where the coefficients are whole, else with coefficient 1.
int Dag::GcdOrLcm(int op, int a, int b) {
  int ca = Rational(1, 1), cb = Rational(1, 1);
  std::vector<std::pair<int, int>> fa, fb;
  Factors(a, 1, &ca, &fa);
  Factors(b, 1, &cb, &fb);
  if (fa.size() > 32 || fb.size() > 32) return Kernel(op, a, b);
  const bool whole = IsInteger(ca) && IsInteger(cb);
  int gcd = whole ? Binary(MC_GCD, ca, cb) : Rational(1, 1);
  for (const auto& [base, exponent] : fa) {
    for (const auto& [other, times] : fb) {
      if (fingerprint(base) == fingerprint(other)) gcd = Multiply(gcd, Power(base, Rational(std::min(exponent, times), 1)));
    }
  }
  if (op == MC_GCD) return gcd;
  const int product = whole ? Multiply(a, b) : Divide(Multiply(a, b), Multiply(ca, cb));
  return Divide(product, gcd);
}

int Dag::Unary(int op, int a) {
  if ((flags(a) & kUndefined) != 0) return a;
  if (op == MC_FLOOR || op == MC_CEIL || op == MC_ROUND || op == MC_ABS || op == MC_SIGN || op == MC_FACTORIAL) a = Settled(a);
  std::int64_t value = 0;
  const bool integer = IsInteger(a, &value);
  const bool rational = IsSmallRational(a);
  switch (op) {
    case MC_EXP:
      return ExpOf(a);
    case MC_SQRT:
      return SquareRoot(a);
    case MC_LOG:
      return integer && value == 0 ? Undefined() : integer && value == 1 ? Rational(0, 1) : LogOf(a);
    case MC_SIN:
    case MC_COS:
      return SineOrCosine(op, a);
    case MC_ASIN:
    case MC_ATAN:
    case MC_SINH:
    case MC_ASINH:
    case MC_ATANH:
    case MC_ERF:  // odd
      if (integer && value == 0) return a;
      if (LeadsNegative(a)) return Negate(Unary(op, Negate(a)));
      break;
    case MC_COSH:  // even
      if (integer && value == 0) return Rational(1, 1);
      if (LeadsNegative(a)) return Unary(op, Negate(a));
      break;
    case MC_ABS:
      if (rational) return node(a).num < 0 ? Negate(a) : a;
      if (node(a).op == MC_MUL && IsSmallRational(node(a).a)) return Multiply(Unary(op, node(a).a), Unary(op, node(a).b));
      if (node(a).op == MC_MUL && IsSmallRational(node(a).b)) return Multiply(Unary(op, node(a).b), Unary(op, node(a).a));
      if (LeadsNegative(a)) return Unary(op, Negate(a));
      return Kernel(op, a, -1);
    case MC_SIGN:
      if (rational) return Rational(node(a).num < 0 ? -1 : node(a).num > 0 ? 1 : 0, 1);
      return Kernel(op, a, -1);
    case MC_CONJ: {  // of rational expressions in i and square roots
      const exact::Node n = node(a);
      if (n.op == MC_RATIONAL || n.op == MC_PI || n.op == MC_E || (n.op == MC_SQRT && IsInteger(n.a, &value) && value >= 0))
        return a;
      if (n.op == MC_I) return Negate(a);
      if (n.op == MC_CONJ) return n.a;
      if (n.op == MC_NEG) return Negate(Unary(op, n.a));
      if (n.op == MC_ADD) return Add(Unary(op, n.a), Unary(op, n.b));
      if (n.op == MC_MUL) return Multiply(Unary(op, n.a), Unary(op, n.b));
      if (n.op == MC_DIV) return Divide(Unary(op, n.a), Unary(op, n.b));
      return Kernel(op, a, -1);
    }
    case MC_RE:
    case MC_IM:
    case MC_ARG:
      return Kernel(op, a, -1);
    case MC_FLOOR:
    case MC_CEIL:
    case MC_ROUND:
      return integer ? a : Folded(Kernel(op, a, -1));
    case MC_FACTORIAL:
      if (integer && value < 0) return Undefined();
      if (integer && value <= 20) {
        std::int64_t product = 1;
        for (std::int64_t k = 2; k <= value; ++k) product *= k;
        return Rational(product, 1);
      }
      if (integer && value <= 5000) {
        Residue product = ResidueOf(1);
        for (std::int64_t k = 2; k <= value; ++k) product = mathcoder::math::Multiply(product, ResidueOf(k));
        return MakeOp(op, a, -1, product, 0);
      }
      break;
    case MC_GAMMA:
      if (integer) return value < 1 ? Undefined() : Unary(MC_FACTORIAL, Rational(value - 1, 1));
      return Unary(MC_FACTORIAL, Subtract(a, Rational(1, 1)));
    default:
      break;
  }
  return Kernel(op, a, -1);
}

int Dag::Binary(int op, int a, int b) {
  if (((flags(a) | flags(b)) & kUndefined) != 0) return Undefined();
  std::int64_t n = 0, k = 0;
  if (op == MC_BINOMIAL && IsInteger(b, &k) && k >= 0 && k <= 12) {  // a polynomial of degree k
    int product = Rational(1, 1);
    for (std::int64_t j = 0; j < k; ++j) product = Multiply(product, Divide(Subtract(a, Rational(j, 1)), Rational(j + 1, 1)));
    return product;
  }
  if (op == MC_BINOMIAL && IsInteger(a, &n) && IsInteger(b, &k) && n >= 0 && n <= 5000 && k <= n && k > 0) {
    const int below = Multiply(Unary(MC_FACTORIAL, b), Unary(MC_FACTORIAL, Rational(n - k, 1)));
    return Divide(Unary(MC_FACTORIAL, a), below);
  }
  a = Settled(a), b = Settled(b);
  if ((op == MC_GCD || op == MC_LCM) && (node(a).op != MC_RATIONAL || node(b).op != MC_RATIONAL)) {
    const int value = ((flags(a) | flags(b)) & (kVariable | kKernel)) == 0 ? Folded(Kernel(op, a, b)) : -1;
    return value >= 0 && node(value).op == MC_RATIONAL ? value : GcdOrLcm(op, a, b);
  }
  if (op == MC_GCD || op == MC_LCM || op == MC_MIN || op == MC_MAX) {
    if (fingerprint(a) == fingerprint(b) && (op == MC_MIN || op == MC_MAX)) return a;
    if (a > b) std::swap(a, b);
  }
  return Folded(Kernel(op, a, b));
}

}  // namespace mathcoder::math
