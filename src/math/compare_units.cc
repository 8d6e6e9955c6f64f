#include "math/compare_units.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>

namespace mathcoder::math {
namespace {

struct Row {
  std::string_view names;  // separated by blanks; plurals in s are found without being listed
  long long num, den;
  std::string_view base;
  int power;
};
// Base units: metre, gram, second, ampere, kelvin, mole, candela, radian, bit, and names of things that are counted.
constexpr Row kRows[] = {
    {"m meter metre", 1, 1, "m", 1},
    {"cm centimeter centimetre", 1, 100, "m", 1},
    {"mm millimeter millimetre", 1, 1000, "m", 1},
    {"dm decimeter decimetre", 1, 10, "m", 1},
    {"km kilometer kilometre", 1000, 1, "m", 1},
    {"um µm micrometer micron", 1, 1000000, "m", 1},
    {"nm nanometer nanometre", 1, 1000000000, "m", 1},
    {"in inch inches", 254, 10000, "m", 1},
    {"ft foot feet", 3048, 10000, "m", 1},
    {"yd yard", 9144, 10000, "m", 1},
    {"mi mile", 1609344, 1000, "m", 1},
    {"ly lightyear", 9460730472580800, 1, "m", 1},
    {"mg milligram", 1, 1000, "g", 1},
    {"g gm gram gramme", 1, 1, "g", 1},
    {"kg kilogram kilo", 1000, 1, "g", 1},
    {"tonne t", 1000000, 1, "g", 1},
    {"lb lbs pound", 45359237, 100000, "g", 1},
    {"oz ounce", 45359237, 1600000, "g", 1},
    {"ton", 90718474, 100, "g", 1},
    {"s sec second", 1, 1, "s", 1},
    {"ms millisecond", 1, 1000, "s", 1},
    {"min minute", 60, 1, "s", 1},
    {"h hr hour", 3600, 1, "s", 1},
    {"d day", 86400, 1, "s", 1},
    {"week wk", 604800, 1, "s", 1},
    {"month mo", 1, 1, "month", 1},
    {"year yr", 12, 1, "month", 1},
    {"decade", 120, 1, "month", 1},
    {"century centuries", 1200, 1, "month", 1},
    {"hz hertz", 1, 1, "s", -1},
    {"khz", 1000, 1, "s", -1},
    {"mhz", 1000000, 1, "s", -1},
    {"ghz", 1000000000, 1, "s", -1},
    {"a amp ampere", 1, 1, "A", 1},
    {"k kelvin", 1, 1, "K", 1},
    {"mol mole", 1, 1, "mol", 1},
    {"rad radian", 1, 1, "rad", 1},
    {"bit", 1, 1, "bit", 1},
    {"byte b", 8, 1, "bit", 1},
    {"kb kilobyte", 8000, 1, "bit", 1},
    {"mb megabyte", 8000000, 1, "bit", 1},
    {"gb gigabyte", 8000000000, 1, "bit", 1},
    {"l liter litre", 1, 1000, "m", 3},
    {"ml milliliter millilitre cc", 1, 1000000, "m", 3},
    {"cl centiliter", 1, 100000, "m", 3},
    {"gal gallon", 473176473, 125000000000, "m", 3},
    {"qt quart", 473176473, 500000000000, "m", 3},
    {"pt pint", 473176473, 1000000000000, "m", 3},
    {"cup", 473176473, 2000000000000, "m", 3},
    {"acre", 40468564224, 10000000, "m", 2},
    {"ha hectare", 10000, 1, "m", 2},
    {"dozen", 12, 1, "", 0},
    {"unit", 1, 1, "", 0},
    {"square sq cubic", 1, 1, "", 0},
};

struct Compound {
  std::string_view names, meaning;
  long long num, den;
};
constexpr Compound kCompounds[] = {{"mph", "mile/hour", 1, 1},
                                   {"kph kmh", "km/hour", 1, 1},
                                   {"fps", "ft/s", 1, 1},
                                   {"n newton", "kg*m/s^2", 1, 1},
                                   {"j joule", "kg*m^2/s^2", 1, 1},
                                   {"w watt", "kg*m^2/s^3", 1, 1},
                                   {"kw kilowatt", "kg*m^2/s^3", 1000, 1},
                                   {"kwh", "kg*m^2/s^2", 3600000, 1},
                                   {"pa pascal", "kg/m/s^2", 1, 1},
                                   {"v volt", "kg*m^2/s^3/A", 1, 1},
                                   {"ohm Ω", "kg*m^2/s^3/A^2", 1, 1},
                                   {"kj kilojoule", "kg*m^2/s^2", 1000, 1},
                                   {"kpa", "kg/m/s^2", 1000, 1},
                                   {"rpm", "revolution/minute", 1, 1}};

bool Names(std::string_view names, std::string_view word) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    if (names.substr(0, end) == word) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

struct Sum {
  long long num = 1, den = 1;
  std::map<std::string, int> bases;
  bool fits = true;
};

void Scale(Sum* sum, long long num, long long den, int power) {
  for (int k = 0; k < std::abs(power); ++k) {
    const long long n = power > 0 ? num : den, d = power > 0 ? den : num;
    __int128 a = static_cast<__int128>(sum->num) * n, b = static_cast<__int128>(sum->den) * d;
    __int128 x = a, y = b;
    while (y != 0) {
      const __int128 r = x % y;
      x = y, y = r;
    }
    a /= x, b /= x;
    const __int128 limit = static_cast<__int128>(1) << 62;
    if (a >= limit || b >= limit) {
      sum->fits = false;
      return;
    }
    sum->num = static_cast<long long>(a), sum->den = static_cast<long long>(b);
  }
}

void Word(std::string_view word, int power, Sum* sum);

// Words, powers and slashes: "kg*m/s^2", "feet per second", "square feet".
bool Read(std::string_view text, int sign, Sum* sum) {
  int side = sign;
  int squared = 1;
  std::size_t i = 0;
  bool any = false;
  const auto letter = [&](std::size_t k) {
    const auto c = static_cast<unsigned char>(text[k]);
    return std::isalpha(c) != 0 || c >= 0x80 || c == '$' || c == '\'' || c == '_' || c == '-';
  };
  while (i < text.size()) {
    const char c = text[i];
    if (c == '/') {
      side = -sign;
      ++i;
    } else if (letter(i)) {
      std::size_t end = i;
      while (end < text.size() && letter(end) &&
             !(text[end] == '-' && end + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[end + 1]))))
        ++end;
      if (end == i) return false;  // a minus sign before digits begins no word
      // "²" and "³" end a word: they are powers
      std::string_view word = text.substr(i, end - i);
      int power = 1;
      for (const auto& [mark, value] : {std::pair<std::string_view, int>{"²", 2}, {"³", 3}}) {
        if (word.size() > mark.size() && word.substr(word.size() - mark.size()) == mark) {
          word.remove_suffix(mark.size());
          power = value;
        }
      }
      i = end;
      const std::string lower = Lower(word);
      if (lower == "per" || lower == "a" || lower == "an") {
        if (lower == "per") side = -sign;
        continue;
      }
      if (lower == "of" || lower == "and" || lower == "the") continue;
      if (lower == "square" || lower == "sq") {
        squared = 2;
        continue;
      }
      if (lower == "cubic" || lower == "cu") {
        squared = 3;
        continue;
      }
      if (lower == "squared" || lower == "cubed") continue;  // read with the word before
      while (i < text.size() && text[i] == ' ') ++i;
      if (i < text.size() && (text[i] == '^' || std::isdigit(static_cast<unsigned char>(text[i])))) {
        if (text[i] == '^') ++i;
        bool braced = false, negative = false;
        if (i < text.size() && (text[i] == '{' || text[i] == '(')) braced = true, ++i;
        if (i < text.size() && text[i] == '-') negative = true, ++i;
        int value = 0;
        while (i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) && value < 100)
          value = value * 10 + (text[i++] - '0');
        if (braced && i < text.size()) ++i;
        if (value == 0 || value > 9) return false;
        power = negative ? -value : value;
      } else if (Lower(text.substr(i, 7)) == "squared") {
        power = 2, i += 7;
      } else if (Lower(text.substr(i, 5)) == "cubed") {
        power = 3, i += 5;
      }
      Word(word, side * power * squared, sum);
      squared = 1;
      any = true;
    } else if (c == ' ' || c == '*' || c == '.' || c == '(' || c == ')' || c == '{' || c == '}' || c == '\\' || c == '~') {
      ++i;
    } else if (static_cast<unsigned char>(c) == 0xB7) {
      ++i;
    } else {
      return false;
    }
  }
  return any;
}

