#include "chat/final_answer.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

namespace mathcoder::chat {
namespace {

bool IsSpace(char byte) { return std::isspace(static_cast<unsigned char>(byte)) != 0; }
bool IsDigit(char byte) { return byte >= '0' && byte <= '9'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// The content of the last \boxed{...} that closes and is not empty: "put it in \boxed{}" states nothing.
// One pass with a stack of open braces, so that a text of many of them costs no more than its length.
std::string_view LastBoxed(std::string_view text) {
  constexpr std::string_view kBoxed = "\\boxed";
  struct Brace {
    std::size_t at;
    bool boxed;
  };
  std::vector<Brace> open;
  std::string_view last;
  std::size_t last_at = 0;
  bool boxed = false;  // \boxed and blanks stand right before this place
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with(kBoxed)) {
      boxed = true;
      i += kBoxed.size() - 1;
      continue;
    }
    const bool after_boxed = std::exchange(boxed, boxed && IsSpace(text[i]));
    if (text[i] == '\\') {
      ++i;  // \{ and \} are signs, not braces
    } else if (text[i] == '{') {
      open.push_back({i, after_boxed});
    } else if (text[i] == '}' && !open.empty()) {
      const Brace brace = open.back();
      open.pop_back();
      const std::string_view inside = Trim(text.substr(brace.at + 1, i - brace.at - 1));
      if (brace.boxed && !inside.empty() && brace.at >= last_at) last = inside, last_at = brace.at;
    } else if (after_boxed && !IsSpace(text[i])) {
      last = text.substr(i, std::min(text.find_first_of(" \n\t$.,\\)", i + 1), text.size()) - i);  // \boxed 7
      last_at = i;
    }
  }
  return last;
}

// What follows a cue on its line, without the signs that wrap a sentence or a formula.
std::string_view AfterCue(std::string_view rest) {
  rest = Trim(rest.substr(0, rest.find('\n')));
  constexpr std::string_view kFront = ":*= $";
  constexpr std::string_view kBack = ".*$ ";
  while (!rest.empty() && kFront.find(rest.front()) != std::string_view::npos) rest.remove_prefix(1);
  while (!rest.empty() && kBack.find(rest.back()) != std::string_view::npos) rest.remove_suffix(1);
  if (rest.starts_with("\\(") && rest.ends_with("\\)") && rest.size() >= 4) rest = Trim(rest.substr(2, rest.size() - 4));
  return rest;
}

std::string_view LastCue(std::string_view text) {
  std::string lower(text);
  for (char& byte : lower) byte = static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
  std::size_t best = std::string::npos;
  std::string_view answer;
  for (const std::string_view cue : {"####", "answer is", "answer:"}) {
    const std::size_t at = lower.rfind(cue);
    if (at == std::string::npos || (best != std::string::npos && at < best)) continue;
    const std::string_view found = AfterCue(text.substr(at + cue.size()));
    if (found.empty()) continue;
    best = at;
    answer = found;
  }
  return answer;
}

// The last number: sign, digits with separators of thousands, decimals, an exponent, or a fraction of two integers.
std::string LastNumber(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0 && !IsDigit(text[end - 1])) --end;
  if (end == 0) return "";
  std::size_t begin = end - 1;
  const auto number_byte = [&](std::size_t i) {
    const char byte = text[i];
    if (IsDigit(byte)) return true;
    const bool between = i > 0 && i + 1 < text.size() && IsDigit(text[i - 1]) && IsDigit(text[i + 1]);
    return (byte == '.' || byte == ',' || byte == '/') && between;
  };
  while (begin > 0 && number_byte(begin - 1)) --begin;
  if (begin > 0 && text[begin - 1] == '.') --begin;
  const bool signed_number = begin > 0 && text[begin - 1] == '-' &&
                             (begin == 1 || !(std::isalnum(static_cast<unsigned char>(text[begin - 2])) || text[begin - 2] == ')'));
  if (signed_number) --begin;
  std::string number(text.substr(begin, end - begin));
  number.erase(std::remove(number.begin(), number.end(), ','), number.end());
  return number;
}

}  // namespace

std::string ExtractFinalAnswer(const std::vector<Block>& blocks) {
  const auto last_in_texts = [&](auto find) -> std::string {
    for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
      if (block->kind != BlockKind::kText) continue;
      std::string found(find(block->text));
      if (!found.empty()) return found;
    }
    return "";
  };
  if (std::string boxed = last_in_texts(LastBoxed); !boxed.empty()) return boxed;
  if (std::string cued = last_in_texts(LastCue); !cued.empty()) return cued;
  if (std::string number = last_in_texts(LastNumber); !number.empty()) return number;
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    if (block->kind != BlockKind::kExecution) continue;
    const std::string_view output = Trim(block->text);
    const std::size_t newline = output.rfind('\n');
    return std::string(Trim(newline == std::string_view::npos ? output : output.substr(newline + 1)));
  }
  return "";
}

}  // namespace mathcoder::chat
