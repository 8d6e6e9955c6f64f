#include "grade/published_reader.h"

#include <algorithm>
#include <utility>

#include "grade/published_lexer.h"
#include "grade/published_text.h"

namespace mathcoder::grade {
namespace {

using Kind = PublishedExpr::Kind;
using Token = PublishedToken::Kind;

constexpr int kMaxDepth = 100;   // the published reader gave up at Python's own limit
constexpr int kMaxLinks = 4000;  // of chains that nest to the left (1/1/1, 2^1^1, 5!!!), in the whole text

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) { Advance(); }

  std::optional<PublishedExpr> Read() {
    const bool bracket = token_.kind == Token::kOpen && (token_.text == "[" || token_.text == "{" || token_.text == "\\{");
    PublishedExpr first = Relation();
    if (failed_ && bracket) return BracketedList();
    if (failed_) return std::nullopt;
    if (token_.kind == Token::kComma || token_.kind == Token::kSemicolon) return List(std::move(first));
    if (token_.kind == Token::kUnknown) return std::nullopt;
    return first;
  }

 private:
  // Whether another link of a chain may be read. Counts every link of the whole text.
  bool Chained() {
    if (++links_ > kMaxLinks) failed_ = true;
    return !failed_;
  }

  void Advance() { token_ = NextPublishedToken(text_, at_); }

  PublishedExpr Fail() {
    failed_ = true;
    return {};
  }

  bool Take(Token kind, std::string_view text = {}) {
    if (failed_ || token_.kind != kind || (!text.empty() && token_.text != text)) return false;
    Advance();
    return true;
  }

  void Expect(Token kind, std::string_view text = {}) {
    if (!Take(kind, text)) failed_ = true;
  }

  std::optional<PublishedExpr> BracketedList() {
    failed_ = false;
    at_ = 0;
    depth_ = 0;
    Advance();
    const std::string_view open = token_.text;
    Advance();
    PublishedExpr first = Relation();
    if (failed_) return std::nullopt;
    std::optional<PublishedExpr> list = List(std::move(first));
    Expect(Token::kClose, open == "[" ? "]" : open == "{" ? "}" : "\\}");
    return failed_ ? std::nullopt : list;
  }

  // One separator, commas or semicolons, for the whole list.
  std::optional<PublishedExpr> List(PublishedExpr first) {
    const Token separator = token_.kind;
    if (separator != Token::kComma && separator != Token::kSemicolon) return std::nullopt;
    PublishedExpr list{Kind::kList, {}, {}};
    list.args.push_back(std::move(first));
    while (!failed_ && Take(separator)) list.args.push_back(Relation());
    if (failed_ || token_.kind == Token::kUnknown) return std::nullopt;
    return list;
  }

  PublishedExpr Relation() {
    PublishedExpr left = Sum();
    while (Chained() && token_.kind == Token::kRelation) {
      const std::string_view sign = token_.text;
      Advance();
      std::string text = sign == "<" || sign == ">" ? std::string(sign) : sign.starts_with("\\l") ? "<=" : ">=";
      PublishedExpr right = Sum();
      left = {Kind::kRelation, std::move(text), {std::move(left), std::move(right)}};
    }
    return left;
  }

  static PublishedExpr Flat(Kind kind, PublishedExpr left, PublishedExpr right) {
    PublishedExpr result{kind, {}, {}};
    for (PublishedExpr* part : {&left, &right}) {
      if (part->kind == kind) {
        std::move(part->args.begin(), part->args.end(), std::back_inserter(result.args));
      } else {
        result.args.push_back(std::move(*part));
      }
    }
    return result;
  }

  static PublishedExpr Number(std::string_view text) { return {Kind::kNumber, std::string(text), {}}; }

  // The digits of a number so that equal numbers have equal ones: 05.50 is 5.5.
  static std::string Canonical(std::string digits) {
    digits.erase(0, digits.find_first_not_of('0'));
    if (digits.find('.') != std::string::npos) {
      digits.erase(digits.find_last_not_of('0') + 1);
      if (digits.back() == '.') digits.pop_back();
    }
    if (digits.empty() || digits.front() == '.') digits.insert(0, "0");
    return digits;
  }

  static PublishedExpr Negated(PublishedExpr value) {
    if (value == Number("0")) return value;
    if (value.kind != Kind::kNumber) return Flat(Kind::kMultiply, Number("-1"), std::move(value));
    if (value.text.starts_with("-")) return Number(std::string_view(value.text).substr(1));
    return Number("-" + value.text);
  }

