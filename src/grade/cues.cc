#include "grade/cues.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/check.h"
#include "grade/cue_words.h"
#include "grade/words.h"

namespace mathcoder::grade {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

// A longer statement is an essay; what is behind this many bytes is not looked at.
constexpr std::size_t kLongestStatement = 2048;

struct CueAt {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool weak = false;
};

unsigned char Key(char byte) { return static_cast<unsigned char>(LowerByte(byte)); }

// Which cues begin with a byte, and with which three bytes any cue begins: a message is long and cues are few.
struct CueIndex {
  static constexpr std::size_t kShortest = 3;
  std::array<bool, 4096> beginnings{};  // hashed, case aside: a hit is only a candidate
  std::array<std::vector<const Cue*>, 256> by_first;

  CueIndex() {
    for (const Cue& cue : Cues()) {
      MC_CHECK(cue.text.size() >= kShortest);
      beginnings[Hash(cue.text.data())] = true;
      by_first[Key(cue.text[0])].push_back(&cue);
    }
  }

  static std::size_t Hash(const char* at) {
    const auto fold = [](char byte) { return static_cast<std::size_t>(static_cast<unsigned char>(byte) | 0x20U); };
    return (fold(at[0]) << 5 ^ fold(at[1]) << 2 ^ fold(at[2]) << 7) & 0xfff;
  }
  // The last place before `end` where a cue may begin; kNone: there is none. Precondition: kShortest bytes stand behind each place.
  std::size_t LastBefore(std::string_view text, std::size_t end) const {
    const char* const begin = text.data();
    while (end > 0) {
      if (beginnings[Hash(begin + --end)]) return end;
    }
    return kNone;
  }
};

// Is `lower` at `at` of the text, whatever its case there?
bool StandsAt(std::string_view text, std::size_t at, std::string_view lower) {
  if (text.size() - at < lower.size()) return false;
  for (std::size_t i = 0; i < lower.size(); ++i) {
    if (LowerByte(text[at + i]) != lower[i]) return false;
  }
  return true;
}

// Nothing but blanks and markup stands before `at` on its line.
bool BeginsLine(std::string_view text, std::size_t at) {
  while (at > 0 && text[at - 1] != '\n') {
    if (std::string_view(" \t*#>-_").find(text[--at]) == kNone) return false;
  }
  return true;
}

// The last cues, the longest where several begin at one place.
std::vector<CueAt> LastCues(std::string_view text) {
  static const CueIndex index;
  constexpr std::size_t kMost = 32;
  std::vector<CueAt> found;
  if (text.size() < CueIndex::kShortest) return found;
  for (std::size_t at = index.LastBefore(text, text.size() - 2); at != kNone && found.size() < kMost;
       at = index.LastBefore(text, at)) {
    if (at > 0 && IsLetter(text[at]) && IsLetter(text[at - 1])) continue;  // inside a word
    CueAt best;
    for (const Cue* cue : index.by_first[Key(text[at])]) {
      if (cue->text.size() <= best.end - best.begin || !StandsAt(text, at, cue->text)) continue;
      if (cue->kind == CueKind::kLineStart && !BeginsLine(text, at)) continue;
      best = {at, at + cue->text.size(), cue->kind == CueKind::kWeak};
    }
    if (best.end > 0) found.push_back(best);
  }
  return found;
}

std::string_view SkipFiller(std::string_view text) {
  const std::string lower = LowerAscii(text.substr(0, 16));
  for (const std::string_view filler : Fillers()) {
    if (std::string_view(lower).starts_with(filler)) return text.substr(filler.size());
  }
  return text;
}

// Markup, colons and fillers between a cue and what it announces. `bullet`: it begins a list.
std::string_view SkipToStatement(std::string_view text, bool& bullet) {
  bullet = false;
  for (bool line = false;;) {
    const std::size_t size = text.size();
    while (!text.empty() && (IsBlank(text.front()) || text.front() == ':' || text.front() == '=')) {
      line = line || text.front() == '\n';
      text.remove_prefix(1);
    }
    // An opening "**" belongs to what it makes bold; a closing one is followed by a blank or a line's end.
    for (const std::string_view mark : {"**", "__", "*", "_"}) {
      if (text.starts_with(mark) && (text.size() == mark.size() || IsBlank(text[mark.size()]) || text[mark.size()] == ':')) {
        text.remove_prefix(mark.size());
        break;
      }
    }
    for (const std::string_view sign : {"\u2705", "\uff1a", "}"}) {
      if (text.starts_with(sign)) text.remove_prefix(sign.size());
    }
    if (text.starts_with("```")) text.remove_prefix(std::min(text.find('\n'), text.size()));  // a fence is no part of it
    if (const std::size_t mark = line && !bullet ? BulletLength(text) : 0; mark > 0) {
      bullet = true;
      text.remove_prefix(mark);
    }
    text = SkipFiller(text);
    if (text.size() == size) return text;
  }
}

// Where a formula or a bold part that begins the text ends; 0: none begins there or it does not close.
std::size_t FramedLength(std::string_view text) {
  struct Frame {
    std::string_view open;
    std::string_view close;
  };
  static constexpr auto kFrames =
      std::to_array<Frame>({{"\\(", "\\)"}, {"\\[", "\\]"}, {"$$", "$$"}, {"$", "$"}, {"**", "**"}, {"`", "`"}});
  for (const Frame& frame : kFrames) {
    if (!text.starts_with(frame.open)) continue;
    // "$15,000" is money: no second dollar, or one that begins another amount.
    std::size_t close = text.substr(0, kLongestStatement).find(frame.close, frame.open.size());
    while (frame.close == "$" && close != kNone && text[close - 1] == '\\') close = text.find('$', close + 1);
    if (close == kNone) return 0;
    if (frame.open == "$" && close + 1 < text.size() && IsDigit(text[close + 1])) return 0;
    return close + frame.close.size();
  }
  return 0;
}

// "42**" of "**Answer: 42**": the mark's other half stands before the cue.
std::string_view WithoutDanglingMark(std::string_view text) {
  for (const std::string_view mark : {"**", "__", "*", "`", "$", "\\)", "\\]"}) {
    if (!text.ends_with(mark)) continue;
    const std::string_view before = text.substr(0, text.size() - mark.size());
    const std::string_view open = mark == "\\)" ? "\\(" : mark == "\\]" ? "\\[" : mark;
    if (before.find(open) != kNone || before.ends_with("\\")) return text;
    return Trim(before);
  }
  return text;
}

std::string_view WithoutEnding(std::string_view text) {
  for (const std::string_view ending : Endings()) {
    if (text.ends_with(ending)) return Trim(text.substr(0, text.size() - ending.size()));
  }
  return text;
}

bool EndsStatement(std::string_view rest) {
  if (rest[0] == '\n' || rest.starts_with("</") || rest.starts_with("[/")) return true;
  if (rest.starts_with("\u3002")) return true;
  if (rest.starts_with("\uff0e")) return rest.size() == 3 || !IsDigit(rest[3]);
  const bool last = rest.size() == 1;
  if (rest[0] == '.') return !last && IsBlank(rest[1]);
  return rest[0] == '?' && (last || IsBlank(rest[1]));
}

}  // namespace

