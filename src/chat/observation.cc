#include "chat/observation.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/utf8.h"
#include "chat/agreement.h"

namespace mathcoder::chat {
namespace {

bool IsDigit(char byte) { return byte >= '0' && byte <= '9'; }
bool IsSpace(char byte) { return std::isspace(static_cast<unsigned char>(byte)) != 0; }

// ECMA-48: control sequences (ESC [ parameters intermediates final), strings such as titles (ESC ] ... BEL or ESC \), and
// sequences of two or three bytes. A torn sequence at the end goes as well.
std::string StripAnsi(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\x1b') {
      out.push_back(text[i++]);
      continue;
    }
    const char kind = i + 1 < text.size() ? text[i + 1] : '\0';
    i = std::min(i + 2, text.size());
    if (kind == '[') {
      while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x3f) ++i;
      if (i < text.size() && text[i] >= 0x40 && text[i] <= 0x7e) ++i;
    } else if (kind == ']' || kind == 'P' || kind == '_' || kind == '^' || kind == 'X') {
      while (i < text.size() && text[i] != '\x07' && text[i] != '\x1b' && text[i] != '\n') ++i;
      if (i < text.size() && text[i] == '\x07')
        ++i;
      else if (i + 1 < text.size() && text[i] == '\x1b' && text[i + 1] == '\\')
        i += 2;
    } else if (kind >= 0x20 && kind <= 0x2f) {
      while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x2f) ++i;
      if (i < text.size() && text[i] >= 0x30 && text[i] <= 0x7e) ++i;
    } else if (static_cast<unsigned char>(kind) >= 0x80 || kind == '\n') {
      --i;  // no sequence: only the escape goes
    }
  }
  return out;
}

// Digits, a point, digits: of the last, `keep` stay. Nothing is rounded, an exponent stays: 1.195938368e-08 is 1.195938e-08.
std::string CutDecimals(std::string_view text, std::size_t keep) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (!IsDigit(text[i])) {
      out.push_back(text[i++]);
      continue;
    }
    const auto digits_end = [&](std::size_t from) {
      while (from < text.size() && IsDigit(text[from])) ++from;
      return from;
    };
    const std::size_t whole = digits_end(i);
    out += text.substr(i, whole - i);
    i = whole;
    while (i + 1 < text.size() && text[i] == '.' && IsDigit(text[i + 1])) {
      const std::size_t end = digits_end(i + 1);
      if (keep > 0) out += text.substr(i, 1 + std::min(keep, end - i - 1));
      i = end;
    }
  }
  return out;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xc0) != 0x80; }));
}

bool BeginsCharacter(std::string_view text, std::size_t i) { return i >= text.size() || (text[i] & 0xc0) != 0x80; }

std::string Elision(std::string form, std::size_t left_out) {
  const std::size_t at = form.find("{n}");
  return at == std::string::npos ? form : form.replace(at, 3, std::to_string(left_out));
}

std::string KeepEnds(const ObservationPolicy& policy, std::string_view text) {
  if (text.size() <= policy.max_bytes) return std::string(text);
  // Room for the elision is taken for its longest form, so that the result keeps the limit whatever number stands in it.
  const std::size_t elision = Elision(policy.elision, text.size()).size();
  const std::size_t room = policy.max_bytes > elision ? policy.max_bytes - elision : 0;
  std::size_t head = static_cast<std::size_t>(static_cast<double>(room) * std::clamp(policy.head_share, 0.0, 1.0));
  std::size_t tail = text.size() - (room - head);
  while (!BeginsCharacter(text, head)) --head;
  while (!BeginsCharacter(text, tail)) ++tail;
  const std::string middle = Elision(policy.elision, Characters(text.substr(head, tail - head)));
  if (middle.size() > policy.max_bytes) return "";
  return std::string(text.substr(0, head)) + middle + std::string(text.substr(tail));
}

ObservationPolicy Tora() {
  ObservationPolicy policy;
  policy.name = "tora";
  policy.decimals = -1;
  policy.empty = "";
  policy.last_line_of_traceback = true;
  policy.max_bytes = 403;  // 200 bytes of each end and the elision
  policy.elision = "...";
  return policy;
}

ObservationPolicy Raw() {
  ObservationPolicy policy;
  policy.name = "raw";
  policy.decimals = -1;
  policy.empty = "";
  policy.strip_ansi = false;
  policy.trim = false;
  return policy;
}

}  // namespace

ObservationPolicy LoadObservationPolicy(std::string_view name) {
  if (name == "mathcoder") return {};
  if (name == "raw") return Raw();
  if (name == "tora") return Tora();
  throw base::BadInput("there is no observation policy '" + std::string(name) + "'; known are mathcoder, raw, tora");
}

std::vector<std::string> ObservationPolicies() { return {"mathcoder", "raw", "tora"}; }

std::string Observe(const ObservationPolicy& policy, std::string_view output) {
  std::string text = base::ReplaceInvalidUtf8(output);
  if (policy.strip_ansi) text = StripAnsi(text);
  if (policy.last_line_of_traceback) {
    std::string exception = ExceptionOf(text);
    if (!exception.empty()) text = std::move(exception);
  }
  if (policy.trim) text = Trim(text);
  if (policy.decimals >= 0) text = CutDecimals(text, static_cast<std::size_t>(policy.decimals));
  if (text.empty()) return policy.empty;
  text = KeepEnds(policy, text);
  return policy.trim ? std::string(Trim(text)) : text;
}

}  // namespace mathcoder::chat