  static PublishedExpr Quotient(PublishedExpr left, PublishedExpr right) {
    PublishedExpr inverse{Kind::kPower, {}, {std::move(right), Number("-1")}};
    return {Kind::kMultiply, {}, {std::move(left), std::move(inverse)}};
  }

  PublishedExpr Sum() {
    PublishedExpr left = Product(false);
    while (!failed_ && (token_.kind == Token::kPlus || token_.kind == Token::kMinus)) {
      const bool minus = token_.kind == Token::kMinus;
      Advance();
      PublishedExpr right = Product(false);
      left = Flat(Kind::kAdd, std::move(left), minus ? Negated(std::move(right)) : std::move(right));
    }
    return left;
  }

  // In an argument without parentheses only the first factor may be a function: \sin 2 \cos x is sin(2) cos(x).
  PublishedExpr Product(bool argument) {
    PublishedExpr left = Signed(argument);
    while (Chained() && (token_.kind == Token::kTimes || token_.kind == Token::kOver || token_.kind == Token::kModulo)) {
      const Token sign = token_.kind;
      if (sign == Token::kModulo) return Fail();  // printed as a name that is not there: never equal
      Advance();
      PublishedExpr right = Signed(argument);
      left = sign == Token::kTimes ? Flat(Kind::kMultiply, std::move(left), std::move(right))
                                   : Quotient(std::move(left), std::move(right));
    }
    return left;
  }

  PublishedExpr Signed(bool argument) {
    bool minus = false;
    bool any = false;
    while (token_.kind == Token::kPlus || token_.kind == Token::kMinus) {
      // Two signs: -(-5) is 5, as the reader negates a number in place.
      if (token_.kind == Token::kMinus) minus = !minus, any = true;
      Advance();
    }
    PublishedExpr value = Factors(argument);
    if (minus) return Negated(std::move(value));
    if (any && value.kind != Kind::kNumber) return Negated(Negated(std::move(value)));
    return value;
  }

  bool StartsFactor(bool argument) const {
    switch (token_.kind) {
      case Token::kNumber:
      case Token::kPi:
      case Token::kInfinity:
      case Token::kVariable:
      case Token::kFrac:
      case Token::kBinom:
      case Token::kOpen:
      case Token::kUnusable:
      case Token::kUnknown:
        return true;
      case Token::kE:
      case Token::kFunction:
      case Token::kSqrt:
        return !argument;
      default:
        return false;
    }
  }

  PublishedExpr Factors(bool argument) {
    std::vector<PublishedExpr> factors = {Factor()};
    while (!failed_ && StartsFactor(argument)) factors.push_back(Factor());
    // From the right, as the published reader built it.
    PublishedExpr result = std::move(factors.back());
    for (std::size_t i = factors.size() - 1; i-- > 0;) result = Flat(Kind::kMultiply, std::move(factors[i]), std::move(result));
    return result;
  }

  PublishedExpr Factor() {
    if (failed_ || ++depth_ > kMaxDepth) return Fail();
    PublishedExpr value = Power(Atom());
    while (Chained() && (token_.kind == Token::kBang || token_.kind == Token::kPrime)) {
      if (token_.kind == Token::kBang) value = {Kind::kCall, "factorial", {std::move(value)}};
      Advance();
    }
    --depth_;
    return value;
  }

  PublishedExpr Power(PublishedExpr base) {
    while (Chained() && Take(Token::kCaret)) {
      base = {Kind::kPower, {}, {std::move(base), Script()}};
      if (!failed_ && Take(Token::kUnderscore)) Script();  // read and dropped
    }
    return base;
  }

  // What stands behind ^ or _: one number or sign, or an expression in braces.
  PublishedExpr Script() {
    if (Take(Token::kOpen, "{")) {
      PublishedExpr inside = Sum();
      Expect(Token::kClose, "}");
      return inside;
    }
    if (token_.kind == Token::kNumber || token_.kind == Token::kPi || token_.kind == Token::kInfinity) return Atom();
    return Fail();
  }

  PublishedExpr Braced() {
    Expect(Token::kOpen, "{");
    PublishedExpr inside = Sum();
    Expect(Token::kClose, "}");
    return inside;
  }