std::string_view CutStatement(std::string_view text) {
  text = Trim(text).substr(0, kLongestStatement);
  const std::string lower = LowerAscii(text);
  std::size_t end = text.size();
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t framed = FramedLength(text.substr(at)); framed > 0) {
      at += framed;
      continue;
    }
    if (EndsStatement(text.substr(at))) {
      end = at;
      break;
    }
    const std::string_view rest = std::string_view(lower).substr(at);
    const bool may_turn = at > 0 && (rest[0] == ' ' || rest[0] == ',');
    if (may_turn && std::any_of(Turns().begin(), Turns().end(), [&](std::string_view turn) { return rest.starts_with(turn); })) {
      end = at;
      break;
    }
    ++at;
  }
  text = Trim(text.substr(0, end));
  while (!text.empty() && (text.back() == ',' || text.back() == ';' || text.back() == ':'))
    text = Trim(text.substr(0, text.size() - 1));
  return WithoutFrame(WithoutDanglingMark(WithoutFrame(WithoutEnding(text))));
}

namespace {

bool HoldsValue(std::string_view text) { return text.find_first_of("0123456789\\$") != kNone; }

// The lines of a list of values, "- x = 1\n- y = 2", the first one's bullet taken away already. Empty: it has one line, or words.
std::string ListedValues(std::string_view text) {
  std::string values;
  int lines = 0;
  for (std::size_t mark = 1; mark > 0; ++lines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view value = CutStatement(text.substr(0, end));
    if (!HoldsValue(value) || HoldsWords(value)) return "";
    values += (values.empty() ? "" : ", ") + std::string(value);
    text = Trim(text.substr(end));
    mark = BulletLength(text);
    text.remove_prefix(mark);
  }
  return lines > 1 ? values : "";
}

// "not 4 but 3" says 3; "not 4" says nothing.
std::string_view BehindDenial(std::string_view text) {
  if (!LowerAscii(text.substr(0, 4)).starts_with("not ")) return text;
  const std::string_view line = text.substr(0, std::min(text.find('\n'), kLongestStatement));
  const std::size_t but = LowerAscii(line).find(" but ");
  return but == kNone ? std::string_view() : text.substr(but + 5);
}

}  // namespace

