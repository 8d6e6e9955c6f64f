#include "math/spelled.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "math/words.h"

namespace mathcoder::math {
namespace {

constexpr std::string_view kSmall[] = {"zero",     "one",     "two",     "three",     "four",     "five",    "six",
                                       "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                                       "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::string_view kTens[] = {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
constexpr std::string_view kOrdinals[] = {"first",     "second",      "third",      "fourth",     "fifth",
                                          "sixth",     "seventh",     "eighth",     "ninth",      "tenth",
                                          "eleventh",  "twelfth",     "thirteenth", "fourteenth", "fifteenth",
                                          "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth"};
constexpr std::pair<std::string_view, int> kPowers[] = {
    {"hundred", 2}, {"thousand", 3}, {"million", 6}, {"billion", 9}, {"trillion", 12}};
constexpr std::string_view kMonths[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};

using Words = std::vector<std::string_view>;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

template <std::size_t N>
int IndexIn(const std::string_view (&list)[N], std::string_view word) {
  const auto* found = std::find(std::begin(list), std::end(list), word);
  return found == std::end(list) ? -1 : static_cast<int>(found - std::begin(list));
}

// 2 of "half" and "halves", 4 of "quarter", 100 of "hundredths"; 0: none.
std::int64_t DenominatorOf(std::string_view word, bool* plural) {
  *plural = word.ends_with("s");
  if (word == "half" || word == "halves") return 2;
  if (*plural) word.remove_suffix(1);
  if (word == "quarter") return 4;
  if (word == "hundredth") return 100;
  if (word == "thousandth") return 1000;
  if (word == "millionth") return 1000000;
  const int ordinal = IndexIn(kOrdinals, word);
  return ordinal >= 2 ? ordinal + 1 : 0;
}

Words Split(std::string_view text) {
  Words words;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" -", i), text.size());
    if (end > i) words.push_back(text.substr(i, end - i));
    i = end + 1;
  }
  return words;
}

Expr Leaf(Kind kind, std::string text) { return {.kind = kind, .text = std::move(text), .number = 0, .args = {}}; }
Expr Integer(std::int64_t n) { return Leaf(Kind::kInteger, std::to_string(n)); }
Expr Node(Kind kind, std::string text, std::vector<Expr> args) {
  return {.kind = kind, .text = std::move(text), .number = 0, .args = std::move(args)};
}
Expr Fraction(std::int64_t a, std::int64_t b) { return Node(Kind::kDivide, "", {Integer(a), Integer(b)}); }

// "two hundred and five" from words[*at]; -1: none begins here.
std::int64_t Cardinal(const Words& words, std::size_t* at) {
  std::int64_t total = 0, current = 0, last_scale = 1000000000000000;
  bool any = false;
  std::size_t i = *at;
  for (; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const int small = IndexIn(kSmall, word), tens = IndexIn(kTens, word), power = PowerOfTen(word);
    if (small >= 0) {
      const bool fits = small == 0 ? !any : small < 10 ? current % 10 == 0 && current % 100 != 10 : current % 100 == 0;
      if (!fits || (any && current == 0 && total == 0)) break;
      current += small;
    } else if (tens >= 0) {
      if (current % 100 != 0) break;
      current += (tens + 2) * 10;
    } else if (power == 2) {
      if (current >= 100 || (any && current == 0)) break;
      current = std::max<std::int64_t>(current, 1) * 100;
    } else if (power > 2) {
      std::int64_t scale = 1;
      for (int k = 0; k < power; ++k) scale *= 10;
      if (scale >= last_scale || (any && current == 0)) break;
      total += std::max<std::int64_t>(current, 1) * scale;
      current = 0;
      last_scale = scale;
    } else if (word == "a" && !any && i + 1 < words.size() && PowerOfTen(words[i + 1]) > 0) {
      continue;
    } else if (word == "and" && any && i + 1 < words.size() && PowerOfTen(words[i - 1]) > 0 &&
               (IndexIn(kSmall, words[i + 1]) > 0 || IndexIn(kTens, words[i + 1]) >= 0)) {
      bool plural = false;  // "one hundred and two thirds" is a mixed number
      if (i + 2 < words.size() && DenominatorOf(words[i + 2], &plural) > 0) break;
      continue;
    } else {
      break;
    }
    any = true;
  }
  if (!any) return -1;
  *at = i;
  return total + current;
}

// A fraction in words from words[*at]: "a half", "two thirds".
std::optional<Expr> FractionAt(const Words& words, std::size_t* at) {
  std::size_t i = *at;
  bool plural = false;
  const bool article = i < words.size() && (words[i] == "a" || words[i] == "an");
  const std::int64_t top = article ? (++i, 1) : Cardinal(words, &i);
  if (top < 0 || i >= words.size()) return std::nullopt;
  const std::int64_t bottom = DenominatorOf(words[i], &plural);
  if (bottom == 0 || plural == (top == 1)) return std::nullopt;
  *at = i + 1;
  return Fraction(top, bottom);
}

// "3", "2.5" in digits.
std::optional<Expr> DigitsAt(const Words& words, std::size_t* at) {
  if (*at >= words.size()) return std::nullopt;
  const std::string_view word = words[*at];
  if (!IsDigit(word[0]) || !IsDigit(word.back()) || word.find_first_not_of("0123456789.") != std::string_view::npos)
    return std::nullopt;
  const auto points = std::count(word.begin(), word.end(), '.');
  if (points > 1) return std::nullopt;
  ++*at;
  return Leaf(points == 0 ? Kind::kInteger : Kind::kDecimal, std::string(word));
}

std::optional<Expr> NumberAt(const Words& words, std::size_t* at) {
  const std::size_t begin = *at;
  if (begin >= words.size()) return std::nullopt;
  if (words[begin] == "minus" || words[begin] == "negative") {
    std::size_t i = begin + 1;
    auto inner = i < words.size() && words[i] != words[begin] ? NumberAt(words, &i) : std::nullopt;
    if (!inner || inner->kind == Kind::kNegate) return std::nullopt;
    *at = i;
    return Node(Kind::kNegate, "", {std::move(*inner)});
  }
  if (auto fraction = FractionAt(words, at)) return fraction;
  if (words[begin] == "half" && begin + 1 == words.size()) {
    ++*at;
    return Fraction(1, 2);
  }
  if (auto digits = DigitsAt(words, at)) {
    const int power = *at < words.size() ? PowerOfTen(words[*at]) : 0;
    if (power == 0) return std::nullopt;  // digits alone are read elsewhere
    ++*at;
    return Node(Kind::kMultiply, "",
                {std::move(*digits), Leaf(Kind::kInteger, "1" + std::string(static_cast<std::size_t>(power), '0'))});
  }
  std::size_t i = begin;
  const std::int64_t n = Cardinal(words, &i);
  if (n < 0) {
    if (const int ordinal = IndexIn(kOrdinals, words[begin]); ordinal >= 0 && words.size() == 1) {
      ++*at;
      return Node(Kind::kOrdinal, "", {Integer(ordinal + 1)});
    }
    return std::nullopt;
  }
  *at = i;
  if (i < words.size()) {
    if (const int ordinal = IndexIn(kOrdinals, words[i]);
        ordinal >= 0 && ordinal < 9 && n % 10 == 0 && n % 100 >= 20 && i + 1 == words.size()) {
      *at = i + 1;  // twenty-first
      return Node(Kind::kOrdinal, "", {Integer(n + ordinal + 1)});
    }
    if (words[i] == "point") {
      std::string digits = std::to_string(n) + ".";
      for (++i; i < words.size(); ++i) {
        const int digit = IndexIn(kSmall, words[i]);
        if (digit < 0 || digit > 9) break;
        digits += static_cast<char>('0' + digit);
      }
      if (digits.back() == '.') return std::nullopt;
      *at = i;
      return Leaf(Kind::kDecimal, digits);
    }
    if (words[i] == "and") {
      std::size_t behind = i + 1;
      if (auto fraction = FractionAt(words, &behind)) {
        *at = behind;
        return Node(Kind::kMixed, "", {Integer(n), std::move(*fraction)});
      }
    }
  }
  return Integer(n);
}

}  // namespace

