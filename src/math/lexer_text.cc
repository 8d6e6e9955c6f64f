// Commands whose argument is a text or a name.
#include <algorithm>

#include "math/lexer_state.h"
#include "math/words.h"

namespace mathcoder::math {

// \text{...}: numbers and single letters are read as what they are, words become one token.
std::size_t Lexer::Text(std::size_t begin, std::size_t end) {
  const std::size_t open = SkipSpace(end);
  if (At(open) != '{') return end;
  const std::size_t close = GroupEnd(open);
  if (close == std::string_view::npos) {
    Fail(open, "the brace is never closed");
    return end_;
  }
  std::size_t first = open + 1, last = close;
  if (first < last && IsSpace(text_[first])) space_ = true;
  while (first < last && IsSpace(text_[first])) ++first;
  while (last > first && IsSpace(text_[last - 1])) --last;
  // ", and", "and": the list goes on
  std::size_t at = first;
  while (at < last && (text_[at] == ',' || IsSpace(text_[at]))) ++at;
  if (at < last && at > first) Push(Tok::kComma, first, first + 1);
  const std::string_view content = text_.substr(at, last - at);
  if (content.empty()) {
    if (at > first) Push(Tok::kComma, first, first + 1);
    space_ = true;
    return close + 1;
  }
  const std::size_t word = content.find_first_of(" ,{\\");
  const std::string_view head = content.substr(0, word);
  if (head == "and" || head == "or") {
    Push(head == "and" ? Tok::kWordAnd : Tok::kWordOr, at, at + head.size());
    if (content.size() > head.size()) Range(at + head.size(), last, true);
    return close + 1;
  }
  bool letters_alone = true, any_letter = false;
  std::size_t run = 0;
  for (char c : content) {
    run = IsLetter(c) ? run + 1 : 0;
    any_letter = any_letter || run > 0;
    letters_alone = letters_alone && run < 2 && (IsLetter(c) || c == ',' || c == ' ' || c == ';' || IsDigit(c));
  }
  const char c = content[0];
  // (C): a choice
  if (content.size() == 3 && content[0] == '(' && content[2] == ')' && IsLetter(content[1])) {
    Push(Tok::kText, at, last, content);
    return close + 1;
  }
  const Function* f = FindFunction(content);
  if (f != nullptr && (OpensAt(close + 1) || (f->bare && !(AfterNumber() && IsUnitWord(content))))) {
    Token& token = Push(Tok::kFunction, begin, close + 1);
    token.function = f;
    return close + 1;
  }
  const bool mathematics = IsDigit(c) || c == '$' || c == '(' || c == '-' || c == '\\' || c == '.' ||
                           static_cast<unsigned char>(c) >= 0x80 || (letters_alone && !any_letter);
  if (content == ":" || content == "-" || content == "/") {
    Range(at, last, true);
    return close + 1;
  }
  if (content.size() == 1 && IsLetter(c)) {
    Push(AfterNumber() && IsUnitLetter(content) ? Tok::kUnit : Tok::kLetter, at, last, content);
    return close + 1;
  }
  // A5_{11}
  if (IsLetter(c) && content.find_first_not_of("0123456789ABCDEF") == std::string_view::npos && At(close + 1) == '_') {
    Push(Tok::kNumber, at, last);
    return close + 1;
  }
  if (mathematics || letters_alone || content.find('\\') != std::string_view::npos || content.find('$') != std::string_view::npos) {
    Range(at, last, true);
    space_ = true;
    return close + 1;
  }
  // "pounds of coffee and": the list goes on behind it
  std::string_view words = content;
  Tok connective = Tok::kEnd;
  if (words.size() > 4 && words.ends_with(" and")) {
    connective = Tok::kWordAnd;
    words.remove_suffix(4);
  } else if (words.size() > 3 && words.ends_with(" or")) {
    connective = Tok::kWordOr;
    words.remove_suffix(3);
  }
  const bool comma = words.back() == ',';
  while (!words.empty() && (words.back() == ',' || words.back() == ' ')) words.remove_suffix(1);
  if (!words.empty()) Push(Tok::kText, at, at + words.size(), words);
  if (comma) Push(Tok::kComma, at + words.size(), at + words.size() + 1);
  if (connective != Tok::kEnd) Push(connective, last, last);
  space_ = true;
  return close + 1;
}

// \mathrm{cm}, \mathbf{v}, \operatorname{floor}: a name where the content is letters, else no more than braces.
std::size_t Lexer::Styled(std::size_t begin, std::size_t end, std::string_view command) {
  const std::size_t open = SkipSpace(end);
  if (At(open) != '{') return end;
  const std::size_t close = GroupEnd(open);
  if (close == std::string_view::npos) {
    Fail(open, "the brace is never closed");
    return end_;
  }
  std::size_t first = open + 1, last = close;
  while (first < last && (IsSpace(text_[first]) || text_[first] == '~')) ++first;
  while (last > first && IsSpace(text_[last - 1])) --last;
  const std::string_view content = text_.substr(first, last - first);
  if (content.empty()) {  // no set: nothing, or a space
    space_ = true;
    return close + 1;
  }
  const bool letters = !content.empty() && std::all_of(content.begin(), content.end(), IsLetter);
  if (!letters && AfterNumber() && options_.units) {
    // \mathrm{\,km/h}, \mathrm{m/s^2}
    std::string_view unit = content;
    for (bool again = true; again;) {
      again = false;
      for (std::string_view space : {"\\,", "\\ ", "\\;", "~", " "}) {
        if (unit.starts_with(space)) {
          unit.remove_prefix(space.size());
          again = true;
        }
      }
    }
    const std::string_view head = unit.substr(0, unit.find_first_of("/^"));
    if ((IsUnitWord(head) || IsUnitLetter(head)) &&
        unit.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/^0123456789") == std::string_view::npos) {
      Push(Tok::kUnit, begin, close + 1, unit);
      return close + 1;
    }
  }
  if (!letters) {
    const Function* f = FindFunction(content);
    if (f == nullptr) return end;  // the braces are read as a group
    Push(Tok::kFunction, begin, close + 1).function = f;
    return close + 1;
  }
  const bool upright = command == "mathrm" || command == "operatorname" || command == "rm" || command == "symrm";
  if (const Function* f = content.size() > 1 ? FindFunction(content) : nullptr) {
    if (!(AfterNumber() && IsUnitWord(content) && !OpensAt(close + 1))) {
      Token& token = Push(Tok::kFunction, begin, close + 1);
      token.function = f;
      token.latex = true;
      return close + 1;
    }
  }
  if (content.size() == 1) {
    if (upright) {
      Push(AfterNumber() && IsUnitLetter(content) ? Tok::kUnit : Tok::kLetter, begin, close + 1, content);
    } else {
      Push(Tok::kName, begin, close + 1, content);
    }
    return close + 1;
  }
  if (upright && AfterNumber() && options_.units && (IsUnitWord(content) || IsUnitLetter(content))) {
    Push(Tok::kUnit, begin, close + 1, content);
    return close + 1;
  }
  if (const Spelling* name = FindPlainName(content); name != nullptr && upright) {
    Push(name->type, begin, close + 1, name->text);
    return close + 1;
  }
  if (upright && IsOrdinaryWord(content) && !OpensAt(close + 1)) {
    Push(Tok::kText, begin, close + 1, content);
    return close + 1;
  }
  Push(Tok::kName, begin, close + 1, content);
  return close + 1;
}

std::size_t Lexer::Blackboard(std::size_t begin, std::size_t end) {
  std::size_t open = SkipSpace(end);
  const bool braces = At(open) == '{';
  if (braces) open = SkipSpace(open + 1);
  std::string_view name;
  switch (At(open)) {
    case 'R':
      name = "Reals";
      break;
    case 'N':
      name = "Naturals";
      break;
    case 'Z':
      name = "Integers";
      break;
    case 'Q':
      name = "Rationals";
      break;
    case 'C':
      name = "Complexes";
      break;
    default:
      break;
  }
  std::size_t after = open + 1;
  if (braces) after = SkipSpace(after);
  if (braces && At(after) == '}') {
    ++after;
  } else if (braces) {
    name = {};
  }
  if (name.empty()) return end;
  for (std::string_view zero : {"_0", "_{0}"}) {
    if (name == "Naturals" && Starts(after, zero)) {
      name = "Naturals0";
      after += zero.size();
      break;
    }
  }
  Push(Tok::kName, begin, after, name);
  return after;
}

// \variable{NAME}: a name of any letters, else a group.
std::size_t Lexer::Variable(std::size_t begin, std::size_t end) {
  const std::size_t open = SkipSpace(end);
  const std::size_t close = At(open) == '{' ? GroupEnd(open) : std::string_view::npos;
  if (close == std::string_view::npos) return end;
  const std::string_view content = text_.substr(open + 1, close - open - 1);
  const auto name_character = [](char c) { return IsLetter(c) || IsDigit(c) || c == '_'; };
  if (content.empty() || IsDigit(content[0]) || !std::all_of(content.begin(), content.end(), name_character)) return end;
  Push(Tok::kName, begin, close + 1, content);
  return close + 1;
}

}  // namespace mathcoder::math
