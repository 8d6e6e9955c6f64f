// Tokens into the tree: one recursive descent by precedence (docs/math.md lists it), spread over parse_*.cc. Internal to read.cc.
//
// Every decision looks at a bounded number of tokens, or once over one bracket's content; nothing is parsed twice. Recursion is
// bounded by ReadOptions::max_depth.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "math/lexer.h"
#include "math/read.h"

namespace mathcoder::math {

// Thrown inside the reader, caught by ReadMath.
struct ParseFailure {
  ReadError error;
  bool words = false;  // it was words that did not fit: the text may be prose
};

class Parser {
 public:
  Parser(std::string_view source, Lexed lexed, const ReadOptions& options);
  // Throws ParseFailure.
  Expr ParseAll();
  // Also where ParseAll threw: at what it came to.
  const Doubts& doubts() const { return doubts_; }
  // Set: the text does not read, and what ParseAll returned is nothing. As a throw of FailWords, which costs more than the rest of
  // reading a sentence.
  const std::optional<ReadError>& gave_up() const { return gave_up_; }

 private:
  // What surrounded an expression, since {x} and [x] are more than x only where a set or a list is meant.
  enum class Wrap : std::uint8_t { kNone, kParentheses, kBrackets, kBraces, kSetBraces };
  struct Node {
    Expr e;
    Wrap wrap = Wrap::kNone;
  };
  struct Integral {
    std::string variable;  // empty until its differential is met
  };
  class Deeper {
   public:
    explicit Deeper(Parser* parser) : parser_(parser) {
      // What the tree's depth allows, and as much again for brackets that leave no node.
      if (++parser_->depth_ > 2 * parser_->options_.max_depth + 8) parser_->Fail("nested too deeply");
    }
    ~Deeper() { --parser_->depth_; }

   private:
    Parser* parser_;
  };

  // ---- tokens
  const Token& Now() const { return tokens_[at_]; }
  const Token& Ahead(std::size_t n = 1) const { return tokens_[at_ + n < tokens_.size() ? at_ + n : tokens_.size() - 1]; }
  bool Is(Tok type) const { return Now().type == type; }
  bool IsOpen(std::string_view text) const { return Is(Tok::kOpen) && Now().text == text; }
  bool IsLetter(std::string_view letter) const { return Is(Tok::kLetter) && Now().text == letter; }
  bool Take(Tok type);
  void Expect(Tok type, const char* what);
  bool AtStop() const;  // end, a closing bracket, a cell's or a row's end
  std::string_view Source(const Token& token) const { return source_.substr(token.begin, token.end - token.begin); }
  // The index of the bracket that closes the one at `open`; tokens_.size() - 1 where none.
  std::size_t Closing(std::size_t open) const;
  [[noreturn]] void Fail(const std::string& message) const;
  [[noreturn]] void FailHere(const char* expected) const;  // "expected ..., found ..."
  [[noreturn]] void FailWords() const;
  // FailWords where the parser may be deep inside; at the top it notes the failure and goes to the end, from where every caller
  // returns.
  void GiveUpOnWords();
  static bool HoldsWords(const std::vector<Expr>& args);  // that CheckArguments would fail for

  // ---- nodes; each counts against max_nodes
  template <typename... Args>
  Expr Make(Kind kind, std::string_view text, Args&&... args) {
    Expr e = Leaf(kind, text);
    e.args.reserve(sizeof...(args));
    (e.args.push_back(std::forward<Args>(args)), ...);
    CheckArguments(e);
    return e;
  }
  Expr Leaf(Kind kind, std::string_view text = {});
  Expr WithArgs(Kind kind, std::string_view text, std::vector<Expr> args);
  Expr Call(std::string_view name, std::vector<Expr> args) { return WithArgs(Kind::kCall, name, std::move(args)); }
  void CheckArguments(const Expr& e) const;  // no words inside arithmetic
  Expr Copy(const Expr& e);                  // counts the copy
  Expr Number(Node node);                    // as an operand of arithmetic: [x], {x} are x
  Expr Element(Node node);                   // as a part of a list
  Expr SetOperand(Node node);                // {1} is a set

