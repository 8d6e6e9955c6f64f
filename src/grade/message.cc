#include "grade/message.h"

#include <algorithm>
#include <array>

#include "grade/cue_words.h"
#include "grade/words.h"

namespace mathcoder::grade {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

// The value behind a key's colon: a string with its escapes undone, or what stands there up to the next comma, bracket or brace.
std::optional<std::string> JsonValue(std::string_view rest) {
  rest = Trim(rest);
  if (rest.empty()) return std::nullopt;
  std::string value;
  if (rest[0] == '"') {
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '"') return value;
      // "\\frac" and "\frac" both mean \frac: only quotes and backslashes are undone.
      if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
      value += rest[i];
    }
    return std::nullopt;
  }
  if (rest[0] == '[') {
    const std::size_t close = rest.find(']');
    if (close == kNone) return std::nullopt;
    value = rest.substr(1, close - 1);
    value.erase(std::remove(value.begin(), value.end(), '"'), value.end());
    return std::string(Trim(value));
  }
  value = Trim(rest.substr(0, rest.find_first_of(",}\n")));
  if (value.empty() || value == "null") return std::nullopt;
  return value;
}

}  // namespace

std::string_view BehindThoughts(std::string_view text) {
  static constexpr auto kEnds = std::to_array<std::string_view>(
      {"</think>", "</thinking>", "</thought>", "</thoughts>", "</reasoning>", "</scratchpad>", "<|end_of_thought|>"});
  if (text.find("</") == kNone && text.find("<|") == kNone) return text;
  std::string_view behind = text;
  for (const std::string_view end : kEnds) {
    if (const std::size_t at = behind.rfind(end); at != kNone) behind = behind.substr(at + end.size());
  }
  return Trim(behind).empty() ? text : behind;
}

std::optional<std::string> AnswerInJson(std::string_view text) {
  constexpr std::size_t kLongest = 4096;
  text = Trim(text);
  while (text.ends_with("```")) text = Trim(text.substr(0, text.size() - 3));
  if (!text.ends_with("}")) return std::nullopt;
  if (text.size() > kLongest) text.remove_prefix(text.size() - kLongest);
  const std::string lower = LowerAscii(text);
  std::size_t best = kNone;
  for (const std::string_view key : JsonKeys()) {
    const std::string quoted = '"' + std::string(key) + '"';
    const std::size_t at = lower.rfind(quoted);
    if (at == kNone || lower.rfind('{', at) == kNone) continue;
    std::size_t colon = at + quoted.size();
    while (colon < text.size() && IsBlank(text[colon])) ++colon;
    if (colon < text.size() && text[colon] == ':' && (best == kNone || colon > best)) best = colon;
  }
  return best == kNone ? std::nullopt : JsonValue(text.substr(best + 1));
}

bool EndsInOpenBox(std::string_view text) {
  // The last brace behind a box's command: braces are few.
  std::size_t box = text.rfind('{');
  const auto opens_box = [&](std::size_t brace) {
    const std::string_view before = text.substr(0, brace);
    return before.ends_with("boxed") || before.ends_with("boxed ") || before.ends_with("fbox");
  };
  while (box != kNone && !opens_box(box)) box = box == 0 ? kNone : text.rfind('{', box - 1);
  if (box == kNone) return false;
  int open = 0;
  for (std::size_t i = box; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      ++open;
    } else if (text[i] == '}' && --open == 0) {
      return false;
    }
  }
  return true;
}

bool Refuses(std::string_view text) {
  constexpr std::size_t kLastPart = 400;
  text = Trim(text);
  if (text.size() > kLastPart) text.remove_prefix(text.size() - kLastPart);
  // Their first two bytes rule out nearly every place.
  static const auto begins = [] {
    std::array<std::array<bool, 256>, 2> bytes{};
    for (const std::string_view words : Refusals()) {
      bytes[0][static_cast<unsigned char>(words[0])] = true;
      bytes[1][static_cast<unsigned char>(words[1])] = true;
    }
    return bytes;
  }();
  const std::string held = LowerAscii(text);
  for (std::string_view lower = held; lower.size() > 1; lower.remove_prefix(1)) {
    if (!begins[0][static_cast<unsigned char>(lower[0])] || !begins[1][static_cast<unsigned char>(lower[1])]) continue;
    if (std::any_of(Refusals().begin(), Refusals().end(), [&](std::string_view words) { return lower.starts_with(words); }))
      return true;
  }
  return false;
}

}  // namespace mathcoder::grade
