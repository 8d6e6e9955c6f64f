#include "math/lexer.h"

#include <algorithm>

#include "math/commands.h"
#include "math/words.h"

namespace mathcoder::math {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigitOf(char base, char c) {
  if (base == 'b') return c == '0' || c == '1';
  if (base == 'o') return c >= '0' && c <= '7';
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

class Lexer {
 public:
  Lexer(std::string_view text, const ReadOptions& options) : text_(text), options_(options) {}

  Lexed Run() {
    out_.tokens.reserve(text_.size() / 2 + 4);
    DecideDollars();
    out_.latex = text_.find('\\') != std::string_view::npos;
    Range(0, text_.size(), false);
    Push(Tok::kEnd, text_.size(), text_.size());
    return std::move(out_);
  }

 private:
  // Whether `$` delimits mathematics or is money: it delimits where the last one is not followed by a digit.
  void DecideDollars() {
    std::size_t count = 0, last = 0;
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '$') {
        ++count;
        last = i;
      }
    }
    if (count < 2 || count % 2 != 0) return;
    ++last;
    while (last < text_.size() && IsSpace(text_[last])) ++last;
    dollars_delimit_ = last >= text_.size() || !(IsDigit(text_[last]) || text_[last] == '.' || text_[last] == '\\');
  }

  char At(std::size_t i) const { return i < end_ ? text_[i] : '\0'; }
  bool Starts(std::size_t i, std::string_view what) const { return i + what.size() <= end_ && text_.compare(i, what.size(), what) == 0; }

  Token& Push(Tok type, std::size_t begin, std::size_t end, std::string_view text = {}) {
    Token token;
    token.type = type;
    token.space = space_;
    token.begin = static_cast<std::uint32_t>(begin);
    token.end = static_cast<std::uint32_t>(end);
    token.text = text;
    out_.tokens.push_back(token);
    space_ = false;
    return out_.tokens.back();
  }
  void Fail(std::size_t at, std::string message) {
    if (!out_.ok) return;
    out_.ok = false;
    out_.error = {at, std::move(message)};
  }
  Tok Previous() const { return out_.tokens.empty() ? Tok::kEnd : out_.tokens.back().type; }
  // An operand that a unit may follow.
  bool AfterNumber() const {
    switch (Previous()) {
      case Tok::kNumber: case Tok::kRightBrace: case Tok::kClose: case Tok::kVulgar: case Tok::kUnit: case Tok::kSlash:
      case Tok::kSuperscript: return true;
      case Tok::kConstant: return true;
      default: return false;
    }
  }

  // Tokens of text_[begin, end). In text mode (inside \text) there are no commands left to expect.
  void Range(std::size_t begin, std::size_t end, bool in_text) {
    const std::size_t outer_end = end_;
    end_ = end;
    std::size_t i = begin;
    while (i < end_ && out_.ok) {
      const char c = text_[i];
      if (IsSpace(c)) {
        space_ = true;
        ++i;
      } else if (IsDigit(c) || (c == '.' && IsDigit(At(i + 1)))) {
        i = Number(i);
      } else if (IsLetter(c)) {
        i = Letters(i);
      } else if (c == '\\') {
        i = Command(i, in_text);
      } else if (static_cast<unsigned char>(c) >= 0x80) {
        i = Sign(i);
      } else {
        i = Ascii(i);
      }
    }
    end_ = outer_end;
  }

  // ---- numbers

