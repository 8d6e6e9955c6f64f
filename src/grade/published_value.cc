#include "grade/published_value.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

namespace mathcoder::grade {
namespace {

using Kind = PublishedExpr::Kind;
__extension__ using Wide = __int128;

constexpr double kTolerance = 1e-2;

// A Python number: an int while it is exact and fits, else a float. `boolean` only changes how it is printed.
struct Value {
  bool exact = true;
  Wide integer = 0;
  double real = 0;  // also of an exact one
  bool boolean = false;
};
using Maybe = std::optional<Value>;

Value Integer(Wide value) { return {true, value, static_cast<double>(value)}; }
Value Real(double value) { return {false, 0, value}; }

struct Rational {
  Wide numerator = 0;
  Wide denominator = 1;  // positive, without a common factor
};

Wide Gcd(Wide a, Wide b) {
  while (b != 0) a = std::exchange(b, a % b);
  return a < 0 ? -a : a;
}

// nullopt where it does not fit into 128 bits.
std::optional<Rational> RationalOf(std::string_view text) {
  Rational value;
  const bool negative = text.starts_with("-");
  if (negative) text.remove_prefix(1);
  bool fraction = false;
  for (const char byte : text) {
    if (byte == '.') {
      fraction = true;
      continue;
    }
    if (__builtin_mul_overflow(value.numerator, Wide{10}, &value.numerator)) return std::nullopt;
    if (__builtin_add_overflow(value.numerator, Wide{byte - '0'}, &value.numerator)) return std::nullopt;
    if (fraction && __builtin_mul_overflow(value.denominator, Wide{10}, &value.denominator)) return std::nullopt;
  }
  const Wide common = Gcd(value.denominator, value.numerator);
  value.numerator /= common;
  value.denominator /= common;
  if (negative) value.numerator = -value.numerator;
  return value;
}

std::optional<Rational> Sum(const Rational& a, const Rational& b) {
  Wide left = 0;
  Wide right = 0;
  Rational sum;
  if (__builtin_mul_overflow(a.numerator, b.denominator, &left) || __builtin_mul_overflow(b.numerator, a.denominator, &right) ||
      __builtin_add_overflow(left, right, &sum.numerator) ||
      __builtin_mul_overflow(a.denominator, b.denominator, &sum.denominator)) {
    return std::nullopt;
  }
  const Wide common = Gcd(sum.denominator, sum.numerator);
  return Rational{sum.numerator / common, sum.denominator / common};
}

std::optional<Rational> Product(const Rational& a, const Rational& b) {
  Rational product;
  if (__builtin_mul_overflow(a.numerator, b.numerator, &product.numerator) ||
      __builtin_mul_overflow(a.denominator, b.denominator, &product.denominator)) {
    return std::nullopt;
  }
  const Wide common = Gcd(product.denominator, product.numerator);
  return Rational{product.numerator / common, product.denominator / common};
}

// The exact value where sums, products and quotients of numbers give one.
std::optional<Rational> Exact(const PublishedExpr& expression) {
  switch (expression.kind) {
    case Kind::kNumber:
      return RationalOf(expression.text);
    case Kind::kAdd:
    case Kind::kMultiply: {
      const bool add = expression.kind == Kind::kAdd;
      Rational total{add ? 0 : 1, 1};
      for (const PublishedExpr& part : expression.args) {
        const std::optional<Rational> value = Exact(part);
        const std::optional<Rational> next = !value ? std::nullopt : add ? Sum(total, *value) : Product(total, *value);
        if (!next) return std::nullopt;
        total = *next;
      }
      return total;
    }
    case Kind::kPower: {
      std::optional<Rational> base = Exact(expression.args[0]);
      if (!base || base->numerator == 0 || expression.args[1].text != "-1") return std::nullopt;
      if (base->numerator < 0) base = Rational{-base->numerator, -base->denominator};
      return Rational{base->denominator, base->numerator};
    }
    default:
      return std::nullopt;
  }
}

Maybe Evaluate(const PublishedExpr& expression);

Maybe EvaluateNumber(std::string_view text) {
  const std::optional<Rational> value = RationalOf(text);
  if (!value) return Real(std::strtod(std::string(text).c_str(), nullptr));
  if (value->denominator == 1) return Integer(value->numerator);
  return Real(static_cast<double>(static_cast<long double>(value->numerator) / static_cast<long double>(value->denominator)));
}

Value Plus(const Value& a, const Value& b) {
  Wide sum = 0;
  if (a.exact && b.exact && !__builtin_add_overflow(a.integer, b.integer, &sum)) return Integer(sum);
  return Real(a.real + b.real);
}

Value Times(const Value& a, const Value& b) {
  Wide product = 0;
  if (a.exact && b.exact && !__builtin_mul_overflow(a.integer, b.integer, &product)) return Integer(product);
  return Real(a.real * b.real);
}

Maybe Over(const Value& a, const Value& b) {
  if (b.real == 0) return std::nullopt;
  return Real(a.exact && b.exact ? static_cast<double>(static_cast<long double>(a.integer) / static_cast<long double>(b.integer))
                                 : a.real / b.real);
}

Maybe ToThe(const Value& base, const Value& exponent) {
  if (base.exact && exponent.exact && exponent.integer >= 0) {
    Wide power = 1;
    bool fits = true;
    for (Wide i = 0; fits && i < exponent.integer && i <= 128; ++i) fits = !__builtin_mul_overflow(power, base.integer, &power);
    if (base.integer == 0 || base.integer == 1) return Integer(exponent.integer == 0 ? 1 : base.integer);
    if (base.integer == -1) return Integer(exponent.integer % 2 == 0 ? 1 : -1);
    if (fits && exponent.integer <= 128) return Integer(power);
  }
  if (base.real == 0 && exponent.real < 0) return std::nullopt;
  const double power = std::pow(base.real, exponent.real);
  if (std::isnan(power)) return std::nullopt;  // a complex number in Python
  return Real(power);
}

Maybe Factorial(const Value& n) {
  if (!n.exact || n.integer < 0) return std::nullopt;
  Value product = Integer(1);
  for (Wide i = 2; i <= n.integer && i <= 200; ++i) product = Times(product, Integer(i));
  return product;  // beyond 200! a double is infinite anyway
}

// The published reader computed it at once; with anything but integers it stayed a name that Python does not have.
Maybe Binomial(const Value& n, const Value& k) {
  if (!n.exact || !k.exact || n.integer < 0) return std::nullopt;
  if (k.integer < 0 || k.integer > n.integer) return Integer(0);
  const Wide steps = std::min(k.integer, n.integer - k.integer);
  Value result = Integer(1);
  for (Wide i = 1; i <= steps; ++i) {
    if (i > 2000) return std::nullopt;
    result = Times(result, Integer(n.integer - steps + i));
    result = result.exact ? Integer(result.integer / i) : Real(result.real / static_cast<double>(i));
  }
  return result;
}

Maybe Finite(double value) {
  if (!std::isfinite(value)) return std::nullopt;  // Python raises
  return Real(value);
}

Maybe EvaluateCall(const PublishedExpr& call) {
  std::vector<Value> values;
  for (const PublishedExpr& argument : call.args) {
    const Maybe value = Evaluate(argument);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  const Value& first = values[0];
  const double x = first.real;
  if (call.text == "sqrt") return Finite(std::sqrt(x));
  if (call.text == "factorial") return Factorial(first);
  if (call.text == "binomial") return Binomial(first, values[1]);
  if (call.text == "floor")
    return std::abs(x) < 1e18 ? Integer(first.exact ? first.integer : static_cast<Wide>(std::floor(x))) : first;
  if (call.text == "exp") return first.exact && first.integer == 1 ? std::nullopt : Finite(std::exp(x));  // exp(1) is printed as E
  if (call.text == "log") return x > 0 && values[1].real > 0 ? Finite(std::log(x) / std::log(values[1].real)) : std::nullopt;
  struct Named {
    std::string_view name;
    double (*function)(double);
  };
  static constexpr Named kNamed[] = {{"sin", std::sin},   {"cos", std::cos},     {"tan", std::tan},     {"asin", std::asin},
                                     {"acos", std::acos}, {"atan", std::atan},   {"sinh", std::sinh},   {"cosh", std::cosh},
                                     {"tanh", std::tanh}, {"asinh", std::asinh}, {"acosh", std::acosh}, {"atanh", std::atanh}};
  for (const Named& named : kNamed) {
    if (call.text == named.name) return Finite(named.function(x));
  }
  return std::nullopt;
}

// Printed as a product over a product: factors to a negative number stand below.
Maybe EvaluateProduct(const std::vector<PublishedExpr>& factors) {
  Value above = Integer(1);
  Value below = Integer(1);
  bool fraction = false;
  for (const PublishedExpr& factor : factors) {
    const bool inverse =
        factor.kind == Kind::kPower && factor.args[1].kind == Kind::kNumber && factor.args[1].text.starts_with("-");
    if (!inverse) {
      const Maybe value = Evaluate(factor);
      if (!value) return std::nullopt;
      above = Times(above, *value);
      continue;
    }
    fraction = true;
    Maybe value = Evaluate(factor.args[0]);
    const Maybe exponent = EvaluateNumber(std::string_view(factor.args[1].text).substr(1));
    if (value && exponent->real != 1) value = ToThe(*value, *exponent);
    if (!value) return std::nullopt;
    below = Times(below, *value);
  }
  return fraction ? Over(above, below) : above;
}

Maybe Evaluate(const PublishedExpr& expression) {
  switch (expression.kind) {
    case Kind::kNumber:
      return EvaluateNumber(expression.text);
    case Kind::kPi:
      return Real(std::numbers::pi);
    case Kind::kAdd: {
      Value sum = Integer(0);
      for (const PublishedExpr& term : expression.args) {
        const Maybe value = Evaluate(term);
        if (!value) return std::nullopt;
        sum = Plus(sum, *value);
      }
      return sum;
    }
    case Kind::kMultiply:
      return EvaluateProduct(expression.args);
    case Kind::kPower: {
      const Maybe base = Evaluate(expression.args[0]);
      const Maybe exponent = Evaluate(expression.args[1]);
      return base && exponent ? ToThe(*base, *exponent) : std::nullopt;
    }
    case Kind::kCall:
      return EvaluateCall(expression);
    case Kind::kRelation: {
      const Maybe left = Evaluate(expression.args[0]);
      const Maybe right = Evaluate(expression.args[1]);
      if (!left || !right) return std::nullopt;
      const double a = left->real;
      const double b = right->real;
      const std::string& sign = expression.text;
      Value result = Integer(sign == "<" ? a < b : sign == "<=" ? a <= b : sign == ">" ? a > b : a >= b);
      result.boolean = true;
      return result;
    }
    case Kind::kE:         // printed as E, which Python's math does not have
    case Kind::kInfinity:  // printed as oo
    case Kind::kList:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

bool PublishedClose(const PublishedExpr& left, const PublishedExpr& right) {
  const Maybe a = Evaluate(left);
  const Maybe b = a ? Evaluate(right) : std::nullopt;
  if (!b) return false;
  Wide difference = 0;
  if (a->exact && b->exact && !__builtin_sub_overflow(a->integer, b->integer, &difference)) return difference == 0;
  if (std::abs(a->real - b->real) < kTolerance) return true;
  const std::optional<Rational> x = Exact(left);
  const std::optional<Rational> y = Exact(right);
  if (!x || !y) return false;
  const std::optional<Rational> distance = Sum(*x, {-y->numerator, y->denominator});
  if (!distance) return false;
  // The double 1e-2 is a little more than 1/100, so that exactly 1/100 is within it.
  Wide scaled = 0;
  const Wide size = distance->numerator < 0 ? -distance->numerator : distance->numerator;
  return !__builtin_mul_overflow(size, Wide{100}, &scaled) && scaled <= distance->denominator;
}

std::optional<std::string> PublishedPrinted(const PublishedExpr& expression) {
  if (expression.kind == Kind::kList) return std::nullopt;
  const Maybe value = Evaluate(expression);
  if (!value) return std::nullopt;
  if (value->boolean) return value->integer != 0 ? "True" : "False";
  if (value->exact) {
    std::string digits;
    Wide rest = value->integer < 0 ? -value->integer : value->integer;
    do {
      digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
      rest /= 10;
    } while (rest != 0);
    return (value->integer < 0 ? "-" : "") + digits;
  }
  if (!std::isfinite(value->real)) return std::nullopt;
  // Python prints the shortest digits that read back, in scientific form below 1e-4 and from 1e16.
  const double size = std::abs(value->real);
  const bool scientific = size != 0 && (size < 1e-4 || size >= 1e16);
  char buffer[400];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value->real,
                                 scientific ? std::chars_format::scientific : std::chars_format::fixed);
  std::string text(buffer, end.ptr);
  if (!scientific && text.find('.') == std::string::npos) text += ".0";
  return text;
}

}  // namespace mathcoder::grade
