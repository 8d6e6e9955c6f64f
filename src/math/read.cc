#include "math/read.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/utf8.h"
#include "math/lexer.h"
#include "math/parser.h"
#include "math/spelled.h"
#include "math/words.h"

namespace mathcoder::math {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// What surrounds an answer and is no part of it: spaces, a box, dollar signs, a full stop.
std::string_view Unwrapped(std::string_view text) {
  const auto trim = [&] {
    while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
    while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  };
  for (bool again = true; again;) {
    again = false;
    trim();
    for (std::string_view box : {std::string_view("\\boxed"), std::string_view("\\fbox"), std::string_view("\\beginboxed")}) {
      if (!text.starts_with(box)) continue;
      std::string_view rest = text.substr(box.size());
      while (!rest.empty() && IsSpace(rest.front())) rest.remove_prefix(1);
      if (rest.empty() || rest.front() != '{') continue;
      int depth = 0;
      std::size_t i = 0;
      for (; i < rest.size(); ++i) {
        if (rest[i] == '\\')
          ++i;
        else if (rest[i] == '{')
          ++depth;
        else if (rest[i] == '}' && --depth == 0)
          break;
      }
      std::string_view behind = i < rest.size() ? rest.substr(i + 1) : std::string_view("?");
      while (!behind.empty() && (IsSpace(behind.front()) || behind.front() == '.')) behind.remove_prefix(1);
      if (!behind.empty()) continue;
      text = rest.substr(1, i - 1);
      again = true;
      break;
    }
    const bool ellipsis =
        text.ends_with("...") || text.ends_with("\\.") || text.ends_with("\\right.") || text.ends_with("\\mright.");
    if (!ellipsis && text.size() > 1 && !text.ends_with("&nbsp;") && (text.back() == '.' || text.back() == ';') &&
        text[text.size() - 2] != '\\') {
      text.remove_suffix(1);
      again = true;
    }
    if (text.size() > 2 && text.back() == ',' && text[text.size() - 2] != '\\' && text.find(',') == text.size() - 1 &&
        text.front() != '(') {
      text.remove_suffix(1);
      again = true;
    }
  }
  return text;
}

bool HasWords(const std::vector<Token>& tokens) {
  return std::any_of(tokens.begin(), tokens.end(), [](const Token& t) {
    return (t.type == Tok::kWord || t.type == Tok::kText || t.type == Tok::kUnit) && t.text.size() > 1 && t.text != "th";
  });
}

// The words of a text, lower case, single spaces, markup dropped.
std::string Prose(std::string_view text) {
  std::string out;
  bool space = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\') {
      std::size_t end = i + 1;
      while (end < text.size() && IsLetter(text[end])) ++end;
      const std::string_view name = text.substr(i + 1, end - i - 1);
      if (name.empty()) {
        // \, \; and the like are spaces, \% and \$ are themselves
        if (i + 1 < text.size() && (text[i + 1] == '%' || text[i + 1] == '$' || text[i + 1] == '{' || text[i + 1] == '}')) continue;
        ++i;
        space = true;
        continue;
      }
      if (name == "text" || name == "mbox" || name == "textbf" || name == "mathrm" || name == "quad" || name == "left" ||
          name == "right") {
        i = end - 1;
        space = true;
        continue;
      }
    }
    if (c == '{' || c == '}' || c == '$') {
      continue;
    }
    if (IsSpace(c) || c == '~') {
      space = true;
      continue;
    }
    if (space && !out.empty()) out += ' ';
    space = false;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    out += c;
  }
  while (!out.empty() && (out.back() == '.' || out.back() == ' ')) out.pop_back();
  return out;
}

// Digits of other scripts as ASCII ones of the same number of bytes' reading; most texts have none and are not copied.
struct Digits {
  std::string text;
  bool any = false;
  std::vector<std::uint32_t> origin;  // of each byte of `text`, in the input
};
Digits AsciiDigits(std::string_view text) {
  Digits out;
  if (text.find_first_of("\xEF\xD9\xDB\xE0") == std::string_view::npos) return out;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0; };
    int digit = -1;
    std::size_t length = 1;
    if (byte(0) == 0xEF && byte(1) == 0xBC && byte(2) >= 0x90 && byte(2) <= 0x99) digit = byte(2) - 0x90, length = 3;  // fullwidth
    if (byte(0) == 0xD9 && byte(1) >= 0xA0 && byte(1) <= 0xA9) digit = byte(1) - 0xA0, length = 2;  // Arabic-Indic
    if (byte(0) == 0xDB && byte(1) >= 0xB0 && byte(1) <= 0xB9) digit = byte(1) - 0xB0, length = 2;  // Persian
    if (byte(0) == 0xE0 && byte(1) == 0xA5 && byte(2) >= 0xA6 && byte(2) <= 0xAF) digit = byte(2) - 0xA6, length = 3;  // Devanagari
    out.any = out.any || digit >= 0;
    out.origin.push_back(static_cast<std::uint32_t>(i));
    out.text += digit >= 0 ? static_cast<char>('0' + digit) : text[i];
    i += length;
  }
  out.origin.push_back(static_cast<std::uint32_t>(text.size()));
  return out;
}

