// Numbers, symbols, words and the other leaves.
#include <algorithm>

#include "math/parser.h"
#include "math/words.h"

namespace mathcoder::math {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

// The digits without what groups them.
Expr Parser::PlainNumber(const Token& token) {
  const std::string_view raw = Source(token);
  std::string text;
  bool point = false, exponent = false, letters = false;
  std::size_t i = 0;
  for (; i < raw.size(); ++i) {
    const char c = raw[i];
    if (IsDigit(c)) {
      text += c;
    } else if (c == '.' && token.count == 4) {
      continue;
    } else if (c == '.') {
      point = true;
      text += c;
    } else if ((c == 'e' || c == 'E') && token.count == 0 && i + 1 < raw.size() && !letters &&
               (IsDigit(raw[i + 1]) || raw[i + 1] == '-' || raw[i + 1] == '+')) {
      exponent = true;
      text += 'e';
    } else if ((c == '-' || c == '+') && exponent) {
      if (c == '-') text += c;
    } else if (c >= 'A' && c <= 'Z') {
      letters = true;
      text += c;
    } else if (token.count == 1 && (c == '\\' || c == '(')) {
      break;  // the repetend
    }
  }
  if (token.count == 1) {
    text += '(';
    for (; i < raw.size(); ++i) {
      if (IsDigit(raw[i])) text += raw[i];
    }
    text += ')';
    return Leaf(Kind::kDecimal, text);
  }
  if (token.count == 2) {
    // 0.333...: the last digit repeats where it is written at least twice; else the dots only say that digits follow
    const std::size_t at = text.size();
    if (at >= 2 && text[at - 1] == text[at - 2]) {
      std::size_t first = at - 1;
      while (first > 0 && text[first - 1] == text[at - 1]) --first;
      text = text.substr(0, first) + "(" + text[at - 1] + ")";
    }
    return Leaf(Kind::kDecimal, text);
  }
  if (point && text.back() == '.') {
    text += '0';
  }
  return Leaf(point || exponent ? Kind::kDecimal : Kind::kInteger, text);
}

// One integer, then \frac{a}{b} or a/b or a Unicode fraction, with a < b.
bool Parser::MixedFollows() const {
  std::string_view numerator, denominator;
  const auto digits = [&](std::size_t n) { return Ahead(n).type == Tok::kNumber ? Source(Ahead(n)) : std::string_view(); };
  if (Is(Tok::kFraction) && Now().text.empty()) {
    if (Ahead(1).type == Tok::kNumber && Source(Ahead(1)).size() == 2) {
      numerator = Source(Ahead(1)).substr(0, 1);
      denominator = Source(Ahead(1)).substr(1);
    } else if (Ahead(1).type == Tok::kNumber && Source(Ahead(1)).size() == 1 && Ahead(2).type == Tok::kLeftBrace &&
               Ahead(4).type == Tok::kRightBrace) {
      numerator = digits(1);
      denominator = digits(3);
    } else if (Ahead(1).type == Tok::kLeftBrace && Ahead(3).type == Tok::kRightBrace) {
      numerator = digits(2);
      if (Ahead(4).type == Tok::kLeftBrace && Ahead(6).type == Tok::kRightBrace) denominator = digits(5);
      if (Ahead(4).type == Tok::kNumber && Source(Ahead(4)).size() == 1) denominator = digits(4);
    }
  } else if (Is(Tok::kNumber) && Now().space && Ahead(1).type == Tok::kSlash && Ahead(2).type == Tok::kNumber) {
    const Tok next = Ahead(3).type;
    if (next == Tok::kCaret || next == Tok::kBang || next == Tok::kUnderscore) return false;
    numerator = digits(0);
    denominator = digits(2);
  } else if (Is(Tok::kVulgar)) {
    return true;
  }
  const auto plain = [](std::string_view s) { return !s.empty() && s.size() < 10 && std::all_of(s.begin(), s.end(), IsDigit); };
  if (!plain(numerator) || !plain(denominator)) return false;
  return std::stol(std::string(numerator)) < std::stol(std::string(denominator));
}

Expr Parser::Digit() {
  Token& token = tokens_[at_];
  Expr e = Leaf(Kind::kInteger, source_.substr(token.begin, 1));
  if (!IsDigit(e.text[0])) FailHere("an argument");
  if (token.end - token.begin == 1) {
    ++at_;
  } else {
    ++token.begin;
    token.space = false;
  }
  return e;
}

Parser::Node Parser::ParseNumber() {
  const Token& token = Now();
  ++at_;
  const std::string_view raw = Source(token);
  if (token.count == 3) {  // 0x1f
    Expr e = Leaf(Kind::kBased, raw.substr(2));
    for (char& c : e.text) c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    e.number = raw[1] == 'x' ? 16 : raw[1] == 'o' ? 8 : 2;
    return {std::move(e), Wrap::kNone};
  }
  // 1011_2, 152A_{11}
  if (Is(Tok::kUnderscore)) {
    const std::string sub = ParseSubscript();
    if (!sub.empty() && sub.size() <= 2 && std::all_of(sub.begin(), sub.end(), IsDigit)) {
      Expr e = Leaf(Kind::kBased, raw);
      e.number = std::stoi(sub);
      if (e.number < 2 || e.number > 36) Fail("a base from 2 to 36 was expected");
      return {std::move(e), Wrap::kNone};
    }
    constexpr std::string_view kBases[] = {"two",   "three", "four", "five",   "six",   "seven",
                                           "eight", "nine",  "ten",  "eleven", "twelve"};
    for (std::size_t i = 0; i < std::size(kBases); ++i) {
      if (sub != kBases[i]) continue;
      Expr e = Leaf(Kind::kBased, raw);
      e.number = static_cast<std::int32_t>(i) + 2;
      return {std::move(e), Wrap::kNone};
    }
    Fail("a number with a subscript that is no base");
  }
  Expr value = PlainNumber(token);
  if (std::any_of(value.text.begin(), value.text.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    Fail("digits and letters without a base");
  }
  if (Is(Tok::kWord) && Now().text == "th" && Now().begin == token.end) {
    ++at_;
    return {Make(Kind::kOrdinal, "", std::move(value)), Wrap::kNone};
  }
  if (value.kind == Kind::kInteger && MixedFollows()) {
    Expr fraction;
    if (Is(Tok::kFraction)) {
      ++at_;
      Expr numerator = ParseArgument("\\frac");
      fraction = Make(Kind::kDivide, "", std::move(numerator), ParseArgument("\\frac"));
    } else if (Is(Tok::kVulgar)) {
      fraction = ParseAtom().e;
    } else {
      Expr numerator = PlainNumber(Now());
      at_ += 2;
      fraction = Make(Kind::kDivide, "", std::move(numerator), PlainNumber(Now()));
      ++at_;
    }
    return {Make(Kind::kMixed, "", std::move(value), std::move(fraction)), Wrap::kNone};
  }
  return {std::move(value), Wrap::kNone};
}

Expr Parser::ParseMoney() {
  const Deeper deeper(this);
  const std::string_view sign = Now().text;
  ++at_;
  bool minus = false;
  while (Is(Tok::kMinus) || Is(Tok::kPlus)) {
    minus = minus != Is(Tok::kMinus);
    ++at_;
  }
  if (!StartsOperand() && !Is(Tok::kEllipsis)) FailHere("an amount");
  Expr e = Number(ParsePower());
  if (e.kind == Kind::kMoney) return e;
  if (minus) e = Make(Kind::kNegate, "", std::move(e));
  return Make(Kind::kMoney, sign, std::move(e));
}

// What a LaTeX command takes: a group, or one token (one digit of a number).
Expr Parser::ParseArgument(const char* of) {
  const Deeper deeper(this);
  if (Is(Tok::kLeftBrace)) {
    if (Ahead().type == Tok::kRightBrace) Fail(std::string("an empty argument of ") + of);
    Node node = ParseBraces(false);
    return Number(std::move(node));
  }
  if (Is(Tok::kNumber)) return Digit();
  if (!StartsOperand()) FailHere("an argument");
  if (Is(Tok::kOpen) && latex_) {
    // \frac(a)(b) is no LaTeX, but says what it means
  }
  return Number(ParseAtom());
}

// {}_n C_k, ^nC_k, _nP_k
bool Parser::AtPrescript() const {
  std::size_t n = 0;
  if (Is(Tok::kLeftBrace) && Ahead().type == Tok::kRightBrace) n = 2;
  if (Ahead(n).type != Tok::kUnderscore && Ahead(n).type != Tok::kCaret) return false;
  if (!Ahead(n).text.empty()) return false;
  const std::size_t script = at_ + n + 1;
  if (script >= tokens_.size()) return false;
  const std::size_t letter = tokens_[script].type == Tok::kLeftBrace ? Closing(script) + 1 : script + 1;
  if (letter + 1 >= tokens_.size() || tokens_[letter].type != Tok::kLetter || tokens_[letter + 1].type != Tok::kUnderscore)
    return false;
  return tokens_[letter].text == "C" || tokens_[letter].text == "P";
}

Expr Parser::ParsePrescript() {
  if (Is(Tok::kLeftBrace)) at_ += 2;
  ++at_;
  std::vector<Expr> args;
  args.push_back(ParseScript());
  const bool choose = Now().text == "C";
  at_ += 2;
  args.push_back(ParseScript());
  return Call(choose ? "binomial" : "permutations", std::move(args));
}

Parser::Node Parser::ParseAtom() {
  const Deeper deeper(this);
  if (AtPrescript()) return {ParsePrescript(), Wrap::kNone};
  switch (Now().type) {
    case Tok::kNumber:
      return ParseNumber();
    case Tok::kVulgar: {
      const std::string_view text = Now().text;
      ++at_;
      const std::size_t slash = text.find('/');
      Expr numerator = Leaf(Kind::kInteger, text.substr(0, slash));
      return {Make(Kind::kDivide, "", std::move(numerator), Leaf(Kind::kInteger, text.substr(slash + 1))), Wrap::kParentheses};
    }
    case Tok::kLetter:
      if (AtPlainDerivative()) return {ParsePlainDerivative(), Wrap::kNone};
      return ParseSymbol();
    case Tok::kName:
      if (AtPythonCall()) return ParsePythonCall();
      return ParseSymbol();
    case Tok::kConstant: {
      const std::string_view text = Now().text;
      ++at_;
      if (Is(Tok::kUnderscore)) return {Leaf(Kind::kSymbol, std::string(text) + "_" + ParseSubscript()), Wrap::kNone};
      return {Leaf(Kind::kConstant, text), Wrap::kNone};
    }
    case Tok::kFunction:
      return ParseFunction();
    case Tok::kOpen:
      return ParseBracket();
    case Tok::kLeftBrace:
      return ParseBraces(false);
    case Tok::kMoney:
      return {ParseMoney(), Wrap::kNone};
    case Tok::kFraction:
      return ParseFraction();
    case Tok::kRoot:
      return ParseRoot();
    case Tok::kAccent:
      return {ParseAccent(), Wrap::kNone};
    case Tok::kFigure:
      return {ParseFigure(), Wrap::kNone};
    case Tok::kBig:
      return {ParseBig(), Wrap::kNone};
    case Tok::kLimit:
      return {ParseLimit(), Wrap::kNone};
    case Tok::kEllipsis:
      ++at_;
      return {Leaf(Kind::kEllipsis), Wrap::kNone};
    case Tok::kBegin:
      return {ParseEnvironment(), Wrap::kParentheses};
    case Tok::kWord:
    case Tok::kText:
    case Tok::kUnit:
      return ParseWords();
    case Tok::kRelation:
      if (Now().text == "<") return {ParseVector(), Wrap::kNone};
      break;
    default:
      break;
  }
  FailHere("an expression");
}

}  // namespace mathcoder::math
