// The lexer's state and its steps; internal to lexer*.cc. Each step takes the index of its first byte and returns that behind its
// last.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "math/commands.h"
#include "math/lexer.h"

namespace mathcoder::math {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
inline bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
// A digit of 0x, 0b or 0o.
inline bool IsDigitOf(char base, char c) {
  if (base == 'b') return c == '0' || c == '1';
  if (base == 'o') return c >= '0' && c <= '7';
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

class Lexer {
 public:
  Lexer(std::string_view text, const ReadOptions& options) : text_(text), options_(options) {}
  Lexed Run();

 private:
  // Whether `$` delimits mathematics or is money: it delimits where the last one is not followed by a digit.
  void DecideDollars();
  char At(std::size_t i) const { return i < end_ ? text_[i] : '\0'; }
  bool Starts(std::size_t i, std::string_view what) const {
    return i + what.size() <= end_ && text_.compare(i, what.size(), what) == 0;
  }
  Token& Push(Tok type, std::size_t begin, std::size_t end, std::string_view text = {});
  void Fail(std::size_t at, std::string message);
  Tok Previous() const { return out_.tokens.empty() ? Tok::kEnd : out_.tokens.back().type; }
  // An operand that a unit may follow.
  bool AfterNumber() const;
  // Tokens of text_[begin, end). In text mode (inside \text) there are no commands left to expect.
  void Range(std::size_t begin, std::size_t end, bool in_text);

  // ---- lexer_numbers.cc
  bool ThreeDigits(std::size_t i) const {
    return IsDigit(At(i)) && IsDigit(At(i + 1)) && IsDigit(At(i + 2)) && !IsDigit(At(i + 3));
  }
  // Length of a group separator at i that three digits follow, 0: none.
  std::size_t Separator(std::size_t i) const;
  std::size_t Digits(std::size_t i) const;
  std::size_t PointGroups(std::size_t begin) const;
  std::size_t IndianGroups(std::size_t begin) const;
  // Digits and capital letters at [begin, end), a subscript behind them: a base in which they are digits.
  bool BaseFits(std::size_t begin, std::size_t end) const;
  std::size_t Number(std::size_t begin);
  // The end of \overline{3} or (3) at i, 0: none.
  std::size_t Repetend(std::size_t i) const;
  // The end of "..." or \ldots behind a decimal, 0: none.
  std::size_t Dots(std::size_t i) const;
  std::size_t Ordinal(std::size_t i) const;
  // Whether an interval may end before i.
  bool EndsInterval(std::size_t i) const;

  // ---- lexer_letters.cc
  bool OpensAt(std::size_t i) const;
  // "0.0 m/s": a single letter is a unit where a spaced number stands before it and nothing but a unit behind.
  bool LoneUnit(std::size_t i);
  bool UsualLoneUnit(std::size_t i) const;
  // With ReadOptions::second: wherever a number stands before it.
  bool SecondLoneUnit(std::size_t i) const;
  // Whether what ends at `end` is the whole of a list's part.
  bool StandsAlone(std::size_t end) const;
  bool TenToThe(std::size_t i) const;
  // Whether the text has no other letter, the e of an exponent apart.
  bool OnlyLetter(char letter) const;
  std::size_t BasedDigits(std::size_t begin) const;
  bool NegatesStatement(std::size_t i) const;
  // 4:30 p.m.
  std::size_t HalfDay(std::size_t begin, std::size_t end, std::string_view run);
  std::size_t Letters(std::size_t begin);
  // One token for the whole run, or 0.
  std::size_t Named(std::size_t begin, std::size_t end, std::string_view run);
  // sinx, xcosx, sinxcosx: functions of single variables and nothing else; "single" and "tank" are words.
  static bool FunctionsOfVariables(std::string_view run, bool call);
  // Letters one by one, with the functions and Greek names among them: sinx, xcosx, 2pir.
  void Split(std::size_t begin, std::size_t end);

  // ---- lexer_commands.cc
  // The end of the brace group that opens at i (which holds '{'), npos where it never closes.
  std::size_t GroupEnd(std::size_t i) const;
  std::size_t SkipSpace(std::size_t i) const;
  std::size_t Command(std::size_t begin, bool in_text);
  void PushSpelling(const Spelling& s, std::size_t begin, std::size_t end);
  std::size_t Punctuation(std::size_t begin, char c);
  std::size_t Delimiter(std::size_t begin, std::size_t end, Tok type);
  std::size_t Negated(std::size_t begin, std::size_t end);
  std::size_t Environment(std::size_t begin, std::size_t end, bool opens);
  // \char"000190
  std::size_t CharacterCode(std::size_t begin, std::size_t end);

  // ---- lexer_text.cc
  std::size_t Text(std::size_t begin, std::size_t end);
  std::size_t Styled(std::size_t begin, std::size_t end, std::string_view command);
  std::size_t Blackboard(std::size_t begin, std::size_t end);
  std::size_t Variable(std::size_t begin, std::size_t end);

  // ---- lexer_signs.cc
  std::size_t Sign(std::size_t begin);
  std::size_t Ascii(std::size_t begin);
  bool Quote(std::size_t i);
  bool AfterStatement() const;
  static bool EndsOperand(Tok type);

  const std::string_view text_;
  const ReadOptions& options_;
  Lexed out_;
  std::size_t end_ = 0;
  std::string brackets_;                        // 'g': a group that is an argument; '(': a list may stand here
  std::vector<std::string_view> environments_;  // the kinds of those that are open
  bool dollars_delimit_ = false;
  bool space_ = false;
  char quote_ = 0;  // the quotation mark that is open
};

}  // namespace mathcoder::math