int PowerOfTen(std::string_view word) {
  for (const auto& [name, power] : kPowers) {
    if (name == word || (power > 2 && word.size() == name.size() + 1 && word.ends_with("s") && word.starts_with(name)))
      return power;
  }
  return 0;
}

bool IsNumberWord(std::string_view word) {
  bool plural = false;
  return IndexIn(kSmall, word) >= 0 || IndexIn(kTens, word) >= 0 || PowerOfTen(word) > 0 || IndexIn(kOrdinals, word) >= 0 ||
         DenominatorOf(word, &plural) > 0;
}

std::optional<Expr> SpelledNumber(std::string_view text) {
  if (text.size() > 200) return std::nullopt;
  const Words words = Split(text);
  std::size_t at = 0;
  auto number = NumberAt(words, &at);
  return number && at == words.size() ? std::move(number) : std::nullopt;
}

std::optional<Expr> SpelledQuantity(std::string_view text) {
  if (text.size() > 200) return std::nullopt;
  const Words words = Split(text);
  std::size_t at = 0;
  auto number = NumberAt(words, &at);
  if (!number && words.size() > 1 && (words[0] == "a" || words[0] == "an") && words[1] == "dozen") {
    number = Integer(1);
    at = 1;
  }
  if (!number || at == words.size()) return number;
  if (number->kind == Kind::kOrdinal || words.size() - at > 4) return std::nullopt;
  std::string unit;
  for (; at < words.size(); ++at) {
    const std::string_view word = words[at];
    const bool letters = std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    if (!letters || IsSentenceWord(word) || (IsNumberWord(word) && word != "second" && word != "seconds")) return std::nullopt;
    if (word == "of" || word == "than" || word == "in" || word == "point" || word == "over" || word == "plus" || word == "minus" ||
        word == "times" || word == "less" || word == "more") {
      return std::nullopt;
    }
    if (!unit.empty()) unit += ' ';
    unit += word;
  }
  if (const std::string_view currency = CurrencyOf(unit); !currency.empty()) {
    return Node(Kind::kMoney, std::string(currency), {std::move(*number)});
  }
  if (unit == "percent" || unit == "per cent") return Node(Kind::kPercent, "", {std::move(*number)});
  if (unit == "degrees" || unit == "degree") return Node(Kind::kDegree, "", {std::move(*number)});
  return Node(Kind::kUnit, std::move(unit), {std::move(*number)});
}

