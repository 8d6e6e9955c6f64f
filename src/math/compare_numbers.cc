// Scalars under the options: units, degrees, percent, rounding.
#include <algorithm>
#include <cctype>

#include "math/compare_judge.h"
#include "math/compare_units.h"

namespace mathcoder::math {
namespace {

Expr Integer(int n) { return {.kind = Kind::kInteger, .text = std::to_string(n), .number = 0, .args = {}}; }

struct Features {
  bool counted = false;  // dozens: a unit that is a number
  bool radians = false, unit = false, degree = false, log = false, sum = false, bar = false;
};
void Scan(const Expr& e, Features* f) {
  f->unit |= e.kind == Kind::kUnit || e.kind == Kind::kMoney;
  f->radians |= e.kind == Kind::kUnit && (e.text == "radians" || e.text == "radian" || e.text == "rad");
  f->counted |= e.kind == Kind::kUnit && e.text.starts_with("dozen");
  f->degree |= e.kind == Kind::kDegree;
  f->bar |= e.kind == Kind::kSymbol && e.text.rfind("bar(", 0) == 0;
  f->sum |= e.kind == Kind::kCall && (e.text == "sum" || e.text == "product");
  f->log |= e.kind == Kind::kCall && e.text == "log" && e.number == 10 && e.args.size() == 1;
  for (const Expr& arg : e.args) Scan(arg, f);
}

// The decimal that a reference is, its sign, percent and unit removed.
const Expr* DecimalOf(const Expr& e, bool* percent) {
  switch (e.kind) {
    case Kind::kDecimal:
      return e.text.find('(') == std::string::npos ? &e : nullptr;
    case Kind::kPercent:
      *percent = true;
      [[fallthrough]];
    case Kind::kNegate:
    case Kind::kUnit:
    case Kind::kMoney:
    case Kind::kDegree:
      return e.args.size() == 1 ? DecimalOf(e.args[0], percent) : nullptr;
    default:
      return nullptr;
  }
}

struct Digits {
  int places = 0;  // the last digit stands for 10^-places
  int significant = 0;
};
Digits DigitsOf(std::string_view text) {
  Digits d;
  bool point = false, leading = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.') {
      point = true;
    } else if (std::isdigit(static_cast<unsigned char>(text[i])) != 0) {
      if (point) ++d.places;
      leading = leading && text[i] == '0';
      if (!leading) ++d.significant;
    } else {
      int exponent = 0;
      bool negative = false;
      for (++i; i < text.size(); ++i) {
        if (text[i] == '-')
          negative = true;
        else if (std::isdigit(static_cast<unsigned char>(text[i])) != 0 && exponent < 1000)
          exponent = exponent * 10 + (text[i] - '0');
      }
      d.places -= negative ? -exponent : exponent;
    }
  }
  return d;
}

std::optional<std::pair<bool, std::string_view>> PlainInteger(const Expr& e) {
  const bool negative = e.kind == Kind::kNegate && e.args.size() == 1;
  const Expr& n = negative ? e.args[0] : e;
  if (n.kind != Kind::kInteger || n.text.empty()) return std::nullopt;
  std::string_view digits = n.text;
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return std::pair{negative && !digits.empty(), digits};
}

}  // namespace

// What an option allows beyond mathematics, after the two were found different. True: *ruling was changed.
bool Judge::Policies(Dag* dag, int a, int b, const Expr& reference, Ruling* ruling) {
  if (((dag->flags(a) | dag->flags(b)) & (Dag::kUndefined | Dag::kInfinite)) != 0) return false;
  if (options_.round_to_reference || options_.reference_is_rounded) {
    bool percent = false;
    if (const Expr* decimal = DecimalOf(reference, &percent)) {
      const Digits digits = DigitsOf(decimal->text);
      const int ulp = dag->Power(dag->Rational(10, 1), dag->Rational(-digits.places - (percent ? 2 : 0), 1));
      // Where the reference carries a unit, so does its last digit: compare the ratio to the reference's own value instead.
      const int distance = dag->Unary(MC_ABS, dag->Subtract(a, b));
      const auto within = [&](int bound) {
        const NodeOrder order = OrderNodes(dag, distance, bound, &budget_);
        return order.equality != Equality::kUnknown && order.sign <= 0;
      };
      if (options_.round_to_reference && within(dag->Multiply(ulp, dag->Rational(1, 2)))) {
        *ruling = {Equality::kEqual, "rounding", "rounds to the reference's " + std::to_string(digits.places) + " decimals"};
        return true;
      }
      if (options_.reference_is_rounded && digits.significant >= 6 && within(ulp)) {
        *ruling = {Equality::kEqual, "rounding", "the reference is this value, cut or rounded"};
        return true;
      }
    }
  }
  if (options_.relative_tolerance > 0 && RelativeDistance(dag, a, b, &budget_) <= options_.relative_tolerance) {
    *ruling = {Equality::kEqual, "tolerance", "within the relative tolerance"};
    return true;
  }
  return false;
}

