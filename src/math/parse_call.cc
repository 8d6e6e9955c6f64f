// Functions: sin x, sin^2 x, log_2 8, gcd(a, b), and the calls that only programs write: Matrix([[1]]), Interval.Ropen(0, 1).
#include <algorithm>
#include <iterator>

#include "math/parser.h"
#include "math/words.h"

namespace mathcoder::math {
namespace {

struct Relation {
  std::string_view name, text;
};
constexpr Relation kRelations[] = {{"Contains", "in"}, {"Eq", "="}, {"Ge", ">="}, {"Gt", ">"},
                                   {"Le", "<="},       {"Lt", "<"}, {"Ne", "!="}};
constexpr std::string_view kPython[] = {"And",
                                        "Complement",
                                        "ConditionSet",
                                        "Contains",
                                        "Decimal",
                                        "Eq",
                                        "FiniteSet",
                                        "Fraction",
                                        "Ge",
                                        "Gt",
                                        "ImageSet",
                                        "ImmutableMatrix",
                                        "Implies",
                                        "Integer",
                                        "Interval",
                                        "Interval.Lopen",
                                        "Interval.Ropen",
                                        "Interval.open",
                                        "Le",
                                        "Lt",
                                        "Matrix",
                                        "MutableDenseMatrix",
                                        "Ne",
                                        "Not",
                                        "Or",
                                        "Piecewise",
                                        "Point",
                                        "Rational",
                                        "Tuple",
                                        "array",
                                        "float",
                                        "float32",
                                        "float64",
                                        "frozenset",
                                        "int",
                                        "int32",
                                        "int64",
                                        "list",
                                        "mpf",
                                        "set",
                                        "tuple"};
static_assert(std::is_sorted(std::begin(kPython), std::end(kPython)));

// sin^{-1} is the inverse function.
std::string_view InverseOf(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kInverse[] = {
      {"cos", "acos"}, {"cosh", "acosh"}, {"cot", "acot"}, {"coth", "acoth"}, {"csc", "acsc"}, {"csch", "acsch"},
      {"sec", "asec"}, {"sech", "asech"}, {"sin", "asin"}, {"sinh", "asinh"}, {"tan", "atan"}, {"tanh", "atanh"}};
  for (const auto& [f, inverse] : kInverse) {
    if (f == name) return inverse;
  }
  return {};
}

}  // namespace

bool IsPythonName(std::string_view name) { return std::binary_search(std::begin(kPython), std::end(kPython), name); }

std::vector<Expr> Parser::ParseCallArguments(bool sets) {
  ++brackets_;
  std::vector<Expr> args;
  const bool colon = colon_stops_, greater = greater_stops_;
  colon_stops_ = greater_stops_ = false;
  const bool braces = Is(Tok::kLeftBrace);
  const std::string_view open = Now().text;
  ++at_;
  while (!Is(Tok::kClose) && !Is(Tok::kRightBrace)) {
    args.push_back(sets ? SetOperand(ParseStatement()) : Element(ParseStatement()));
    if (Is(Tok::kComma) || Is(Tok::kSemicolon)) {
      ++at_;
      continue;
    }
    break;
  }
  if (!Is(braces ? Tok::kRightBrace : Tok::kClose)) FailHere("',' or a closing bracket");
  if (!braces && Now().text != open) FailHere("the bracket that closes the arguments");
  ++at_;
  --brackets_;
  colon_stops_ = colon;
  greater_stops_ = greater;
  if (args.empty()) FailHere("an argument");
  return args;
}

// What follows a function without brackets: factors up to an operator, a bracket or the next function: sin 2x cos 3x.
Expr Parser::ParseBareArgument() {
  const Deeper deeper(this);
  bool minus = false;
  while (Is(Tok::kPlus) || Is(Tok::kMinus)) {
    minus = minus != Is(Tok::kMinus);
    ++at_;
  }
  if (!StartsOperand() || IsDifferential()) FailHere("an argument of the function");
  std::vector<Expr> factors;
  factors.push_back(Number(ParsePower()));
  const bool function_first = factors[0].kind == Kind::kCall;
  while (!function_first && StartsOperand() && !Is(Tok::kFunction) && !Is(Tok::kOpen) && !Is(Tok::kBig) && !Is(Tok::kMoney) &&
         !Is(Tok::kBegin) && !Is(Tok::kLeftBrace) && !IsDifferential()) {
    if (Is(Tok::kNumber) && tokens_[at_ - 1].type == Tok::kNumber) break;
    factors.push_back(Number(ParsePower()));
  }
  Expr e = factors.size() == 1 ? std::move(factors[0]) : WithArgs(Kind::kMultiply, "", std::move(factors));
  return minus ? Make(Kind::kNegate, "", std::move(e)) : e;
}

Expr Parser::Finish(const Function& f, std::vector<Expr> args, bool latex) {
  if (args.size() < f.min_args || args.size() > f.max_args) {
    Fail("the function " + std::string(f.spelled) + " does not take " + std::to_string(args.size()) + " arguments");
  }
  if (f.canonical == "cbrt") {
    args.push_back(Leaf(Kind::kInteger, "3"));
    return Call("root", std::move(args));
  }
  if (f.canonical == "log10" || f.canonical == "log2") {
    args.push_back(Leaf(Kind::kInteger, f.canonical == "log2" ? "2" : "10"));
    return Call("log", std::move(args));
  }
  if (f.canonical == "sum" || f.canonical == "product" || f.canonical == "integral" || f.canonical == "derivative") {
    if (args.size() > 1) return Bounded(f.canonical, std::move(args));
  }
  Expr e = Call(f.canonical, std::move(args));
  if (latex && f.canonical == "log" && e.args.size() == 1) e.number = 10;
  return e;
}

Parser::Node Parser::ParseFunction() {
  const Token token = Now();
  const Function& f = *token.function;
  const Deeper deeper(this);
  ++at_;
  Expr exponent, base;
  bool has_exponent = false, has_base = false;
  while (Is(Tok::kCaret) || Is(Tok::kUnderscore) || Is(Tok::kSuperscript)) {
    if (Is(Tok::kUnderscore) && !has_base && (f.canonical == "log")) {
      ++at_;
      const bool unicode = !tokens_[at_ - 1].text.empty();
      if (unicode) {
        base = Leaf(Kind::kInteger, tokens_[at_ - 1].text);
        while (Is(Tok::kUnderscore) && !Now().text.empty()) base.text += tokens_[at_++].text;
      } else if (Is(Tok::kNumber)) {
        base = PlainNumber(Now());
        // \log_28 has the base 2, log_10(x) the base 10
        if (token.latex && Source(Now()).size() > 1 && Ahead().type != Tok::kOpen && !Ahead().space && !StartsOperand())
          base = Digit();
        else if (token.latex && Source(Now()).size() > 1 && (Ahead().type == Tok::kEnd || Ahead().type == Tok::kClose))
          base = Digit();
        else
          ++at_;
      } else {
        base = ParseArgument("\\log_");
      }
      has_base = true;
    } else if (!has_exponent && !Is(Tok::kUnderscore)) {
      if (Is(Tok::kSuperscript)) {
        std::string digits;
        bool minus = false;
        for (; Is(Tok::kSuperscript); ++at_) {
          if (Now().text == "-")
            minus = true;
          else
            digits += Now().text;
        }
        if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) Fail("an exponent that is no number");
        exponent = Leaf(Kind::kInteger, digits);
        if (minus) exponent = Make(Kind::kNegate, "", std::move(exponent));
      } else {
        ++at_;
        exponent = ParseExponent();
      }
      has_exponent = true;
    } else {
      FailHere("an argument of the function");
    }
  }
  std::vector<Expr> args;
  const bool bare_allowed = f.bare || token.latex || f.canonical == "sqrt";
  if (f.canonical == "limit" && IsOpen("(")) {
    // Limit(body, x, 3, dir='+'): the direction is no expression
    const std::size_t close = Closing(at_);
    std::int32_t direction = 0;
    for (std::size_t i = at_ + 1; i + 1 < close; ++i) {
      if (tokens_[i].type != Tok::kComma || Source(tokens_[i + 1]) != "d" || i + 4 >= close) continue;
      for (std::size_t k = i; k < close; ++k) {
        if (tokens_[k].type == Tok::kMinus) direction = -1;
        if (tokens_[k].type == Tok::kPlus) direction = direction == -1 ? 0 : 1;
      }
      tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(i), tokens_.begin() + static_cast<std::ptrdiff_t>(close));
      // the indices of later brackets moved
      const std::uint32_t gone = static_cast<std::uint32_t>(close - i);
      for (Token& t : tokens_) {
        if (t.close > i) t.close -= gone;
      }
      break;
    }
    args = ParseCallArguments(false);
    Expr e = Finish(f, std::move(args), token.latex);
    e.number = direction;
    return {std::move(e), Wrap::kNone};
  }
  bool group = Is(Tok::kOpen) && (Now().text == "(" || Now().text == "[" || Now().text == "{");
  if (Is(Tok::kLeftBrace)) {
    if (Ahead().type == Tok::kRightBrace) FailHere("an argument of the function");
    group = true;
  }
  if (group) {
    args = ParseCallArguments(f.canonical == "union" || f.canonical == "intersection" || f.canonical == "setminus");
    // max{a, b}, gcd((6, 4)) take the list as their arguments
    if (args.size() == 1 && f.max_args > 1 && f.canonical != "log" && f.canonical != "union" && f.canonical != "intersection" &&
        (args[0].kind == Kind::kGroup || args[0].kind == Kind::kSet || args[0].kind == Kind::kList) && !args[0].args.empty()) {
      args = std::vector<Expr>(std::move(args[0].args));
    } else if (f.canonical == "det" && args[0].kind == Kind::kGroup) {
      Expr matrix = MatrixOf(std::move(args));
      args.clear();
      args.push_back(std::move(matrix));
    }
  } else if (bare_allowed) {
    args.push_back(ParseBareArgument());
  } else {
    FailHere("the function's arguments in brackets");
  }
  if (f.canonical == "root" && args.size() == 1 && IsOpen("(")) {  // AsciiMath: root(3)(x)
    std::vector<Expr> radicand = ParseCallArguments(false);
    args.insert(args.begin(), std::move(radicand[0]));
  }
  std::string_view inverse;
  if (has_exponent && exponent.kind == Kind::kNegate && exponent.args[0].kind == Kind::kInteger && exponent.args[0].text == "1") {
    inverse = InverseOf(f.canonical);
  }
  Expr e;
  if (!inverse.empty()) {
    e = Call(inverse, std::move(args));
    has_exponent = false;
  } else if (has_base) {
    if (args.size() != 1) Fail("a logarithm takes one argument");
    args.push_back(std::move(base));
    e = Call("log", std::move(args));
  } else {
    e = Finish(f, std::move(args), token.latex);
  }
  if (has_exponent) return {Make(Kind::kPower, "", std::move(e), std::move(exponent)), Wrap::kNone};
  return {std::move(e), Wrap::kNone};
}

