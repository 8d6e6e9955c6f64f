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
    constexpr std::string_view kBases[] = {"two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"};
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

// Behind '_'. A number or a name is taken whole, a group as it is written without spaces.
std::string Parser::ParseSubscript() {
  std::string text;
  if (Is(Tok::kUnderscore) && !Now().text.empty()) {  // Unicode subscripts
    while (Is(Tok::kUnderscore) && !Now().text.empty()) {
      text += Now().text;
      ++at_;
    }
    return text;
  }
  ++at_;
  const auto append = [&](const Token& token) {
    std::string_view raw = token.text.empty() || token.type == Tok::kNumber ? Source(token) : token.text;
    if (token.type == Tok::kCaret) raw = "^";
    for (char c : raw) {
      if (c != '\\' && c != ' ' && c != '{' && c != '}') text += c;
    }
  };
  if (Is(Tok::kLeftBrace)) {
    const std::size_t close = Closing(at_);
    if (close == at_ + 1) Fail("an empty subscript");
    for (std::size_t i = at_ + 1; i < close; ++i) {
      const bool nested = tokens_[i].type == Tok::kLeftBrace && i > at_ + 1;
      if (nested && tokens_[i - 1].type == Tok::kUnderscore) continue;
      append(tokens_[i]);
    }
    at_ = close + 1;
    return text;
  }
  switch (Now().type) {
    case Tok::kNumber: case Tok::kLetter: case Tok::kName: case Tok::kConstant: case Tok::kWord: case Tok::kText: case Tok::kUnit:
      append(Now());
      ++at_;
      return text;
    default: FailHere("a subscript");
  }
}

// x^2_1 is x_1 squared.
bool Parser::PowerBeforeSubscript() const {
  if (!Is(Tok::kCaret)) return false;
  const Tok next = Ahead().type;
  if (next != Tok::kLeftBrace && next != Tok::kNumber && next != Tok::kLetter) return false;
  const std::size_t end = next == Tok::kLeftBrace ? Closing(at_ + 1) + 1 : at_ + 2;
  return end < tokens_.size() && tokens_[end].type == Tok::kUnderscore && tokens_[end].text.empty();
}

Expr Parser::SubscriptAfterPower(std::string name) {
  ++at_;
  Expr power = ParseScript();
  name += "_" + ParseSubscript();
  return Make(Kind::kPower, "", Leaf(Kind::kSymbol, name), std::move(power));
}

// What '_' or '^' takes where another of the two may follow: a group, or one token, possibly signed.
Expr Parser::ParseScript() {
  const Deeper deeper(this);
  if (Is(Tok::kLeftBrace)) return Number(ParseBraces(false));
  bool minus = false;
  while (Is(Tok::kPlus) || Is(Tok::kMinus)) {
    minus = minus != Is(Tok::kMinus);
    ++at_;
  }
  Expr e;
  if (Is(Tok::kNumber)) {
    e = PlainNumber(Now());
    ++at_;
  } else if (Is(Tok::kLetter) || Is(Tok::kName)) {
    const bool constant = Now().text == "e" || Now().text == "i";
    e = Leaf(constant ? Kind::kConstant : Kind::kSymbol, Now().text);
    ++at_;
  } else if (Is(Tok::kConstant)) {
    e = Leaf(Kind::kConstant, Now().text);
    ++at_;
  } else if (Is(Tok::kOpen)) {
    e = Number(ParseBracket());
  } else if (Is(Tok::kFraction)) {
    e = Number(ParseFraction());
  } else if (Is(Tok::kRoot)) {
    e = Number(ParseRoot());
  } else {
    FailHere("a bound or an exponent");
  }
  return minus ? Make(Kind::kNegate, "", std::move(e)) : e;
}

bool Parser::AppliesHere(std::string_view name, bool primed) const {
  if (!IsOpen("(") || (Now().space && !primed && !latex_)) return false;
  if (Ahead().type == Tok::kClose) return false;
  const std::size_t close = Closing(at_);
  if (primed) return true;
  if (name == "P") {  // P(A|B), P(X > 2)
    for (std::size_t i = at_ + 1; i < close; ++i) {
      if (tokens_[i].type == Tok::kSuchThat || tokens_[i].type == Tok::kRelation || tokens_[i].type == Tok::kSetOperator) return true;
    }
    return false;
  }
  const bool function_letter = name == "f" || name == "g" || name == "h" || name == "F" || name == "G";
  if (function_letter) {
    // f(f - 2) is a product: a function's own name does not stand bare in its argument
    for (std::size_t i = at_ + 1; i < close; ++i) {
      const Token& t = tokens_[i];
      if (t.type == Tok::kLetter && t.text == name && tokens_[i + 1].type != Tok::kOpen && tokens_[i + 1].type != Tok::kUnderscore &&
          close != i + 1) {
        return false;
      }
    }
    return true;
  }
  return false;
}

