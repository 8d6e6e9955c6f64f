// Signs: Unicode and ASCII.
#include <algorithm>
#include <tuple>

#include "math/lexer_state.h"
#include "math/words.h"

namespace mathcoder::math {

std::size_t Lexer::Sign(std::size_t begin) {
  const std::string_view rest = text_.substr(begin, end_ - begin);
  // Spaces: U+00A0, U+2000 to U+200B, U+202F, U+3000; marks that show nothing: U+FE0F, U+FEFF, U+2061 to U+2064
  if (rest.starts_with("\xC2\xA0")) {
    space_ = true;
    return begin + 2;
  }
  if (rest.size() >= 3) {
    const std::string_view three = rest.substr(0, 3);
    if ((three.starts_with("\xE2\x80") && (static_cast<unsigned char>(three[2]) <= 0x8B || three[2] == '\xAF')) ||
        three == "\xE3\x80\x80" || three == "\xEF\xB8\x8F" || three == "\xEF\xBB\xBF" ||
        (three.starts_with("\xE2\x81") && three[2] >= '\xA1' && three[2] <= '\xA4')) {
      space_ = true;
      return begin + 3;
    }
  }
  if (const Spelling* found = FindSign(rest)) {
    const std::size_t end = begin + found->name.size();
    if (found->type == Tok::kSuperscript && Previous() == Tok::kSuperscript && !space_) {
      // x¹²: one exponent; its digits are collected by the parser, token by token
    }
    PushSpelling(*found, begin, end);
    out_.tokens.back().latex = false;
    return end;
  }
  // Letters of other scripts are words.
  std::size_t end = begin;
  while (end < end_ && (static_cast<unsigned char>(text_[end]) >= 0x80 || IsLetter(text_[end]))) {
    if (end > begin && static_cast<unsigned char>(text_[end]) >= 0xC0 && FindSign(text_.substr(end, end_ - end)) != nullptr) break;
    ++end;
  }
  Push(Tok::kWord, begin, end, text_.substr(begin, end - begin));
  return end;
}

// Quotation marks around a whole part, as Python prints a string: Decimal('0.5'), ['1', '2']. They are no part of it; a prime
// stands behind an operand.
bool Lexer::Quote(std::size_t i) {
  if (quote_ == text_[i]) {
    quote_ = 0;
    return true;
  }
  if (quote_ != 0 || EndsOperand(Previous()) || text_.find(text_[i], i + 1) == std::string_view::npos) return false;
  quote_ = text_[i];
  return true;
}

// Behind brackets that hold a statement: & and | join statements there, as sympy prints them; (x - 1) | (x^2 - 1) divides.
bool Lexer::AfterStatement() const {
  if (Previous() != Tok::kClose || out_.tokens.back().text != "(") return false;
  int depth = 0;
  bool relation = false;
  for (std::size_t k = out_.tokens.size(), looked = 0; k-- > 0 && looked < 64; ++looked) {
    const Token& token = out_.tokens[k];
    if (token.type == Tok::kClose) ++depth;
    if (token.type == Tok::kOpen && --depth == 0) return relation;
    relation = relation || token.type == Tok::kRelation || token.type == Tok::kLogic;
  }
  return false;
}

std::size_t Lexer::Ascii(std::size_t i) {
  const char next = At(i + 1);
  const auto one = [&](Tok type, std::string_view text = {}) {
    Push(type, i, i + 1, text);
    return i + 1;
  };
  const auto two = [&](Tok type, std::string_view text = {}) {
    Push(type, i, i + 2, text);
    return i + 2;
  };
  switch (text_[i]) {
    case '+':
      return next == '/' && At(i + 2) == '-' ? (Push(Tok::kPlusMinus, i, i + 3), i + 3) : one(Tok::kPlus);
    case '-':
      if (next == '>') return two(Tok::kRelation, "maps");
      if (next == '=') return two(Tok::kRelation, "equiv");
      return one(Tok::kMinus);
    case '*':
      return next == '*' ? two(Tok::kCaret) : one(Tok::kTimes, "*");
    case '/':
      return next == '/' ? two(Tok::kSlash, "//") : one(Tok::kSlash);
    case '^':
      return one(Tok::kCaret);
    case '_':
      if (Starts(i, "_|_")) return Push(Tok::kRelation, i, i + 3, "perpendicular"), i + 3;
      return one(Tok::kUnderscore);
    case '!':
      if (next == '=' && At(i + 2) != '=') {
        // n! = 6 without its space: a factorial stands tight behind a number or a bracket
        const bool factorial = !space_ && (Previous() == Tok::kNumber || Previous() == Tok::kClose);
        if (!factorial) return two(Tok::kRelation, "!=");
      }
      return one(Tok::kBang);
    case '=':
      if (next == '=') return two(Tok::kRelation, "=");
      if (next == '>') return two(Tok::kLogic, "implies");
      if (next == '<') return two(Tok::kRelation, "<=");
      return one(Tok::kRelation, "=");
    case '<':
      if (next == '=' && At(i + 2) == '>') return Push(Tok::kLogic, i, i + 3, "iff"), i + 3;
      if (next == '=') return two(Tok::kRelation, "<=");
      if (next == '>') return two(Tok::kRelation, "!=");
      return one(Tok::kRelation, "<");
    case '>':
      return next == '=' ? two(Tok::kRelation, ">=") : one(Tok::kRelation, ">");
    case ':':
      if (next == '=') return two(Tok::kRelation, "=");
      return one(Tok::kColon);
    case ',':
      return one(Tok::kComma);
    case ';':
      return one(Tok::kSemicolon);
    case '|':
      if (next != '|' && AfterStatement() && At(SkipSpace(i + 1)) == '(') return one(Tok::kLogic, "or");
      return one(Tok::kBar);
    case '(':
    case '[':
      // ]0, 1[: the outward brackets of an open interval
      if (text_[i] == '[' && !brackets_.empty() && (brackets_.back() == 'o' || brackets_.back() == '[') &&
          EndsOperand(Previous()) && EndsInterval(i + 1)) {
        brackets_.pop_back();
        return one(Tok::kClose, "(");
      }
      brackets_ += text_[i];
      return one(Tok::kOpen, text_.substr(i, 1));
    case ')':
    case ']':
      if (text_[i] == ']' && brackets_.empty() && !EndsOperand(Previous())) {
        brackets_ += 'o';
        return one(Tok::kOpen, "(");
      }
      if (!brackets_.empty()) brackets_.pop_back();
      return one(Tok::kClose, text_[i] == ')' ? "(" : "[");
    case '{': {
      if (AfterNumber() && options_.units) {  // 48{grams}
        std::size_t end = i + 1;
        while (IsLetter(At(end))) ++end;
        if (At(end) == '}' && IsUnitWord(text_.substr(i + 1, end - i - 1))) {
          Push(Tok::kUnit, i, end + 1, text_.substr(i + 1, end - i - 1));
          return end + 1;
        }
      }
      const Tok before = Previous();
      const bool argument = before == Tok::kFraction || before == Tok::kRoot || before == Tok::kCaret ||
                            before == Tok::kUnderscore || before == Tok::kRightBrace || before == Tok::kAccent ||
                            before == Tok::kFunction || before == Tok::kMoney;
      brackets_ += argument ? 'g' : '(';
      return one(Tok::kLeftBrace);
    }
    case '}':
      if (!brackets_.empty()) brackets_.pop_back();
      return one(Tok::kRightBrace);
    case '%':
      return one(Tok::kPercent);
    case '\'':
      if (Quote(i)) return i + 1;
      return one(Tok::kPrime), out_.tokens.back().count = 1, i + 1;
    case '$':
      if (dollars_delimit_) {
        space_ = true;
        return i + 1;
      }
      return one(Tok::kMoney, "$");
    case '~':
      if (next == '~' && !out_.latex) return two(Tok::kRelation, "~");
      // a space in LaTeX, a negation in front of a bracket in Python
      if (!out_.latex && next == '(') return one(Tok::kNot);
      space_ = true;
      return i + 1;
    case '&':
      for (const auto& [entity, tok, text] : {std::tuple{"&nbsp;", Tok::kEnd, ""},
                                              {"&lt;", Tok::kRelation, "<"},
                                              {"&gt;", Tok::kRelation, ">"},
                                              {"&minus;", Tok::kMinus, ""},
                                              {"&times;", Tok::kTimes, "*"}}) {
        const std::size_t length = std::string_view(entity).size();
        if (!Starts(i, entity)) continue;
        if (tok == Tok::kEnd)
          space_ = true;
        else
          Push(tok, i, i + length, text);
        return i + length;
      }
      if (environments_.empty() && AfterStatement()) return one(Tok::kLogic, "and");
      if (!environments_.empty() && environments_.back() == "rows") {  // only aligns
        space_ = true;
        return i + 1;
      }
      return one(Tok::kAmpersand);
    case '.':
      if (next == '.' && At(i + 2) == '.') {
        Push(Tok::kEllipsis, i, i + 3);
        return i + 3;
      }
      return one(Tok::kWord, ".");
    case '"':
      if (Quote(i)) return i + 1;
      return one(Tok::kWord, "\"");
    case '`':
    case '?':
      return one(Tok::kWord, text_.substr(i, 1));
    default:
      Fail(i, std::string("a character that is no mathematics: '") + text_[i] + "'");
      return end_;
  }
}

}  // namespace mathcoder::math