bool Parser::AtPythonCall() const { return Ahead().type == Tok::kOpen && Ahead().text == "(" && IsPythonName(Now().text); }

Parser::Node Parser::ParsePythonCall() {
  const Deeper deeper(this);
  const std::string_view name = Now().text;
  ++at_;
  if (Ahead().type == Tok::kClose) {
    at_ += 2;
    if (name == "set" || name == "FiniteSet" || name == "frozenset") return {Leaf(Kind::kSet), Wrap::kParentheses};
    Fail("a call without arguments");
  }
  std::vector<Expr> args = ParseCallArguments(name == "FiniteSet" || name == "Complement" || name == "Contains");
  const auto want = [&](std::size_t n) {
    if (args.size() != n) Fail(std::string(name) + " takes " + std::to_string(n) + " arguments");
  };
  for (const Relation& r : kRelations) {
    if (r.name != name) continue;
    want(2);
    return {Make(Kind::kRelation, r.text, std::move(args[0]), std::move(args[1])), Wrap::kParentheses};
  }
  const auto listed = [&] {  // set([1, 2])
    if (args.size() == 1 && (args[0].kind == Kind::kGroup || args[0].kind == Kind::kSet))
      args = std::vector<Expr>(std::move(args[0].args));
  };
  if (name == "Rational" || name == "Fraction") {
    if (args.size() == 1) return {std::move(args[0]), Wrap::kParentheses};
    want(2);
    return {Make(Kind::kDivide, "", std::move(args[0]), std::move(args[1])), Wrap::kParentheses};
  }
  if (name == "Integer" || name == "Decimal" || name == "mpf" || name.starts_with("float") || name.starts_with("int")) {
    want(1);
    return {std::move(args[0]), Wrap::kParentheses};
  }
  if (name.starts_with("Interval")) {
    std::string brackets = name == "Interval.open"    ? "()"
                           : name == "Interval.Lopen" ? "(]"
                           : name == "Interval.Ropen" ? "[)"
                                                      : "[]";
    if (args.size() > 2) {
      const auto yes = [](const Expr& e) { return e.kind == Kind::kText && e.text == "true"; };
      if (yes(args[2])) brackets[0] = '(';
      if (args.size() > 3 && yes(args[3])) brackets[1] = ')';
      args.resize(2);
    }
    want(2);
    const auto infinite = [](const Expr& e) {
      const Expr& x = e.kind == Kind::kNegate ? e.args[0] : e;
      return x.kind == Kind::kConstant && x.text == "infinity";
    };
    if (infinite(args[0])) brackets[0] = '(';  // sympy opens infinite ends itself
    if (infinite(args[1])) brackets[1] = ')';
    return {WithArgs(Kind::kGroup, brackets, std::move(args)), Wrap::kNone};
  }
  if (name == "FiniteSet") return {WithArgs(Kind::kSet, "", std::move(args)), Wrap::kNone};
  if (name == "set" || name == "frozenset") {
    listed();
    return {WithArgs(Kind::kSet, "", std::move(args)), Wrap::kNone};
  }
  if (name == "list" || name == "tuple" || name == "Tuple" || name == "Point") {
    if (name != "Point" && name != "Tuple") listed();
    return {WithArgs(Kind::kGroup, name == "list" ? "[]" : "()", std::move(args)), Wrap::kNone};
  }
  if (name == "Complement") {
    want(2);
    return {Call("setminus", std::move(args)), Wrap::kParentheses};
  }
  if (name == "And" || name == "Or")
    return {WithArgs(name == "And" ? Kind::kAnd : Kind::kOr, "", std::move(args)), Wrap::kParentheses};
  if (name == "Not") {
    want(1);
    return {Make(Kind::kNot, "", std::move(args[0])), Wrap::kParentheses};
  }
  if (name == "Implies") {
    want(2);
    return {Make(Kind::kImplies, "", std::move(args[0]), std::move(args[1])), Wrap::kParentheses};
  }
  if (name == "Piecewise") return {PiecewiseOf(std::move(args)), Wrap::kParentheses};
  if (name == "Matrix" || name == "ImmutableMatrix" || name == "MutableDenseMatrix" || name == "array") {
    return {MatrixOf(std::move(args)), Wrap::kParentheses};
  }
  Expr e = Call(name, std::move(args));
  return {std::move(e), Wrap::kNone};
}

