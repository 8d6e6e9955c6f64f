#include "grade/published_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace mathcoder::grade {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& byte : lower) byte = static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
  return lower;
}

std::string_view AfterLast(std::string_view text, std::string_view sign) {
  const std::size_t at = text.rfind(sign);
  return at == kNone ? text : text.substr(at + sign.size());
}

std::string_view BeforeFirst(std::string_view text, std::string_view sign) { return text.substr(0, text.find(sign)); }

std::size_t Count(std::string_view text, std::string_view sign) {
  std::size_t count = 0;
  for (std::size_t at = text.find(sign); at != kNone; at = text.find(sign, at + sign.size())) ++count;
  return count;
}

// \sqrt2 becomes \sqrt{2}: one byte of the argument, whatever it is (so \sqrt[3]{8} becomes nonsense, as published).
std::string BraceRoots(std::string_view text) {
  constexpr std::string_view kRoot = "\\sqrt";
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    if (!text.substr(at).starts_with(kRoot)) {
      result += text[at++];
      continue;
    }
    result += kRoot;
    at += kRoot.size();
    if (at < text.size() && text[at] != '{' && !text.substr(at).starts_with(kRoot)) {
      result += '{';
      result += text[at++];
      result += '}';
    }
  }
  return result;
}

// \frac12 becomes \frac{1}{2}. A \frac with fewer than two bytes after it leaves the whole text as it was.
std::string BraceFractions(std::string_view text) {
  constexpr std::string_view kFrac = "\\frac";
  std::size_t at = text.find(kFrac);
  std::string result(text.substr(0, at));
  while (at != kNone) {
    at += kFrac.size();
    const std::size_t next = text.find(kFrac, at);
    const std::string_view part = text.substr(at, next == kNone ? kNone : next - at);
    result += kFrac;
    if (part.starts_with("{")) {
      result += part;
    } else if (part.size() < 2) {
      return std::string(text);
    } else {
      result += '{';
      result += part[0];
      result += '}';
      if (part[1] == '{') {
        result += part.substr(1);
      } else {
        result += '{';
        result += part[1];
        result += '}';
        result += part.substr(2);
      }
    }
    at = next;
  }
  return result;
}

bool IsCanonicalInteger(std::string_view text) {
  if (text == "0") return true;
  if (text.starts_with("-")) text.remove_prefix(1);
  return !text.empty() && text[0] != '0' &&
         std::all_of(text.begin(), text.end(), [](unsigned char byte) { return std::isdigit(byte) != 0; });
}

// 3/4 becomes \frac{3}{4}.
std::string FractionOfSlash(std::string text) {
  const std::size_t slash = text.find('/');
  if (slash == kNone) return text;
  const std::string left = text.substr(0, slash);
  const std::string right = text.substr(slash + 1);
  if (!IsCanonicalInteger(left) || !IsCanonicalInteger(right)) return text;
  return "\\frac{" + left + "}{" + right + "}";
}

std::string Normalized(std::string text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kReplacements = {{{"\n", ""},
                                                                                            {"\\!", ""},
                                                                                            {"\\\\", "\\"},
                                                                                            {"tfrac", "frac"},
                                                                                            {"dfrac", "frac"},
                                                                                            {"\\left", ""},
                                                                                            {"\\right", ""},
                                                                                            {"^{\\circ}", ""},
                                                                                            {"^\\circ", ""},
                                                                                            {"\\$", ""}}};
  for (const auto& [from, to] : kReplacements) text = ReplaceAll(text, from, to);
  text = ReplaceAll(text, "$", "");
  text = std::string(BeforeFirst(text, "\\text{ "));
  text = ReplaceAll(text, "\\%", "");
  text = ReplaceAll(text, " .", " 0.");
  text = ReplaceAll(text, "{.", "{0.");
  if (text.empty()) return text;
  if (text[0] == '.') text.insert(0, "0");
  for (const std::string_view sign : {"=", "\\approx"}) {
    if (Count(text, sign) == 1) text = std::string(AfterLast(text, sign));
  }
  if (text.find("sqrt") != kNone) text = BraceRoots(text);
  text = ReplaceAll(text, " ", "");
  if (text.find("sqrt") != kNone) text = BraceFractions(text);
  if (text == "0.5") text = "\\frac{1}{2}";
  return FractionOfSlash(std::move(text));
}

