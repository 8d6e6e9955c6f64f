#include "grade/words.h"

#include <algorithm>
#include <array>

namespace mathcoder::grade {
namespace {

bool EndsSentence(std::string_view text, std::size_t at) {
  const char byte = text[at];
  if (byte == '\n' || byte == '?') return true;
  if (byte != '.' && byte != '!') return false;
  if (at + 1 < text.size() && !IsBlank(text[at + 1])) return false;
  // "5! ways" is a factorial, "(D. 5)" and "e.g. x" are rare enough.
  return byte == '.' || at == 0 || IsLetter(text[at - 1]);
}

// `sign` without a backslash before it.
std::size_t Find(std::string_view text, std::string_view sign) {
  std::size_t at = text.find(sign);
  while (at != std::string_view::npos && at > 0 && text[at - 1] == '\\') at = text.find(sign, at + 1);
  return at;
}

}  // namespace

bool HoldsWords(std::string_view text) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"sin",   "cos",  "tan",  "cot",  "sec",  "csc",      "log",       "exp",      "sqrt",     "cbrt",   "abs",
       "floor", "ceil", "sinh", "cosh", "tanh", "asin",     "acos",      "atan",     "arcsin",   "arccos", "arctan",
       "and",   "min",  "max",  "gcd",  "lcm",  "binomial", "factorial", "infinity", "Interval", "Union",  "Rational"});
  for (std::size_t i = 0; i < text.size();) {
    // The first bytes of kana, Chinese characters and Hangul, which no formula holds.
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0xE3 && byte <= 0xED) return true;
    if (!IsLetter(text[i])) {
      ++i;
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && IsLetter(text[i])) ++i;
    const std::string_view word = text.substr(begin, i - begin);
    if (word.size() < 3 || (begin > 0 && text[begin - 1] == '\\')) continue;
    if (std::find(kNames.begin(), kNames.end(), word) == kNames.end()) return true;
  }
  return false;
}

std::size_t BulletLength(std::string_view line) {
  std::size_t size = 0;
  for (const std::string_view mark : {"-", "*", "+", "\u2022", "\u2013", "\u25cf"}) {
    if (line.starts_with(mark)) size = mark.size();
  }
  if (size == 0) {
    std::size_t digits = 0;
    while (digits < line.size() && digits < 2 && IsDigit(line[digits])) ++digits;
    if (digits > 0 && digits < line.size() && (line[digits] == '.' || line[digits] == ')')) size = digits + 1;
  }
  if (size == 0 || size >= line.size() || line[size] != ' ') return 0;
  while (size < line.size() && line[size] == ' ') ++size;
  return size;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

std::string LowerAscii(std::string_view text) {
  std::string lower(text);
  for (char& byte : lower) byte = LowerByte(byte);
  return lower;
}

std::string_view LastLine(std::string_view text) {
  for (text = Trim(text); text.ends_with("```");) text = Trim(text.substr(0, text.size() - 3));  // the end of a fence is no line
  const std::size_t newline = text.rfind('\n');
  return Trim(newline == std::string_view::npos ? text : text.substr(newline + 1));
}

std::string_view LastSentence(std::string_view text) {
  text = Trim(text);
  std::size_t at = text.size();
  while (at > 0) {
    // The end of the last sentence itself does not count.
    if (at < text.size() && EndsSentence(text, at - 1)) break;
    --at;
  }
  return Trim(text.substr(at));
}

std::string_view WithoutFrame(std::string_view text) {
  struct Frame {
    std::string_view open;
    std::string_view close;
  };
  static constexpr auto kFrames = std::to_array<Frame>({{"\\(", "\\)"},
                                                        {"\\[", "\\]"},
                                                        {"$$", "$$"},
                                                        {"$", "$"},
                                                        {"***", "***"},
                                                        {"**", "**"},
                                                        {"__", "__"},
                                                        {"`", "`"},
                                                        {"\"", "\""}});
  for (bool again = true; again;) {
    again = false;
    text = Trim(text);
    if (text.size() > 1 && text.back() == '.' && !text.ends_with("..")) {
      text.remove_suffix(1);
      again = true;
      continue;
    }
    for (const Frame& frame : kFrames) {
      if (text.size() < frame.open.size() + frame.close.size() || !text.starts_with(frame.open) || !text.ends_with(frame.close))
        continue;
      std::string_view inside = text.substr(frame.open.size(), text.size() - frame.open.size() - frame.close.size());
      if (frame.close == "$" && inside.ends_with("\\")) continue;  // "\$" is money
      // "$3$ and $5$" is no frame around one thing.
      if (Find(inside, frame.open) != std::string_view::npos || Find(inside, frame.close) != std::string_view::npos) continue;
      text = inside;
      again = true;
      break;
    }
  }
  return text;
}

}  // namespace mathcoder::grade
