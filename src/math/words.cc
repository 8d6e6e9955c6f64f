#include "math/words.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "math/spelled.h"

namespace mathcoder::math {
namespace {

template <std::size_t N>
constexpr bool Sorted(const std::string_view (&list)[N]) {
  return std::is_sorted(std::begin(list), std::end(list));
}
template <std::size_t N>
bool In(const std::string_view (&list)[N], std::string_view word) {
  return std::binary_search(std::begin(list), std::end(list), word);
}

constexpr std::string_view kUnits[] = {
    "GB",          "GHz",         "Hz",          "KB",          "MB",          "MHz",    "MW",     "Mb",       "acre",   "acres",
    "atm",         "bushels",     "centimeter",  "centimeters", "centimetres", "cm",     "cubic",  "cups",     "day",    "days",
    "deg",         "degree",      "degrees",     "dm",          "feet",        "fl",     "fluid",  "foot",     "fps",    "ft",
    "gal",         "gallon",      "gallons",     "gm",          "gram",        "grams",  "ha",     "hectares", "hour",   "hours",
    "hr",          "hrs",         "in",          "inch",        "inches",      "joules", "kW",     "kWh",      "kg",     "kilogram",
    "kilograms",   "kilometer",   "kilometers",  "kilometres",  "km",          "kmh",    "kph",    "lb",       "lbs",    "liter",
    "liters",      "litres",      "mL",          "meter",       "meters",      "metres", "mg",     "mi",       "mile",   "miles",
    "milligrams",  "milliliters", "millilitres", "millimeters", "min",         "mins",   "minute", "minutes",  "ml",     "mm",
    "mol",         "month",       "months",      "mph",         "nm",          "ohms",   "ounce",  "ounces",   "oz",     "per",
    "percent",     "pint",        "pints",       "pounds",      "psi",         "quart",  "quarts", "rad",      "radian", "radians",
    "revolutions", "rpm",         "sec",         "second",      "seconds",     "secs",   "sq",     "square",   "tons",   "unit",
    "units",       "volts",       "watts",       "week",        "weeks",       "yard",   "yards",  "yd",       "yds",    "year",
    "years",       "yr",          "yrs"};
static_assert(Sorted(kUnits));

constexpr std::pair<std::string_view, std::string_view> kCurrencies[] = {
    {"aud", "AUD"}, {"cad", "CAD"}, {"cent", "¢"},   {"cents", "¢"}, {"dollar", "$"}, {"dollars", "$"},
    {"eur", "€"},   {"euro", "€"},  {"euros", "€"},  {"gbp", "£"},   {"inr", "₹"},    {"jpy", "¥"},
    {"rs", "₹"},    {"rupee", "₹"}, {"rupees", "₹"}, {"usd", "$"},   {"yen", "¥"},    {"yuan", "CNY"}};

// Words of two to three letters (and longer ones that look unpronounceable or sorted) that answers hold and that are no variables.
constexpr std::string_view kShortWords[] = {
    "all",  "and",   "any",  "are",  "as",    "at",   "be",   "black", "boy",  "but",  "by",   "can",   "car",   "cat",  "cell",
    "cent", "cents", "cost", "day",  "days",  "did",  "do",   "does",  "dog",  "east", "egg",  "first", "for",   "from", "get",
    "girl", "go",    "had",  "has",  "he",    "her",  "his",  "how",   "if",   "in",   "is",   "it",    "its",   "jar",  "let",
    "list", "lot",   "man",  "may",  "men",   "most", "my",   "new",   "no",   "non",  "none", "nor",   "north", "not",  "now",
    "odd",  "of",    "off",  "old",  "on",    "one",  "only", "or",    "our",  "out",  "own",  "pay",   "pen",   "red",  "set",
    "she",  "six",   "so",   "some", "south", "sum",  "ten",  "than",  "that", "the",  "then", "they",  "this",  "tie",  "to",
    "too",  "two",   "use",  "was",  "way",   "we",   "west", "what",  "when", "who",  "why",  "with",  "yes",   "yet",  "you"};
static_assert(Sorted(kShortWords));

constexpr std::string_view kSentenceWords[] = {"and",       "are",   "as",    "at",    "because", "but",   "by",        "else",
                                               "for",       "from",  "gives", "hence", "if",      "is",    "means",     "or",
                                               "otherwise", "since", "so",    "that",  "the",     "then",  "therefore", "this",
                                               "to",        "was",   "we",    "where", "which",   "while", "with"};
static_assert(Sorted(kSentenceWords));

bool IsVowel(char c) { return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u'; }

}  // namespace

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsUnitWord(std::string_view word) { return In(kUnits, word) || (word.size() > 3 && In(kUnits, Lower(word))); }

bool IsUnitLetter(std::string_view letter) { return letter == "m" || letter == "s" || letter == "g" || letter == "L"; }

std::string_view CurrencyOf(std::string_view lower_word) {
  for (const auto& [word, sign] : kCurrencies) {
    if (word == lower_word) return sign;
  }
  return {};
}

std::string_view MoneyCode(std::string_view letters) {
  constexpr std::pair<std::string_view, std::string_view> kCodes[] = {{"USD", "$"},   {"US", "$"},    {"EUR", "€"},  {"GBP", "£"},
                                                                      {"INR", "₹"},   {"JPY", "¥"},   {"Rs", "₹"},   {"AUD", "AUD"},
                                                                      {"CAD", "CAD"}, {"CNY", "CNY"}, {"RMB", "CNY"}};
  for (const auto& [code, sign] : kCodes) {
    if (code == letters) return sign;
  }
  return {};
}

bool IsListedWord(std::string_view letters) {
  if (letters.size() < 2 || letters.size() > 5) return false;
  const std::string lower = Lower(letters);
  // "IN", "SO" in capitals are points, "No" is a word.
  return In(kShortWords, lower) && (letters.size() > 2 || lower[1] == letters[1]);
}

bool IsOrdinaryWord(std::string_view letters) {
  if (letters.size() < 2) return false;
  if (IsListedWord(letters)) return true;
  const std::string lower = Lower(letters);
  if (letters.size() > 4 && IsNumberWord(lower)) return true;  // forty is in alphabetical order
  if (letters.size() < 4) return false;
  if (std::is_sorted(lower.begin(), lower.end())) return false;  // abcd, xxyy
  const bool capitals = std::none_of(letters.begin(), letters.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return capitals || std::any_of(lower.begin(), lower.end(), IsVowel);
}

bool IsSentenceWord(std::string_view lower_word) { return In(kSentenceWords, lower_word); }

bool IsHalfDay(std::string_view lower) {
  return lower == "am" || lower == "pm" || lower == "a.m." || lower == "p.m." || lower == "a.m" || lower == "p.m";
}

}  // namespace mathcoder::math
