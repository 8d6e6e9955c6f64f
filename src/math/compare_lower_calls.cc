// Calls of known functions, calculus, and sums over whole bounds.
#include <utility>

#include "math/compare_calculus.h"
#include "math/compare_lower.h"
#include "math/functions.h"

namespace mathcoder::math {

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
    const Expr& of = e.args[0];  // dy/dx: y depends on x unsaid
    if (of.kind == Kind::kSymbol && (!depends || of.text != e.args[1].text)) return DerivativeAtom(of.text, order, e.args[1].text);
    if (of.kind == Kind::kCall && !IsCanonicalFunction(of.text) && of.args.size() == 1 && of.args[0] == e.args[1])
      return DerivativeAtom(of.text, order, e.args[1].text);
    if (!depends) return Opaque(e, Dag::kKernel);
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
  if ((name == "det" || name == "trace" || name == "norm") && e.args.size() == 1) {
    if (const auto value = OfMatrix(name, e.args[0])) return *value;
  }
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
    // sin 60° is of an angle, whatever degrees are elsewhere: cos 1° is not cos 1.
    const bool of_angle = name == "sin" || name == "cos" || name == "tan" || name == "cot" || name == "sec" || name == "csc";
    const bool numbers = std::exchange(options_.degrees_as_numbers, options_.degrees_as_numbers && !of_angle);
    bool known = false;
    const int x = Lower(e.args[0]);
    options_.degrees_as_numbers = numbers;
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
    if (name == "under") return x;  // underlined
    if (name == "bar") return dag_.Unary(MC_CONJ, x);
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

}  // namespace mathcoder::math
