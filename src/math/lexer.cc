#include <algorithm>

#include "math/lexer_state.h"
#include "math/words.h"

namespace mathcoder::math {

Lexed Lexer::Run() {
  out_.tokens.reserve(text_.size() / 2 + 4);
  DecideDollars();
  out_.latex = text_.find('\\') != std::string_view::npos;
  Range(0, text_.size(), false);
  Push(Tok::kEnd, text_.size(), text_.size());
  return std::move(out_);
}

void Lexer::DecideDollars() {
  std::size_t count = 0, last = 0;
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\\') {
      ++i;
    } else if (text_[i] == '$') {
      ++count;
      last = i;
    }
  }
  if (count < 2 || count % 2 != 0) return;
  ++last;
  while (last < text_.size() && IsSpace(text_[last])) ++last;
  dollars_delimit_ = last >= text_.size() || !(IsDigit(text_[last]) || text_[last] == '.' || text_[last] == '\\');
}

Token& Lexer::Push(Tok type, std::size_t begin, std::size_t end, std::string_view text) {
  Token token;
  token.type = type;
  token.space = space_;
  token.begin = static_cast<std::uint32_t>(begin);
  token.end = static_cast<std::uint32_t>(end);
  token.text = text;
  out_.tokens.push_back(token);
  space_ = false;
  return out_.tokens.back();
}

void Lexer::Fail(std::size_t at, std::string message) {
  if (!out_.ok) return;
  out_.ok = false;
  out_.error = {at, std::move(message)};
}

bool Lexer::AfterNumber() const {
  switch (Previous()) {
    case Tok::kNumber:
    case Tok::kRightBrace:
    case Tok::kClose:
    case Tok::kVulgar:
    case Tok::kUnit:
    case Tok::kSlash:
    case Tok::kSuperscript:
      return true;
    case Tok::kConstant:
      return true;
    default:
      return false;
  }
}

void Lexer::Range(std::size_t begin, std::size_t end, bool in_text) {
  const std::size_t outer_end = end_;
  end_ = end;
  std::size_t i = begin;
  while (i < end_ && out_.ok) {
    const char c = text_[i];
    if (IsSpace(c)) {
      space_ = true;
      ++i;
    } else if (IsDigit(c) || (c == '.' && (IsDigit(At(i + 1)) || (Repetend(i + 1) != 0 && At(i + 1) == '\\')))) {
      i = Number(i);
    } else if (IsLetter(c)) {
      i = Letters(i);
    } else if (c == '\\') {
      i = Command(i, in_text);
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      i = Sign(i);
    } else {
      i = Ascii(i);
    }
  }
  end_ = outer_end;
}

Lexed Lex(std::string_view text, const ReadOptions& options) { return Lexer(text, options).Run(); }

}  // namespace mathcoder::math
