#include "math/compare_dag.h"

#include <cmath>
#include <limits>
#include <numeric>

namespace mathcoder::math {
namespace {

using Wide = __int128;

bool Fits(Wide x) { return x <= std::numeric_limits<std::int64_t>::max() && x > std::numeric_limits<std::int64_t>::min(); }

Wide Gcd(Wide a, Wide b) {
  if (a < 0) a = -a;
  if (b < 0) b = -b;
  while (b != 0) {
    const Wide r = a % b;
    a = b, b = r;
  }
  return a;
}

// num/den in lowest terms, den > 0. False: too long, or den = 0.
bool Reduce(Wide num, Wide den, std::int64_t* n, std::int64_t* d) {
  if (den == 0) return false;
  const Wide g = Gcd(num, den);
  if (g > 1) num /= g, den /= g;
  if (den < 0) num = -num, den = -den;
  if (!Fits(num) || !Fits(den)) return false;
  *n = static_cast<std::int64_t>(num);
  *d = static_cast<std::int64_t>(den);
  return true;
}

std::uint64_t Key(const exact::Node& n) {
  std::uint64_t h = static_cast<std::uint64_t>(n.op) * 0x9e3779b97f4a7c15ULL;
  for (const std::uint64_t part : {static_cast<std::uint64_t>(n.a), static_cast<std::uint64_t>(n.b),
                                   static_cast<std::uint64_t>(n.num), static_cast<std::uint64_t>(n.den)}) {
    h = (h ^ part) * 0xff51afd7ed558ccdULL;
    h ^= h >> 32;
  }
  return h;
}

}  // namespace

int Dag::Make(exact::Node node, const Residue& residue, std::uint32_t flags) {
  const std::uint64_t key = Key(node);
  if (node.big_num == nullptr) {
    const auto [begin, end] = index_.equal_range(key);
    for (auto it = begin; it != end; ++it) {
      const exact::Node& old = nodes_[Index(it->second)];
      if (old.op == node.op && old.a == node.a && old.b == node.b && old.num == node.num && old.den == node.den &&
          old.big_num == nullptr) {
        return it->second;
      }
    }
  }
  if (full()) {
    flags |= kUndefined;
    if (nodes_.size() > kMaxNodes + 2) return static_cast<int>(nodes_.size()) - 1;
  }
  nodes_.push_back(node);
  facts_.push_back({residue, flags});
  index_.emplace(key, static_cast<int>(nodes_.size()) - 1);
  return static_cast<int>(nodes_.size()) - 1;
}

int Dag::MakeOp(int op, int a, int b, const Residue& residue, std::uint32_t flags) {
  return Make({.op = op, .a = a, .b = b, .num = 0, .den = 0, .big_num = nullptr, .big_den = nullptr}, residue, flags);
}

int Dag::Kernel(int op, int a, int b) {
  const Residue second = b >= 0 ? fingerprint(b) : Residue{1, 2};
  const std::uint32_t below = flags(a) | (b >= 0 ? flags(b) : 0U);
  return MakeOp(op, a, b, Scatter(static_cast<std::uint64_t>(op), fingerprint(a), second), below | kKernel);
}

int Dag::Rational(std::int64_t num, std::int64_t den) {
  if (!Reduce(num, den, &num, &den)) return Undefined();
  Residue residue = ResidueOf(num);
  if (den != 1) {
    const auto inverse = Invert(ResidueOf(den));
    if (!inverse) return BigRational(std::to_string(num), std::to_string(den));
    residue = mathcoder::math::Multiply(residue, *inverse);
  }
  return Make({.op = MC_RATIONAL, .a = -1, .b = -1, .num = num, .den = den, .big_num = nullptr, .big_den = nullptr}, residue, 0);
}

int Dag::BigRational(std::string num, std::string den) {
  if (num.size() <= 18 && den.size() <= 18) return Rational(std::stoll(num), std::stoll(den));
  const auto inverse = Invert(ResidueOfDigits(den));
  const Residue residue = inverse ? mathcoder::math::Multiply(ResidueOfDigits(num), *inverse) : Residue{0, 0};
  digits_.push_back(std::move(num));
  const char* big_num = digits_.back().c_str();
  digits_.push_back(std::move(den));
  return Make({.op = MC_RATIONAL, .a = -1, .b = -1, .num = 0, .den = 0, .big_num = big_num, .big_den = digits_.back().c_str()},
              residue, inverse ? 0U : static_cast<std::uint32_t>(kKernel));
}

int Dag::Variable(std::string_view name) {
  std::size_t i = 0;
  while (i < names_.size() && names_[i] != name) ++i;
  if (i == names_.size()) names_.emplace_back(name);
  return Make(
      {.op = MC_VARIABLE, .a = -1, .b = -1, .num = static_cast<std::int64_t>(i), .den = 0, .big_num = nullptr, .big_den = nullptr},
      ScatterText(name), kVariable);
}

int Dag::Constant(int op) {
  if (op == MC_I) return MakeOp(op, -1, -1, RootOfMinusOne(), 0);
  return MakeOp(op, -1, -1, Scatter(static_cast<std::uint64_t>(op), {11, 13}), kKernel);
}

int Dag::Infinity() {
  return Make({.op = MC_OPS, .a = -1, .b = -1, .num = 1, .den = 0, .big_num = nullptr, .big_den = nullptr}, ScatterText("infinity"),
              kInfinite | kKernel);
}

int Dag::Undefined() {
  return Make({.op = MC_RATIONAL, .a = -1, .b = -1, .num = 0, .den = 0, .big_num = nullptr, .big_den = nullptr}, {0, 0},
              kUndefined | kKernel);
}

bool Dag::IsInteger(int i, std::int64_t* value) const {
  const exact::Node& n = node(i);
  if (n.op != MC_RATIONAL || n.big_num != nullptr || n.den != 1) return false;
  if (value != nullptr) *value = n.num;
  return true;
}

int Dag::InfinitySign(int a) const {
  if (node(a).op == MC_OPS) return 1;
  return node(a).op == MC_NEG && node(node(a).a).op == MC_OPS ? -1 : 0;
}

int Dag::Add(int a, int b) {
  if (const int x = InfinitySign(a), y = InfinitySign(b); x != 0 || y != 0) {  // oo + 1 is oo, oo - oo is nothing
    if (x != 0 && y != 0) return x == y ? a : Undefined();
    if (Finite(x != 0 ? b : a)) return x != 0 ? a : b;
  }
  if (IsSmallRational(a) && IsSmallRational(b)) {
    const exact::Node x = node(a), y = node(b);
    std::int64_t n = 0, d = 0;
    if (((flags(a) | flags(b)) & (kUndefined | kNoisy)) == 0 && std::abs(x.num) < (1LL << 60) && std::abs(y.num) < (1LL << 60) &&
        Reduce(static_cast<Wide>(x.num) * y.den + static_cast<Wide>(y.num) * x.den, static_cast<Wide>(x.den) * y.den, &n, &d)) {
      return Rational(n, d);
    }
  }
  std::int64_t value = 1;
  if (IsInteger(a, &value) && value == 0) return b;
  if (IsInteger(b, &value) && value == 0) return a;
  if (a == b && (flags(a) & (kInfinite | kNoisy)) == 0) return Multiply(Rational(2, 1), a);
  if (a > b) std::swap(a, b);
  return MakeOp(MC_ADD, a, b, mathcoder::math::Add(fingerprint(a), fingerprint(b)), flags(a) | flags(b));
}

int Dag::Multiply(int a, int b) {
  if (const int x = InfinitySign(a), y = InfinitySign(b); x != 0 || y != 0) {
    if (x != 0 && y != 0) return x == y ? Infinity() : Negate(Infinity());
    std::int64_t factor = 1;
    if (IsInteger(x != 0 ? b : a, &factor) && factor == 0) return Undefined();
  }
  if (IsSmallRational(a) && IsSmallRational(b) && ((flags(a) | flags(b)) & (kUndefined | kNoisy)) == 0) {
    const exact::Node x = node(a), y = node(b);
    std::int64_t n = 0, d = 0;
    if (Reduce(static_cast<Wide>(x.num) * y.num, static_cast<Wide>(x.den) * y.den, &n, &d)) return Rational(n, d);
  }
  std::int64_t value = 0;
  if (IsInteger(a, &value) && value == 1) return b;
  if (IsInteger(b, &value) && value == 1) return a;
  if (IsInteger(a, &value) && value == 0 && (flags(b) & (kInfinite | kUndefined)) == 0) return a;
  if (IsInteger(b, &value) && value == 0 && (flags(a) & (kInfinite | kUndefined)) == 0) return b;
  if (IsInteger(a, &value) && value == -1) return Negate(b);
  if (IsInteger(b, &value) && value == -1) return Negate(a);
  for (const auto& [infinite, factor] : {std::pair{a, b}, std::pair{b, a}}) {
    if (node(infinite).op == MC_OPS && IsSmallRational(factor) && node(factor).num != 0)
      return node(factor).num > 0 ? infinite : Negate(infinite);
  }
  if (a == b && node(a).op == MC_SQRT) return node(a).a;
  if (a == b && (flags(a) & (kInfinite | kNoisy | kUndefined)) == 0) return RationalPower(a, 2, 1);
  if (a > b) std::swap(a, b);
  return MakeOp(MC_MUL, a, b, mathcoder::math::Multiply(fingerprint(a), fingerprint(b)), flags(a) | flags(b));
}

int Dag::Negate(int a) {
  if (IsSmallRational(a) && (flags(a) & (kUndefined | kNoisy)) == 0) return Rational(-node(a).num, node(a).den);
  if (node(a).op == MC_NEG) return node(a).a;
  return MakeOp(MC_NEG, a, -1, mathcoder::math::Negate(fingerprint(a)), flags(a));
}

int Dag::Divide(int a, int b) {
  std::int64_t value = 0;
  if (IsInteger(b, &value) && value == 1) return a;
  if (IsInteger(b, &value) && value == 0) return Undefined();
  if (InfinitySign(b) != 0) {
    if (InfinitySign(a) != 0) return Undefined();
    if (Finite(a)) return Rational(0, 1);
  }
  if (IsSmallRational(b) && (flags(b) & (kUndefined | kNoisy)) == 0) return Multiply(a, Rational(node(b).den, node(b).num));
  const auto inverse = Invert(fingerprint(b));
  if (!inverse && IsZero(fingerprint(b)) && (flags(b) & kKernel) == 0) return Undefined();
  const Residue residue =
      inverse ? mathcoder::math::Multiply(fingerprint(a), *inverse) : Scatter(99, fingerprint(a), fingerprint(b));
  return MakeOp(MC_DIV, a, b, residue, flags(a) | flags(b) | (inverse ? 0U : static_cast<std::uint32_t>(kKernel)));
}

// The square root of a short rational: rational * i * product of square roots of small primes * the root of what is left.
int Dag::RootOfRational(int a) {
  const std::int64_t num = node(a).num, den = node(a).den;
  if (num == 0) return a;
  std::int64_t product = 0, ignored = 0;
  if (!Reduce(static_cast<Wide>(num < 0 ? -num : num) * den, 1, &product, &ignored)) return Kernel(MC_SQRT, a, -1);
  std::int64_t outside = 1;
  int roots = Rational(1, 1);
  for (std::size_t i = 0; i < kSmallPrimes.size(); ++i) {
    const std::int64_t p = kSmallPrimes[i];
    while (product % (p * p) == 0) product /= p * p, outside *= p;
    if (product % p == 0) {
      product /= p;
      const int prime = Rational(p, 1);
      roots = Multiply(roots, MakeOp(MC_SQRT, prime, -1, RootOfSmallPrime(static_cast<int>(i)), 0));
    }
  }
  const auto whole = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(product))));
  if (static_cast<Wide>(whole) * whole == product) {
    outside *= whole;
  } else {
    roots = Multiply(roots, Kernel(MC_SQRT, Rational(product, 1), -1));
  }
  int result = Multiply(Rational(outside, den), roots);
  if (num < 0) result = Multiply(Constant(MC_I), result);
  return result;
}