  bool ThreeDigits(std::size_t i) const { return IsDigit(At(i)) && IsDigit(At(i + 1)) && IsDigit(At(i + 2)) && !IsDigit(At(i + 3)); }
  // Length of a group separator at i that three digits follow, 0: none.
  std::size_t Separator(std::size_t i) const {
    static constexpr std::string_view kAlways[] = {"{,}", ",\\!", "\\,", ",\\,", "{,\\!}", "\\!,", "\\ ", "\\;"};
    for (std::string_view s : kAlways) {
      if (Starts(i, s)) {
        std::size_t after = i + s.size();
        while (Starts(after, "\\!")) after += 2;
        if (ThreeDigits(after)) return after - i;
      }
    }
    const bool listed = !brackets_.empty() && brackets_.back() != 'g';
    if (At(i) == ',' && !listed && ThreeDigits(i + 1)) return 1;
    if (At(i) == ' ' && brackets_.empty() && ThreeDigits(i + 1)) {
      std::size_t after = i + 4;
      while (At(after) == ' ' && ThreeDigits(after + 1)) after += 4;
      while (At(after) == ' ') ++after;
      // "10 000", but no list of numbers, product or mixed number
      if (after >= end_ || (!IsDigit(At(after)) && At(after) != '/' && At(after) != '^' && At(after) != ',')) return 1;
    }
    return 0;
  }

  std::size_t Digits(std::size_t i) const {
    while (IsDigit(At(i))) ++i;
    return i;
  }

  std::size_t Number(std::size_t begin) {
    if (At(begin) == '0' && (At(begin + 1) == 'x' || At(begin + 1) == 'b' || At(begin + 1) == 'o') && IsDigitOf(At(begin + 1), At(begin + 2))) {
      std::size_t end = begin + 2;  // 0x1f, as Python prints it
      while (IsDigitOf(At(begin + 1), At(end))) ++end;
      if (!IsLetter(At(end)) && !IsDigit(At(end))) {
        Push(Tok::kNumber, begin, end).count = 3;
        return end;
      }
    }
    std::size_t i = Digits(begin);
    const bool grouped_allowed = i - begin <= 3 && i > begin && At(begin) != '0';
    if (grouped_allowed) {
      while (const std::size_t length = Separator(i)) i += length + 3;
    }
    bool point = false;
    if (At(i) == '.' && IsDigit(At(i + 1))) {
      point = true;
      i = Digits(i + 1);
      while (Starts(i, "\\,") && IsDigit(At(i + 2))) i = Digits(i + 2);
    } else if (At(i) == '.' && At(i + 1) != '.' && (Starts(i + 1, "\\overline{") || Starts(i + 1, "\\dot{") || Starts(i + 1, "\\bar{") ||
                                                    (At(i + 1) == '(' && IsDigit(At(i + 2))))) {
      point = true;
      ++i;
    } else if (At(i) == '.' && At(i + 1) != '.') {
      std::size_t after = i + 1;  // "3. + x": a float as Python prints it; at the end it is punctuation
      while (IsSpace(At(after))) ++after;
      if (after < end_ && (At(after) == '*' || At(after) == '+' || At(after) == '-' || At(after) == '/' || At(after) == ')' ||
                           At(after) == ']' || At(after) == ',')) {
        Push(Tok::kNumber, begin, i + 1);
        return i + 1;
      }
    }
    if (point) {
      if (const std::size_t end = Repetend(i); end != 0) {
        Push(Tok::kNumber, begin, end).count = 1;
        return end;
      }
      if (const std::size_t dots = Dots(i); dots != 0) {
        Push(Tok::kNumber, begin, i).count = 2;
        return dots;
      }
    }
    // 152A_{11}: letters are digits where a base follows
    std::size_t letters = i;
    while (IsDigit(At(letters)) || (At(letters) >= 'A' && At(letters) <= 'Z')) ++letters;
    if (letters > i && At(letters) == '_' && (IsDigit(At(letters + 1)) || (At(letters + 1) == '{' && IsDigit(At(letters + 2))))) {
      Push(Tok::kNumber, begin, letters);
      return letters;
    }
    if (At(i) == 'e' || At(i) == 'E') {
      std::size_t exponent = i + 1;
      const bool sign = At(exponent) == '+' || At(exponent) == '-';
      if (sign) ++exponent;
      if (IsDigit(At(exponent)) && (At(i) == 'E' || point || !out_.latex)) i = Digits(exponent);
    }
    Push(Tok::kNumber, begin, i);
    if (const std::size_t ordinal = Ordinal(i); ordinal != 0) {
      Push(Tok::kWord, i, ordinal, "th");
      return ordinal;
    }
    return i;
  }