Parser::Node Parser::ParseSymbol() {
  const Token first = Now();
  const std::size_t begin = at_;
  ++at_;
  std::string name(first.text);
  name.erase(std::remove(name.begin(), name.end(), '\\'), name.end());  // final\_result
  const bool letter = first.type == Tok::kLetter;
  const bool statement_start = begin == 0 || tokens_[begin - 1].type == Tok::kComma || tokens_[begin - 1].type == Tok::kSemicolon ||
                               tokens_[begin - 1].type == Tok::kRowBreak;
  bool primed = false;
  std::string subscript;
  Expr exponent;
  bool has_exponent = false;
  const auto primes = [&] {
    while (Is(Tok::kPrime) || (Is(Tok::kCaret) && (Ahead().type == Tok::kPrime || (Ahead().type == Tok::kLeftBrace && Ahead(2).type == Tok::kPrime)))) {
      if (Is(Tok::kCaret)) {
        const bool braces = Ahead().type == Tok::kLeftBrace;
        at_ += braces ? 2 : 1;
        while (Is(Tok::kPrime)) {
          name.append(std::max<std::size_t>(Now().count, 1), '\'');
          ++at_;
        }
        if (braces) Expect(Tok::kRightBrace, "'}'");
      } else {
        name.append(std::max<std::size_t>(Now().count, 1), '\'');
        ++at_;
      }
      primed = true;
      if (name.size() > 64) Fail("too many primes");
    }
  };
  primes();
  if (Is(Tok::kUnderscore)) {
    subscript = ParseSubscript();
    name += "_" + subscript;
    primes();
  }
  // C_n^3 chooses 3 of n
  if (letter && first.text == "C" && !subscript.empty() && Is(Tok::kCaret)) {
    ++at_;
    Expr upper = ParseExponent();
    const bool number = std::all_of(subscript.begin(), subscript.end(), IsDigit);
    const bool plain = number || (subscript.size() == 1 && !IsDigit(subscript[0]));
    if (plain) {
      std::vector<Expr> args;
      args.push_back(Leaf(number ? Kind::kInteger : Kind::kSymbol, subscript));
      args.push_back(std::move(upper));
      return {Call("binomial", std::move(args)), Wrap::kNone};
    }
    return {Make(Kind::kPower, "", Leaf(Kind::kSymbol, name), std::move(upper)), Wrap::kNone};
  }
  if (Is(Tok::kCaret) && subscript.empty() && !primed && letter && Ahead().type != Tok::kCompose &&
      (first.text == "f" || first.text == "g" || first.text == "h")) {
    // f^2(x), f^{-1}(x)
    ++at_;
    exponent = ParseExponent();
    has_exponent = true;
    if (Is(Tok::kUnderscore)) name += "_" + ParseSubscript();
  } else if (Is(Tok::kCaret) && !subscript.empty() && letter && (first.text == "f" || first.text == "g" || first.text == "h")) {
    ++at_;
    exponent = ParseExponent();
    has_exponent = true;
  } else if (subscript.empty() && PowerBeforeSubscript()) {
    return {SubscriptAfterPower(std::move(name)), Wrap::kNone};
  }
  const bool bare = subscript.empty() && !primed && !has_exponent;
  // y(t) = ...: at the start, with a single name in the brackets and a relation behind them
  const bool defined = (letter && statement_start && brackets_ == 0 && IsOpen("(") && (bare || primed) &&
                        (Ahead(1).type == Tok::kLetter || primed) && Ahead(2).type == Tok::kClose && Ahead(3).type == Tok::kRelation &&
                        (Ahead(3).text == "=" || primed) && !(latex_ && Now().space && !primed));
  if (AppliesHere(letter ? first.text : std::string_view(name), primed) || defined) {
    ++at_;
    ++brackets_;
    bool word_or = false, rows = false;
    std::vector<Expr> args = ParseParts(false, &word_or, &rows);
    --brackets_;
    Expect(Tok::kClose, "a closing bracket");
    if (args.empty()) FailHere("an argument");
    if (has_exponent) {
      Expr f = Make(Kind::kPower, "", Leaf(Kind::kSymbol, name), std::move(exponent));
      args.insert(args.begin(), std::move(f));
      return {WithArgs(Kind::kApply, "", std::move(args)), Wrap::kNone};
    }
    if (primed) {
      args.insert(args.begin(), Leaf(Kind::kSymbol, name));
      return {WithArgs(Kind::kApply, "", std::move(args)), Wrap::kNone};
    }
    return {Call(name, std::move(args)), Wrap::kNone};
  }
  if (has_exponent) return {Make(Kind::kPower, "", Leaf(Kind::kSymbol, name), std::move(exponent)), Wrap::kNone};
  if (bare && letter) {
    if (name == "i" || name == "e") return {Leaf(Kind::kConstant, name), Wrap::kNone};
    if (name == "I" || name == "E") {
      // Alone they are letters; among operators sympy's constants. LaTeX has no E of this kind.
      const Tok before = begin == 0 ? Tok::kEnd : tokens_[begin - 1].type;
      const auto joins = [&](Tok t) { return t == Tok::kTimes || t == Tok::kPlus || t == Tok::kMinus || t == Tok::kSlash || t == Tok::kCaret; };
      const auto capital = [&](const Token& t) { return t.type == Tok::kLetter && t.text[0] >= 'A' && t.text[0] <= 'Z' && !t.space; };
      bool constant = joins(before) || joins(Now().type) || (brackets_ > 0 && before == Tok::kComma && Is(Tok::kClose));
      if (name == "I") {
        constant = constant || (begin > 0 && (before == Tok::kLetter || before == Tok::kNumber)) || Is(Tok::kConstant);
        if ((begin > 0 && !first.space && capital(tokens_[begin - 1])) || capital(Now())) constant = false;
      } else if (latex_) {
        constant = false;
      }
      if (constant) return {Leaf(Kind::kConstant, name == "I" ? "i" : "e"), Wrap::kNone};
    }
  }
  if (name == "Gamma" && IsOpen("(") && !Now().space) return {Call("gamma", ParseCallArguments(false)), Wrap::kNone};
  if (name == "EmptySet") {
    if (IsOpen("(") && Ahead().type == Tok::kClose) at_ += 2;
    return {Leaf(Kind::kSet), Wrap::kParentheses};
  }
  if (name == "True" || name == "False" || name == "None") return {Leaf(Kind::kText, Lower(name)), Wrap::kNone};
  return {Leaf(Kind::kSymbol, name), Wrap::kNone};
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

Parser::Node Parser::ParseWords() {
  std::string words;
  const std::size_t begin = at_;
  while (Is(Tok::kWord) || Is(Tok::kText) || Is(Tok::kUnit)) {
    if (!words.empty()) words += ' ';
    bool space = false;
    for (char c : Now().text) {
      if (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '~') {
        space = true;
        continue;
      }
      if (space && !words.empty() && words.back() != ' ') words += ' ';
      space = false;
      words += c;
    }
    ++at_;
  }
  if (at_ == begin + 1 && words.size() == 3 && words[0] == '(' && words[2] == ')') {
    const std::string letter = words.substr(1, 1);
    const char c = letter[0] >= 'a' ? static_cast<char>(letter[0] - 32) : letter[0];
    if (c >= 'A' && c <= 'J') return {Leaf(Kind::kChoice, std::string(1, c)), Wrap::kNone};
    return {Leaf(Kind::kSymbol, letter), Wrap::kParentheses};
  }
  if (words == "." || words == "?") FailHere("an expression");
  words = Lower(words);
  if (words == "infinity" || words == "infinite") return {Leaf(Kind::kConstant, "infinity"), Wrap::kNone};
  if (words == "undefined" || words == "does not exist" || words == "dne" || words == "not defined") return {Leaf(Kind::kConstant, "undefined"), Wrap::kNone};
  if (words == "all real numbers" || words == "all reals" || words == "real numbers") {
    return {Leaf(Kind::kSymbol, "Reals"), Wrap::kNone};
  }
  if (words == "empty set" || words == "the empty set") return {Leaf(Kind::kSet), Wrap::kParentheses};
  return {Leaf(Kind::kText, words), Wrap::kNone};
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

Expr Parser::ParseAccent() {
  const std::string accent(Now().text);
  ++at_;
  const Deeper deeper(this);
  // letters and digits only: a name
  std::string inner;
  std::size_t end = at_;
  if (Is(Tok::kLeftBrace) || IsOpen("(")) {
    const std::size_t close = Closing(at_);
    for (std::size_t i = at_ + 1; i < close; ++i) {
      const Token& t = tokens_[i];
      if (t.type == Tok::kLetter || t.type == Tok::kName || t.type == Tok::kConstant || t.type == Tok::kWord) {
        inner += t.text;
      } else if (t.type == Tok::kUnderscore && i > at_ + 1) {
        inner += '_';
      } else if (t.type == Tok::kNumber && !inner.empty()) {
        inner += Source(t);
      } else {
        inner.clear();
        break;
      }
    }
    end = close + 1;
  } else if (Is(Tok::kLetter) || Is(Tok::kName) || Is(Tok::kConstant)) {
    inner = Now().text;
    end = at_ + 1;
  }
  if (!inner.empty()) {
    at_ = end;
    std::string name = accent;
    name += "(";
    name += inner;
    name += ")";
    if (PowerBeforeSubscript()) return SubscriptAfterPower(std::move(name));
    if (Is(Tok::kUnderscore)) name += "_" + ParseSubscript();
    return Leaf(Kind::kSymbol, name);
  }
  Expr argument = IsOpen("(") ? Number(ParseAtom()) : ParseArgument("an accent");
  std::vector<Expr> args;
  args.push_back(std::move(argument));
  return Call(accent, std::move(args));
}

// \angle ABC, \triangle ABC: the points.
Expr Parser::ParseFigure() {
  const std::string figure(Now().text.empty() ? std::string_view("angle") : Now().text);
  ++at_;
  std::vector<Expr> points;
  const bool braces = Is(Tok::kLeftBrace) || IsOpen("(");
  if (braces) ++at_;
  while (Is(Tok::kLetter) || Is(Tok::kWord) || Is(Tok::kNumber) || Is(Tok::kName)) {
    if (Is(Tok::kWord)) {
      for (char c : Now().text) points.push_back(Leaf(Kind::kSymbol, std::string(1, c)));
      ++at_;
    } else if (Is(Tok::kNumber)) {
      if (!points.empty()) break;
      points.push_back(PlainNumber(Now()));
      ++at_;
      break;
    } else {
      std::string name(Now().text);
      ++at_;
      while (Is(Tok::kPrime)) {
        name += '\'';
        ++at_;
      }
      if (Is(Tok::kUnderscore)) name += "_" + ParseSubscript();
      points.push_back(Leaf(Kind::kSymbol, name));
    }
    if (braces && Is(Tok::kComma)) ++at_;
  }
  if (points.empty()) FailHere("points");
  if (braces) {
    if (!Take(Tok::kRightBrace)) Expect(Tok::kClose, "a closing bracket");
  }
  return Call(figure, std::move(points));
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
  if (letter + 1 >= tokens_.size() || tokens_[letter].type != Tok::kLetter || tokens_[letter + 1].type != Tok::kUnderscore) return false;
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
    case Tok::kNumber: return ParseNumber();
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
    case Tok::kFunction: return ParseFunction();
    case Tok::kOpen: return ParseBracket();
    case Tok::kLeftBrace: return ParseBraces(false);
    case Tok::kMoney: return {ParseMoney(), Wrap::kNone};
    case Tok::kFraction: return ParseFraction();
    case Tok::kRoot: return ParseRoot();
    case Tok::kAccent: return {ParseAccent(), Wrap::kNone};
    case Tok::kFigure: return {ParseFigure(), Wrap::kNone};
    case Tok::kBig: return {ParseBig(), Wrap::kNone};
    case Tok::kLimit: return {ParseLimit(), Wrap::kNone};
    case Tok::kEllipsis: ++at_; return {Leaf(Kind::kEllipsis), Wrap::kNone};
    case Tok::kBegin: return {ParseEnvironment(), Wrap::kParentheses};
    case Tok::kWord: case Tok::kText: case Tok::kUnit: return ParseWords();
    case Tok::kRelation:
      if (Now().text == "<") return {ParseVector(), Wrap::kNone};
      break;
    default: break;
  }
  FailHere("an expression");
}

}  // namespace mathcoder::math