int Dag::SquareRoot(int a) {
  if ((flags(a) & kUndefined) != 0) return a;
  if (IsSmallRational(a)) return RootOfRational(a);
  return Kernel(MC_SQRT, a, -1);
}

// a^(num/den), den > 0, in lowest terms.
int Dag::RationalPower(int a, std::int64_t num, std::int64_t den) {
  if (num == 0) return Rational(1, 1);
  if (den == 1) {
    if (num == 1) return a;
    if (node(a).op == MC_NEG && num > -(1LL << 60)) {
      const int power = RationalPower(node(a).a, num, 1);
      return num % 2 == 0 ? power : Negate(power);
    }
    if (node(a).op == MC_SQRT && num % 2 == 0) return RationalPower(node(a).a, num / 2, 1);
    if (node(a).op == MC_I) {
      const std::int64_t turns = ((num % 4) + 4) % 4;
      return turns == 0 ? Rational(1, 1) : turns == 1 ? a : turns == 2 ? Rational(-1, 1) : Negate(a);
    }
    if (IsSmallRational(a) && (flags(a) & (kUndefined | kNoisy)) == 0) {
      if (node(a).num == 0) return num > 0 ? a : Undefined();
      Wide n = 1, d = 1;
      const std::int64_t times = std::abs(num);
      bool fits = times <= 64 || (std::abs(node(a).num) == 1 && node(a).den == 1);
      if (fits && times > 64) n = node(a).num < 0 && times % 2 != 0 ? -1 : 1;
      for (std::int64_t k = 0; fits && times <= 64 && k < times; ++k) {
        n *= node(a).num, d *= node(a).den;
        fits = Fits(n) && Fits(d);
      }
      if (fits)
        return num > 0 ? Rational(static_cast<std::int64_t>(n), static_cast<std::int64_t>(d))
                       : Rational(static_cast<std::int64_t>(n < 0 ? -d : d), static_cast<std::int64_t>(n < 0 ? -n : n));
    }
    Residue base = fingerprint(a);
    std::uint32_t extra = 0;
    if (num < 0) {
      const auto inverse = Invert(base);
      if (!inverse) extra = kKernel;
      if (!inverse && IsZero(base) && (flags(a) & kKernel) == 0) return Undefined();
      base = inverse.value_or(Scatter(98, base));
    }
    const std::uint64_t times = num < 0 ? 0 - static_cast<std::uint64_t>(num) : static_cast<std::uint64_t>(num);
    const int exponent = Rational(num, 1);
    return MakeOp(MC_POW, a, exponent, mathcoder::math::Power(base, times), flags(a) | extra);
  }
  if (den == 2) return RationalPower(SquareRoot(a), num, 1);
  // a q-th root is a kernel; its powers are polynomials in it. Roots of roots join: (a^(1/p))^(1/q) for even p is a^(1/(p q)).
  if (IsSmallRational(a) && (flags(a) & kUndefined) == 0 && den <= 64) {
    const auto root = [&](std::int64_t x, std::int64_t* out) {
      const auto guess = static_cast<std::int64_t>(std::llround(std::pow(static_cast<double>(x), 1.0 / static_cast<double>(den))));
      Wide power = 1;
      for (std::int64_t k = 0; k < den && Fits(power); ++k) power *= guess;
      *out = guess;
      return power == x;
    };
    const bool negative = node(a).num < 0;
    std::int64_t n = 0, d = 0;
    if ((!negative || den % 2 != 0) && root(std::abs(node(a).num), &n) && root(node(a).den, &d)) {
      return RationalPower(Rational(negative ? -n : n, d), num, 1);
    }
    if (negative && den % 2 != 0) {
      const int positive = RationalPower(Negate(a), num, den);
      return num % 2 == 0 ? positive : Negate(positive);
    }
    if (!negative && node(a).den != 1 && node(a).num > 0) {
      return Divide(RationalPower(Rational(node(a).num, 1), num, den), RationalPower(Rational(node(a).den, 1), num, den));
    }
  }
  return RationalPower(Kernel(MC_POW, a, Rational(1, den)), num, 1);
}