Ruling Judge::ScalarsAs(const Expr& a, const Expr& b, const LowerOptions& lower_a, const LowerOptions& lower_b) {
  Dag dag;
  Lowerer lowerer(&dag, lower_a);
  lowerer.same_value = [&](int x, int y) {
    const Ruling r = CompareNodes(&dag, x, y, &budget_);
    return Holds(r);
  };
  const int x = lowerer.Lower(a);
  lowerer.set_options(lower_b);
  const int y = lowerer.Lower(b);
  budget_.Spend(static_cast<long>(dag.nodes().size()) / 8);
  Ruling ruling = CompareNodes(&dag, x, y, &budget_);
  if (ruling.equality == Equality::kUnknown && lower_a.indexed) {
    int held = 0;
    for (const std::int64_t first : {5, 6, 8}) {
      int u = x, v = y;
      if (!lowerer.TryBounds(first, &u, &v) || !budget_.Spend(static_cast<long>(dag.nodes().size()))) break;
      const Ruling at = CompareNodes(&dag, u, v, &budget_);
      if (at.equality == Equality::kDifferent)
        return {Equality::kDifferent, "sum", "the sums differ at whole bounds from " + std::to_string(first)};
      if (!Holds(at)) break;
      ++held;
    }
    if (held == 3) return {Equality::kProbablyEqual, "sum", "the sums agree at three whole values of their bounds"};
  }
  if (ruling.equality != Equality::kDifferent) return ruling;
  if (Policies(&dag, x, y, a, &ruling)) return ruling;
  if (options_.percent_either_way && ((dag.flags(x) | dag.flags(y)) & Dag::kVariable) == 0) {
    const int hundred = dag.Rational(100, 1);
    for (const int scaled : {dag.Multiply(y, hundred), dag.Divide(y, hundred)}) {
      Ruling other = CompareNodes(&dag, x, scaled, &budget_);
      if (!Holds(other) && !Policies(&dag, x, scaled, a, &other)) continue;
      return {other.equality, "percent", "equal as percent"};
    }
  }
  return ruling;
}

// 1 hour 30 minutes against 90: the number is of one of the units. nullopt where the side with units is no sum of several.
std::optional<Ruling> Judge::NumberAgainstUnits(const Expr& a, const Expr& b, bool left) {
  const Expr& sum = left ? a : b;
  if (sum.kind != Kind::kAdd || sum.args.size() < 2) return std::nullopt;
  for (const Expr& part : sum.args) {
    if ((part.kind != Kind::kUnit && part.kind != Kind::kMoney) || part.args.size() != 1) return std::nullopt;
  }
  if (std::all_of(sum.args.begin(), sum.args.end(), [&](const Expr& part) { return part.text == sum.args[0].text; }))
    return std::nullopt;
  Ruling last{Equality::kUnknown, "unit", "a number against a sum of units"};
  for (const Expr& part : sum.args) {
    const Expr number{.kind = part.kind, .text = part.text, .number = 0, .args = {left ? b : a}};
    last = left ? ScalarsAs(a, number, {}, {}) : ScalarsAs(number, b, {}, {});
    if (Holds(last)) break;
  }
  return last;
}

