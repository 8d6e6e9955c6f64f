// Runs of letters: functions, names, units, words, or variables side by side.
#include <algorithm>

#include "math/lexer_state.h"
#include "math/spelled.h"
#include "math/words.h"

namespace mathcoder::math {

bool Lexer::OpensAt(std::size_t i) const {
  while (IsSpace(At(i))) ++i;
  return At(i) == '(' || At(i) == '[' || Starts(i, "\\left(") || Starts(i, "\\left[") || Starts(i, "\\left\\{") || Starts(i, "{") ||
         Starts(i, "\\{");
}

bool Lexer::LoneUnit(std::size_t i) {
  const bool usual = UsualLoneUnit(i), second = SecondLoneUnit(i);
  out_.doubts.second |= usual != second;
  return options_.second ? second : usual;
}

bool Lexer::SecondLoneUnit(std::size_t i) const {
  if (!options_.units) return false;
  const bool product =
      Previous() == Tok::kTimes && out_.tokens.size() > 1 && out_.tokens[out_.tokens.size() - 2].type == Tok::kUnit;
  if (!product && !AfterNumber()) return false;
  const char next = At(i + 1);
  const bool ends = i + 1 >= end_ || IsSpace(next) || next == '/' || next == '^' || next == '}' || next == '*' || next == ',' ||
                    next == '.' || next == ')' || next == '$' || next == '\\' || static_cast<unsigned char>(next) >= 0x80;
  return ends && std::string_view("mshgLlJNWVKtd").find(text_[i]) != std::string_view::npos;
}

bool Lexer::UsualLoneUnit(std::size_t i) const {
  if (!options_.units || !space_ || !AfterNumber() || !IsUnitLetter(text_.substr(i, 1))) return false;
  const std::string_view rest = text_.substr(i + 1, end_ - i - 1);
  // "3 m/s" says that it is one; "6 g" is more often a product of a variable, "0.5 g" is not
  if (rest == "/s" || rest == "/h" || rest == "/s^2" || rest == "/min") return Previous() != Tok::kSlash;
  if (!rest.empty() || Previous() != Tok::kNumber || out_.tokens.size() > 2) return false;
  if (out_.tokens.size() == 2 && out_.tokens[0].type != Tok::kMinus) return false;
  const Token& number = out_.tokens.back();
  return text_.substr(number.begin, number.end - number.begin).find('.') != std::string_view::npos;
}

std::size_t Lexer::HalfDay(std::size_t begin, std::size_t end, std::string_view run) {
  if (Previous() != Tok::kNumber || run.size() > 2) return 0;
  const char half = run[0] == 'a' || run[0] == 'A' ? 'a' : run[0] == 'p' || run[0] == 'P' ? 'p' : '\0';
  if (half == '\0') return 0;
  const auto is_m = [](char c) { return c == 'm' || c == 'M'; };
  if (run.size() == 2 && !is_m(run[1])) return 0;
  if (run.size() == 1) {
    if (At(end) != '.' || !is_m(At(end + 1)) || IsLetter(At(end + 2))) return 0;
    end += 2;
  }
  if (At(end) == '.') ++end;
  Push(Tok::kText, begin, end, half == 'a' ? "am" : "pm");
  return end;
}

bool Lexer::StandsAlone(std::size_t end) const {
  const Tok before = Previous();
  const bool starts = before == Tok::kEnd || before == Tok::kComma || before == Tok::kWordAnd || before == Tok::kWordOr ||
                      before == Tok::kWord || before == Tok::kText || before == Tok::kOpen || before == Tok::kLeftBrace;
  end = SkipSpace(end);
  const char c = At(end);
  return starts &&
         (end >= end_ || c == ',' || c == '.' || c == ')' || c == '}' || c == '$' || IsLetter(c) || Starts(end, "\\text"));
}

bool Lexer::TenToThe(std::size_t i) const {
  return Starts(i, "10^") || Starts(i, "10**") || Starts(i, "10\xE2\x81") || Starts(i, "10\xC2");
}

bool Lexer::OnlyLetter(char letter) const {
  bool digit = false;
  for (const char c : text_) {
    if (IsLetter(c) && c != letter && !(c == 'e' && digit)) return false;
    digit = IsDigit(c) || c == '.';
  }
  return true;
}

// FF_{16}, A3_{16}: hexadecimal digits that begin with a letter; A_{16} is a term of a sequence, A1_{2} a name.
std::size_t Lexer::BasedDigits(std::size_t begin) const {
  std::size_t end = begin;
  while (IsDigit(At(end)) || (At(end) >= 'A' && At(end) <= 'F')) ++end;
  if (end < begin + 2 || Previous() == Tok::kUnderscore || Previous() == Tok::kCaret) return 0;
  return Starts(end, "_{16}") || (Starts(end, "_16") && !IsDigit(At(end + 3))) ? end : 0;
}

// Whether a bracket opens at i that holds a statement in signs: no word of prose, and a relation.
bool Lexer::NegatesStatement(std::size_t i) const {
  if (At(i) != '(') return false;
  bool relation = false;
  int depth = 0;
  for (; i < end_; ++i) {
    if (At(i) == '(') ++depth;
    if (At(i) == ')' && --depth == 0) return relation;
    if (At(i) == '=' || At(i) == '<' || At(i) == '>') relation = true;
    if (!IsLetter(At(i))) continue;
    const std::size_t begin = i;
    while (IsLetter(At(i + 1))) ++i;
    const std::string_view run = text_.substr(begin, i + 1 - begin);
    if (run == "elementof" || run == "subset" || run == "superset") {
      relation = true;
    } else if (run.size() > 2 && FindFunction(run) == nullptr) {
      return false;
    }
  }
  return false;
}

std::size_t Lexer::Letters(std::size_t begin) {
  std::size_t end = begin;
  while (IsLetter(At(end))) ++end;
  const std::string_view run = text_.substr(begin, end - begin);
  const char c0 = run[0];
  if (const std::size_t digits = BasedDigits(begin); digits != 0) {
    Push(Tok::kNumber, begin, digits);
    return digits;
  }
  if (const std::size_t half = HalfDay(begin, end, run); half != 0) return half;
  if (run == "S" && At(end) == '.' && At(end + 1) >= 'A' && At(end + 1) <= 'Z' && IsLetter(At(end + 2))) return end + 1;  // S.Reals
  if (run.size() == 1) {
    if ((c0 == 'x' || c0 == 'X') && Previous() == Tok::kNumber && space_ && TenToThe(SkipSpace(end))) {  // 1.5 x 10^3
      Push(Tok::kTimes, begin, end, "*");
      return end;
    }
    if (c0 == 'j' && Previous() == Tok::kNumber && !space_ && OnlyLetter('j')) {  // (3+4j), as Python prints it
      Push(Tok::kConstant, begin, end, "i");
      return end;
    }
    Push(LoneUnit(begin) ? Tok::kUnit : Tok::kLetter, begin, end, run);
    return end;
  }
  // math.sqrt(2), np.pi
  if (At(end) == '.' && IsLetter(At(end + 1)) &&
      (run == "math" || run == "np" || run == "sp" || run == "sympy" || run == "numpy")) {
    return end + 1;
  }
  if (run == "Interval" && At(end) == '.') {
    std::size_t method = end + 1;
    while (IsLetter(At(method))) ++method;
    Push(Tok::kName, begin, method, text_.substr(begin, method - begin));
    return method;
  }
  if (c0 <= 'X' && run.find_first_not_of('X') != std::string_view::npos && RomanValue(run) > 0 && StandsAlone(end)) {
    Push(Tok::kName, begin, end, run);  // I, II and III are names of statements
    return end;
  }
  const std::size_t after = SkipSpace(end);
  if (run == "sqrt" && (IsDigit(At(after)) || (after > end && IsLetter(At(after)) && !IsLetter(At(after + 1))))) {  // sqrt2, sqrt x
    Push(Tok::kRoot, begin, end);
    return end;
  }
  // AsciiMath: sum_(k=1)^3 k, int_0^1 x dx
  if ((run == "sum" || run == "prod" || run == "int") && At(end) == '_') {
    const std::size_t bound = end + 1;
    const bool bracket = At(bound) == '(' || At(bound) == '{';
    if (bracket || (run == "int" && At(Digits(At(bound) == '-' ? bound + 1 : bound)) == '^')) {
      PushSpelling(*FindCommand(run), begin, end);
      out_.tokens.back().latex = false;
      return end;
    }
  }
  if (run == "langle" || run == "rangle") {
    PushSpelling(*FindCommand(run), begin, end);
    return end;
  }
  // AsciiMath's operators are letters too: they stand between operands with spaces
  if (space_ && after > end && EndsOperand(Previous())) {
    if (run == "uu" || run == "nn") {
      Push(Tok::kSetOperator, begin, end, run == "uu" ? "union" : "intersection");
      return end;
    }
    if (run == "notin" || run == "ni" || run == "implies" || run == "iff") {
      PushSpelling(*FindCommand(run), begin, end);
      return end;
    }
  }
  if (run == "xx" && Previous() == Tok::kNumber && !space_ && IsDigit(At(end))) {  // 1.5xx10^3
    Push(Tok::kTimes, begin, end, "*");
    return end;
  }
  // A perp B, A superset B: operators that are words of prose elsewhere
  if (const Tok before = Previous(); space_ && after > end && !(IsLetter(At(after)) && IsLetter(At(after + 1))) &&
                                     (before == Tok::kLetter || before == Tok::kClose || before == Tok::kRightBrace)) {
    constexpr std::pair<std::string_view, std::string_view> kOperators[] = {{"perp", "perp"},         {"parallel", "parallel"},
                                                                            {"superset", "supset"},   {"superseteq", "supseteq"},
                                                                            {"subseteq", "subseteq"}, {"intersect", "cap"}};
    for (const auto& [word, command] : kOperators) {
      if (run != word) continue;
      PushSpelling(*FindCommand(command), begin, end);
      return end;
    }
  }
  if (run == "not" && NegatesStatement(after)) {  // not (x = y)
    Push(Tok::kNot, begin, end);
    return end;
  }
  if (run.size() == 2 && run[0] == run[1] && Previous() == Tok::kRelation) {
    constexpr std::pair<char, std::string_view> kSets[] = {
        {'R', "Reals"}, {'Z', "Integers"}, {'Q', "Rationals"}, {'N', "Naturals"}, {'C', "Complexes"}};
    for (const auto& [letter, name] : kSets) {
      if (run[0] != letter) continue;
      Push(Tok::kName, begin, end, name);
      return end;
    }
  }
  // x in [0, 1]
  if (run == "in" && space_ && (Previous() == Tok::kLetter || Previous() == Tok::kName) && after > end) {
    const char c = At(after);
    if (c == '(' || c == '[' || c == '{' || c == '\\' ||
        (c >= 'A' && c <= 'Z' && (!IsLetter(At(after + 1)) || (At(after + 1) == c && !IsLetter(At(after + 2)))))) {
      Push(Tok::kRelation, begin, end, "in");
      return end;
    }
  }
  if (const std::size_t named = Named(begin, end, run)) return named;
  Split(begin, end);
  return end;
}

std::size_t Lexer::Named(std::size_t begin, std::size_t end, std::string_view run) {
  const bool number_before = AfterNumber();
  const bool call = OpensAt(end);
  if (const Function* f = FindFunction(run.size() == 1 ? std::string_view() : run)) {
    // log10, atan2 are names with digits
    if (const std::size_t digits = Digits(end); digits > end && (run == "log" || run == "atan") && OpensAt(digits)) {
      if (const Function* longer = FindFunction(text_.substr(begin, digits - begin))) {
        Push(Tok::kFunction, begin, digits).function = longer;
        return digits;
      }
    }
    const bool as_unit = number_before && !call && IsUnitWord(run) && At(end) != ' ';
    if ((call || f->bare) && !as_unit) {
      Push(Tok::kFunction, begin, end).function = f;
      return end;
    }
  }
  if (number_before && options_.units && !call && (IsUnitWord(run) || !CurrencyOf(Lower(run)).empty())) {
    Push(Tok::kUnit, begin, end, run);
    return end;
  }
  // USD 20, US$10, Rs. 500
  if (const std::string_view sign = MoneyCode(run); !sign.empty() && options_.units) {
    std::size_t amount = end;
    if (At(amount) == '.') ++amount;
    amount = SkipSpace(amount);
    if (At(amount) == '$') ++amount;
    if (IsDigit(At(amount))) {
      Push(Tok::kMoney, begin, amount, sign);
      return amount;
    }
  }
  if (const Spelling* name = FindPlainName(run);
      name != nullptr && (call || (name->type != Tok::kAccent && run != "float" && run != "mpf" && run != "set" && run != "list" &&
                                   run != "array" && run != "tuple"))) {
    if (name->type == Tok::kMod && call && (out_.tokens.empty() || !EndsOperand(Previous()))) {
      Push(Tok::kFunction, begin, end).function = FindFunction("mod");
    } else {
      Token& token = Push(name->type, begin, end, name->text.empty() && name->type == Tok::kAccent ? run : name->text);
      token.count = name->count;
    }
    return end;
  }
  if (FunctionsOfVariables(run, call)) {
    Split(begin, end);
    return end;
  }
  // value1, num_students: a program's names
  const bool power = run.size() == 2 && At(end) == '^' && !(number_before && IsUnitWord(run));  // at^2/2
  const bool ordinary = IsOrdinaryWord(run) && !power;
  if (run.size() >= 3 && (ordinary || (!out_.latex && run.size() >= 4)) &&
      (At(end) == '_' || IsDigit(At(end)) || Starts(end, "\\_"))) {
    std::size_t i = end;
    while (IsLetter(At(i)) || IsDigit(At(i)) || (At(i) == '_' && At(i + 1) != '{') || Starts(i, "\\_")) i += At(i) == '\\' ? 2 : 1;
    Push(Tok::kName, begin, i, text_.substr(begin, i - begin));
    return i;
  }
  if (ordinary) {
    std::size_t i = end;  // don't, Jet's, push-ups
    while ((At(i) == '\'' || At(i) == '-') && IsLetter(At(i + 1)) && IsLetter(At(i - 1)) &&
           (At(i) == '\'' || IsLetter(At(i + 2)))) {
      ++i;
      while (IsLetter(At(i))) ++i;
    }
    Push(Tok::kWord, begin, i, text_.substr(begin, i - begin));
    return i;
  }
  return 0;
}

bool Lexer::FunctionsOfVariables(std::string_view run, bool call) {
  constexpr std::string_view kVariables = "xyztnabuv";
  if (run.size() > 12 || IsListedWord(run)) return false;
  bool function = false, variable = true;
  while (!run.empty()) {
    if (const Function* f = FindBarePrefix(run)) {
      run.remove_prefix(f->spelled.size());
      if (run.empty() && !call) return false;
      function = true;
      variable = false;
    } else {
      if (kVariables.find(run[0]) == std::string_view::npos || (variable && function)) return false;
      run.remove_prefix(1);
      variable = true;
    }
  }
  return function;
}

void Lexer::Split(std::size_t begin, std::size_t end) {
  std::size_t i = begin;
  while (i < end) {
    const std::string_view rest = text_.substr(i, end - i);
    const Function* f = end - begin <= 12 ? FindBarePrefix(rest) : nullptr;
    if (f != nullptr && (rest.size() > f->spelled.size() || OpensAt(end) || At(end) == '^' || At(end) == ' ')) {
      Push(Tok::kFunction, i, i + f->spelled.size()).function = f;
      i += f->spelled.size();
    } else if (rest.size() >= 2 && rest.substr(0, 2) == "pi" && end - begin <= 4) {
      Push(Tok::kConstant, i, i + 2, "pi");
      i += 2;
    } else {
      Push(Tok::kLetter, i, i + 1, rest.substr(0, 1));
      ++i;
    }
  }
}

}  // namespace mathcoder::math