int Dag::Power(int a, int b) {
  if (((flags(a) | flags(b)) & kUndefined) != 0) return Undefined();
  std::int64_t times = 0;
  if (InfinitySign(a) != 0 && IsInteger(b, &times)) {
    if (times == 0) return Undefined();
    return times < 0 ? Rational(0, 1) : InfinitySign(a) < 0 && times % 2 != 0 ? a : Infinity();
  }
  if (InfinitySign(b) != 0 && IsInteger(a, &times) && std::abs(times) <= 1) return Undefined();
  if (node(a).op == MC_E) return ExpOf(b);
  if (IsSmallRational(b) && (flags(b) & kNoisy) == 0) return RationalPower(a, node(b).num, node(b).den);
  std::int64_t value = 0;
  if (IsInteger(a, &value) && value == 1) return a;
  if (node(a).op == MC_EXP) return ExpOf(Multiply(node(a).a, b));
  // whole parts of an exponent: a^(n + 1) = a a^n, a^(2n) = (a^n)^2, a^(-n) = 1 / a^n
  const exact::Node exponent = node(b);
  if (exponent.op == MC_NEG) return Divide(Rational(1, 1), Power(a, exponent.a));
  for (const auto& [part, rest] : {std::pair{exponent.a, exponent.b}, std::pair{exponent.b, exponent.a}}) {
    if ((exponent.op != MC_ADD && exponent.op != MC_MUL) || !IsInteger(part, &value) || std::abs(value) > 4096) continue;
    if (exponent.op == MC_ADD) return Multiply(Power(a, rest), RationalPower(a, value, 1));
    return RationalPower(Power(a, rest), value, 1);
  }
  return Kernel(MC_POW, a, b);
}