// [[1, 2], [3, 4]]; [1, 2] is a column; 2, 2, [1, 2, 3, 4].
Expr Parser::MatrixOf(std::vector<Expr> args) {
  std::size_t columns = 1;
  std::vector<Expr> cells;
  if (args.size() == 3 && args[2].kind == Kind::kGroup) {
    if (args[1].kind != Kind::kInteger || args[1].text.size() > 3) Fail("a matrix's size is a number");
    columns = static_cast<std::size_t>(std::stoi(args[1].text));
    cells = std::move(args[2].args);
  } else {
    if (args.size() != 1 || args[0].kind != Kind::kGroup) Fail("a matrix is a list of rows");
    std::vector<Expr> rows = std::move(args[0].args);
    const bool nested =
        !rows.empty() && std::all_of(rows.begin(), rows.end(), [](const Expr& e) { return e.kind == Kind::kGroup; });
    if (!nested) {
      cells = std::move(rows);
    } else {
      columns = rows[0].args.size();
      for (Expr& row : rows) {
        if (row.args.size() != columns) Fail("a matrix whose rows differ in length");
        for (Expr& e : row.args) cells.push_back(std::move(e));
      }
    }
  }
  if (columns == 0 || cells.empty() || cells.size() % columns != 0) Fail("a matrix without cells");
  Expr matrix = WithArgs(Kind::kMatrix, "", std::move(cells));
  matrix.number = static_cast<std::int32_t>(columns);
  return matrix;
}