std::optional<std::string> AnswerBehindCue(std::string_view text) {
  for (const CueAt& cue : LastCues(text)) {
    bool bullet = false;
    const std::string_view rest = BehindDenial(SkipToStatement(text.substr(cue.end), bullet));
    if (bullet) {
      if (std::string values = ListedValues(rest); !values.empty()) return values;
    }
    const std::string_view statement = CutStatement(rest);
    const bool says =
        std::any_of(statement.begin(), statement.end(), [](char byte) { return !IsBlank(byte) && byte != '*' && byte != '.'; });
    if (!says || (cue.weak && !HoldsValue(statement))) continue;
    // "the answer is: the area is 5" states 5 in the end.
    if (auto value = AnswerOfSentence(statement); value && FramedLength(rest) == 0) return value;
    return std::string(statement);
  }
  return std::nullopt;
}

// Python's power is no mark: "3*x**2/2 + beta**3" has nothing in bold. A mark that opens stands behind no operand and before no
// blank; one that closes stands behind no blank and before no operand.
bool IsBold(std::string_view text, std::size_t open, std::size_t close) {
  const auto operand = [](char byte) {
    return IsLetter(byte) || IsDigit(byte) || byte == '_' || byte == '(' || byte == ')' || byte == ']';
  };
  const bool opens = (open == 0 || !operand(text[open - 1]) || text[open - 1] == '(') && !IsBlank(text[open + 2]);
  const bool closes =
      !IsBlank(text[close - 1]) && (close + 2 >= text.size() || !operand(text[close + 2]) || text[close + 2] == ')');
  return opens && closes;
}

std::optional<std::string> AnswerInBold(std::string_view text) {
  std::size_t close = text.rfind("**");
  while (close != kNone && close > 0) {
    const std::size_t open = text.rfind("**", close - 1);
    if (open == kNone || open + 2 > close) return std::nullopt;
    const std::string_view inside = Trim(text.substr(open + 2, close - open - 2));
    if (!inside.empty() && IsBold(text, open, close) && !inside.ends_with(":") && inside.find('\n') == kNone) {
      if (const auto value = AnswerOfSentence(inside)) return value;
      return std::string(WithoutFrame(inside));
    }
    close = open == 0 ? kNone : text.rfind("**", open - 1);
  }
  return std::nullopt;
}

namespace {

// Behind which byte one of `verbs` ends last, whatever its case; 0: none stands there. Each verb stands between blanks.
std::size_t EndOfLast(std::span<const std::string_view> verbs, std::string_view text) {
  std::size_t longest = 0, end = 0;
  for (const std::string_view verb : verbs) longest = std::max(longest, verb.size());
  for (std::size_t at = text.rfind(' '); at != kNone; at = at == 0 ? kNone : text.rfind(' ', at - 1)) {
    if (at + longest <= end) break;  // what begins here ends before
    for (const std::string_view verb : verbs) {
      if (at + verb.size() > end && StandsAt(text, at, verb)) end = at + verb.size();
    }
  }
  return end;
}

}  // namespace

std::optional<std::string> AnswerOfSentence(std::string_view sentence) {
  sentence = Trim(sentence);
  if (sentence.size() > kLongestStatement) return std::nullopt;
  if (FramedLength(sentence) == sentence.size()) return std::nullopt;  // one formula
  const std::size_t end = EndOfLast(Verbs(), sentence);
  if (end == 0) return std::nullopt;
  std::string_view statement = sentence.substr(end);
  statement = SkipFiller(statement);
  statement = CutStatement(statement);
  if (statement.empty()) return std::nullopt;
  return std::string(statement);
}

