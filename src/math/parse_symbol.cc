// Symbols: subscripts, primes, accents, figures, and when a name in front of brackets is a function.
#include <algorithm>

#include "math/parser.h"
#include "math/spelled.h"
#include "math/words.h"

namespace mathcoder::math {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// 1+n as n+1: the terms of a subscript in one order, the letters before the numbers. Anything but a sum of plain terms as it is.
std::string InOrder(std::string sum) {
  if (sum.find('+') == std::string::npos) return sum;
  std::vector<std::string> terms(1);
  for (const char c : sum) {
    if (c == '+') {
      terms.emplace_back();
    } else if (IsLetter(c) || IsDigit(c)) {
      terms.back() += c;
    } else {
      return sum;
    }
  }
  const auto number = [](const std::string& term) { return std::all_of(term.begin(), term.end(), IsDigit); };
  if (std::any_of(terms.begin(), terms.end(), [](const std::string& term) { return term.empty(); })) return sum;
  std::sort(terms.begin(), terms.end(),
            [&](const std::string& a, const std::string& b) { return number(a) != number(b) ? number(b) : a < b; });
  std::string ordered;
  for (const std::string& term : terms) ordered += (ordered.empty() ? "" : "+") + term;
  return ordered;
}

bool HasImaginaryUnit(const Expr& e) {
  return (e.kind == Kind::kConstant && e.text == "i") || std::any_of(e.args.begin(), e.args.end(), HasImaginaryUnit);
}

}  // namespace

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
    return InOrder(std::move(text));
  }
  if (IsOpen("(") && !Now().space) {  // AsciiMath: x_(n+1)
    const std::size_t close = Closing(at_);
    if (close == at_ + 1) Fail("an empty subscript");
    for (++at_; at_ < close; ++at_) append(Now());
    ++at_;
    return InOrder(std::move(text));
  }
  switch (Now().type) {
    case Tok::kNumber:
    case Tok::kLetter:
    case Tok::kName:
    case Tok::kConstant:
    case Tok::kWord:
    case Tok::kText:
    case Tok::kUnit:
      append(Now());
      ++at_;
      return text;
    default:
      FailHere("a subscript");
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
      if (tokens_[i].type == Tok::kSuchThat || tokens_[i].type == Tok::kRelation || tokens_[i].type == Tok::kSetOperator)
        return true;
    }
    return false;
  }
  const bool function_letter = name == "f" || name == "g" || name == "h" || name == "F" || name == "G";
  if (function_letter) {
    // f(f - 2) is a product: a function's own name does not stand bare in its argument
    for (std::size_t i = at_ + 1; i < close; ++i) {
      const Token& t = tokens_[i];
      if (t.type == Tok::kLetter && t.text == name && tokens_[i + 1].type != Tok::kOpen &&
          tokens_[i + 1].type != Tok::kUnderscore && close != i + 1) {
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
    while (Is(Tok::kPrime) || (Is(Tok::kCaret) && (Ahead().type == Tok::kPrime ||
                                                   (Ahead().type == Tok::kLeftBrace && Ahead(2).type == Tok::kPrime)))) {
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
                        (Ahead(1).type == Tok::kLetter || primed) && Ahead(2).type == Tok::kClose &&
                        Ahead(3).type == Tok::kRelation && (Ahead(3).text == "=" || primed) && !(latex_ && Now().space && !primed));
  if (letter && (first.text == "C" || first.text == "P") && bare && IsOpen("(") && !Now().space && Ahead(1).type == Tok::kNumber &&
      Ahead(2).type == Tok::kComma && Ahead(3).type == Tok::kNumber && Ahead(4).type == Tok::kClose) {
    doubts_.second = true;
    if (options_.second) return {Call(first.text == "C" ? "binomial" : "permutations", ParseCallArguments(false)), Wrap::kNone};
  }
  if (const int roman = !letter && bare ? RomanValue(name) : 0; roman > 0) {
    doubts_.doubtful = true;
    if (options_.doubtful) return {Leaf(Kind::kInteger, std::to_string(roman)), Wrap::kNone};
  }
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
      const auto joins = [&](Tok t) {
        return t == Tok::kTimes || t == Tok::kPlus || t == Tok::kMinus || t == Tok::kSlash || t == Tok::kCaret;
      };
      const auto capital = [&](const Token& t) {
        return t.type == Tok::kLetter && t.text[0] >= 'A' && t.text[0] <= 'Z' && !t.space;
      };
      bool constant = joins(before) || joins(Now().type) || (brackets_ > 0 && before == Tok::kComma && Is(Tok::kClose));
      doubts_.doubtful = true;
      if (options_.doubtful) constant = true;
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
  if (accent == "under") return argument;  // underlined, no more
  std::vector<Expr> args;
  args.push_back(std::move(argument));
  if (accent == "bar" && HasImaginaryUnit(args[0])) return Call("conjugate", std::move(args));
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

}  // namespace mathcoder::math