Expr Parser::PiecewiseOf(std::vector<Expr> args) {
  std::vector<Expr> parts;
  for (Expr& pair : args) {
    if (pair.kind != Kind::kGroup || pair.args.size() != 2) Fail("Piecewise takes pairs of a value and a condition");
    parts.push_back(std::move(pair.args[0]));
    const bool otherwise = pair.args[1].kind == Kind::kText && pair.args[1].text == "true";
    parts.push_back(otherwise ? Leaf(Kind::kText, "otherwise") : std::move(pair.args[1]));
  }
  return WithArgs(Kind::kCases, "", std::move(parts));
}

// Sum(body, (k, 1, 3)), Integral(x, x), Derivative(f, x, x), Derivative(f, (x, 2)); several bounds nest, the first innermost.
Expr Parser::Bounded(std::string_view name, std::vector<Expr> args) {
  Expr body = std::move(args[0]);
  if (name == "derivative") {
    for (std::size_t i = 1; i < args.size(); ++i) {
      std::vector<Expr> d;
      d.push_back(std::move(body));
      if (args[i].kind == Kind::kGroup && args[i].args.size() == 2) {
        d.push_back(std::move(args[i].args[0]));
        d.push_back(std::move(args[i].args[1]));
      } else {
        d.push_back(std::move(args[i]));
        if (i + 1 < args.size() && args[i + 1].kind == Kind::kInteger) d.push_back(std::move(args[++i]));
      }
      body = Call(name, std::move(d));
    }
    return body;
  }
  for (std::size_t i = 1; i < args.size(); ++i) {
    std::vector<Expr> d;
    d.push_back(std::move(body));
    if (args[i].kind == Kind::kGroup && (args[i].args.size() == 3 || args[i].args.size() == 1)) {
      for (Expr& e : args[i].args) d.push_back(std::move(e));
    } else {
      d.push_back(std::move(args[i]));
    }
    body = Call(name, std::move(d));
  }
  return body;
}

}  // namespace mathcoder::math
