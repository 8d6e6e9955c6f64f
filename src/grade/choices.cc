#include "grade/choices.h"

#include <algorithm>
#include <array>
#include <utility>

#include "grade/cues.h"
#include "grade/words.h"

namespace mathcoder::grade {
namespace {

constexpr std::size_t kLongest = 400;

bool IsChoiceLetter(char byte) { return LowerByte(byte) >= 'a' && LowerByte(byte) <= 'j'; }
char Upper(char byte) { return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 'a' + 'A') : byte; }

// \text{(C)}, \textbf{(A) } 7, **C**, $\text{C}$ without what only sets their type.
std::string Plain(std::string_view text) {
  static constexpr auto kCommands =
      std::to_array<std::string_view>({"\\text{", "\\textbf{", "\\textrm{", "\\textit{", "\\mathrm{", "\\mathbf{", "\\mathsf{",
                                       "\\mbox{", "\\boldsymbol{", "\\bf{", "\\rm{"});
  std::string plain;
  int open = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    const auto command =
        std::find_if(kCommands.begin(), kCommands.end(), [&](std::string_view name) { return rest.starts_with(name); });
    if (command != kCommands.end()) {
      i += command->size() - 1;
      ++open;
    } else if (rest.starts_with("}") && open > 0) {
      --open;
    } else if (rest.starts_with("\\ ") || rest.starts_with("\\,") || rest.starts_with("\\;")) {
      plain += ' ';
      ++i;
    } else if (rest.starts_with("**")) {
      ++i;
    } else if (text[i] != '$') {
      plain += text[i];
    }
  }
  return plain;
}

// How much of the front of `text` one choice takes, with its marker; 0: none. `marked` as in Choices.
std::size_t OneChoice(std::string_view text, char& letter, bool& marked) {
  std::size_t at = 0;
  marked = false;
  static constexpr auto kWords =
      std::to_array<std::string_view>({"the ", "correct ", "answer ", "option ", "choice ", "options ", "choices ", "letter "});
  const std::string lower = LowerAscii(text.substr(0, 48));
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view word : kWords) {
      if (!std::string_view(lower).substr(std::min(at, lower.size())).starts_with(word)) continue;
      at += word.size();
      again = true;
      marked = marked || (word != "the " && word != "correct ");
    }
  }
  const bool open = at < text.size() && (text[at] == '(' || text[at] == '[');
  const char close = open && text[at] == '[' ? ']' : ')';
  if (open) ++at;
  while (open && at < text.size() && IsBlank(text[at])) ++at;
  if (at >= text.size() || !IsChoiceLetter(text[at])) return 0;
  letter = text[at++];
  while (open && at < text.size() && IsBlank(text[at])) ++at;
  if (open) {
    if (at >= text.size() || text[at] != close) return 0;
    marked = true;
    ++at;
  } else if (at < text.size() && (text[at] == '.' || text[at] == ')' || text[at] == ':') &&
             (at + 1 == text.size() || IsBlank(text[at + 1]))) {
    marked = true;
    ++at;
  }
  // "Cat", "C2", "C'", "C_1" are no choices.
  if (!marked && at < text.size() && !IsBlank(text[at]) && text[at] != ',' && text[at] != ';') return 0;
  if (marked && !open && at < text.size() && IsLetter(text[at - 1]) && (IsLetter(text[at]) || IsDigit(text[at]))) return 0;
  return at;
}

// The length of a joining word or sign at the front of `text`; 0: none.
std::size_t Joint(std::string_view text) {
  const std::string_view all = text;
  bool joined = false;
  for (bool again = true; again;) {
    again = false;
    while (!text.empty() && IsBlank(text[0])) text.remove_prefix(1);
    for (const std::string_view word : {",", ";", "&", "and ", "or ", "And ", "Or "}) {
      if (!text.starts_with(word)) continue;
      text.remove_prefix(word.size());
      joined = again = true;
    }
  }
  return joined ? all.size() - text.size() : 0;
}

}  // namespace

std::optional<Choices> ChoicesIn(std::string_view text) {
  text = WithoutFrame(text);
  if (text.empty() || text.size() > kLongest) return std::nullopt;
  // Most answers are numbers and formulas: one byte rules them out.
  if (!IsLetter(text[0]) && text[0] != '(' && text[0] != '[' && text[0] != '\\' && text[0] != '*' && text[0] != '$')
    return std::nullopt;
  const std::string held = Plain(text);
  const std::string_view plain = BeforePraise(Trim(held));
  Choices choices;
  std::string_view rest = plain;
  for (;;) {
    char letter = 0;
    bool marked = false;
    const std::size_t size = OneChoice(rest, letter, marked);
    if (size == 0) break;
    choices.letters += letter;
    choices.marked = choices.marked || marked;
    rest = Trim(rest.substr(size));
    const std::size_t joint = Joint(rest);
    if (joint == 0) break;
    char next = 0;
    bool ignored = false;
    if (OneChoice(rest.substr(joint), next, ignored) == 0) break;
    rest.remove_prefix(joint);
  }
  if (choices.letters.empty()) return std::nullopt;
  if (!rest.empty()) {
    // Only a single marked letter has a value behind it.
    if (choices.letters.size() > 1 || !choices.marked) return std::nullopt;
    // "(A)(B)", "(a)x", "(C) + 1" are formulas.
    const bool formula = rest[0] == '(' || rest[0] == '\'' || rest[0] == '^' || rest[0] == '_' || rest[0] == '*' ||
                         rest[0] == '+' || rest[0] == '/' || rest[0] == '=' || rest[0] == '<' || rest[0] == '>' || rest[0] == '!' ||
                         (rest[0] == '-' && rest.size() > 1 && IsBlank(rest[1]));
    if (formula) return std::nullopt;
    choices.value = std::string(rest);
  }
  if (!choices.marked) {
    const bool lower = std::any_of(choices.letters.begin(), choices.letters.end(), [](char c) { return c >= 'a'; });
    if (lower && (choices.letters.size() > 1 || choices.letters[0] > 'd')) return std::nullopt;
  }
  for (char& letter : choices.letters) letter = Upper(letter);
  std::sort(choices.letters.begin(), choices.letters.end());
  choices.letters.erase(std::unique(choices.letters.begin(), choices.letters.end()), choices.letters.end());
  return choices;
}

std::optional<std::string> LettersTogether(std::string_view text) {
  const std::string held = Plain(WithoutFrame(text.substr(0, kLongest)));
  std::string letters(Trim(held));
  const bool all = std::all_of(letters.begin(), letters.end(), [](char c) { return c >= 'A' && c <= 'J'; });
  if (letters.size() < 2 || letters.size() > 10 || !all) return std::nullopt;
  std::sort(letters.begin(), letters.end());
  if (std::adjacent_find(letters.begin(), letters.end()) != letters.end()) return std::nullopt;
  return letters;
}

}  // namespace mathcoder::grade
