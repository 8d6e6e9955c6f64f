#include "grade/boxes.h"

#include <array>
#include <utility>

#include "grade/words.h"

namespace mathcoder::grade {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

// Length of a command that opens a box at the front of `rest`; 0: none. "\beginboxed" is a slip of a model, "\x08oxed" is "\boxed"
// after a Python string has read its \b.
std::size_t BoxCommand(std::string_view rest) {
  static constexpr auto kCommands = std::to_array<std::string_view>(
      {"\\beginboxed", "\\begin{boxed}", "\\boxed", "\\bboxed", "\\fbox", "\\framebox", "\boxed", "\\Boxed"});
  for (const std::string_view command : kCommands) {
    if (rest.starts_with(command)) return command.size();
  }
  return 0;
}

// What may stand between two boxes of one list: delimiters of formulas and joining words only.
bool OnlyJoins(std::string_view gap) {
  static constexpr auto kJoins = std::to_array<std::string_view>({"\\text{ and }",
                                                                  "\\text{and}",
                                                                  "\\text{ or }",
                                                                  "\\text{or}",
                                                                  "\\(",
                                                                  "\\)",
                                                                  "\\[",
                                                                  "\\]",
                                                                  "\\quad",
                                                                  "\\qquad",
                                                                  "\\,",
                                                                  "\\;",
                                                                  "\\ ",
                                                                  "and",
                                                                  "or",
                                                                  ",",
                                                                  ";",
                                                                  "$",
                                                                  "&",
                                                                  "\\\\",
                                                                  " ",
                                                                  "\n",
                                                                  "\t",
                                                                  "\r"});
  while (!gap.empty()) {
    bool taken = false;
    for (const std::string_view join : kJoins) {
      if (!gap.starts_with(join)) continue;
      gap.remove_prefix(join.size());
      taken = true;
      break;
    }
    if (!taken) return false;
  }
  return true;
}

// "\boxed{3} chickens and \boxed{8} cows": one sentence that goes on to the next value.
bool ListsOn(std::string_view gap) {
  constexpr std::size_t kLongest = 200;
  if (gap.size() > kLongest) return false;
  if (OnlyJoins(gap)) return true;
  for (std::size_t i = 0; i < gap.size(); ++i) {
    if (gap[i] == '=' || gap[i] == '?') return false;
    if (gap[i] == '.' && (i + 1 == gap.size() || !IsDigit(gap[i + 1]))) return false;
    if (gap[i] == '\n' && i + 1 < gap.size() && gap[i + 1] == '\n') return false;
  }
  const std::string lower = LowerAscii(gap);
  static constexpr auto kTurns =
      std::to_array<std::string_view>({"answer", "therefore", "thus", "so ", "hence", "because", "since", "then", "which", "but",
                                       "final", "simplif", "reduc", "equal", "not "});
  for (const std::string_view turn : kTurns) {
    if (lower.find(turn) != kNone) return false;
  }
  return lower.find("and ") != kNone || lower.find("or ") != kNone || lower.find("and\n") != kNone || lower.starts_with(",");
}

}  // namespace

std::vector<Box> FindBoxes(std::string_view text) {
  struct Brace {
    std::size_t at;
    std::size_t command;  // where the box's command began; npos: no box
  };
  std::vector<Brace> open;
  std::vector<Box> found;
  // Most blocks have none: looked for as a whole before brace by brace.
  if (text.find("oxed") == kNone && text.find("fbox") == kNone && text.find("framebox") == kNone) return found;
  std::size_t command = kNone;  // a box's command stands right before this place
  const auto add = [&](std::size_t begin, std::size_t end, std::string_view inside) {
    inside = Trim(inside);
    if (inside.empty() || inside == "\\" || inside == "~") return;
    if (!found.empty() && found.back().begin > begin) return;  // a box around boxes: those inside say it
    found.push_back({begin, end, inside});
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (const std::size_t size = text[i] == '\\' || text[i] == '\b' ? BoxCommand(text.substr(i)) : 0; size > 0) {
      if (text.substr(i).starts_with("\\begin{boxed}")) {
        const std::size_t end = text.find("\\end{boxed}", i);
        if (end != kNone) add(i, end + 11, text.substr(i + size, end - i - size));
        i += size - 1;
        continue;
      }
      command = i;
      i += size - 1;
      continue;
    }
    const std::size_t before = std::exchange(command, IsBlank(text[i]) ? command : kNone);
    if (text[i] == '\\') {
      ++i;  // \{ and \} are signs
    } else if (text[i] == '{') {
      open.push_back({i, before});
    } else if (text[i] == '}') {
      if (open.empty()) continue;
      const Brace brace = open.back();
      open.pop_back();
      if (brace.command != kNone) add(brace.command, i + 1, text.substr(brace.at + 1, i - brace.at - 1));
    } else if (before != kNone && !IsBlank(text[i])) {
      const std::size_t end = std::min(text.find_first_of(" \n\t$,\\)", i), text.size());  // \boxed 7
      std::string_view inside = text.substr(i, end - i);
      if (inside.ends_with(".")) inside.remove_suffix(1);
      add(before, i + inside.size(), inside);
    }
  }
  return found;
}

std::optional<BoxedAnswer> AnswerInBoxes(std::string_view text) {
  const std::vector<Box> boxes = FindBoxes(text);
  if (boxes.empty()) return std::nullopt;
  std::vector<std::string_view> parts = {boxes.back().inside};
  for (std::size_t i = boxes.size() - 1; i-- > 0;) {
    if (!ListsOn(text.substr(boxes[i].end, boxes[i + 1].begin - boxes[i].end))) break;
    parts.insert(parts.begin(), boxes[i].inside);
  }
  bool same = true;
  for (const std::string_view part : parts) same = same && part == parts.front();
  if (same) return BoxedAnswer{std::string(parts.front()), false};
  std::string merged;
  for (const std::string_view part : parts) merged += (merged.empty() ? "" : ", ") + std::string(part);
  return BoxedAnswer{merged, true};
}

}  // namespace mathcoder::grade
