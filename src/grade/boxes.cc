#include "grade/boxes.h"

#include <algorithm>
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
  return rest.starts_with("boxed{") ? 5 : 0;
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

// A name and its sign of equality at the end of a text: "x = ", "f(2) =", "x_1=". Empty: none.
std::string_view NameBefore(std::string_view text) {
  constexpr std::size_t kLongestName = 24;
  while (!text.empty() && (IsBlank(text.back()))) text.remove_suffix(1);
  if (!text.ends_with("=")) return {};
  text.remove_suffix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  std::size_t begin = text.size();
  const auto of_name = [](char byte) {
    return IsLetter(byte) || IsDigit(byte) || byte == '_' || byte == '{' || byte == '}' || byte == '(' || byte == ')' ||
           byte == '\'' || byte == '\\';
  };
  while (begin > 0 && text.size() - begin <= kLongestName && of_name(text[begin - 1])) --begin;
  std::string_view name = text.substr(begin);
  // "\(x = " and "\[x = " open a formula before the name.
  for (const std::string_view open : {"\\(", "("}) {
    if (name.starts_with(open) && name.find(')') == kNone) name.remove_prefix(open.size());
  }
  const bool letter = !name.empty() && (IsLetter(name[0]) || (name[0] == '\\' && name.size() > 1 && IsLetter(name[1])));
  return letter && name.size() <= kLongestName ? name : std::string_view();
}

// `gap` without a name and its sign at the end.
std::string_view WithoutName(std::string_view gap) {
  const std::string_view name = NameBefore(gap);
  return name.empty() ? gap : gap.substr(0, static_cast<std::size_t>(name.data() - gap.data()));
}

// "\boxed{3} chickens and \boxed{8} cows": one sentence that goes on to the next value.
bool ListsOn(std::string_view gap) {
  constexpr std::size_t kLongest = 200;
  if (gap.size() > kLongest) return false;
  if (OnlyJoins(WithoutName(gap))) return true;
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
    // "boxed{" has lost its backslash, where no letter stands before it.
    const bool may_open = text[i] == '\\' || text[i] == '\b' || (text[i] == 'b' && (i == 0 || !IsLetter(text[i - 1])));
    if (const std::size_t size = may_open ? BoxCommand(text.substr(i)) : 0; size > 0) {
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
  std::size_t first = boxes.size() - 1;
  while (first > 0 && ListsOn(text.substr(boxes[first - 1].end, boxes[first].begin - boxes[first - 1].end))) --first;
  // "$x = \boxed{1}$ and $y = \boxed{2}$": where every box has a name and these differ, they belong to the answer.
  std::vector<std::string_view> names;
  for (std::size_t i = first; i < boxes.size(); ++i) {
    const std::size_t begin = i == 0 ? 0 : boxes[i - 1].end;
    names.push_back(NameBefore(text.substr(begin, boxes[i].begin - begin)));
  }
  const auto repeated = [&](std::string_view name) { return name.empty() || std::count(names.begin(), names.end(), name) > 1; };
  const bool named = names.size() > 1 && std::none_of(names.begin(), names.end(), repeated);
  bool same = !named;
  std::string merged;
  for (std::size_t i = first; i < boxes.size(); ++i) {
    same = same && boxes[i].inside == boxes.back().inside;
    if (i > first) merged += ", ";
    if (named) merged += std::string(names[i - first]) + " = ";
    merged += boxes[i].inside;
  }
  if (same) return BoxedAnswer{std::string(boxes.back().inside), false};
  return BoxedAnswer{merged, true};
}

}  // namespace mathcoder::grade