std::optional<std::string> DateOf(std::string_view text) {
  if (text.size() < 5 || text.size() > 40) return std::nullopt;
  const auto number = [](std::string_view s) { return s.empty() || s.size() > 4 ? 0 : std::stoi(std::string(s)); };
  const auto digits = [](std::string_view s) { return !s.empty() && std::all_of(s.begin(), s.end(), IsDigit); };
  int month = 0, day = 0, year = 0;
  if (text.size() == 10 && text[4] == '-' && text[7] == '-') {
    if (!digits(text.substr(0, 4)) || !digits(text.substr(5, 2)) || !digits(text.substr(8))) return std::nullopt;
    year = number(text.substr(0, 4)), month = number(text.substr(5, 2)), day = number(text.substr(8));
  } else {
    bool letters = false;
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t end = std::min(text.find_first_of(" ,~", i), text.size());
      std::string word = Lower(text.substr(i, end - i));
      i = end + 1;
      if (word.empty()) continue;
      if (++count > 4) return std::nullopt;
      if (word == "of" && day > 0 && month == 0) continue;
      for (std::string_view suffix : {"st", "nd", "rd", "th"}) {
        if (word.size() > 2 && word.ends_with(suffix) && IsDigit(word[0])) word.resize(word.size() - 2);
      }
      if (digits(word)) {
        int* slot = word.size() <= 2 && day == 0 ? &day : word.size() >= 3 && word.size() <= 4 && year == 0 ? &year : nullptr;
        if (slot == nullptr) return std::nullopt;
        *slot = number(word);
        continue;
      }
      if (word.ends_with(".")) word.pop_back();
      for (std::size_t m = 0; m < std::size(kMonths); ++m) {
        if (month == 0 && word.size() >= 3 && kMonths[m].starts_with(word) &&
            (word.size() == 3 || word == kMonths[m] || word == "sept")) {
          month = static_cast<int>(m) + 1;
          letters = true;
          word.clear();
        }
      }
      if (!word.empty()) return std::nullopt;
    }
    if (!letters) return std::nullopt;
  }
  if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  std::string date(kMonths[month - 1]);
  date += " " + std::to_string(day);
  if (year > 0) date += " " + std::to_string(year);
  return date;
}