Ruling Judge::Scalars(const Expr& a, const Expr& b) {
  // by far the most frequent pair
  const auto whole_a = PlainInteger(a), whole_b = PlainInteger(b);
  if (whole_a && whole_b) {
    if (*whole_a == *whole_b) return {Equality::kEqual, "rational", "the same integer"};
    if (options_.relative_tolerance <= 0 && !options_.percent_either_way) return {Equality::kDifferent, "rational", "two integers"};
  }
  if (HasKind(a, Kind::kPlusMinus) || HasKind(b, Kind::kPlusMinus)) {
    Ruling linked = Unordered(ElementsOf(a), ElementsOf(b), false);
    const std::vector<Expr> free_a = IndependentValues(a), free_b = IndependentValues(b);
    if (Holds(linked) || (free_a.empty() && free_b.empty())) return linked;
    const Ruling free = Unordered(free_a.empty() ? ElementsOf(a) : free_a, free_b.empty() ? ElementsOf(b) : free_b, false);
    return Holds(free) ? free : linked;
  }
  for (const auto& [ratio, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {  // 10:20 beside a number is no quotient: a time
    if (ratio->kind != Kind::kRatio || other->kind == Kind::kRatio || ratio->args[1].kind != Kind::kInteger) continue;
    if (ratio->args[1].text.size() == 2 && ratio->args[1].text[0] < '6')
      return {Equality::kUnknown, "ratio", "a time of day, or a ratio against a number"};
  }
  Features fa, fb;
  Scan(a, &fa);
  Scan(b, &fb);
  LowerOptions plain;
  plain.indexed = fa.sum || fb.sum;
  plain.prime_variable = PrimeVariable(a, b);
  // 60 degrees beside 60 radians or 60 cm: neither side left its unit out.
  const bool degree_against_unit = fa.unit != fb.unit && fa.degree != fb.degree && fa.unit != fa.degree;
  if (fa.unit != fb.unit && !degree_against_unit) {
    if (fa.counted || fb.counted) {  // 2 dozen are 24; whoever asked for dozens says 2
      const Ruling number = ScalarsAs(a, b, plain, plain);
      if (Holds(number)) return number;
    }
    if (!options_.ignore_units) return {Equality::kDifferent, "unit", "one side has a unit"};
    if (const auto ruling = NumberAgainstUnits(a, b, fa.unit)) return *ruling;
    plain.drop_units = true;
  }
  // A radian is 1, and a degree that many of it.
  if (degree_against_unit && (fa.radians || fb.radians)) plain.drop_units = true;
  if (a.kind == Kind::kUnit && b.kind == Kind::kUnit) {  // nothing times a unit still has its dimension
    const auto unit_a = UnitOf(a.text), unit_b = UnitOf(b.text);
    if (unit_a && unit_b && unit_a->bases != unit_b->bases) return {Equality::kDifferent, "unit", a.text + " against " + b.text};
  }
  Ruling ruling = ScalarsAs(a, b, plain, plain);
  if (Holds(ruling)) return ruling;
  if (fa.degree != fb.degree && options_.degrees_as_numbers && !degree_against_unit) {
    LowerOptions numbers = plain;
    numbers.degrees_as_numbers = true;
    const Ruling other = ScalarsAs(a, b, numbers, numbers);
    if (Holds(other)) return other;
  }
  if (fa.bar || fb.bar) {
    LowerOptions conjugates = plain;
    conjugates.bars_conjugate = true;
    const Ruling other = ScalarsAs(a, b, conjugates, conjugates);
    if (Holds(other)) return other;
  }
  if (fa.log || fb.log) {
    LowerOptions decimal = plain;
    decimal.log_is_base_10 = true;
    const Ruling other = ScalarsAs(a, b, decimal, decimal);
    if (Holds(other)) return other;
  }
  return ruling;
}

Ruling Judge::Times(const Expr& a, const Expr& b) {
  if (a.kind != b.kind) {
    const Expr& time = a.kind == Kind::kTime ? a : b;
    const Expr& other = a.kind == Kind::kTime ? b : a;
    if (other.kind == Kind::kRatio && other.args.size() <= 3) {  // 15:30 has no leading zero to tell it from a ratio
      Expr clock = other;
      clock.kind = Kind::kTime;
      clock.text.clear();
      return Times(time, clock);
    }
    return {Equality::kDifferent, "time", "a time of day against something else"};
  }
  std::vector<Expr> parts_a = a.args, parts_b = b.args;
  while (parts_a.size() < 3) parts_a.push_back(Integer(0));
  while (parts_b.size() < 3) parts_b.push_back(Integer(0));
  const auto hours = [](const Expr& time, Expr* part) {  // 12 am is 0, 1 pm is 13
    if (time.text.empty() || part->kind != Kind::kInteger || part->text.size() > 2) return;
    const int hour = std::stoi(part->text) % 12 + (time.text == "pm" ? 12 : 0);
    part->text = std::to_string(hour);
  };
  if (!a.text.empty() && !b.text.empty()) {
    hours(a, &parts_a[0]);
    hours(b, &parts_b[0]);
  } else if (a.text != b.text) {  // one is not stated: the clock's face decides, or the 24 hours
    const Ruling face = Parts(parts_a, parts_b, "time");
    if (Holds(face)) return face;
    hours(a, &parts_a[0]);
    hours(b, &parts_b[0]);
  }
  return Parts(parts_a, parts_b, "time");
}

Ruling Judge::Ratios(const Expr& a, const Expr& b) {
  if (a.args.size() != b.args.size()) return {Equality::kDifferent, "ratio", "ratios of other lengths"};
  const bool scalars = std::all_of(a.args.begin(), a.args.end(), IsScalar) && std::all_of(b.args.begin(), b.args.end(), IsScalar);
  if (!scalars) return Parts(a.args, b.args, "ratio");
  Ruling total{Equality::kEqual, "ratio", "proportional"};
  for (std::size_t i = 1; i < a.args.size(); ++i) {  // a_0 b_i = a_i b_0
    const Expr left{.kind = Kind::kMultiply, .text = "", .number = 0, .args = {a.args[0], b.args[i]}};
    const Expr right{.kind = Kind::kMultiply, .text = "", .number = 0, .args = {a.args[i], b.args[0]}};
    total = Both(total, Scalars(left, right));
    if (total.equality == Equality::kDifferent) return {Equality::kDifferent, "ratio", "not proportional"};
  }
  return total;
}

}  // namespace mathcoder::math
