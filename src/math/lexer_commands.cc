// LaTeX commands, delimiters and environments.
#include <algorithm>

#include "math/lexer_state.h"
#include "math/words.h"

namespace mathcoder::math {

std::size_t Lexer::GroupEnd(std::size_t i) const {
  int depth = 0;
  for (; i < end_; ++i) {
    if (text_[i] == '\\') {
      ++i;
    } else if (text_[i] == '{') {
      ++depth;
    } else if (text_[i] == '}' && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

std::size_t Lexer::SkipSpace(std::size_t i) const {
  while (IsSpace(At(i))) ++i;
  return i;
}

std::size_t Lexer::Command(std::size_t begin, bool in_text) {
  const char next = At(begin + 1);
  if (!IsLetter(next)) return Punctuation(begin, next);
  std::size_t end = begin + 1;
  while (IsLetter(At(end))) ++end;
  std::string_view name = text_.substr(begin + 1, end - begin - 1);
  if (At(end) == '*' && (name == "operatorname" || name == "hspace" || name == "vspace")) ++end;
  if (name == "begin" || name == "end") return Environment(begin, end, name == "begin");
  if (name == "char") return CharacterCode(begin, end);
  switch (MarkupOf(name)) {
    case Markup::kSpace:
      space_ = true;
      return end;
    case Markup::kLeft:
      return Delimiter(begin, end, Tok::kOpen);
    case Markup::kRight:
      return Delimiter(begin, end, Tok::kClose);
    case Markup::kText:
      return in_text ? end : Text(begin, end);
    case Markup::kStyle:
    case Markup::kOperatorName:
      return Styled(begin, end, name);
    case Markup::kBlackboard:
      return Blackboard(begin, end);
    case Markup::kName:
      return Variable(begin, end);
    case Markup::kTransparent:
      return end;
    case Markup::kSkipArgument: {
      const std::size_t open = SkipSpace(end);
      if (At(open) != '{') return open < end_ ? open + 1 : open;
      const std::size_t close = GroupEnd(open);
      return close == std::string_view::npos ? end_ : close + 1;
    }
    case Markup::kNone:
      break;
  }
  if (name == "not") return Negated(begin, end);
  if (const Spelling* found = FindCommand(name)) {
    PushSpelling(*found, begin, end);
    return end;
  }
  if (const Function* f = FindFunction(name)) {
    Token& token = Push(Tok::kFunction, begin, end);
    token.function = f;
    token.latex = true;
    return end;
  }
  const Spelling* prefix = FindCommandPrefix(name);
  const Function* function = FindBarePrefix(name);
  if (function != nullptr && (prefix == nullptr || function->spelled.size() > prefix->name.size())) {
    Token& token = Push(Tok::kFunction, begin, begin + 1 + function->spelled.size());
    token.function = function;
    token.latex = true;
    return begin + 1 + function->spelled.size();
  }
  if (prefix != nullptr) {
    PushSpelling(*prefix, begin, begin + 1 + prefix->name.size());
    return begin + 1 + prefix->name.size();
  }
  for (std::size_t length = std::min<std::size_t>(name.size(), 8); length >= 3; --length) {
    if (MarkupOf(name.substr(0, length)) == Markup::kSpace) {
      space_ = true;
      return begin + 1 + length;
    }
  }
  Fail(begin, "unknown command \\" + std::string(name));
  return end_;
}

void Lexer::PushSpelling(const Spelling& s, std::size_t begin, std::size_t end) {
  if (s.type == Tok::kBar && s.count == 2) {
    Push(Tok::kBar, begin, end);
    Push(Tok::kBar, begin, end);
    return;
  }
  Token& token = Push(s.type, begin, end, s.text);
  token.latex = true;
  token.count = s.count;
  if (s.type == Tok::kOpen) brackets_.push_back('(');
  if (s.type == Tok::kClose && !brackets_.empty()) brackets_.pop_back();
}

std::size_t Lexer::Punctuation(std::size_t begin, char c) {
  // "R \ {0}", "A \ B": with blanks on both sides of it, between sets, the backslash is the difference, no space of LaTeX
  if (c == ' ' && space_ && !out_.tokens.empty()) {
    const Token& before = out_.tokens.back();
    const std::size_t next = SkipSpace(begin + 1);
    const auto capital = [](char letter) { return letter >= 'A' && letter <= 'Z'; };
    const bool set =
        (before.type == Tok::kLetter && capital(before.text[0])) || (before.type == Tok::kName && before.text == "Reals");
    if (set && (At(next) == '{' || (capital(At(next)) && !IsLetter(At(next + 1))))) {
      PushSpelling(*FindCommand("setminus"), begin, begin + 1);
      return begin + 1;
    }
  }
  switch (c) {
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      // a row break that lost one of its backslashes on the way
      if (!environments_.empty()) {
        Push(Tok::kRowBreak, begin, begin + 1);
        return begin + 1;
      }
      if (c != '-') {
        Fail(begin, std::string("unknown command \\") + c);
        return end_;
      }
      [[fallthrough]];
    case '!':
    case ',':
    case ';':
    case ':':
    case '>':
    case ' ':
    case '\n':
    case '\t':
    case '/':
      space_ = space_ || c != '!';
      return begin + 2;
    case '(':
    case ')':
    case '[':
    case ']':  // delimiters of mathematics in text
      space_ = true;
      return begin + 2;
    case '{':
      Push(Tok::kOpen, begin, begin + 2, "{");
      brackets_.push_back('(');
      return begin + 2;
    case '}':
      Push(Tok::kClose, begin, begin + 2, "{");
      if (!brackets_.empty()) brackets_.pop_back();
      return begin + 2;
    case '|':
      Push(Tok::kBar, begin, begin + 2);
      Push(Tok::kBar, begin, begin + 2);
      return begin + 2;
    case '%':
      Push(Tok::kPercent, begin, begin + 2).latex = true;
      return begin + 2;
    case '$':
      Push(Tok::kMoney, begin, begin + 2, "$").latex = true;
      return begin + 2;
    case '&':
      Push(Tok::kWordAnd, begin, begin + 2);
      return begin + 2;
    case '_':
      Push(Tok::kUnderscore, begin, begin + 2);
      return begin + 2;
    case '\\': {
      std::size_t end = begin + 2;
      // \\n and \\frac in a string that was escaped twice are commands
      if (IsLetter(At(end))) {
        std::size_t letters = end;
        while (IsLetter(At(letters))) ++letters;
        const std::string_view name = text_.substr(end, letters - end);
        if (name.size() > 1 && environments_.empty() && (FindCommand(name) != nullptr || MarkupOf(name) != Markup::kNone))
          return begin + 1;
      }
      Push(Tok::kRowBreak, begin, end);
      return end;
    }
    default:
      Fail(begin, c == '\0' ? "a backslash without a command" : std::string("unknown command \\") + c);
      return end_;
  }
}

std::size_t Lexer::Delimiter(std::size_t begin, std::size_t end, Tok type) {
  end = SkipSpace(end);
  std::string_view text;
  const char c = At(end);
  std::size_t after = end + 1;
  switch (c) {
    case '(':
    case ')':
      text = "(";
      break;
    case '[':
    case ']':
      text = "[";
      break;
    case '{':
    case '}':
      text = "{";
      break;
    case '<':
    case '>':
      text = "<";
      break;
    case '|':
      text = "|";
      break;
    case '.':
      text = ".";
      break;
    case '/':
      text = ".";
      break;
    case '\\': {
      if (At(end + 1) == '{' || At(end + 1) == '}') {
        text = "{";
        after = end + 2;
      } else if (At(end + 1) == '|') {
        text = "norm";
        after = end + 2;
      } else {
        std::size_t letters = end + 1;
        while (IsLetter(At(letters))) ++letters;
        const std::string_view name = text_.substr(end + 1, letters - end - 1);
        const Spelling* found = FindCommand(name);
        if (found == nullptr) found = FindCommandPrefix(name);
        if (found != nullptr && (found->type == Tok::kOpen || found->type == Tok::kClose || found->type == Tok::kBar)) {
          text = found->type == Tok::kBar ? std::string_view(found->count == 2 ? "norm" : "|") : found->text;
          after = end + 1 + found->name.size();
          if (found->type != Tok::kBar) type = found->type == Tok::kOpen && type == Tok::kClose ? type : type;
        }
      }
      break;
    }
    default:
      break;
  }
  if (text.empty()) {
    Fail(end, "expected a delimiter after \\left or \\right");
    return end_;
  }
  // \left] and \right[ are the outward brackets of an open interval
  Token& token = Push(type, begin, after, text);
  if ((c == ']' && type == Tok::kOpen) || (c == '[' && type == Tok::kClose)) token.text = "(";
  token.hard = true;
  token.latex = true;
  if (type == Tok::kOpen) {
    brackets_.push_back('(');
  } else if (!brackets_.empty()) {
    brackets_.pop_back();
  }
  return after;
}

std::size_t Lexer::Negated(std::size_t begin, std::size_t end) {
  end = SkipSpace(end);
  if (At(end) == '=') {
    Push(Tok::kRelation, begin, end + 1, "!=");
    return end + 1;
  }
  const std::size_t at = out_.tokens.size();
  const std::size_t after = At(end) == '\\' ? Command(end, false) : end;
  if (out_.tokens.size() == at + 1 && out_.tokens.back().type == Tok::kRelation) {
    std::string_view& text = out_.tokens.back().text;
    if (text == "in")
      text = "notin";
    else if (text == "subset")
      text = "notsubset";
    else if (text == "subseteq")
      text = "notsubseteq";
    else if (text == "equiv")
      text = "!=";
    else
      Fail(begin, "\\not before a relation that has no negation here");
    return after;
  }
  Fail(begin, "\\not must stand before a relation");
  return end_;
}

std::size_t Lexer::Environment(std::size_t begin, std::size_t end, bool opens) {
  std::size_t open = SkipSpace(end);
  const std::size_t close = At(open) == '{' ? GroupEnd(open) : std::string_view::npos;
  if (close == std::string_view::npos) {
    Fail(begin, "expected {name} after \\begin or \\end");
    return end_;
  }
  std::string_view name = text_.substr(open + 1, close - open - 1);
  if (!name.empty() && name.back() == '*') name.remove_suffix(1);
  std::string_view kind;
  for (std::string_view s : {"matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "psmallmatrix", "bsmallmatrix"}) {
    if (name == s) kind = "matrix";
  }
  if (name == "vmatrix" || name == "Vmatrix") kind = "det";
  if (name == "array" || name == "tabular") kind = "array";
  if (name == "cases" || name == "dcases" || name == "rcases") kind = "cases";
  for (std::string_view s :
       {"aligned", "align", "gathered", "gather", "split", "equation", "alignat", "eqnarray", "multline", "center"}) {
    if (name == s) kind = "rows";
  }
  if (kind.empty()) {
    Fail(begin, "unknown environment {" + std::string(name) + "}");
    return end_;
  }
  std::size_t after = close + 1;
  if (opens) {
    environments_.push_back(kind);
    if (kind == "array" && At(SkipSpace(after)) == '{') {
      const std::size_t columns = GroupEnd(SkipSpace(after));
      if (columns != std::string_view::npos) after = columns + 1;
    }
    brackets_.push_back('(');
  } else {
    if (!environments_.empty()) environments_.pop_back();
    if (!brackets_.empty()) brackets_.pop_back();
  }
  Push(opens ? Tok::kBegin : Tok::kEndEnvironment, begin, after, kind);
  return after;
}

std::size_t Lexer::CharacterCode(std::size_t begin, std::size_t end) {
  if (At(end) != '"') {
    Fail(begin, "expected a hexadecimal code after \\char");
    return end_;
  }
  std::size_t i = end + 1;
  std::uint32_t code = 0;
  for (std::size_t n = 0; n < 6 && i < end_; ++n, ++i) {
    const char c = text_[i];
    if (IsDigit(c))
      code = code * 16 + static_cast<std::uint32_t>(c - '0');
    else if (c >= 'A' && c <= 'F')
      code = code * 16 + static_cast<std::uint32_t>(c - 'A' + 10);
    else
      break;
  }
  // U+0190 is the open E that some keyboards give for epsilon
  if (code == 0x190 || code == 0x25B || code == 0x3B5 || code == 0x3F5) {
    Push(Tok::kName, begin, i, "epsilon");
    return i;
  }
  Fail(begin, "unknown character code");
  return end_;
}

bool Lexer::EndsOperand(Tok type) {
  switch (type) {
    case Tok::kNumber:
    case Tok::kLetter:
    case Tok::kName:
    case Tok::kConstant:
    case Tok::kWord:
    case Tok::kUnit:
    case Tok::kText:
    case Tok::kClose:
    case Tok::kRightBrace:
    case Tok::kBang:
    case Tok::kPercent:
    case Tok::kDegree:
    case Tok::kPrime:
    case Tok::kEllipsis:
    case Tok::kEndEnvironment:
    case Tok::kVulgar:
    case Tok::kSuperscript:
      return true;
    default:
      return false;
  }
}

}  // namespace mathcoder::math
