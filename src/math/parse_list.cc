// Lists, statements and relations: the loosest levels of the grammar.
#include <algorithm>

#include "math/parser.h"
#include "math/words.h"

namespace mathcoder::math {

std::vector<Expr> Parser::ParseParts(bool top, bool* word_or, bool* rows) {
  std::vector<Expr> finished, row;
  bool separated = false;  // by more than one "and"
  *word_or = *rows = false;
  const auto end_row = [&] {
    if (row.empty()) return;
    std::vector<Expr> parts = GatherValues(std::move(row), *word_or);
    row.clear();
    if (parts.size() == 1) {
      finished.push_back(std::move(parts[0]));
    } else if (std::any_of(parts.begin(), parts.end(), [](const Expr& e) { return e.kind == Kind::kRelation; })) {
      finished.push_back(WithArgs(Kind::kList, "", std::move(parts)));
    } else {
      finished.push_back(WithArgs(Kind::kGroup, "()", std::move(parts)));
    }
  };
  while (!AtStop() || (top && Is(Tok::kRowBreak))) {
    if (top && Is(Tok::kRowBreak)) {
      ++at_;
      *rows = *rows || !row.empty();
      end_row();
      continue;
    }
    row.push_back(Element(ParseStatement()));
    if (Take(Tok::kSemicolon)) {
      *rows = true;
      if (Is(Tok::kWordAnd) || Is(Tok::kWordOr)) ++at_;
      // (0; 0; 1): semicolons alone separate as commas do
      end_row();
    } else if (Is(Tok::kComma) || Is(Tok::kWordAnd) || Is(Tok::kWordOr) || Is(Tok::kAmpersand)) {
      if (Is(Tok::kAmpersand) && !top) break;
      separated = separated || row.size() > 1 || !Is(Tok::kWordAnd);
      const bool comma = Is(Tok::kComma);
      for (std::size_t n = 0; Is(Tok::kComma) || Is(Tok::kWordAnd) || Is(Tok::kWordOr) || (top && Is(Tok::kAmpersand)); ++n) {
        if (n > 0 && comma && Is(Tok::kComma)) FailHere("an expression");
        *word_or = *word_or || Is(Tok::kWordOr);
        ++at_;
      }
      if (AtStop() && (tokens_[at_ - 1].type != Tok::kComma)) FailHere("an expression");
    } else if (!(top && Is(Tok::kRowBreak))) {
      break;
    }
  }
  if (!separated && row.size() == 2 && IsSumOfUnits(row[0], row[1])) {  // 2 hours and 15 minutes
    Expr sum = WithArgs(Kind::kAdd, "", std::move(row));
    row.clear();
    row.push_back(std::move(sum));
  }
  if (!*rows) return GatherValues(std::move(row), *word_or);
  end_row();
  return finished;
}

// "k = 1, 2, 3" is one statement about k with a list on its right.
std::vector<Expr> Parser::GatherValues(std::vector<Expr> parts, bool word_or) {
  if (parts.size() < 2 || parts[0].kind != Kind::kRelation) return parts;
  std::vector<Expr> gathered;
  const auto is_value = [](const Expr& e) {
    return e.kind != Kind::kRelation && e.kind != Kind::kAnd && e.kind != Kind::kOr && e.kind != Kind::kText &&
           e.kind != Kind::kImplies;
  };
  for (std::size_t i = 0; i < parts.size();) {
    Expr part = std::move(parts[i++]);
    const bool takes = part.kind == Kind::kRelation && part.args.size() == 2 &&
                       (part.text == "=" || part.text == "in" || part.text == "!=" || part.text == "notin" || part.text == "~");
    if (takes && i < parts.size() && is_value(parts[i])) {
      std::vector<Expr> values;
      values.push_back(std::move(part.args[1]));
      while (i < parts.size() && is_value(parts[i])) values.push_back(std::move(parts[i++]));
      part.args[1] = WithArgs(Kind::kList, word_or ? "or" : "", std::move(values));
    }
    gathered.push_back(std::move(part));
  }
  return gathered;
}

Expr Parser::ListOf(std::vector<Expr> parts, bool word_or) {
  if (parts.empty()) FailHere("an expression");
  if (parts.size() == 1) return std::move(parts[0]);
  return WithArgs(Kind::kList, word_or ? "or" : "", std::move(parts));
}

Parser::Node Parser::ParseStatement() {
  const Deeper deeper(this);
  Node left = ParseOr();
  while (Is(Tok::kLogic) && (Now().text == "implies" || Now().text == "iff")) {
    const std::string_view which = Now().text;
    ++at_;
    Expr right = Element(ParseOr());
    left = {Make(Kind::kImplies, which == "iff" ? "iff" : "", Element(std::move(left)), std::move(right)), Wrap::kNone};
  }
  return left;
}

Parser::Node Parser::ParseOr() {
  Node left = ParseAnd();
  while (Is(Tok::kLogic) && Now().text == "or") {
    ++at_;
    Expr right = Element(ParseAnd());
    if (left.e.kind == Kind::kOr && left.wrap == Wrap::kNone) {
      left.e.args.push_back(std::move(right));
    } else {
      left = {Make(Kind::kOr, "", Element(std::move(left)), std::move(right)), Wrap::kNone};
    }
  }
  return left;
}

Parser::Node Parser::ParseAnd() {
  Node left = ParseNot();
  while (Is(Tok::kLogic) && Now().text == "and") {
    ++at_;
    Expr right = Element(ParseNot());
    if (left.e.kind == Kind::kAnd && left.wrap == Wrap::kNone) {
      left.e.args.push_back(std::move(right));
    } else {
      left = {Make(Kind::kAnd, "", Element(std::move(left)), std::move(right)), Wrap::kNone};
    }
  }
  return left;
}

Parser::Node Parser::ParseNot() {
  if (!Is(Tok::kNot)) return ParseRelation();
  const Deeper deeper(this);
  ++at_;
  Node operand = ParseNot();
  return {Make(Kind::kNot, "", Element(std::move(operand))), Wrap::kNone};
}

Expr Parser::MakeRelation(std::string_view op, Expr left, Expr right) {
  if (op == "ni") {
    std::swap(left, right);
    op = "in";
  }
  // "x = 5 (mod 7)", "a \equiv b \mod n"
  const bool congruence = op == "equiv" || op == "congruent" || op == "=";
  if (congruence) {
    if (Is(Tok::kPmod)) {
      ++at_;
      return Make(Kind::kRelation, "congruent", std::move(left), std::move(right), ParseArgument("\\pmod"));
    }
    if (IsOpen("(") && Ahead().type == Tok::kMod) {
      at_ += 2;
      Expr modulus = Number(ParseSum());
      Expect(Tok::kClose, "a closing bracket");
      return Make(Kind::kRelation, "congruent", std::move(left), std::move(right), std::move(modulus));
    }
    if (op == "equiv" && right.kind == Kind::kCall && right.text == "mod" && right.args.size() == 2) {
      return Make(Kind::kRelation, "congruent", std::move(left), std::move(right.args[0]), std::move(right.args[1]));
    }
    if (op == "equiv") op = "=";
  }
  if (op == "=" && left.kind == Kind::kConstant && left.text == "i") rename_i_ = true;
  if (op == "=" && left.kind == Kind::kConstant && left.text == "e") rename_e_ = true;
  return Make(Kind::kRelation, op, std::move(left), std::move(right));
}

Parser::Node Parser::ParseRelation() {
  Node left = ParseRatio();
  if (Take(Tok::kPmod)) {  // 1 \pmod 5 without its relation
    std::vector<Expr> args;
    args.push_back(Number(std::move(left)));
    args.push_back(ParseArgument("\\pmod"));
    left = {Call("mod", std::move(args)), Wrap::kNone};
  }
  if (!Is(Tok::kRelation) && !(Is(Tok::kSuchThat) && !colon_stops_)) return left;
  std::vector<Expr> relations;
  Expr middle;
  const auto at_relation = [&] {
    return (Is(Tok::kRelation) && !(greater_stops_ && Now().text == ">")) || (Is(Tok::kSuchThat) && !colon_stops_);
  };
  if (!at_relation()) return left;
  bool set_side = false;
  while (at_relation()) {
    const std::string_view op = Is(Tok::kSuchThat) ? std::string_view("divides") : Now().text;
    ++at_;
    set_side =
        op == "in" || op == "notin" || op.starts_with("sub") || op.starts_with("sup") || op.starts_with("notsub") || op == "ni";
    const bool left_is_set = set_side && op != "in" && op != "notin";
    Expr first = relations.empty() ? (left_is_set ? SetOperand(std::move(left)) : Element(std::move(left))) : std::move(middle);
    Node right = ParseRatio();
    Expr second = set_side && op != "ni" ? SetOperand(std::move(right)) : Element(std::move(right));
    if (at_relation()) middle = Copy(second);
    relations.push_back(MakeRelation(op, std::move(first), std::move(second)));
  }
  if (relations.size() == 1) return {std::move(relations[0]), Wrap::kNone};
  return {WithArgs(Kind::kAnd, "", std::move(relations)), Wrap::kNone};
}

namespace {

bool TwoDigits(const Expr& e) { return e.kind == Kind::kInteger && e.text.size() == 2 && e.text[0] < '6'; }

}  // namespace

Parser::Node Parser::ParseRatio() {
  const bool minute_may_follow = Is(Tok::kNumber);
  Node first = ParseSets();
  if (Is(Tok::kText) && first.e.kind == Kind::kInteger && first.e.text.size() <= 2 && IsHalfDay(Lower(Now().text))) {  // 5 p.m.
    const char half = Lower(Now().text)[0];
    ++at_;
    return {Make(Kind::kTime, half == 'a' ? "am" : "pm", Number(std::move(first)), Leaf(Kind::kInteger, "00")), Wrap::kNone};
  }
  // 3 to 2
  const bool to = Is(Tok::kWord) && Now().text == "to" && first.e.kind == Kind::kInteger && Ahead().type == Tok::kNumber &&
                  (Ahead(2).type == Tok::kEnd || (Ahead(2).type == Tok::kWord && Ahead(2).text == "to"));
  if (to) {
    for (std::size_t i = at_; i < tokens_.size(); ++i) {
      if (tokens_[i].type == Tok::kWord && tokens_[i].text == "to") tokens_[i].type = Tok::kColon;
    }
  }
  if (!Is(Tok::kColon) || colon_stops_) return first;
  std::vector<Expr> parts;
  parts.push_back(Number(std::move(first)));
  while (Take(Tok::kColon)) parts.push_back(Number(ParseSets()));
  // 12:00, 1:03 PM, 4:51:06 p.m.
  std::string half;
  if (Is(Tok::kText) && IsHalfDay(Lower(Now().text))) {
    half = Lower(Now().text)[0] == 'a' ? "am" : "pm";
    ++at_;
  }
  const bool clock = minute_may_follow && parts.size() <= 3 && parts[0].kind == Kind::kInteger && parts[0].text.size() <= 2 &&
                     std::all_of(parts.begin() + 1, parts.end(), TwoDigits);
  if (clock && (!half.empty() || parts.back().text[0] == '0' || parts[1].text[0] == '0' || parts[0].text[0] == '0')) {
    return {WithArgs(Kind::kTime, half, std::move(parts)), Wrap::kNone};
  }
  if (!half.empty()) FailWords();
  if (HoldsWords(parts)) {
    GiveUpOnWords();
    return {std::move(parts[0]), Wrap::kNone};
  }
  return {WithArgs(Kind::kRatio, "", std::move(parts)), Wrap::kNone};
}

Parser::Node Parser::ParseSets() {
  Node left = ParseSum();
  while (Is(Tok::kSetOperator)) {
    const std::string_view op = Now().text;
    ++at_;
    Expr right = SetOperand(ParseSum());
    if (op != "setminus" && left.wrap == Wrap::kNone && left.e.kind == Kind::kCall && left.e.text == op) {
      left.e.args.push_back(std::move(right));
    } else {
      std::vector<Expr> args;
      args.push_back(SetOperand(std::move(left)));
      args.push_back(std::move(right));
      left = {Call(op, std::move(args)), Wrap::kNone};
    }
  }
  return left;
}

}  // namespace mathcoder::math