void Word(std::string_view word, int power, Sum* sum) {
  const std::string lower = Lower(word);
  for (const std::string_view form :
       {std::string_view(lower),
        std::string_view(lower).substr(0, lower.size() - (lower.ends_with("s") && lower.size() > 2 ? 1 : 0))}) {
    for (const Row& row : kRows) {
      if (!Names(row.names, form)) continue;
      Scale(sum, row.num, row.den, power);
      if (!row.base.empty()) sum->bases[std::string(row.base)] += row.power * power;
      return;
    }
    for (const Compound& row : kCompounds) {
      if (!Names(row.names, form)) continue;
      Scale(sum, row.num, row.den, power);
      Sum inner;
      Read(row.meaning, 1, &inner);
      Scale(sum, inner.num, inner.den, power);
      for (const auto& [base, exponent] : inner.bases) sum->bases[base] += exponent * power;
      return;
    }
  }
  std::string name = lower;  // something counted: one name for one and many
  if (name.size() > 4 && name.ends_with("ies"))
    name.replace(name.size() - 3, 3, "y");
  else if (name.size() > 4 && (name.ends_with("xes") || name.ends_with("shes") || name.ends_with("ches")))
    name.resize(name.size() - 2);
  else if (name.size() > 3 && name.back() == 's' && name[name.size() - 2] != 's')
    name.pop_back();
  sum->bases["'" + name] += power;
}

}  // namespace