// U+0335 to U+0338 strike out what stands before them, which then is no part of what is said. npos: none.
std::size_t StruckOut(std::string_view text) {
  for (std::size_t i = text.find('\xCC'); i != std::string_view::npos; i = text.find('\xCC', i + 1)) {
    if (i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0xB5 && static_cast<unsigned char>(text[i + 1]) <= 0xB8)
      return i;
  }
  return std::string_view::npos;
}

bool TooDeep(const Expr& e, std::size_t left) {
  if (left == 0) return true;
  return std::any_of(e.args.begin(), e.args.end(), [&](const Expr& arg) { return TooDeep(arg, left - 1); });
}

// "12 3 0": numbers with nothing but spaces between them are a list.
bool IsSpacedNumbers(const std::vector<Token>& tokens) {
  std::size_t numbers = 0;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].type == Tok::kMinus && tokens[i + 1].type == Tok::kNumber && !tokens[i + 1].space) ++i;
    if (tokens[i].type != Tok::kNumber) return false;
    const std::size_t first = i > 0 && tokens[i - 1].type == Tok::kMinus ? i - 1 : i;
    if (numbers > 0 && !tokens[first].space) return false;
    ++numbers;
  }
  // Two may have lost an operator; "7 -1" is a difference
  return numbers > 2;
}

void SeparateNumbers(std::vector<Token>* tokens) {
  std::vector<Token> listed;
  listed.reserve(tokens->size() * 2);
  for (const Token& token : *tokens) {
    if (!listed.empty() && token.type != Tok::kEnd && token.space) {
      Token comma;
      comma.type = Tok::kComma;
      comma.begin = comma.end = token.begin;
      listed.push_back(comma);
    }
    listed.push_back(token);
  }
  *tokens = std::move(listed);
}

ReadResult Error(std::size_t position, std::string message) { return {ReadError{position, std::move(message)}}; }

}  // namespace

ReadResult ReadMath(std::string_view text, const ReadOptions& options) {
  if (text.size() > options.max_bytes)
    return Error(options.max_bytes, "longer than " + std::to_string(options.max_bytes) + " bytes");
  if (const std::size_t bad = base::FirstInvalidUtf8(text); bad != std::string_view::npos)
    return Error(bad, "a byte that is no UTF-8");
  if (const std::size_t struck = StruckOut(text); struck != std::string_view::npos) return Error(struck, "struck out characters");
  if (Digits digits = AsciiDigits(text); digits.any) {
    ReadResult result = ReadMath(digits.text, options);
    if (auto* error = std::get_if<ReadError>(&result.state))
      error->position = digits.origin[std::min(error->position, digits.text.size())];
    return result;
  }
  const std::string_view inner = Unwrapped(text);
  const std::size_t offset = static_cast<std::size_t>(inner.data() - text.data());
  if (inner.empty()) return Error(offset, "nothing to read");
  // "C.": a choice
  if (inner.size() == 1 && inner[0] >= 'A' && inner[0] <= 'J' && offset + 1 < text.size() && text[offset + 1] == '.') {
    Expr choice;
    choice.kind = Kind::kChoice;
    choice.text = inner;
    return {std::move(choice)};
  }
  if (options.prose) {
    if (auto date = DateOf(inner)) {
      Expr e;
      e.kind = Kind::kText;
      e.text = std::move(*date);
      return {std::move(e)};
    }
  }
  Lexed lexed = Lex(inner, options);
  const bool words = HasWords(lexed.tokens);
  const auto prose = [&](ReadError error) -> ReadResult {
    error.position += offset;
    if (!options.prose || !words) return {std::move(error)};
    Expr e;
    e.kind = Kind::kText;
    const std::string said = Prose(inner);
    if (said.empty()) return {std::move(error)};
    if (auto meaning = MeaningOf(said)) return {std::move(*meaning)};
    if (auto quantity = SpelledQuantity(said)) return {std::move(*quantity)};
    e.text = Plainly(said);
    return {std::move(e)};
  };
  Doubts doubts = lexed.doubts;
  const auto with_doubts = [&](ReadResult result) {
    result.doubts = doubts;
    return result;
  };
  if (!lexed.ok || !ResolveBrackets(&lexed)) return with_doubts(prose(lexed.error));
  if (IsSpacedNumbers(lexed.tokens)) SeparateNumbers(&lexed.tokens);
  Parser parser(inner, std::move(lexed), options);
  std::optional<ReadError> failure;
  Expr e;
  try {
    e = parser.ParseAll();
  } catch (ParseFailure& thrown) {
    failure = std::move(thrown.error);
  }
  doubts = parser.doubts();
  if (parser.gave_up()) failure = parser.gave_up();
  if (failure) return with_doubts(prose(std::move(*failure)));
  if (TooDeep(e, options.max_depth)) return with_doubts(Error(offset, "nested deeper than " + std::to_string(options.max_depth)));
  return with_doubts({std::move(e), {}});
}

}  // namespace mathcoder::math
