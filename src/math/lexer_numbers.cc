// Numbers as they are written: separators, exponents, repetends, other bases, ordinals.
#include <algorithm>

#include "math/lexer_state.h"
#include "math/words.h"

namespace mathcoder::math {

std::size_t Lexer::Separator(std::size_t i) const {
  static constexpr std::string_view kAlways[] = {"{,}",      ",\\!",         "\\,",         ",\\,", "{,\\!}", "\\!,",
                                                 "\\ ",      "\\;",          "{\\,}",       "~",    "'",
                                                 "_",  // 1_000_000: a base has two digits at most
                                                 "\xC2\xA0", "\xE2\x80\x89", "\xE2\x80\xAF"};  // spaces that do not break
  for (std::string_view s : kAlways) {
    if (Starts(i, s)) {
      std::size_t after = i + s.size();
      while (Starts(after, "\\!")) after += 2;
      if (s == ",\\!" && At(after) == ' ' && ThreeDigits(after + 1)) ++after;  // a space that shows nothing
      if (ThreeDigits(after)) return after - i;
    }
  }
  const bool listed = !brackets_.empty() && brackets_.back() != 'g';
  if (At(i) == ',' && !listed && ThreeDigits(i + 1)) return 1;
  if (At(i) == ' ' && brackets_.empty() && ThreeDigits(i + 1)) {
    std::size_t after = i + 4;
    while (At(after) == ' ' && ThreeDigits(after + 1)) after += 4;
    while (At(after) == ' ') ++after;
    // "10 000", but no list of numbers, product or mixed number
    if (after >= end_ || (!IsDigit(At(after)) && At(after) != '/' && At(after) != '^' && At(after) != ',')) return 1;
  }
  return 0;
}

std::size_t Lexer::Digits(std::size_t i) const {
  while (IsDigit(At(i))) ++i;
  return i;
}

// 1.234.567,89: two points or more group by thousands, since a number has one decimal point. 0: it is none such.
std::size_t Lexer::PointGroups(std::size_t begin) const {
  std::size_t i = Digits(begin), groups = 0;
  if (i == begin || i - begin > 3 || At(begin) == '0') return 0;
  while (At(i) == '.' && ThreeDigits(i + 1)) {
    i += 4;
    ++groups;
  }
  return groups >= 2 && At(i) != '.' ? i : 0;
}

// 12,34,567: groups of two before the last of three. 0: none.
std::size_t Lexer::IndianGroups(std::size_t begin) const {
  std::size_t i = Digits(begin), groups = 0;
  if (i == begin || i - begin > 2 || At(begin) == '0' || !brackets_.empty()) return 0;
  for (; At(i) == ',' && IsDigit(At(i + 1)) && IsDigit(At(i + 2)) && !IsDigit(At(i + 3)); ++groups) i += 3;
  return groups > 0 && At(i) == ',' && ThreeDigits(i + 1) && At(i + 4) != ',' ? i + 4 : 0;
}

bool Lexer::BaseFits(std::size_t begin, std::size_t end) const {
  std::size_t at = end + 1;
  if (At(at) == '{') ++at;
  int base = 0;
  for (; IsDigit(At(at)) && base < 100; ++at) base = base * 10 + (At(at) - '0');
  for (std::size_t i = begin; i < end; ++i) {
    if (At(i) >= 'A' && At(i) <= 'Z' && At(i) - 'A' + 10 >= base) return false;
  }
  return base >= 2 && base <= 36;
}

std::size_t Lexer::Number(std::size_t begin) {
  if (const std::size_t end = PointGroups(begin); end != 0) {
    Push(Tok::kNumber, begin, end).count = 4;
    return end;
  }
  if (At(begin) == '0' && (At(begin + 1) == 'x' || At(begin + 1) == 'b' || At(begin + 1) == 'o') &&
      IsDigitOf(At(begin + 1), At(begin + 2))) {
    std::size_t end = begin + 2;  // 0x1f, as Python prints it
    while (IsDigitOf(At(begin + 1), At(end))) ++end;
    if (!IsLetter(At(end)) && !IsDigit(At(end))) {
      Push(Tok::kNumber, begin, end).count = 3;
      return end;
    }
  }
  std::size_t i = Digits(begin);
  if (const std::size_t end = IndianGroups(begin); end != 0) {
    out_.doubts.second = true;
    if (options_.second) {
      Push(Tok::kNumber, begin, end);
      return end;
    }
  }
  // 12,34,567 has no group of three in front: a list, if no Indian number
  const bool listed = begin > 1 && At(begin - 1) == ',' && IsDigit(At(begin - 2));
  const bool grouped_allowed = i - begin <= 3 && i > begin && At(begin) != '0' && !listed;
  if (grouped_allowed) {
    while (const std::size_t length = Separator(i)) i += length + 3;
  }
  bool point = false;
  if (Starts(i, "{.}") && IsDigit(At(i + 3))) {
    point = true;
    i = Digits(i + 3);
  } else if (At(i) == '.' && IsDigit(At(i + 1))) {
    point = true;
    i = Digits(i + 1);
    while (Starts(i, "\\,") && IsDigit(At(i + 2))) i = Digits(i + 2);
  } else if (At(i) == '.' && At(i + 1) != '.' &&
             (Starts(i + 1, "\\overline{") || Starts(i + 1, "\\dot{") || Starts(i + 1, "\\bar{") ||
              (At(i + 1) == '(' && IsDigit(At(i + 2))))) {
    point = true;
    ++i;
  } else if (At(i) == '.' && At(i + 1) != '.') {
    std::size_t after = i + 1;  // "3. + x": a float as Python prints it; at the end it is punctuation
    while (IsSpace(At(after))) ++after;
    if (after < end_ && (At(after) == '*' || At(after) == '+' || At(after) == '-' || At(after) == '/' || At(after) == ')' ||
                         At(after) == ']' || At(after) == ',' || (!brackets_.empty() && IsDigit(At(after))))) {
      Push(Tok::kNumber, begin, i + 1);
      return i + 1;
    }
  }
  if (point) {
    if (const std::size_t end = Repetend(i); end != 0) {
      Push(Tok::kNumber, begin, end).count = 1;
      return end;
    }
    if (const std::size_t dots = Dots(i); dots != 0) {
      Push(Tok::kNumber, begin, i).count = 2;
      return dots;
    }
  }
  // 152A_{11}: letters are digits where a base follows
  std::size_t letters = i;
  while (IsDigit(At(letters)) || (At(letters) >= 'A' && At(letters) <= 'Z')) ++letters;
  const bool scripted = Previous() == Tok::kUnderscore || Previous() == Tok::kCaret;  // ^5C_2 counts
  if (letters > i && !scripted && At(letters) == '_' && BaseFits(begin, letters)) {
    Push(Tok::kNumber, begin, letters);
    return letters;
  }
  if (At(i) == 'e' || At(i) == 'E') {
    std::size_t exponent = i + 1;
    const bool sign = At(exponent) == '+' || At(exponent) == '-';
    if (sign) ++exponent;
    if (IsDigit(At(exponent)) && (At(i) == 'E' || point || !out_.latex)) i = Digits(exponent);
  }
  Push(Tok::kNumber, begin, i);
  if (const std::size_t ordinal = Ordinal(i); ordinal != 0) {
    Push(Tok::kWord, i, ordinal, "th");
    return ordinal;
  }
  return i;
}

std::size_t Lexer::Repetend(std::size_t i) const {
  std::size_t begin = 0;
  char close = '}';
  for (std::string_view s : {std::string_view("\\overline{"), std::string_view("\\bar{"), std::string_view("\\dot{")}) {
    if (Starts(i, s)) begin = i + s.size();
  }
  if (Starts(i, "\\dot{")) {  // 0.\dot{1}4285\dot{7}: from the first dotted digit to the last
    const std::size_t middle = Digits(i + 7);
    if (IsDigit(At(i + 5)) && At(i + 6) == '}' && Starts(middle, "\\dot{") && IsDigit(At(middle + 5)) && At(middle + 6) == '}')
      return middle + 7;
  }
  if (begin == 0 && At(i) == '(' && (!IsDigit(At(i - 1)) || At(i - 2) == '.')) {
    begin = i + 1;
    close = ')';
    // 1.5(2) is a product; 0.1(6) and 0.(3) repeat
    if (IsDigit(At(i - 1)) && !(i >= 3 && At(i - 3) == '0' && (i == 3 || !IsDigit(At(i - 4))))) return 0;
  }
  if (begin == 0) return 0;
  const std::size_t end = Digits(begin);
  return end > begin && At(end) == close ? end + 1 : 0;
}

std::size_t Lexer::Dots(std::size_t i) const {
  for (std::string_view s : {std::string_view("..."), std::string_view("\\ldots"), std::string_view("\\dots"),
                             std::string_view("\\cdots"), std::string_view("…")}) {
    if (Starts(i, s)) return i + s.size();
  }
  return 0;
}

std::size_t Lexer::Ordinal(std::size_t i) const {
  std::size_t at = i, close = 0;
  for (std::string_view s : {std::string_view("^{\\text{"), std::string_view("^{\\mathrm{"), std::string_view("^\\text{"),
                             std::string_view("\\text{"), std::string_view("^{")}) {
    if (Starts(i, s)) {
      at = i + s.size();
      close = static_cast<std::size_t>(std::count(s.begin(), s.end(), '{'));
      break;
    }
  }
  for (std::string_view s : {std::string_view("st"), std::string_view("nd"), std::string_view("rd"), std::string_view("th")}) {
    if (!Starts(at, s)) continue;
    std::size_t end = at + 2;
    for (std::size_t k = 0; k < close; ++k) {
      if (At(end) != '}') return 0;
      ++end;
    }
    if (close == 0 && (IsLetter(At(end)) || At(end) == '_')) return 0;
    return end;
  }
  return 0;
}

bool Lexer::EndsInterval(std::size_t i) const {
  i = SkipSpace(i);
  return i >= end_ || At(i) == '\\' || At(i) == '$' || At(i) == ',' || static_cast<unsigned char>(At(i)) >= 0x80;
}

}  // namespace mathcoder::math