std::string Plainly(std::string_view text) {
  const bool short_text = std::count(text.begin(), text.end(), ' ') <= 3;  // a sentence keeps its words
  for (std::string_view article : {"a ", "an ", "the "}) {
    if (short_text && text.starts_with(article) && text.size() > article.size() + 1) {
      text.remove_prefix(article.size());
      break;
    }
  }
  if (short_text && text.ends_with(" only") && text.size() > 5) text.remove_suffix(5);
  if (text == "infinitely many solutions" || text == "infinite solutions" || text == "infinite number of solutions" ||
      text == "there are infinitely many solutions" || text == "infinite number") {
    return "infinitely many";
  }
  return std::string(text);
}

std::optional<Expr> MeaningOf(std::string_view lower) {
  static constexpr std::string_view kNothing[] = {"no solution",
                                                  "no solutions",
                                                  "there is no solution",
                                                  "there are no solutions",
                                                  "no solution exists",
                                                  "no solutions exist",
                                                  "no real solution",
                                                  "no real solutions",
                                                  "no real number",
                                                  "no real numbers",
                                                  "no real root",
                                                  "no real roots",
                                                  "there are no real solutions",
                                                  "there is no real solution",
                                                  "has no solution",
                                                  "has no solutions",
                                                  "empty set",
                                                  "the empty set",
                                                  "null set",
                                                  "none",
                                                  "no such number exists",
                                                  "no values",
                                                  "no value",
                                                  "no real values"};
  static constexpr std::string_view kUndefined[] = {"undefined",
                                                    "does not exist",
                                                    "dne",
                                                    "not defined",
                                                    "doesn't exist",
                                                    "is undefined",
                                                    "limit does not exist",
                                                    "the limit does not exist"};
  static constexpr std::string_view kReals[] = {"all real numbers", "all reals",        "real numbers",    "all real values",
                                                "all real x",       "the real numbers", "any real number", "all real numbers x"};
  if (lower == "infinity" || lower == "infinite" || lower == "positive infinity") return Leaf(Kind::kConstant, "infinity");
  if (lower == "negative infinity" || lower == "minus infinity")
    return Node(Kind::kNegate, "", {Leaf(Kind::kConstant, "infinity")});
  if (IndexIn(kUndefined, lower) >= 0) return Leaf(Kind::kConstant, "undefined");
  if (IndexIn(kReals, lower) >= 0) return Leaf(Kind::kSymbol, "Reals");
  if (lower == "all integers" || lower == "the integers" || lower == "any integer") return Leaf(Kind::kSymbol, "Integers");
  if (IndexIn(kNothing, lower) >= 0) return Leaf(Kind::kSet, "");
  if (lower == "noon" || lower == "midnight")
    return Node(Kind::kTime, lower == "noon" ? "pm" : "am", {Leaf(Kind::kInteger, "12"), Leaf(Kind::kInteger, "00")});
  return std::nullopt;
}

int RomanValue(std::string_view letters) {
  static constexpr auto kUnits = std::to_array<std::string_view>({"", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"});
  int tens = 0;
  while (tens < 3 && letters.starts_with("X")) {
    letters.remove_prefix(1);
    ++tens;
  }
  for (std::size_t i = 0; i < kUnits.size(); ++i) {
    if (letters == kUnits[i]) return tens * 10 + static_cast<int>(i);
  }
  return 0;
}

}  // namespace mathcoder::math