  // The end of \overline{3} or (3) at i, 0: none.
  std::size_t Repetend(std::size_t i) const {
    std::size_t begin = 0;
    char close = '}';
    for (std::string_view s : {std::string_view("\\overline{"), std::string_view("\\bar{"), std::string_view("\\dot{")}) {
      if (Starts(i, s)) begin = i + s.size();
    }
    if (begin == 0 && At(i) == '(' && (!IsDigit(At(i - 1)) || At(i - 2) == '.')) {
      begin = i + 1;
      close = ')';
      // 1.5(2) is a product; 0.1(6) and 0.(3) repeat
      if (IsDigit(At(i - 1)) && !(i >= 3 && At(i - 3) == '0' && (i == 3 || !IsDigit(At(i - 4))))) return 0;
    }
    if (begin == 0) return 0;
    const std::size_t end = Digits(begin);
    return end > begin && At(end) == close ? end + 1 : 0;
  }
  // The end of "..." or \ldots behind a decimal, 0: none.
  std::size_t Dots(std::size_t i) const {
    for (std::string_view s : {std::string_view("..."), std::string_view("\\ldots"), std::string_view("\\dots"), std::string_view("\\cdots"),
                               std::string_view("…")}) {
      if (Starts(i, s)) return i + s.size();
    }
    return 0;
  }
  std::size_t Ordinal(std::size_t i) const {
    std::size_t at = i, close = 0;
    for (std::string_view s : {std::string_view("^{\\text{"), std::string_view("^{\\mathrm{"), std::string_view("^\\text{"),
                               std::string_view("\\text{"), std::string_view("^{")}) {
      if (Starts(i, s)) {
        at = i + s.size();
        close = static_cast<std::size_t>(std::count(s.begin(), s.end(), '{'));
        break;
      }
    }
    for (std::string_view s : {std::string_view("st"), std::string_view("nd"), std::string_view("rd"), std::string_view("th")}) {
      if (!Starts(at, s)) continue;
      std::size_t end = at + 2;
      for (std::size_t k = 0; k < close; ++k) {
        if (At(end) != '}') return 0;
        ++end;
      }
      if (close == 0 && (IsLetter(At(end)) || At(end) == '_')) return 0;
      return end;
    }
    return 0;
  }

  // Whether an interval may end before i.
  bool EndsInterval(std::size_t i) const {
    i = SkipSpace(i);
    return i >= end_ || At(i) == '\\' || At(i) == '$' || At(i) == ',' || static_cast<unsigned char>(At(i)) >= 0x80;
  }

  // ---- letters

  bool OpensAt(std::size_t i) const {
    while (IsSpace(At(i))) ++i;
    return At(i) == '(' || At(i) == '[' || Starts(i, "\\left(") || Starts(i, "\\left[") || Starts(i, "\\left\\{") || Starts(i, "{") ||
           Starts(i, "\\{");
  }

  // "0.0 m/s": a single letter is a unit where a spaced number stands before it and nothing but a unit behind.
  bool LoneUnit(std::size_t i) const {
    if (!options_.units || !space_ || Previous() != Tok::kNumber || out_.tokens.size() > 2 || !IsUnitLetter(text_.substr(i, 1))) return false;
    if (out_.tokens.size() == 2 && out_.tokens[0].type != Tok::kMinus) return false;
    const std::string_view rest = text_.substr(i + 1, end_ - i - 1);
    // "6 g" is more often a product of a variable; "0.5 g" is not
    const Token& number = out_.tokens.back();
    const bool decimal = text_.substr(number.begin, number.end - number.begin).find('.') != std::string_view::npos;
    return (rest.empty() && decimal) || rest == "/s" || rest == "/h" || rest == "/s^2" || rest == "/min";
  }

