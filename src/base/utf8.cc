#include "base/utf8.h"

namespace mathcoder::base {
namespace {

struct Step {
  std::size_t length;  // bytes of the valid character, or of the maximal invalid subpart
  bool valid;
  bool truncated;  // invalid only because the text ends
};

// Table 3-7 of the Unicode standard, read as code.
Step Read(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {1, true, false};
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return {1, false, false};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i >= text.size()) return {i, false, true};
    if (byte(at + i) < low || byte(at + i) > high) return {i, false, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true, false};
}

}  // namespace

std::size_t FirstInvalidUtf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Step step = Read(text, at);
    if (!step.valid) return at;
    at += step.length;
  }
  return std::string_view::npos;
}

bool IsValidUtf8(std::string_view text) { return FirstInvalidUtf8(text) == std::string_view::npos; }

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Step step = Read(text, at);
    if (step.valid) {
      result.append(text, at, step.length);
    } else {
      result += "\xEF\xBF\xBD";
    }
    at += step.length;
  }
  return result;
}

std::size_t CompleteUtf8Prefix(std::string_view text) {
  const std::size_t back = text.size() < 3 ? text.size() : 3;
  for (std::size_t i = 1; i <= back; ++i) {
    const std::size_t at = text.size() - i;
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;  // a continuation byte: its lead is further left
    return Read(text, at).truncated ? at : text.size();
  }
  return text.size();
}

}  // namespace mathcoder::base
