#include "math/parser.h"

#include <algorithm>

namespace mathcoder::math {
namespace {

bool HoldsNoWords(Kind kind) {
  switch (kind) {
    case Kind::kAdd:
    case Kind::kMultiply:
    case Kind::kDivide:
    case Kind::kPower:
    case Kind::kNegate:
    case Kind::kPlusMinus:
    case Kind::kPercent:
    case Kind::kDegree:
    case Kind::kUnit:
    case Kind::kMoney:
    case Kind::kMixed:
    case Kind::kRatio:
      return true;
    default:
      return false;
  }
}
bool IsStatement(Kind kind) {
  return kind == Kind::kRelation || kind == Kind::kAnd || kind == Kind::kOr || kind == Kind::kImplies || kind == Kind::kList;
}

}  // namespace

Parser::Parser(std::string_view source, Lexed lexed, const ReadOptions& options)
    : source_(source), tokens_(std::move(lexed.tokens)), options_(options), latex_(lexed.latex), doubts_(lexed.doubts) {}

Expr Parser::ParseAll() {
  bool word_or = false, rows = false;
  if (Is(Tok::kEnd)) Fail("nothing to read");
  // "= 5", "\approx 8.24": the answer follows the sign
  if (Is(Tok::kRelation) && (Now().text == "=" || Now().text == "~") && Ahead().type != Tok::kEnd) ++at_;
  std::vector<Expr> parts = ParseParts(true, &word_or, &rows);
  Expr e = ListOf(std::move(parts), word_or);
  if (Is(Tok::kWord) && Now().text == "." && Ahead().type == Tok::kEnd) ++at_;
  if (!Is(Tok::kEnd)) {
    if (Is(Tok::kWord) || Is(Tok::kText) || Is(Tok::kUnit) || tokens_[at_ > 0 ? at_ - 1 : 0].type == Tok::kWord ||
        tokens_[at_ > 0 ? at_ - 1 : 0].type == Tok::kText) {
      GiveUpOnWords();
      return e;
    }
    FailHere("an operator or the end");
  }
  if (rename_i_) Rename(&e, "i");
  if (rename_e_) Rename(&e, "e");
  return e;
}

bool Parser::Take(Tok type) {
  if (!Is(type)) return false;
  ++at_;
  return true;
}

void Parser::Expect(Tok type, const char* what) {
  if (!Take(type)) FailHere(what);
}

bool Parser::AtStop() const {
  switch (Now().type) {
    case Tok::kEnd:
    case Tok::kClose:
    case Tok::kRightBrace:
    case Tok::kRowBreak:
    case Tok::kEndEnvironment:
      return true;
    case Tok::kAmpersand:
      return brackets_ > 0;
    default:
      return false;
  }
}

std::size_t Parser::Closing(std::size_t open) const {
  const std::uint32_t close = tokens_[open].close;
  return close > open && close < tokens_.size() ? close : tokens_.size() - 1;
}

void Parser::Fail(const std::string& message) const { throw ParseFailure{{Now().begin, message}, false}; }

void Parser::FailHere(const char* expected) const {
  const Token& token = Now();
  std::string message = "expected ";
  message += expected;
  message += ", found ";
  if (token.type == Tok::kEnd) {
    message += "the end";
  } else {
    message += "'";
    message += Source(token).substr(0, 40);
    message += "'";
  }
  const bool words = token.type == Tok::kWord || token.type == Tok::kText || token.type == Tok::kUnit;
  throw ParseFailure{{token.begin, std::move(message)}, words};
}

void Parser::FailWords() const { throw ParseFailure{{Now().begin, "words between mathematics"}, true}; }

void Parser::GiveUpOnWords() {
  constexpr std::size_t kTop = 2;  // a statement and a sum
  if (depth_ > kTop) FailWords();
  if (!gave_up_) gave_up_ = ReadError{Now().begin, "words between mathematics"};
  at_ = tokens_.size() - 1;
}

bool Parser::HoldsWords(const std::vector<Expr>& args) {
  const auto first = std::find_if(args.begin(), args.end(), [](const Expr& arg) {
    return arg.kind == Kind::kText || arg.kind == Kind::kChoice || arg.kind == Kind::kList;
  });
  return first != args.end() && first->kind != Kind::kList;
}

Expr Parser::Leaf(Kind kind, std::string_view text) {
  if (++nodes_ > options_.max_nodes) Fail("more than " + std::to_string(options_.max_nodes) + " nodes");
  Expr e;
  e.kind = kind;
  e.text = text;
  return e;
}

Expr Parser::WithArgs(Kind kind, std::string_view text, std::vector<Expr> args) {
  Expr e = Leaf(kind, text);
  e.args = std::move(args);
  CheckArguments(e);
  return e;
}

void Parser::CheckArguments(const Expr& e) const {
  if (!HoldsNoWords(e.kind)) {
    if (e.kind == Kind::kText) FailWords();
    return;
  }
  for (const Expr& arg : e.args) {
    if (arg.kind == Kind::kText || arg.kind == Kind::kChoice) FailWords();
    if (arg.kind == Kind::kList && e.kind != Kind::kPower) Fail("a list inside arithmetic");
  }
}

Expr Parser::Copy(const Expr& e) {
  const auto count = [](const auto& self, const Expr& x) -> std::size_t {
    std::size_t n = 1;
    for (const Expr& arg : x.args) n += self(self, arg);
    return n;
  };
  nodes_ += count(count, e);
  if (nodes_ > options_.max_nodes) Fail("more than " + std::to_string(options_.max_nodes) + " nodes");
  return e;
}

Expr Parser::Number(Node node) {
  const bool holder = (node.wrap == Wrap::kBrackets && node.e.kind == Kind::kGroup && node.e.args.size() == 1) ||
                      (node.wrap == Wrap::kSetBraces && node.e.kind == Kind::kSet && node.e.args.size() == 1);
  if (holder) {
    Expr inner = std::move(node.e.args[0]);
    return inner;
  }
  return std::move(node.e);
}

Expr Parser::Element(Node node) { return std::move(node.e); }

Expr Parser::SetOperand(Node node) {
  if (node.wrap == Wrap::kBraces && node.e.kind != Kind::kSet && !IsStatement(node.e.kind)) {
    return Make(Kind::kSet, "", std::move(node.e));
  }
  return std::move(node.e);
}

}  // namespace mathcoder::math
