// Fractions and what looks like one (derivatives), roots, sums, integrals, limits.
#include <algorithm>

#include "math/parser.h"

namespace mathcoder::math {

// \frac{d}{dx}, \frac{d^2 y}{dx^2}, \frac{\partial f}{\partial x}: told by the first tokens of both groups.
bool Parser::AtDerivative(std::size_t numerator) const {
  const auto is_d = [&](std::size_t i) {
    return i < tokens_.size() && ((tokens_[i].type == Tok::kLetter && tokens_[i].text == "d") || tokens_[i].type == Tok::kPartial);
  };
  if (tokens_[numerator].type != Tok::kLeftBrace || !is_d(numerator + 1)) return false;
  const std::size_t denominator = Closing(numerator) + 1;
  if (denominator + 2 >= tokens_.size() || tokens_[denominator].type != Tok::kLeftBrace || !is_d(denominator + 1)) return false;
  return tokens_[denominator + 2].type == Tok::kLetter || tokens_[denominator + 2].type == Tok::kName;
}

Expr Parser::ParseDerivative() {
  const std::size_t numerator_end = Closing(at_);
  at_ += 2;
  Expr order;
  bool has_order = false;
  if (Take(Tok::kCaret)) {
    order = ParseExponent();
    has_order = true;
  }
  Expr body;
  const bool has_body = at_ < numerator_end;
  if (has_body) body = Number(ParseTerm(false));
  Expect(Tok::kRightBrace, "'}'");
  const std::size_t denominator_end = Closing(at_);
  at_ += 2;
  Expr variable = Leaf(Kind::kSymbol, Now().text);
  ++at_;
  if (Is(Tok::kUnderscore)) variable.text += "_" + ParseSubscript();
  if (Take(Tok::kCaret)) {
    Expr again = ParseExponent();
    if (!has_order || !(again == order)) Fail("the orders of the derivative differ");
  } else if (has_order) {
    Fail("the orders of the derivative differ");
  }
  if (at_ != denominator_end) FailHere("the end of the derivative's variable");
  ++at_;
  if (!has_body) {
    if (!StartsOperand()) FailHere("what is derived");
    body = Number(ParseProduct(false));
  }
  std::vector<Expr> args;
  args.push_back(std::move(body));
  args.push_back(std::move(variable));
  if (has_order) args.push_back(std::move(order));
  return Call("derivative", std::move(args));
}

// dy/dx, d/dx f(x)
bool Parser::AtPlainDerivative() const {
  if (!IsLetter("d") || !integrals_.empty()) return false;
  const std::size_t slash = Ahead().type == Tok::kSlash ? 1 : Ahead().type == Tok::kLetter && Ahead(2).type == Tok::kSlash ? 2 : 0;
  if (slash == 0) return false;
  const Token& d = Ahead(slash + 1);
  const Token& variable = Ahead(slash + 2);
  return d.type == Tok::kLetter && d.text == "d" && variable.type == Tok::kLetter && !variable.space;
}

Expr Parser::ParsePlainDerivative() {
  ++at_;
  Expr body;
  const bool has_body = !Is(Tok::kSlash);
  if (has_body) {
    body = Leaf(Kind::kSymbol, Now().text);
    ++at_;
  }
  at_ += 2;
  Expr variable = Leaf(Kind::kSymbol, Now().text);
  ++at_;
  if (!has_body) {
    if (!StartsOperand()) FailHere("what is derived");
    body = Number(ParseProduct(false));
  }
  std::vector<Expr> args;
  args.push_back(std::move(body));
  args.push_back(std::move(variable));
  return Call("derivative", std::move(args));
}

Parser::Node Parser::ParseFraction() {
  const bool binomial = Now().text == "binom";
  ++at_;
  if (!binomial && AtDerivative(at_)) return {ParseDerivative(), Wrap::kNone};
  Expr top = ParseArgument(binomial ? "\\binom" : "\\frac");
  Expr bottom = ParseArgument(binomial ? "\\binom" : "\\frac");
  if (binomial) {
    std::vector<Expr> args;
    args.push_back(std::move(top));
    args.push_back(std::move(bottom));
    return {Call("binomial", std::move(args)), Wrap::kNone};
  }
  // {} around a fraction is no bracket, but the fraction is one thing
  return {Make(Kind::kDivide, "", std::move(top), std::move(bottom)), Wrap::kParentheses};
}

Parser::Node Parser::ParseRoot() {
  const int fixed = Now().count;
  const bool command = Now().latex && Now().text.empty() && Source(Now()).front() == '\\';
  ++at_;
  Expr index;
  bool has_index = false;
  if (IsOpen("[")) {
    const std::size_t close = Closing(at_);
    const Tok after = close + 1 < tokens_.size() ? tokens_[close + 1].type : Tok::kEnd;
    // \sqrt[3]{x}; \sqrt[x+1] alone is what an unusual bracket holds
    if (after == Tok::kLeftBrace || after == Tok::kNumber || after == Tok::kLetter || after == Tok::kConstant ||
        after == Tok::kOpen || after == Tok::kFraction || after == Tok::kName) {
      ++at_;
      index = Number(ParseSum());
      if (at_ != close) FailHere("']'");
      ++at_;
      has_index = true;
    }
  }
  Expr radicand;
  if (Is(Tok::kLeftBrace)) {
    radicand = ParseArgument("\\sqrt");
  } else if (Is(Tok::kOpen)) {
    radicand = Number(ParseAtom());
  } else if (Is(Tok::kNumber) && !command) {
    radicand = PlainNumber(Now());  // sqrt13, √13; the command takes one digit, as TeX does
    ++at_;
  } else {
    radicand = ParseArgument("\\sqrt");
  }
  if (fixed > 0) {
    index = Leaf(Kind::kInteger, std::to_string(fixed));
    has_index = true;
  }
  std::vector<Expr> args;
  args.push_back(std::move(radicand));
  if (has_index) args.push_back(std::move(index));
  return {Call(has_index ? "root" : "sqrt", std::move(args)), Wrap::kNone};
}

// The constant i (or e) as the bound variable that it is.
void Parser::Rename(Expr* e, std::string_view constant) {
  if (e->kind == Kind::kConstant && e->text == constant) e->kind = Kind::kSymbol;
  for (Expr& arg : e->args) Rename(&arg, constant);
}

Expr Parser::ParseBig() {
  const Token token = Now();
  ++at_;
  const Deeper deeper(this);
  if (token.text == "integral") return ParseIntegral(token.count);
  Expr lower, upper;
  bool has_lower = false, has_upper = false;
  while (Is(Tok::kUnderscore) || Is(Tok::kCaret)) {
    const bool below = Is(Tok::kUnderscore);
    ++at_;
    bool* has = below ? &has_lower : &has_upper;
    if (*has) Fail("two bounds of one kind");
    Expr bound;
    if (Is(Tok::kLeftBrace) && below) {
      ++at_;
      ++brackets_;
      bool word_or = false, rows = false;
      std::vector<Expr> parts = ParseParts(false, &word_or, &rows);
      bound = ListOf(std::move(parts), word_or);
      --brackets_;
      Expect(Tok::kRightBrace, "'}'");
    } else if (IsOpen("(") && below) {
      bound = Element(ParseAtom());
    } else {
      bound = ParseScript();
    }
    (below ? lower : upper) = std::move(bound);
    *has = true;
  }
  if (!StartsOperand() && !Is(Tok::kMinus)) FailHere("what is summed");
  bool minus = false;
  while (Is(Tok::kMinus) || Is(Tok::kPlus)) {
    minus = minus != Is(Tok::kMinus);
    ++at_;
  }
  Expr body = Number(ParseTerm(minus));
  std::vector<Expr> args;
  const bool equation = has_lower && lower.kind == Kind::kRelation && lower.text == "=" && lower.args.size() == 2;
  if (equation) {
    if (lower.args[0].kind == Kind::kConstant) {
      const std::string name = lower.args[0].text;
      if (name == "i") rename_i_ = false;
      if (name == "e") rename_e_ = false;
      Rename(&body, name);
      lower.args[0].kind = Kind::kSymbol;
    }
    args.push_back(std::move(body));
    args.push_back(std::move(lower.args[0]));
    args.push_back(std::move(lower.args[1]));
    if (has_upper) args.push_back(std::move(upper));
  } else {
    args.push_back(std::move(body));
    if (has_lower) args.push_back(std::move(lower));
    if (has_upper) args.push_back(std::move(upper));
  }
  return Call(token.text, std::move(args));
}

Expr Parser::ParseIntegral(int signs) {
  if (signs > 1) {
    const Deeper deeper(this);
    // \iint f dx dy: the inner integral is the outer one's body
    integrals_.push_back({});
    Expr inner = ParseIntegral(signs - 1);
    if (!IsDifferential()) Fail("a multiple integral needs a differential for each sign");
    TakeDifferential();
    std::vector<Expr> args;
    args.push_back(std::move(inner));
    args.push_back(Leaf(Kind::kSymbol, integrals_.back().variable));
    integrals_.pop_back();
    return Call("integral", std::move(args));
  }
  Expr lower, upper;
  bool has_lower = false, has_upper = false;
  while (Is(Tok::kUnderscore) || Is(Tok::kCaret)) {
    const bool below = Is(Tok::kUnderscore);
    ++at_;
    if (Is(Tok::kLeftBrace) && Ahead().type == Tok::kRightBrace) {
      at_ += 2;
      continue;
    }
    if (below ? has_lower : has_upper) Fail("two bounds of one kind");
    (below ? lower : upper) = ParseScript();
    (below ? has_lower : has_upper) = true;
  }
  integrals_.push_back({});
  Expr body;
  if (!StartsOperand() && !Is(Tok::kMinus) && !Is(Tok::kPlus)) FailHere("an integrand");
  body = Number(ParseSum());
  std::string variable = integrals_.back().variable;
  integrals_.pop_back();
  if (variable.empty()) {
    // Without a differential only an integrand in x says what it is an integral over.
    const auto has_x = [](const auto& self, const Expr& e) -> bool {
      if (e.kind == Kind::kSymbol && e.text == "x") return true;
      return std::any_of(e.args.begin(), e.args.end(), [&](const Expr& arg) { return self(self, arg); });
    };
    if (!has_x(has_x, body)) Fail("an integral without its differential");
    variable = "x";
  }
  if (has_lower != has_upper) Fail("an integral with one bound");
  std::vector<Expr> args;
  args.push_back(std::move(body));
  args.push_back(Leaf(Kind::kSymbol, variable));
  if (has_lower) {
    args.push_back(std::move(lower));
    args.push_back(std::move(upper));
  }
  return Call("integral", std::move(args));
}

// \lim_{x \to 3^+} body
Expr Parser::ParseLimit() {
  const Deeper deeper(this);
  ++at_;
  if (!Take(Tok::kUnderscore)) FailHere("'_' and what approaches");
  const bool braces = Is(Tok::kLeftBrace) || IsOpen("(");
  if (!braces) FailHere("a group");
  const std::size_t close = Closing(at_);
  ++at_;
  if (!Is(Tok::kLetter) && !Is(Tok::kName)) FailHere("a variable");
  Expr variable = Leaf(Kind::kSymbol, Now().text);
  ++at_;
  if (Is(Tok::kUnderscore)) variable.text += "_" + ParseSubscript();
  const bool arrow = (Is(Tok::kRelation) && Now().text == "maps") || (Is(Tok::kLogic) && Now().text == "implies");
  if (!arrow) FailHere("an arrow");
  ++at_;
  // 3^+, 3^{-}, 3+
  std::int32_t direction = 0;
  std::size_t end = close;
  const auto sign = [&](std::size_t i) { return tokens_[i].type == Tok::kPlus ? 1 : tokens_[i].type == Tok::kMinus ? -1 : 0; };
  if (end >= at_ + 3 && tokens_[end - 1].type == Tok::kRightBrace && sign(end - 2) != 0 &&
      tokens_[end - 3].type == Tok::kLeftBrace) {
    direction = sign(end - 2);
    end -= 3;
  } else if (end >= at_ + 2 && sign(end - 1) != 0) {
    direction = sign(end - 1);
    end -= 1;
  }
  if (direction != 0 && end > at_ && tokens_[end - 1].type == Tok::kCaret) --end;
  if (direction != 0) {
    // the sign is hidden from the point's expression
    tokens_[end].type = tokens_[close].type;
    tokens_[end].text = tokens_[close].text;
  }
  Expr point = Number(ParseSum());
  if (at_ != end) FailHere("the end of the limit's point");
  at_ = close + 1;
  if (!StartsOperand() && !Is(Tok::kMinus)) FailHere("an expression");
  bool minus = false;
  while (Is(Tok::kMinus)) {
    minus = !minus;
    ++at_;
  }
  std::vector<Expr> args;
  args.push_back(Number(ParseTerm(minus)));
  args.push_back(std::move(variable));
  args.push_back(std::move(point));
  Expr e = Call("limit", std::move(args));
  e.number = direction;
  return e;
}

}  // namespace mathcoder::math