// The published list, typos included: "kb/h" and "slices" were one string there, and the empty ones drop every square and cube.
constexpr std::array<std::string_view, 42> kUnits = {
    "cookies",     "screws",    "square",   "degree",        "pints",       "mb/h",   "mb/s",    "kb/hslices",
    "oranges",     "persecond", "ies/hour", "eephants/hour", "liters",      "sq.ft.", "inches",  "hours",
    "feet",        "minutes",   "seconds",  "cents",         "mph",         "meters", "yearsod", "rams",
    "centimeters", "kiorams",   "years",    "weeks",         "miesperhour", "miles",  "units",   "km",
    "mm",          "ms",        "am",       "mbperhour",     "mg",          "kg",     "",        "cm",
    "\u20ac",      "ml"};
constexpr std::array<std::string_view, 3> kLastUnits = {"pm", "gb", ""};
constexpr std::array<std::string_view, 6> kBracedUnits = {"{m}", "{p}", "{g}", "{l}", "{s}", "{ft}"};

void Drop(std::string& text, std::string_view unit) {
  text = ReplaceAll(text, std::string(unit) + "^3", "");
  text = ReplaceAll(text, std::string(unit) + "^2", "");
  text = ReplaceAll(text, unit, "");
}

std::string WithoutUnits(std::string text) {
  const auto drop = [&](std::string_view unit) {
    Drop(text, unit);
    Drop(text, "{}");
  };
  for (const std::string_view unit : kUnits) drop(unit);
  for (const std::string_view unit : kLastUnits) drop(unit);
  for (const std::string_view unit : kBracedUnits) Drop(text, unit);
  text = ReplaceAll(text, "ft^3", "");
  return ReplaceAll(text, "ft^2", "");
}

}  // namespace

std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  if (from.empty() || text.find(from) == kNone) return std::string(text);
  std::string result;
  std::size_t at = 0;
  for (std::size_t next = text.find(from); next != kNone; next = text.find(from, at)) {
    result += text.substr(at, next - at);
    result += to;
    at = next + from.size();
  }
  return result += text.substr(at);
}

std::string PublishedAnswer(std::string_view text) {
  const std::string lower = Lower(text);
  const std::string message = ReplaceAll(AfterLast(lower, " is "), "{}", "");
  std::string_view answer = message;
  constexpr std::string_view kBox = "oxed{";
  const std::size_t box = message.find(kBox);
  const std::size_t close = message.rfind('}');
  if (box != kNone && close != kNone && close >= box + kBox.size()) {
    answer = answer.substr(box + kBox.size(), close - box - kBox.size());
  }
  if (const std::size_t brace = answer.find('}'); brace != kNone && brace < answer.find('{')) answer = answer.substr(0, brace);
  answer = AfterLast(AfterLast(answer, "="), "\\approx");
  std::string result = ReplaceAll(answer, "answer:", "");
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kReplacements = {{{"\u221e", "\\infty"},
                                                                                           {"+\\infty", "\\infty"},
                                                                                           {"\\\\", "\\"},
                                                                                           {"\n", ""},
                                                                                           {"\\text", ""},
                                                                                           {"\\mbox", ""},
                                                                                           {"bmatrix", "pmatrix"}}};
  for (const auto& [from, to] : kReplacements) result = ReplaceAll(result, from, to);
  result = std::string(AfterLast(AfterLast(BeforeFirst(BeforeFirst(result, "\\)"), "\\]"), "\\("), "\\["));
  return WithoutUnits(Normalized(ReplaceAll(result, "..</s>", "")));
}

std::string PublishedChoice(std::string_view message) {
  for (const char letter : {'A', 'B', 'C', 'D'}) {
    for (const std::string& sign : {std::string("oxed{") + letter + ' ', std::string("oxed{") + letter + ". ",
                                    std::string("oxed{") + letter + '}', std::string("Answer: ") + letter + ' '}) {
      if (message.find(sign) != kNone) return std::string(1, letter);
    }
  }
  return std::string(message);
}

std::string WithoutLetters(std::string_view answer) {
  std::string result(answer);
  std::erase_if(result, [](char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); });
  return result;
}

}  // namespace mathcoder::grade