int Dag::Substitute(int target, const std::vector<int>& values) {
  std::vector<int> image(Index(target) + 1, -1);
  std::vector<char> needed(Index(target) + 1, 0);
  needed[Index(target)] = 1;
  for (int i = target; i >= 0; --i) {
    if (needed[Index(i)] == 0) continue;
    if (node(i).a >= 0) needed[Index(node(i).a)] = 1;
    if (node(i).b >= 0) needed[Index(node(i).b)] = 1;
  }
  for (int i = 0; i <= target; ++i) {
    if (needed[Index(i)] == 0) continue;
    const exact::Node n = node(i);
    int& out = image[Index(i)];
    const int a = n.a >= 0 ? image[Index(n.a)] : -1;
    const int b = n.b >= 0 ? image[Index(n.b)] : -1;
    switch (n.op) {
      case MC_VARIABLE:
        out = Index(static_cast<int>(n.num)) < values.size() ? values[static_cast<std::size_t>(n.num)] : i;
        break;
      case MC_ADD:
        out = Add(a, b);
        break;
      case MC_MUL:
        out = Multiply(a, b);
        break;
      case MC_DIV:
        out = Divide(a, b);
        break;
      case MC_NEG:
        out = Negate(a);
        break;
      case MC_POW:
        out = Power(a, b);
        break;
      default:
        out = a < 0 ? i : b < 0 ? Unary(n.op, a) : Binary(n.op, a, b);
        break;
    }
  }
  return image[Index(target)];
}

}  // namespace mathcoder::math
