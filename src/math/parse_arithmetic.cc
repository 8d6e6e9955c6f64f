// Sums, products, powers and what stands behind a number: units, percent, factorials.
#include <algorithm>

#include "math/parser.h"
#include "math/words.h"

namespace mathcoder::math {
namespace {

// f, f + g, f \circ g: what is applied, not multiplied.
bool IsOfFunctions(const Expr& e) {
  if (e.kind == Kind::kSymbol) return e.text == "f" || e.text == "g" || e.text == "h";
  const bool combines = e.kind == Kind::kAdd || e.kind == Kind::kNegate || e.kind == Kind::kMultiply || e.kind == Kind::kDivide ||
                        (e.kind == Kind::kCall && e.text == "compose");
  return combines && std::all_of(e.args.begin(), e.args.end(), IsOfFunctions);
}

}  // namespace

namespace {

bool IsUnitSum(const Expr& e) {
  return e.kind == Kind::kAdd && std::all_of(e.args.begin(), e.args.end(), [](const Expr& arg) { return arg.kind == Kind::kUnit; });
}

}  // namespace

bool Parser::StartsOperand() const {
  switch (Now().type) {
    case Tok::kNumber:
    case Tok::kLetter:
    case Tok::kName:
    case Tok::kConstant:
    case Tok::kFunction:
    case Tok::kLeftBrace:
    case Tok::kFraction:
    case Tok::kRoot:
    case Tok::kAccent:
    case Tok::kBig:
    case Tok::kLimit:
    case Tok::kFigure:
    case Tok::kBegin:
    case Tok::kVulgar:
    case Tok::kMoney:
      return true;
    case Tok::kOpen:
      return !(Ahead().type == Tok::kMod && Now().text == "(");
    default:
      return false;
  }
}

bool Parser::IsDifferential() const {
  if (integrals_.empty() || !integrals_.back().variable.empty()) return false;
  return Is(Tok::kLetter) && Now().text == "d" && (Ahead().type == Tok::kLetter || Ahead().type == Tok::kName);
}

void Parser::TakeDifferential() {
  ++at_;
  const Token& letter = Now();
  ++at_;
  std::string name(letter.text);
  if (Is(Tok::kUnderscore)) name += "_" + ParseSubscript();
  integrals_.back().variable = std::move(name);
}

Parser::Node Parser::ParseSum() {
  const Deeper deeper(this);
  std::vector<Expr> terms;
  Node node;
  bool have = false;
  // +-x: any number of signs
  const auto signs = [&](bool* negative) {
    bool any = false;
    while (Is(Tok::kPlus) || Is(Tok::kMinus)) {
      *negative = *negative != Is(Tok::kMinus);
      any = true;
      ++at_;
    }
    return any;
  };
  const auto collapse = [&]() {
    if (terms.empty()) return;
    if (have) terms.push_back(Number(std::move(node)));
    if (HoldsWords(terms)) {
      GiveUpOnWords();
      terms.clear();
      node = {};
      return;
    }
    node = {WithArgs(Kind::kAdd, "", std::move(terms)), Wrap::kNone};
    terms.clear();
  };
  bool negative = false;
  signs(&negative);
  if (Is(Tok::kPlusMinus) || Is(Tok::kMinusPlus)) {
    const bool minus = Is(Tok::kMinusPlus) != negative;
    ++at_;
    Expr e = Make(Kind::kPlusMinus, "", Number(ParseTerm(false)));
    e.number = minus ? 1 : 0;
    node = {std::move(e), Wrap::kNone};
  } else {
    node = ParseTerm(negative);
  }
  have = true;
  while (true) {
    if (AtUnit(node.e)) {
      // 5 cm + 3 cm has a unit a term, 480 + 480 sqrt(3) feet one of the whole
      const std::size_t mark = at_;
      Expr term = ParseUnit(Number(std::move(node)));
      if (!terms.empty() && !Is(Tok::kPlus) && !Is(Tok::kMinus) && (term.kind == Kind::kUnit || term.kind == Kind::kMoney) &&
          mark != at_ &&
          std::none_of(terms.begin(), terms.end(), [](const Expr& e) { return e.kind == Kind::kUnit || e.kind == Kind::kMoney; })) {
        Expr inner = std::move(term.args[0]);
        term.args.clear();
        terms.push_back(std::move(inner));
        term.args.push_back(WithArgs(Kind::kAdd, "", std::move(terms)));
        terms.clear();
      }
      node = {std::move(term), Wrap::kNone};
      continue;
    }
    if (terms.empty() && Is(Tok::kNumber) && (node.e.kind == Kind::kUnit || IsUnitSum(node.e))) {  // 5 feet 6 inches
      Node next = ParsePower();
      if (!AtUnit(next.e)) {
        GiveUpOnWords();
        return node;
      }
      Expr small = ParseUnit(Number(std::move(next)));
      if (!IsSumOfUnits(node.e, small)) FailWords();
      if (node.e.kind == Kind::kAdd) {
        node.e.args.push_back(std::move(small));
      } else {
        node = {Make(Kind::kAdd, "", std::move(node.e), std::move(small)), Wrap::kNone};
      }
      continue;
    }
    if (!integrals_.empty() && !integrals_.back().variable.empty()) break;  // "\int x dx + 3": the integral ended
    if (Is(Tok::kPlus) || Is(Tok::kMinus)) {
      bool minus = false;
      signs(&minus);
      Expr e = Number(std::move(node));
      // (a + b) + c keeps its brackets; a + b + c is one sum
      terms.push_back(std::move(e));
      node = ParseTerm(minus);
    } else if (Is(Tok::kPlusMinus) || Is(Tok::kMinusPlus)) {
      const bool minus = Is(Tok::kMinusPlus);
      ++at_;
      collapse();
      Expr e = Make(Kind::kPlusMinus, "", Number(std::move(node)), Number(ParseTerm(false)));
      e.number = minus ? 1 : 0;
      node = {std::move(e), Wrap::kNone};
    } else {
      break;
    }
  }
  collapse();
  // {a + b \over c}, {n \choose k}: all that stands before it, all that follows
  if (Is(Tok::kChoose)) {
    const bool over = Now().text == "over";
    ++at_;
    Expr above = Number(std::move(node));
    Expr below = Number(ParseSum());
    if (over) return {Make(Kind::kDivide, "", std::move(above), std::move(below)), Wrap::kParentheses};
    std::vector<Expr> args;
    args.push_back(std::move(above));
    args.push_back(std::move(below));
    node = {Call("binomial", std::move(args)), Wrap::kNone};
  }
  return node;
}

Parser::Node Parser::ParseTerm(bool negative) {
  Node left = ParseProduct(false);
  const auto times = [&](Node right) {
    Expr factor = Number(Node{std::move(right.e), right.wrap});
    if (left.e.kind == Kind::kMultiply && left.wrap == Wrap::kNone) {
      if (factor.kind == Kind::kMultiply && right.wrap == Wrap::kNone) {
        for (Expr& e : factor.args) left.e.args.push_back(std::move(e));
      } else {
        CheckArguments(factor);
        left.e.args.push_back(std::move(factor));
      }
      return;
    }
    std::vector<Expr> factors;
    factors.push_back(Number(std::move(left)));
    if (factor.kind == Kind::kMultiply && right.wrap == Wrap::kNone) {
      for (Expr& e : factor.args) factors.push_back(std::move(e));
    } else {
      factors.push_back(std::move(factor));
    }
    left = {WithArgs(Kind::kMultiply, "", std::move(factors)), Wrap::kNone};
  };
  const auto signed_product = [&](bool tight) {
    bool minus = false, any = false;
    while (Is(Tok::kPlus) || Is(Tok::kMinus)) {
      minus = minus != Is(Tok::kMinus);
      any = true;
      ++at_;
    }
    Node node = ParseProduct(tight);
    if (minus) return Node{Make(Kind::kNegate, "", Number(std::move(node))), any ? Wrap::kParentheses : Wrap::kNone};
    return node;
  };
  while (true) {
    if (Take(Tok::kTimes)) {
      times(signed_product(false));
    } else if (Is(Tok::kSlash)) {
      const bool whole = Now().text == "//";  // Python's, which rounds down
      ++at_;
      // a/bc is a/(bc), a/b c is (a/b) c
      doubts_.doubtful = true;
      Expr right = options_.doubtful ? Number(ParseSigned()) : Number(signed_product(true));
      left = {Make(Kind::kDivide, "", Number(std::move(left)), std::move(right)), Wrap::kNone};
      if (whole) {
        std::vector<Expr> args;
        args.push_back(std::move(left.e));
        left = {Call("floor", std::move(args)), Wrap::kNone};
      }
      if (StartsOperand() && !IsDifferential()) times(ParseProduct(false));
    } else if (Is(Tok::kMod) || (Is(Tok::kPercent) && left.e.kind != Kind::kText)) {
      ++at_;
      Expr base = Number(std::move(left));
      if (negative) base = Make(Kind::kNegate, "", std::move(base));  // -3 mod 2 is of -3
      negative = false;
      std::vector<Expr> args;
      args.push_back(std::move(base));
      args.push_back(Number(signed_product(true)));
      left = {Call("mod", std::move(args)), Wrap::kNone};
    } else if (Is(Tok::kCompose)) {
      ++at_;
      std::vector<Expr> args;
      args.push_back(Number(std::move(left)));
      args.push_back(Number(ParseProduct(false)));
      left = {Call("compose", std::move(args)), Wrap::kNone};
    } else {
      break;
    }
  }
  if (negative) return {Make(Kind::kNegate, "", Number(std::move(left))), Wrap::kNone};
  return left;
}

// Factors side by side: 2x, (a+b)(c+d), 2 sin t cos t. `tight`: only as long as no space stands between them.
Parser::Node Parser::ParseProduct(bool tight) {
  const bool at_differential = IsDifferential();
  if (at_differential) {
    TakeDifferential();
    // \int dx, and \int dx f(x)
    if (!StartsOperand()) return {Leaf(Kind::kInteger, "1"), Wrap::kNone};
  }
  Node first = ParsePower();
  if (!StartsOperand() && !IsDifferential()) return first;
  std::vector<Expr> factors;
  while (true) {
    if (IsDifferential()) {
      TakeDifferential();
      break;
    }
    if (!StartsOperand() || (tight && Now().space)) break;
    if (first.e.kind == Kind::kText) {
      GiveUpOnWords();
      return first;
    }
    if (Is(Tok::kNumber) && tokens_[at_ - 1].type == Tok::kNumber) {
      ++at_;
      const bool mixed = MixedFollows();  // 3 1\frac{1}{2}
      --at_;
      if (!mixed) Fail("two numbers without an operator");
    }
    if (Is(Tok::kMoney)) break;
    if (factors.empty()) factors.push_back(Number(std::move(first)));
    factors.push_back(Number(ParsePower()));
  }
  if (factors.empty()) return first;
  return {WithArgs(Kind::kMultiply, "", std::move(factors)), Wrap::kNone};
}

Parser::Node Parser::ParseSigned() {
  bool minus = false;
  while (Is(Tok::kPlus) || Is(Tok::kMinus)) {
    minus = minus != Is(Tok::kMinus);
    ++at_;
  }
  Node node = ParsePower();
  if (!minus) return node;
  return {Make(Kind::kNegate, "", Number(std::move(node))), Wrap::kNone};
}

Parser::Node Parser::ParsePower() { return ParsePostfix(ParseAtom()); }

Parser::Node Parser::ParsePostfix(Node base) {
  int bangs = 0;
  while (true) {
    if (Is(Tok::kCaret)) {
      // degrees, primes
      std::size_t n = 1;
      if (Ahead(n).type == Tok::kLeftBrace) ++n;
      const Tok what = Ahead(n).type;
      const bool braces = n == 2;
      const bool lone = !braces || Ahead(3).type == Tok::kRightBrace;
      if ((what == Tok::kCompose || what == Tok::kDegree) && lone) {
        at_ += braces ? 4 : 2;
        base = {Degrees(Number(std::move(base)), true), Wrap::kNone};
        continue;
      }
      const bool numeric = base.e.kind == Kind::kInteger || base.e.kind == Kind::kDecimal;
      if (numeric && lone && what == Tok::kLetter && Ahead(n).text == "o") {  // 45^{\text{o}}
        at_ += braces ? 4 : 2;
        base = {Degrees(Number(std::move(base)), false), Wrap::kNone};
        continue;
      }
      if (base.e.kind == Kind::kText) FailWords();
      ++at_;
      Expr exponent = ParseExponent();
      base = {Make(Kind::kPower, "", Number(std::move(base)), std::move(exponent)), Wrap::kNone};
    } else if (Is(Tok::kSuperscript)) {
      std::string digits;
      bool minus = false;
      while (Is(Tok::kSuperscript)) {
        if (Now().text == "-")
          minus = true;
        else if (Now().text != "+")
          digits += Now().text;
        ++at_;
      }
      if (digits.empty()) FailHere("an exponent");
      const bool letter = digits == "n";
      if (!letter && digits.find('n') != std::string::npos) Fail("an exponent that is no number");
      Expr exponent = Leaf(letter ? Kind::kSymbol : Kind::kInteger, digits);
      if (minus) exponent = Make(Kind::kNegate, "", std::move(exponent));
      base = {Make(Kind::kPower, "", Number(std::move(base)), std::move(exponent)), Wrap::kNone};
    } else if (Is(Tok::kBang)) {
      if (base.e.kind == Kind::kText) FailWords();
      while (Take(Tok::kBang)) ++bangs;
      Expr e = Number(std::move(base));
      if (bangs == 2) {
        std::vector<Expr> args;
        args.push_back(std::move(e));
        e = Call("factorial2", std::move(args));
      } else {
        for (int i = 0; i < bangs; ++i) {
          if (static_cast<std::size_t>(i) > options_.max_depth) Fail("nested too deeply");
          std::vector<Expr> args;
          args.push_back(std::move(e));
          e = Call("factorial", std::move(args));
        }
      }
      bangs = 0;
      base = {std::move(e), Wrap::kNone};
    } else if (Is(Tok::kPercent)) {
      // a \% is no percentage; 7 % 3 is a remainder
      const Tok next = Ahead().type;
      const bool operand_follows = next == Tok::kNumber || next == Tok::kLetter || (next == Tok::kOpen && Now().space);
      if (operand_follows && Now().space && (Ahead().space || !Now().latex)) return base;
      if (Now().latex && base.e.kind == Kind::kSymbol && base.e.text.size() == 1 && tokens_[at_ - 1].type == Tok::kLetter) {
        Fail("a percent sign behind a letter");
      }
      if (operand_follows && !Now().latex && next == Tok::kNumber) return base;
      ++at_;
      base = {Make(Kind::kPercent, "", Number(std::move(base))), Wrap::kNone};
    } else if (Is(Tok::kDegree)) {
      const bool latex = Now().latex;
      ++at_;
      base = {Degrees(Number(std::move(base)), latex), Wrap::kNone};
    } else if (Is(Tok::kPrime) && (base.e.kind == Kind::kCall || base.e.kind == Kind::kApply)) {
      // f(x)'' is f''(x)
      std::string primes;
      while (Is(Tok::kPrime)) {
        if (primes.size() > 8) Fail("too many primes");
        primes.append(std::max<std::size_t>(Now().count, 1), '\'');
        ++at_;
      }
      if (base.e.kind == Kind::kCall) {
        base.e.args.insert(base.e.args.begin(), Leaf(Kind::kSymbol, base.e.text + primes));
        base.e.kind = Kind::kApply;
        base.e.text.clear();
      } else if (base.e.args[0].kind == Kind::kSymbol) {
        base.e.args[0].text += primes;
      } else {
        FailHere("an operator");
      }
    } else if (Is(Tok::kUnderscore) && base.wrap == Wrap::kParentheses && base.e.kind == Kind::kInteger) {
      const std::string sub = ParseSubscript();  // (101)_2
      if (sub.empty() || sub.size() > 2 || sub.find_first_not_of("0123456789") != std::string::npos)
        Fail("a base that is no number");
      base.e.kind = Kind::kBased;
      base.e.number = std::stoi(sub);
      base.wrap = Wrap::kNone;
    } else if (base.wrap == Wrap::kParentheses && IsOpen("(") && !Now().space && IsOfFunctions(base.e)) {
      // (f + g)(x), (f \circ g)(x)
      std::vector<Expr> args = ParseCallArguments(false);
      args.insert(args.begin(), std::move(base.e));
      base = {WithArgs(Kind::kApply, "", std::move(args)), Wrap::kNone};
    } else {
      return base;
    }
  }
}

// What follows the sign of degrees: C and F, minutes and seconds of arc.
Expr Parser::Degrees(Expr value, bool latex) {
  if (Is(Tok::kLetter) && (Now().text == "C" || Now().text == "F") && (!Now().space || latex) && !Ahead().latex) {
    const std::string_view scale = Now().text;
    ++at_;
    if (!StartsOperand() && !Is(Tok::kPrime) && !Is(Tok::kUnderscore))
      return Make(Kind::kUnit, scale == "C" ? "°C" : "°F", std::move(value));
    --at_;
  }
  std::vector<Expr> parts;
  for (int place = 1; place <= 2 && Is(Tok::kNumber); ++place) {
    // ' and ", ^\prime, ^{\prime\prime}
    std::size_t n = 1;
    const bool caret = Ahead(n).type == Tok::kCaret;
    const bool braces = caret && Ahead(n + 1).type == Tok::kLeftBrace;
    if (caret) n += braces ? 2 : 1;
    int primes = 0;
    for (; Ahead(n).type == Tok::kPrime; ++n) primes += std::max<int>(Ahead(n).count, 1);
    if (!caret && primes == 0 && Ahead(n).type == Tok::kWord && Ahead(n).text == "\"") primes = 2, ++n;
    if (braces && Ahead(n).type != Tok::kRightBrace) break;
    if (braces) ++n;
    if (primes < place || primes > 2) break;
    Expr number = PlainNumber(Now());
    at_ += n;
    parts.push_back(Make(Kind::kDivide, "", std::move(number), Leaf(Kind::kInteger, primes == 1 ? "60" : "3600")));
    if (primes == 2) break;
  }
  if (!parts.empty()) {
    parts.insert(parts.begin(), std::move(value));
    value = WithArgs(Kind::kAdd, "", std::move(parts));
  }
  return Make(Kind::kDegree, "", std::move(value));
}

Expr Parser::ParseExponent() {
  const Deeper deeper(this);
  if (Is(Tok::kLeftBrace)) {
    if (Ahead().type == Tok::kRightBrace) Fail("an empty exponent");
    Node group = ParseBraces(false);
    // 2^{3}^2 is not LaTeX, but reads from right to left as 2^3^2 does
    Node whole = ParsePostfix({Number(std::move(group)), Wrap::kParentheses});
    return Number(std::move(whole));
  }
  bool minus = false;
  while (Is(Tok::kPlus) || Is(Tok::kMinus)) {
    minus = minus != Is(Tok::kMinus);
    ++at_;
  }
  Node base = ParseAtom();
  if (Is(Tok::kCaret)) base = ParsePostfix(std::move(base));
  Expr e = Number(std::move(base));
  return minus ? Make(Kind::kNegate, "", std::move(e)) : e;
}

}  // namespace mathcoder::math