  // ---- parse_list.cc: lists, statements, relations
  std::vector<Expr> ParseParts(bool top, bool* word_or, bool* rows);
  Expr ListOf(std::vector<Expr> parts, bool word_or);
  std::vector<Expr> GatherValues(std::vector<Expr> parts, bool word_or);
  Node ParseStatement();
  Node ParseOr();
  Node ParseAnd();
  Node ParseNot();
  Node ParseRelation();
  Expr MakeRelation(std::string_view op, Expr left, Expr right);
  Node ParseRatio();
  Node ParseSets();

  // ---- parse_arithmetic.cc
  Node ParseSum();
  Node ParseTerm(bool negative);
  Node ParseProduct(bool tight);  // side by side
  Node ParseSigned();
  Node ParsePower();
  Node ParsePostfix(Node base);
  Expr ParseExponent();
  Expr Degrees(Expr value, bool latex);
  bool StartsOperand() const;
  bool IsDifferential() const;
  void TakeDifferential();
  bool AtUnit(const Expr& before) const;
  Expr ParseUnit(Expr value);
  bool TakeUnitPower(std::string* unit);
  bool IsWordOfUnit() const;
  static bool IsSumOfUnits(const Expr& large, const Expr& small);

  // ---- parse_atom.cc
  Node ParseAtom();
  Node ParseNumber();
  Expr PlainNumber(const Token& token);
  bool MixedFollows() const;
  Node ParseSymbol();
  bool AppliesHere(std::string_view name, bool primed) const;
  std::string ParseSubscript();
  bool PowerBeforeSubscript() const;
  Expr SubscriptAfterPower(std::string name);
  Expr ParseScript();
  bool AtPrescript() const;
  Expr ParsePrescript();
  Expr ParseMoney();
  // ---- parse_words.cc
  Node ParseWords();
  void TakeSpelledRest(std::string* words);
  bool AtWordsEnd() const;
  bool TakesExpression(const std::string& words, Expr* e);

  Expr ParseArgument(const char* of);  // LaTeX's: a group or one token
  Expr Digit();                        // one digit of a number: \frac12
  Expr ParseAccent();
  Expr ParseFigure();

  // ---- parse_bracket.cc
  bool AtSpacedNumbers() const;
  std::vector<Expr> ParseSpacedNumbers();
  Node ParseBracket();
  Node ParseBraces(bool escaped);
  Expr ParseVector();
  Expr SetBuilder(Expr element);
  Expr ParseEnvironment();
  bool AtCondition() const;
  bool AtOtherwise() const;
  Expr CasesOf(std::vector<std::vector<Expr>> rows);

  // ---- parse_call.cc
  Node ParseFunction();
  std::vector<Expr> ParseCallArguments(bool sets);
  Expr ParseBareArgument();
  Expr Finish(const Function& f, std::vector<Expr> args, bool latex);
  bool AtPythonCall() const;
  Node ParsePythonCall();
  Expr MatrixOf(std::vector<Expr> args);
  Expr PiecewiseOf(std::vector<Expr> args);
  Expr Bounded(std::string_view name, std::vector<Expr> args);

  // ---- parse_calculus.cc
  Node ParseFraction();
  bool AtDerivative(std::size_t numerator) const;
  Expr ParseDerivative();
  bool AtPlainDerivative() const;
  Expr ParsePlainDerivative();
  Node ParseRoot();
  Expr ParseBig();
  Expr ParseIntegral(int signs);
  Expr ParseLimit();
  void Rename(Expr* e, std::string_view constant);

  const std::string_view source_;
  std::vector<Token> tokens_;
  const ReadOptions& options_;
  const bool latex_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
  int brackets_ = 0;                          // open ones: no thing of the whole text stands here
  bool colon_stops_ = false;                  // in braces: {x : x > 2}
  bool greater_stops_ = false;                // in <1, 2>
  bool rename_i_ = false, rename_e_ = false;  // the text says "i = 2": a variable
  std::vector<Integral> integrals_;
  Doubts doubts_;
  std::optional<ReadError> gave_up_;
};

// The names that only programs use: Matrix, Eq, Interval.Lopen.
bool IsPythonName(std::string_view name);

}  // namespace mathcoder::math
