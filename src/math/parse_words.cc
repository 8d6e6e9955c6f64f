// Words: what they say where signs could say it, else a text.
#include <algorithm>
#include <string>
#include <vector>

#include "math/parser.h"
#include "math/spelled.h"
#include "math/words.h"

namespace mathcoder::math {
namespace {

bool IsWord(Tok type) { return type == Tok::kWord || type == Tok::kText || type == Tok::kUnit; }

void Append(std::string_view text, std::string* words) {
  bool space = !words->empty();
  for (char c : text) {
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '~') {
      space = true;
      continue;
    }
    if (space && !words->empty() && words->back() != ' ') *words += ' ';
    space = false;
    *words += c;
  }
}

}  // namespace

// "five" and "hundred" stand apart in "one hundred and five", "three and a half": the connective belongs to the number.
void Parser::TakeSpelledRest(std::string* words) {
  if (!Is(Tok::kWordAnd) || !SpelledNumber(Lower(*words))) return;
  std::string rest = *words + " and";
  std::size_t n = 1;
  if (Ahead(n).type == Tok::kLetter && Ahead(n).text == "a") {
    rest += " a";
    ++n;
  }
  for (; IsWord(Ahead(n).type); ++n) Append(Ahead(n).text, &rest);
  if (!SpelledQuantity(Lower(rest))) return;
  // "two and three" are two numbers, "one hundred and five" is one
  const auto number = SpelledQuantity(Lower(rest));
  const auto& value = number->kind == Kind::kUnit || number->kind == Kind::kMoney ? number->args[0] : *number;
  if (value.kind != Kind::kInteger && value.kind != Kind::kMixed) return;
  at_ += n;
  *words = rest;
}

bool Parser::AtWordsEnd() const {
  switch (Now().type) {
    case Tok::kEnd:
    case Tok::kComma:
    case Tok::kSemicolon:
    case Tok::kWordAnd:
    case Tok::kWordOr:
    case Tok::kClose:
    case Tok::kRightBrace:
    case Tok::kRelation:
    case Tok::kRowBreak:
    case Tok::kAmpersand:
    case Tok::kEndEnvironment:
    case Tok::kLogic:
      return true;
    default:
      return false;
  }
}

// "all real numbers except 2", "greater than 5": words that take an expression. False: they take none.
bool Parser::TakesExpression(const std::string& words, Expr* e) {
  if (AtWordsEnd()) return false;
  if (words == "all real numbers except" || words == "all reals except" || words == "all real numbers except for" ||
      words == "all real numbers other than" || words == "real numbers except") {
    bool word_or = false, rows = false;
    std::vector<Expr> values;
    for (Expr& part : ParseParts(false, &word_or, &rows)) {
      const bool named = part.kind == Kind::kRelation && part.text == "=" && part.args.size() == 2;
      values.push_back(named ? Expr(std::move(part.args[1])) : std::move(part));
    }
    std::vector<Expr> args;
    args.push_back(Leaf(Kind::kSymbol, "Reals"));
    args.push_back(WithArgs(Kind::kSet, "", std::move(values)));
    *e = Call("setminus", std::move(args));
    return true;
  }
  const bool above = words == "greater than" || words == "more than" || words == "larger than";
  const bool below = words == "less than" || words == "fewer than" || words == "smaller than";
  const bool from = words == "at least" || words == "no less than" || words == "greater than or equal to";
  const bool up_to = words == "at most" || words == "no more than" || words == "less than or equal to";
  if (!above && !below && !from && !up_to) return false;
  if (!StartsOperand() && !Is(Tok::kMinus)) return false;
  Expr end = Number(ParseSum());
  Expr infinity = Leaf(Kind::kConstant, "infinity");
  if (above || from) {
    *e = Make(Kind::kGroup, above ? "()" : "[)", std::move(end), std::move(infinity));
  } else {
    Expr least = Make(Kind::kNegate, "", std::move(infinity));
    *e = Make(Kind::kGroup, below ? "()" : "(]", std::move(least), std::move(end));
  }
  return true;
}

Parser::Node Parser::ParseWords() {
  std::string words;
  const std::size_t begin = at_;
  while (IsWord(Now().type)) {
    Append(Now().text, &words);
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
  // option C, choice (B)
  if (words == "option" || words == "choice" || words == "answer choice") {
    const bool bracket = IsOpen("(") && Ahead(2).type == Tok::kClose;
    const Token& letter = Ahead(bracket ? 1 : 0);
    if (letter.type == Tok::kLetter && letter.text[0] >= 'A' && letter.text[0] <= 'J') {
      const std::string_view text = letter.text;
      at_ += bracket ? 3 : 1;
      return {Leaf(Kind::kChoice, text), Wrap::kNone};
    }
  }
  Expr e;
  if (TakesExpression(words, &e)) return {std::move(e), Wrap::kNone};
  TakeSpelledRest(&words);
  words = Lower(words);
  if (AtWordsEnd()) {
    if (auto meaning = MeaningOf(words)) {
      nodes_ += 1 + meaning->args.size();
      return {std::move(*meaning), Wrap::kParentheses};
    }
    if (auto quantity = SpelledQuantity(words)) {
      Leaf(Kind::kInteger);  // counts
      return {std::move(*quantity), Wrap::kParentheses};
    }
  }
  return {Leaf(Kind::kText, Plainly(words)), Wrap::kNone};
}

}  // namespace mathcoder::math