std::optional<std::string> EndOfStep(std::string_view sentence) {
  sentence = Trim(sentence);
  if (sentence.size() > kLongestStatement) return std::nullopt;
  const std::size_t end = EndOfLast(StepVerbs(), " " + std::string(sentence));
  if (end == 0) return std::nullopt;
  const std::string_view statement = CutStatement(SkipFiller(sentence.substr(end - 1)));
  if (statement.empty()) return std::nullopt;
  return std::string(statement);
}

std::optional<std::string> FormulaAtEnd(std::string_view sentence) {
  sentence = Trim(sentence);
  while (sentence.ends_with(".")) sentence.remove_suffix(1);
  if (sentence.size() > kLongestStatement) return std::nullopt;
  bool only = true;
  for (std::size_t at = 0; at < sentence.size();) {
    const std::size_t framed = sentence[at] == '$' || sentence[at] == '\\' ? FramedLength(sentence.substr(at)) : 0;
    if (framed == 0 && (sentence[at] == '$' || sentence[at] == '\\')) return std::nullopt;
    if (framed == 0) {
      ++at;
      continue;
    }
    if (at + framed < sentence.size()) {
      only = false;
      at += framed;
      continue;
    }
    if (!only) {
      std::string before = LowerAscii(sentence.substr(at < 32 ? 0 : at - 32, std::min<std::size_t>(at, 32)));
      std::replace_if(
          before.begin(), before.end(), [](char byte) { return byte == ',' || byte == ':' || byte == '\n'; }, ' ');
      before = " " + std::string(Trim(before)) + " ";
      const auto concludes = [&](std::string_view verb) { return before.ends_with(verb); };
      if (std::none_of(StepVerbs().begin(), StepVerbs().end(), concludes) &&
          std::none_of(Verbs().begin(), Verbs().end(), concludes))
        return std::nullopt;
    }
    return std::string(WithoutFrame(sentence.substr(at)));
  }
  return std::nullopt;
}

std::string_view BeforePraise(std::string_view text) {
  text = WithoutFrame(text);
  const std::string lower = LowerAscii(text.size() > 64 ? text.substr(text.size() - 64) : text);
  for (const std::string_view praise : Praises()) {
    if (std::string_view(lower).ends_with(praise)) return Trim(text.substr(0, text.size() - praise.size()));
  }
  return text;
}

namespace {

// The last row of an environment of aligned formulas that ends the text: "x = 42" of "... \\\\ x &= 42 \end{align*}".
std::optional<std::string> LastRowAtEnd(std::string_view text) {
  if (!text.ends_with("}")) return std::nullopt;
  for (const std::string_view name : {"align*", "align", "aligned", "equation*", "equation", "gather*", "gather", "eqnarray*"}) {
    const std::string end = "\\end{" + std::string(name) + "}";
    if (!text.ends_with(end)) continue;
    const std::string begin = "\\begin{" + std::string(name) + "}";
    const std::size_t at = text.rfind(begin);
    if (at == kNone) return std::nullopt;
    std::string_view inside = Trim(text.substr(at + begin.size(), text.size() - end.size() - at - begin.size()));
    while (inside.ends_with("\\\\")) inside = Trim(inside.substr(0, inside.size() - 2));
    if (const std::size_t row = inside.rfind("\\\\"); row != kNone) inside = inside.substr(row + 2);
    std::string formula(inside);
    formula.erase(std::remove(formula.begin(), formula.end(), '&'), formula.end());
    std::string_view row = Trim(formula);
    if (row.starts_with("=")) row = Trim(row.substr(1));
    return std::string(WithoutFrame(row));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> DisplayAtEnd(std::string_view text) {
  text = Trim(text);
  if (text.ends_with(".")) text = Trim(text.substr(0, text.size() - 1));
  if (auto row = LastRowAtEnd(text)) return row;
  for (const auto& [open, close] :
       {std::pair<std::string_view, std::string_view>("\\[", "\\]"), std::pair<std::string_view, std::string_view>("$$", "$$")}) {
    if (!text.ends_with(close)) continue;
    const std::string_view before = text.substr(0, text.size() - close.size());
    const std::size_t begin = before.rfind(open);
    if (begin == kNone) continue;
    return std::string(WithoutFrame(before.substr(begin + open.size())));
  }
  return std::nullopt;
}

}  // namespace mathcoder::grade