  // 4:30 p.m.
  std::size_t HalfDay(std::size_t begin, std::size_t end, std::string_view run) {
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

  std::size_t Letters(std::size_t begin) {
    std::size_t end = begin;
    while (IsLetter(At(end))) ++end;
    const std::string_view run = text_.substr(begin, end - begin);
    if (const std::size_t half = HalfDay(begin, end, run); half != 0) return half;
    if (run.size() == 1) {
      Push(LoneUnit(begin) ? Tok::kUnit : Tok::kLetter, begin, end, run);
      return end;
    }
    // math.sqrt(2), np.pi
    if (At(end) == '.' && IsLetter(At(end + 1)) && (run == "math" || run == "np" || run == "sp" || run == "sympy" || run == "numpy")) {
      return end + 1;
    }
    if (run == "Interval" && At(end) == '.') {
      std::size_t method = end + 1;
      while (IsLetter(At(method))) ++method;
      Push(Tok::kName, begin, method, text_.substr(begin, method - begin));
      return method;
    }
    if (run.find_first_not_of("ABCDEF") == std::string_view::npos && (Starts(end, "_{16}") || Starts(end, "_16"))) {
      Push(Tok::kNumber, begin, end);
      return end;
    }
    if (const std::size_t named = Named(begin, end, run)) return named;
    Split(begin, end);
    return end;
  }

  // One token for the whole run, or 0.
  std::size_t Named(std::size_t begin, std::size_t end, std::string_view run) {
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
    if (number_before && options_.units && IsUnitWord(run) && !call) {
      Push(Tok::kUnit, begin, end, run);
      return end;
    }
    if (const Spelling* name = FindPlainName(run); name != nullptr && (name->type != Tok::kAccent || call)) {
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
    const bool ordinary = IsOrdinaryWord(run);
    if (run.size() >= 3 && (ordinary || (!out_.latex && run.size() >= 4)) && (At(end) == '_' || IsDigit(At(end)) || Starts(end, "\\_"))) {
      std::size_t i = end;
      while (IsLetter(At(i)) || IsDigit(At(i)) || (At(i) == '_' && At(i + 1) != '{') || Starts(i, "\\_")) i += At(i) == '\\' ? 2 : 1;
      Push(Tok::kName, begin, i, text_.substr(begin, i - begin));
      return i;
    }
    if (ordinary) {
      std::size_t i = end;  // don't, Jet's, push-ups
      while ((At(i) == '\'' || At(i) == '-') && IsLetter(At(i + 1)) && IsLetter(At(i - 1)) && (At(i) == '\'' || IsLetter(At(i + 2)))) {
        ++i;
        while (IsLetter(At(i))) ++i;
      }
      Push(Tok::kWord, begin, i, text_.substr(begin, i - begin));
      return i;
    }
    return 0;
  }

  // sinx, xcosx, sinxcosx: functions of single variables and nothing else; "single" and "tank" are words.
  static bool FunctionsOfVariables(std::string_view run, bool call) {
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

  // Letters one by one, with the functions and Greek names among them: sinx, xcosx, 2pir.
  void Split(std::size_t begin, std::size_t end) {
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

  // ---- commands

  // The end of the brace group that opens at i (which holds '{'), npos where it never closes.
  std::size_t GroupEnd(std::size_t i) const {
    int depth = 0;
    for (; i < end_; ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '{') {
        ++depth;
      } else if (text_[i] == '}' && --depth == 0) {
        return i;
      }
    }
    return std::string_view::npos;
  }
  std::size_t SkipSpace(std::size_t i) const {
    while (IsSpace(At(i))) ++i;
    return i;
  }

  std::size_t Command(std::size_t begin, bool in_text) {
    const char next = At(begin + 1);
    if (!IsLetter(next)) return Punctuation(begin, next);
    std::size_t end = begin + 1;
    while (IsLetter(At(end))) ++end;
    std::string_view name = text_.substr(begin + 1, end - begin - 1);
    if (At(end) == '*' && (name == "operatorname" || name == "hspace" || name == "vspace")) ++end;
    if (name == "begin" || name == "end") return Environment(begin, end, name == "begin");
    if (name == "char") return CharacterCode(begin, end);
    switch (MarkupOf(name)) {
      case Markup::kSpace:
        space_ = true;
        return end;
      case Markup::kLeft: return Delimiter(begin, end, Tok::kOpen);
      case Markup::kRight: return Delimiter(begin, end, Tok::kClose);
      case Markup::kText: return in_text ? end : Text(begin, end);
      case Markup::kStyle: case Markup::kOperatorName: return Styled(begin, end, name);
      case Markup::kBlackboard: return Blackboard(begin, end);
      case Markup::kName: return Variable(begin, end);
      case Markup::kTransparent: return end;
      case Markup::kSkipArgument: {
        const std::size_t open = SkipSpace(end);
        if (At(open) != '{') return open < end_ ? open + 1 : open;
        const std::size_t close = GroupEnd(open);
        return close == std::string_view::npos ? end_ : close + 1;
      }
      case Markup::kNone: break;
    }
    if (name == "not") return Negated(begin, end);
    if (const Spelling* found = FindCommand(name)) {
      PushSpelling(*found, begin, end);
      return end;
    }
    if (const Function* f = FindFunction(name)) {
      Token& token = Push(Tok::kFunction, begin, end);
      token.function = f;
      token.latex = true;
      return end;
    }
    const Spelling* prefix = FindCommandPrefix(name);
    const Function* function = FindBarePrefix(name);
    if (function != nullptr && (prefix == nullptr || function->spelled.size() > prefix->name.size())) {
      Token& token = Push(Tok::kFunction, begin, begin + 1 + function->spelled.size());
      token.function = function;
      token.latex = true;
      return begin + 1 + function->spelled.size();
    }
    if (prefix != nullptr) {
      PushSpelling(*prefix, begin, begin + 1 + prefix->name.size());
      return begin + 1 + prefix->name.size();
    }
    for (std::size_t length = std::min<std::size_t>(name.size(), 8); length >= 3; --length) {
      if (MarkupOf(name.substr(0, length)) == Markup::kSpace) {
        space_ = true;
        return begin + 1 + length;
      }
    }
    Fail(begin, "unknown command \\" + std::string(name));
    return end_;
  }

  void PushSpelling(const Spelling& s, std::size_t begin, std::size_t end) {
    if (s.type == Tok::kBar && s.count == 2) {
      Push(Tok::kBar, begin, end);
      Push(Tok::kBar, begin, end);
      return;
    }
    Token& token = Push(s.type, begin, end, s.text);
    token.latex = true;
    token.count = s.count;
    if (s.type == Tok::kOpen) brackets_.push_back('(');
    if (s.type == Tok::kClose && !brackets_.empty()) brackets_.pop_back();
  }

  std::size_t Punctuation(std::size_t begin, char c) {
    switch (c) {
      case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        // a row break that lost one of its backslashes on the way
        if (!environments_.empty()) {
          Push(Tok::kRowBreak, begin, begin + 1);
          return begin + 1;
        }
        if (c != '-') {
          Fail(begin, std::string("unknown command \\") + c);
          return end_;
        }
        [[fallthrough]];
      case '!': case ',': case ';': case ':': case '>': case ' ': case '\n': case '\t': case '/':
        space_ = space_ || c != '!';
        return begin + 2;
      case '(': case ')': case '[': case ']':  // delimiters of mathematics in text
        space_ = true;
        return begin + 2;
      case '{':
        Push(Tok::kOpen, begin, begin + 2, "{");
        brackets_.push_back('(');
        return begin + 2;
      case '}':
        Push(Tok::kClose, begin, begin + 2, "{");
        if (!brackets_.empty()) brackets_.pop_back();
        return begin + 2;
      case '|':
        Push(Tok::kBar, begin, begin + 2);
        Push(Tok::kBar, begin, begin + 2);
        return begin + 2;
      case '%': Push(Tok::kPercent, begin, begin + 2).latex = true; return begin + 2;
      case '$': Push(Tok::kMoney, begin, begin + 2, "$").latex = true; return begin + 2;
      case '&': Push(Tok::kWordAnd, begin, begin + 2); return begin + 2;
      case '_': Push(Tok::kUnderscore, begin, begin + 2); return begin + 2;
      case '\\': {
        std::size_t end = begin + 2;
        // \\n and \\frac in a string that was escaped twice are commands
        if (IsLetter(At(end))) {
          std::size_t letters = end;
          while (IsLetter(At(letters))) ++letters;
          const std::string_view name = text_.substr(end, letters - end);
          if (name.size() > 1 && environments_.empty() && (FindCommand(name) != nullptr || MarkupOf(name) != Markup::kNone)) return begin + 1;
        }
        Push(Tok::kRowBreak, begin, end);
        return end;
      }
      default:
        Fail(begin, c == '\0' ? "a backslash without a command" : std::string("unknown command \\") + c);
        return end_;
    }
  }

  std::size_t Delimiter(std::size_t begin, std::size_t end, Tok type) {
    end = SkipSpace(end);
    std::string_view text;
    const char c = At(end);
    std::size_t after = end + 1;
    switch (c) {
      case '(': case ')': text = "("; break;
      case '[': case ']': text = "["; break;
      case '{': case '}': text = "{"; break;
      case '<': case '>': text = "<"; break;
      case '|': text = "|"; break;
      case '.': text = "."; break;
      case '/': text = "."; break;
      case '\\': {
        if (At(end + 1) == '{' || At(end + 1) == '}') {
          text = "{";
          after = end + 2;
        } else if (At(end + 1) == '|') {
          text = "norm";
          after = end + 2;
        } else {
          std::size_t letters = end + 1;
          while (IsLetter(At(letters))) ++letters;
          const std::string_view name = text_.substr(end + 1, letters - end - 1);
          const Spelling* found = FindCommand(name);
          if (found == nullptr) found = FindCommandPrefix(name);
          if (found != nullptr && (found->type == Tok::kOpen || found->type == Tok::kClose || found->type == Tok::kBar)) {
            text = found->type == Tok::kBar ? std::string_view(found->count == 2 ? "norm" : "|") : found->text;
            after = end + 1 + found->name.size();
            if (found->type != Tok::kBar) type = found->type == Tok::kOpen && type == Tok::kClose ? type : type;
          }
        }
        break;
      }
      default: break;
    }
    if (text.empty()) {
      Fail(end, "expected a delimiter after \\left or \\right");
      return end_;
    }
    // \left] and \right[ are the outward brackets of an open interval
    Token& token = Push(type, begin, after, text);
    if ((c == ']' && type == Tok::kOpen) || (c == '[' && type == Tok::kClose)) token.text = "(";
    token.hard = true;
    token.latex = true;
    if (type == Tok::kOpen) {
      brackets_.push_back('(');
    } else if (!brackets_.empty()) {
      brackets_.pop_back();
    }
    return after;
  }

  std::size_t Negated(std::size_t begin, std::size_t end) {
    end = SkipSpace(end);
    if (At(end) == '=') {
      Push(Tok::kRelation, begin, end + 1, "!=");
      return end + 1;
    }
    const std::size_t at = out_.tokens.size();
    const std::size_t after = At(end) == '\\' ? Command(end, false) : end;
    if (out_.tokens.size() == at + 1 && out_.tokens.back().type == Tok::kRelation) {
      std::string_view& text = out_.tokens.back().text;
      if (text == "in") text = "notin";
      else if (text == "subset") text = "notsubset";
      else if (text == "subseteq") text = "notsubseteq";
      else if (text == "equiv") text = "!=";
      else Fail(begin, "\\not before a relation that has no negation here");
      return after;
    }
    Fail(begin, "\\not must stand before a relation");
    return end_;
  }

  std::size_t Environment(std::size_t begin, std::size_t end, bool opens) {
    std::size_t open = SkipSpace(end);
    const std::size_t close = At(open) == '{' ? GroupEnd(open) : std::string_view::npos;
    if (close == std::string_view::npos) {
      Fail(begin, "expected {name} after \\begin or \\end");
      return end_;
    }
    std::string_view name = text_.substr(open + 1, close - open - 1);
    if (!name.empty() && name.back() == '*') name.remove_suffix(1);
    std::string_view kind;
    for (std::string_view s : {"matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "psmallmatrix", "bsmallmatrix"}) {
      if (name == s) kind = "matrix";
    }
    if (name == "vmatrix" || name == "Vmatrix") kind = "det";
    if (name == "array" || name == "tabular") kind = "array";
    if (name == "cases" || name == "dcases" || name == "rcases") kind = "cases";
    for (std::string_view s : {"aligned", "align", "gathered", "gather", "split", "equation", "alignat", "eqnarray", "multline", "center"}) {
      if (name == s) kind = "rows";
    }
    if (kind.empty()) {
      Fail(begin, "unknown environment {" + std::string(name) + "}");
      return end_;
    }
    std::size_t after = close + 1;
    if (opens) {
      environments_.push_back(kind);
      if (kind == "array" && At(SkipSpace(after)) == '{') {
        const std::size_t columns = GroupEnd(SkipSpace(after));
        if (columns != std::string_view::npos) after = columns + 1;
      }
      brackets_.push_back('(');
    } else {
      if (!environments_.empty()) environments_.pop_back();
      if (!brackets_.empty()) brackets_.pop_back();
    }
    Push(opens ? Tok::kBegin : Tok::kEndEnvironment, begin, after, kind);
    return after;
  }

  // \char"000190
  std::size_t CharacterCode(std::size_t begin, std::size_t end) {
    if (At(end) != '"') {
      Fail(begin, "expected a hexadecimal code after \\char");
      return end_;
    }
    std::size_t i = end + 1;
    std::uint32_t code = 0;
    for (std::size_t n = 0; n < 6 && i < end_; ++n, ++i) {
      const char c = text_[i];
      if (IsDigit(c)) code = code * 16 + static_cast<std::uint32_t>(c - '0');
      else if (c >= 'A' && c <= 'F') code = code * 16 + static_cast<std::uint32_t>(c - 'A' + 10);
      else break;
    }
    // U+0190 is the open E that some keyboards give for epsilon
    if (code == 0x190 || code == 0x25B || code == 0x3B5 || code == 0x3F5) {
      Push(Tok::kName, begin, i, "epsilon");
      return i;
    }
    Fail(begin, "unknown character code");
    return end_;
  }

  std::size_t Text(std::size_t begin, std::size_t end);
  std::size_t Styled(std::size_t begin, std::size_t end, std::string_view command);
  std::size_t Blackboard(std::size_t begin, std::size_t end);
  std::size_t Variable(std::size_t begin, std::size_t end);
  std::size_t Sign(std::size_t begin);
  std::size_t Ascii(std::size_t begin);

  static bool EndsOperand(Tok type) {
    switch (type) {
      case Tok::kNumber: case Tok::kLetter: case Tok::kName: case Tok::kConstant: case Tok::kWord: case Tok::kUnit: case Tok::kText:
      case Tok::kClose: case Tok::kRightBrace: case Tok::kBang: case Tok::kPercent: case Tok::kDegree: case Tok::kPrime:
      case Tok::kEllipsis: case Tok::kEndEnvironment: case Tok::kVulgar: case Tok::kSuperscript: return true;
      default: return false;
    }
  }

  const std::string_view text_;
  const ReadOptions& options_;
  Lexed out_;
  std::size_t end_ = 0;
  std::string brackets_;  // 'g': a group that is an argument; '(': a list may stand here
  std::vector<std::string_view> environments_;  // the kinds of those that are open
  bool dollars_delimit_ = false;
  bool space_ = false;
};

#include "math/lexer_text.inc"

}  // namespace

Lexed Lex(std::string_view text, const ReadOptions& options) { return Lexer(text, options).Run(); }

}  // namespace mathcoder::math
