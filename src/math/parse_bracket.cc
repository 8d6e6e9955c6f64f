// Brackets, braces, vectors, environments.
#include <algorithm>

#include "math/parser.h"
#include "math/words.h"

namespace mathcoder::math {

// [1 2 3], as NumPy prints an array: numbers with only spaces between them.
bool Parser::AtSpacedNumbers() const {
  std::size_t numbers = 0;
  bool minus = false;
  for (std::size_t i = at_; i + 1 < tokens_.size(); ++i) {
    const bool negative = tokens_[i].type == Tok::kMinus;
    const Token& number = tokens_[negative ? i + 1 : i];
    if (number.type != Tok::kNumber) {
      // (3 -1) is a difference
      return tokens_[i].type == Tok::kClose && numbers > 1 && (numbers > 2 || !minus || tokens_[at_ - 1].text == "[");
    }
    if (numbers > 0 && (!tokens_[i].space || (negative && number.space))) return false;
    minus = minus || (negative && numbers > 0);
    if (negative) ++i;
    ++numbers;
  }
  return false;
}

std::vector<Expr> Parser::ParseSpacedNumbers() {
  std::vector<Expr> parts;
  while (!Is(Tok::kClose)) {
    const bool negative = Take(Tok::kMinus);
    Expr e = PlainNumber(Now());
    ++at_;
    parts.push_back(negative ? Make(Kind::kNegate, "", std::move(e)) : std::move(e));
  }
  return parts;
}

Parser::Node Parser::ParseBracket() {
  const Token open = Now();
  if (open.text == "{") return ParseBraces(true);
  ++at_;
  if (open.text == "." || open.text == "norm") {
    ++brackets_;
    Expr e = Number(ParseStatement());
    --brackets_;
    Expect(Tok::kClose, "a closing bracket");
    if (open.text == ".") return {std::move(e), Wrap::kParentheses};
    std::vector<Expr> args;
    args.push_back(std::move(e));
    return {Call("norm", std::move(args)), Wrap::kNone};
  }
  if (open.text == "|" || open.text == "floor" || open.text == "ceil") {
    ++brackets_;
    Expr e = Number(ParseStatement());
    --brackets_;
    Expect(Tok::kClose, "a closing bracket");
    std::string_view name = open.text == "|" ? std::string_view("abs") : open.text;
    if (name == "abs" && e.kind == Kind::kMatrix) name = "det";
    std::vector<Expr> args;
    args.push_back(std::move(e));
    return {Call(name, std::move(args)), Wrap::kNone};
  }
  const bool colon = colon_stops_, greater = greater_stops_;
  colon_stops_ = greater_stops_ = false;
  ++brackets_;
  bool word_or = false, rows = false;
  std::vector<Expr> parts = AtSpacedNumbers() ? ParseSpacedNumbers() : ParseParts(false, &word_or, &rows);
  --brackets_;
  colon_stops_ = colon;
  greater_stops_ = greater;
  if (!Is(Tok::kClose)) FailHere("a closing bracket");
  std::string_view close_text = Now().text;
  const bool trailing_comma = tokens_[at_ - 1].type == Tok::kComma;
  ++at_;
  if (close_text == ".") close_text = open.text;
  // (1, 1; 2, 2): rows inside brackets are only a longer tuple
  if (rows) {
    std::vector<Expr> flat;
    for (Expr& part : parts) {
      if (part.kind == Kind::kGroup && part.text == "()") {
        for (Expr& e : part.args) flat.push_back(std::move(e));
      } else {
        flat.push_back(std::move(part));
      }
    }
    parts = std::move(flat);
  }
  if (open.text == "<") return {WithArgs(Kind::kGroup, "<>", std::move(parts)), Wrap::kNone};
  std::string brackets(open.text);
  brackets += close_text == "(" ? ")" : "]";
  if (parts.size() == 1 && brackets == "()") {
    if (trailing_comma) return {WithArgs(Kind::kGroup, "()", std::move(parts)), Wrap::kNone};
    return {std::move(parts[0]), Wrap::kParentheses};
  }
  if (parts.size() == 1 && parts[0].kind == Kind::kMatrix && brackets == "[]") return {std::move(parts[0]), Wrap::kParentheses};
  if (parts.empty() && brackets == "()") Fail("empty brackets");
  if (brackets != "()" && brackets != "[]" && parts.size() != 2) Fail("an interval has two ends");
  const bool one = parts.size() == 1;
  return {WithArgs(Kind::kGroup, brackets, std::move(parts)), one ? Wrap::kBrackets : Wrap::kNone};
}

Parser::Node Parser::ParseBraces(bool escaped) {
  const Deeper deeper(this);
  const std::size_t close = Closing(at_);
  // \left\{ \begin{array} ... \right. is a case distinction
  if (escaped && Ahead().type == Tok::kBegin && tokens_[close].text == ".") {
    ++at_;
    Expr e = ParseEnvironment();
    Expect(Tok::kClose, "\\right.");
    if (e.kind == Kind::kMatrix) {
      std::vector<std::vector<Expr>> rows;
      const std::size_t columns = static_cast<std::size_t>(e.number);
      for (std::size_t i = 0; i < e.args.size(); ++i) {
        if (i % columns == 0) rows.emplace_back();
        rows.back().push_back(std::move(e.args[i]));
      }
      e = CasesOf(std::move(rows));
    }
    return {std::move(e), Wrap::kParentheses};
  }
  ++at_;
  if (at_ == close) {
    ++at_;
    return {Leaf(Kind::kSet), Wrap::kParentheses};
  }
  const bool colon = colon_stops_, greater = greater_stops_;
  colon_stops_ = true;
  greater_stops_ = false;
  if (escaped) ++brackets_;
  Expr result;
  Wrap wrap = Wrap::kParentheses;
  const bool separated = [&] {  // a comma or the like at this level: a set, not a group
    int depth = 0;
    for (std::size_t i = at_; i < close; ++i) {
      const Tok t = tokens_[i].type;
      if (t == Tok::kOpen || t == Tok::kLeftBrace || t == Tok::kBegin) ++depth;
      if (t == Tok::kClose || t == Tok::kRightBrace || t == Tok::kEndEnvironment) --depth;
      if (depth == 0 && (t == Tok::kComma || t == Tok::kSemicolon)) return true;
    }
    return false;
  }();
  if (separated && !escaped) ++brackets_;
  Node first = ParseStatement();
  if (separated && !escaped) --brackets_;
  if (Is(Tok::kSuchThat) || (Is(Tok::kColon) && !separated && (escaped || Ahead().type != Tok::kNumber))) {
    ++at_;
    colon_stops_ = colon;
    result = SetBuilder(Element(std::move(first)));
  } else {
    std::vector<Expr> parts;
    const auto entry = [&](Node node) {
      // {x: 1, y: 2}, as Python prints a solution
      Expr e = separated || escaped ? SetOperand(std::move(node)) : Element(std::move(node));  // {{1}, {2}} holds sets
      if (!Is(Tok::kColon)) return e;
      ++at_;
      return Make(Kind::kRelation, "=", std::move(e), Element(ParseStatement()));
    };
    ++brackets_;
    const Wrap inner = first.wrap;
    parts.push_back(entry(Node{std::move(first.e), first.wrap}));
    bool list = false;
    while (Is(Tok::kComma) || Is(Tok::kSemicolon) || Is(Tok::kWordAnd)) {
      ++at_;
      list = true;
      if (at_ == close) break;
      parts.push_back(entry(ParseStatement()));
    }
    --brackets_;
    if (list || escaped) {
      if (!list && parts[0].kind != Kind::kSet) wrap = Wrap::kSetBraces;
      result = WithArgs(Kind::kSet, "", std::move(parts));
    } else {
      result = std::move(parts[0]);
      // braces around other brackets change nothing: x^{\left[2\right]}
      wrap = inner == Wrap::kSetBraces || inner == Wrap::kBrackets ? inner : Wrap::kBraces;
    }
  }
  if (escaped) --brackets_;
  colon_stops_ = colon;
  greater_stops_ = greater;
  if (!Take(escaped ? Tok::kClose : Tok::kRightBrace)) FailHere("a closing brace");
  return {std::move(result), wrap};
}

Expr Parser::SetBuilder(Expr element) {
  std::vector<Expr> conditions;
  while (true) {
    conditions.push_back(Element(ParseStatement()));
    if (!Is(Tok::kComma) && !Is(Tok::kWordAnd) && !Is(Tok::kSemicolon)) break;
    while (Is(Tok::kComma) || Is(Tok::kWordAnd) || Is(Tok::kSemicolon)) ++at_;
  }
  Expr condition = conditions.size() == 1 ? std::move(conditions[0]) : WithArgs(Kind::kAnd, "", std::move(conditions));
  return Make(Kind::kSetBuilder, "", std::move(element), std::move(condition));
}

// <1, 2>
Expr Parser::ParseVector() {
  ++at_;
  const bool greater = greater_stops_;
  greater_stops_ = true;
  ++brackets_;
  std::vector<Expr> parts;
  do {
    parts.push_back(Element(ParseRatio()));
  } while (Take(Tok::kComma));
  --brackets_;
  greater_stops_ = greater;
  if (!Is(Tok::kRelation) || Now().text != ">") FailHere("'>'");
  ++at_;
  return WithArgs(Kind::kGroup, "<>", std::move(parts));
}

// "if", "for", "when": the condition follows.
bool Parser::AtCondition() const {
  if (!Is(Tok::kText) && !Is(Tok::kWord)) return false;
  std::string word = Lower(Now().text);
  while (!word.empty() && (word.back() == ' ' || word.back() == ':')) word.pop_back();
  return word == "if" || word == "for" || word == "when" || word == "where" || word == "whenever" || word == "for all";
}

bool Parser::AtOtherwise() const {
  if (!Is(Tok::kText) && !Is(Tok::kWord)) return false;
  const std::string word = Lower(Now().text);
  return word == "otherwise" || word == "else" || word == "elsewhere";
}

Expr Parser::ParseEnvironment() {
  const Deeper deeper(this);
  const std::string_view kind = Now().text;
  ++at_;
  const bool colon = colon_stops_, greater = greater_stops_;
  colon_stops_ = greater_stops_ = false;
  ++brackets_;
  if (kind == "rows") {
    bool word_or = false, rows = false;
    std::vector<Expr> parts = ParseParts(true, &word_or, &rows);
    Expr e = ListOf(std::move(parts), word_or);
    Expect(Tok::kEndEnvironment, "\\end");
    --brackets_;
    colon_stops_ = colon;
    greater_stops_ = greater;
    return e;
  }
  std::vector<std::vector<Expr>> rows(1);
  while (true) {
    if (Is(Tok::kRowBreak)) {
      ++at_;
      if (!rows.back().empty()) rows.emplace_back();
      continue;
    }
    if (Is(Tok::kEndEnvironment)) break;
    if (Is(Tok::kAmpersand)) {
      ++at_;
      continue;
    }
    if (kind == "cases" && AtCondition()) {  // x & \text{if } x > 0
      ++at_;
      continue;
    }
    if (kind == "cases" && AtOtherwise()) {
      ++at_;
      rows.back().push_back(Leaf(Kind::kText, "otherwise"));
    } else if (kind == "cases") {
      bool word_or = false, listed = false;
      std::vector<Expr> parts = ParseParts(false, &word_or, &listed);
      rows.back().push_back(ListOf(std::move(parts), word_or));
    } else {
      rows.back().push_back(Element(ParseStatement()));
      Take(Tok::kComma);
    }
    if (Is(Tok::kWord) && Now().text == "." && (Ahead().type == Tok::kEndEnvironment || Ahead().type == Tok::kRowBreak)) ++at_;
    const bool condition = kind == "cases" && (AtCondition() || AtOtherwise());
    if (!condition && !Is(Tok::kAmpersand) && !Is(Tok::kRowBreak) && !Is(Tok::kEndEnvironment)) FailHere("'&', '\\\\' or \\end");
  }
  ++at_;
  --brackets_;
  colon_stops_ = colon;
  greater_stops_ = greater;
  if (rows.back().empty()) rows.pop_back();
  if (rows.empty()) Fail("an empty environment");
  if (kind == "cases") return CasesOf(std::move(rows));
  std::vector<Expr> cells;
  const std::size_t columns = rows[0].size();
  for (std::vector<Expr>& row : rows) {
    if (row.size() != columns) Fail("a matrix whose rows differ in length");
    for (Expr& e : row) cells.push_back(std::move(e));
  }
  Expr matrix = WithArgs(Kind::kMatrix, "", std::move(cells));
  matrix.number = static_cast<std::int32_t>(columns);
  if (kind != "det") return matrix;
  std::vector<Expr> args;
  args.push_back(std::move(matrix));
  return Call("det", std::move(args));
}

// Rows of a value and its condition; without conditions it is a system, a list of statements.
Expr Parser::CasesOf(std::vector<std::vector<Expr>> rows) {
  std::vector<Expr> parts;
  const bool system = std::all_of(rows.begin(), rows.end(), [](const auto& row) { return row.size() == 1; });
  for (std::vector<Expr>& row : rows) {
    for (Expr& e : row) {
      if (!system && parts.size() % 2 == 0 && e.kind == Kind::kList && e.args.size() == 2) {
        // "x, x > 0" in one cell
        for (Expr& part : e.args) parts.push_back(std::move(part));
        continue;
      }
      if (e.kind == Kind::kList && e.args.size() == 1) e = Expr(std::move(e.args[0]));
      parts.push_back(std::move(e));
    }
    if (!system && parts.size() % 2 != 0) parts.push_back(Leaf(Kind::kText, "otherwise"));
  }
  if (system) {
    const bool listed =
        std::all_of(parts.begin(), parts.end(), [](const Expr& e) { return e.kind == Kind::kList && e.args.size() == 2; });
    if (!listed) return ListOf(std::move(parts), false);
    std::vector<Expr> flat;
    for (Expr& part : parts) {
      for (Expr& e : part.args) flat.push_back(std::move(e));
    }
    parts = std::move(flat);
  }
  return WithArgs(Kind::kCases, "", std::move(parts));
}

}  // namespace mathcoder::math