std::optional<UnitValue> UnitOf(std::string_view text) {
  UnitValue value;
  const std::string lower = Lower(text);
  for (const std::string_view celsius :
       {"°c", "celsius", "degree celsius", "degrees celsius", "degrees c", "degree c", "^\\circ c"}) {
    if (lower == celsius) {
      value.bases = {{"K", 1}};
      value.offset_num = 27315, value.offset_den = 100;
      return value;
    }
  }
  for (const std::string_view fahrenheit :
       {"°f", "fahrenheit", "degree fahrenheit", "degrees fahrenheit", "degrees f", "degree f", "^\\circ f"}) {
    if (lower == fahrenheit) {
      value.bases = {{"K", 1}};
      value.num = 5, value.den = 9;
      value.offset_num = 45967, value.offset_den = 100;
      return value;
    }
  }
  Sum sum;
  if (!Read(text, 1, &sum) || !sum.fits) return std::nullopt;
  value.num = sum.num, value.den = sum.den;
  for (const auto& [base, power] : sum.bases) {
    if (power != 0) value.bases.emplace_back(base, power);
  }
  return value;
}

UnitValue CurrencyOfSign(std::string_view sign) {
  UnitValue value;
  const std::string lower = Lower(sign);
  std::string name = lower;
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"usd", "$"}, {"dollar", "$"}, {"dollars", "$"}, {"us$", "$"}, {"eur", "€"}, {"euro", "€"},   {"euros", "€"}, {"gbp", "£"},
      {"jpy", "¥"}, {"yen", "¥"},    {"inr", "₹"},     {"rs", "₹"},  {"rs.", "₹"}, {"rupees", "₹"}, {"cent", "¢"},  {"cents", "¢"}};
  for (const auto& [spelled, canonical] : kNames) {
    if (lower == spelled) name = canonical;
  }
  if (name == "¢") {
    name = "$";
    value.den = 100;
  }
  value.bases = {{"money " + name, 1}};
  return value;
}

}  // namespace mathcoder::math