  PublishedExpr Atom() {
    const PublishedToken token = token_;
    switch (token.kind) {
      case Token::kNumber:
        Advance();
        return Number(Canonical(ReplaceAll(token.text, ",", "")));
      case Token::kPi:
        Advance();
        return {Kind::kPi, {}, {}};
      case Token::kInfinity:
        Advance();
        return {Kind::kInfinity, {}, {}};
      case Token::kE:
        Advance();
        if (!Take(Token::kCaret)) return {Kind::kE, {}, {}};
        return Call("exp", Script());
      case Token::kFrac: {
        Advance();
        PublishedExpr numerator = Braced();
        PublishedExpr denominator = Braced();
        return Quotient(std::move(numerator), std::move(denominator));
      }
      case Token::kBinom: {
        Advance();
        PublishedExpr top = Braced();
        PublishedExpr bottom = Braced();
        return {Kind::kCall, "binomial", {std::move(top), std::move(bottom)}};
      }
      case Token::kSqrt:
        return Root();
      case Token::kFunction:
        return Function();
      case Token::kOpen:
        return Group();
      default:
        return Fail();
    }
  }

  static PublishedExpr Call(std::string name, PublishedExpr argument) {
    return {Kind::kCall, std::move(name), {std::move(argument)}};
  }

  PublishedExpr Group() {
    const std::string_view open = token_.text;
    Advance();
    PublishedExpr inside = Sum();
    if (open == "{" && Take(Token::kChoose)) inside = {Kind::kCall, "binomial", {std::move(inside), Sum()}};
    Expect(Token::kClose, open == "("          ? ")"
                          : open == "["        ? "]"
                          : open == "{"        ? "}"
                          : open == "\\{"      ? "\\}"
                          : open == "\\lbrace" ? "\\rbrace"
                          : open == "\\lbrack" ? "\\rbrack"
                          : open == "\\lgroup" ? "\\rgroup"
                          : open == "\\lfloor" ? "\\rfloor"
                                               : "\\lrcorner");
    if (open == "\\lfloor" || open == "\\llcorner") return Call("floor", std::move(inside));
    return inside;
  }

  PublishedExpr Root() {
    Advance();
    PublishedExpr order = Number("2");
    if (Take(Token::kOpen, "[")) {
      order = Sum();
      Expect(Token::kClose, "]");
    }
    PublishedExpr base = Braced();
    if (order == Number("2")) return Call("sqrt", std::move(base));
    return {Kind::kPower, {}, {std::move(base), Quotient(Number("1"), std::move(order))}};
  }

  PublishedExpr Function() {
    std::string name(token_.text.substr(1));
    Advance();
    std::optional<PublishedExpr> base;
    std::optional<PublishedExpr> power;
    for (;;) {
      if (!base && Take(Token::kUnderscore)) {
        base = Script();
      } else if (!power && Take(Token::kCaret)) {
        power = Script();
      } else {
        break;
      }
    }
    if (failed_ || depth_ > kMaxDepth) return Fail();
    PublishedExpr argument;
    if (Take(Token::kOpen, "(")) {
      argument = Sum();
      Expect(Token::kClose, ")");
    } else {
      argument = Product(true);
    }
    if (failed_) return {};
    if (name.starts_with("arc")) {
      name = "a" + name.substr(3);
    } else if (name.starts_with("ar")) {
      name = "a" + name.substr(2);
    }
    PublishedExpr value = Call(name, std::move(argument));
    if (name == "log") value.args.push_back(base ? std::move(*base) : Number("10"));
    if (name == "ln")
      value = {Kind::kCall, "log", {std::move(value.args[0]), base ? std::move(*base) : PublishedExpr{Kind::kE, {}, {}}}};
    if (!power) return value;
    const bool trigonometric =
        name == "sin" || name == "cos" || name == "tan" || name == "sinh" || name == "cosh" || name == "tanh";
    if (trigonometric && *power == Number("-1")) return Call("a" + name, std::move(value.args[0]));
    return {Kind::kPower, {}, {std::move(value), std::move(*power)}};
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  PublishedToken token_;
  bool failed_ = false;
  int depth_ = 0;
  int links_ = 0;
};

// (n)_{k} was rewritten as a number of permutations before reading. Nobody's answer means that: it is not read.
bool HasFallingFactorial(std::string_view text) { return text.find(")_{") != std::string_view::npos; }

}  // namespace

std::optional<PublishedExpr> ReadPublished(std::string_view text) {
  std::string prepared(text);
  for (const std::string_view blank : {"\\displaystyle", "\\quad", "\\qquad", "~", "\\,", "$"})
    prepared = ReplaceAll(prepared, blank, " ");
  if (HasFallingFactorial(prepared)) return std::nullopt;
  return Reader(prepared).Read();
}

}  // namespace mathcoder::grade
