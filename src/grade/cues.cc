#include "grade/cues.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "grade/words.h"

namespace mathcoder::grade {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

// A longer statement is an essay; what is behind this many bytes is not looked at.
constexpr std::size_t kLongestStatement = 2048;

struct Cue {
  std::string_view text;  // lower case
  bool weak = false;      // also said of other things ("our solution is correct"): only with a number or a formula behind it
};
constexpr auto kCues = std::to_array<Cue>({{"####"},
                                           {"<answer>"},
                                           {"answer is"},
                                           {"answers are"},
                                           {"answer is:"},
                                           {"answer:"},
                                           {"answers:"},
                                           {"answer**:"},
                                           {"answer:**"},
                                           {"answer**"},
                                           {"answer ="},
                                           {"answer would be"},
                                           {"answer should be"},
                                           {"answer to the problem is"},
                                           {"answer to this question is"},
                                           {"answer to the question is"},
                                           {"answer is therefore"},
                                           {"result is", true},
                                           {"result:", true},
                                           {"solution is", true},
                                           {"solutions are", true},
                                           {"solution:", true}});

struct CueAt {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool weak = false;
};

// Is `lower` at `at` of the text, whatever its case there?
bool StandsAt(std::string_view text, std::size_t at, std::string_view lower) {
  if (text.size() - at < lower.size()) return false;
  for (std::size_t i = 0; i < lower.size(); ++i) {
    if (LowerByte(text[at + i]) != lower[i]) return false;
  }
  return true;
}

// The last cues, the longest where several begin at one place. A message is long and cues are few: two bytes rule most places out.
std::vector<CueAt> LastCues(std::string_view text) {
  constexpr std::size_t kMost = 32;
  std::vector<CueAt> found;
  for (std::size_t at = text.size(); at-- > 0 && found.size() < kMost;) {
    const char second = at + 1 < text.size() ? LowerByte(text[at + 1]) : '\0';
    switch (LowerByte(text[at])) {
      case '#':
        if (second != '#') continue;
        break;
      case '<':
      case 'a':
        if (second != 'n' && second != 'a') continue;
        break;
      case 'r':
        if (second != 'e') continue;
        break;
      case 's':
        if (second != 'o') continue;
        break;
      default:
        continue;
    }
    CueAt best;
    for (const Cue& cue : kCues) {
      if (cue.text.size() > best.end - best.begin && StandsAt(text, at, cue.text)) best = {at, at + cue.text.size(), cue.weak};
    }
    if (best.end > 0) found.push_back(best);
  }
  return found;
}

// Words between "is" and the value.
constexpr auto kFillers =
    std::to_array<std::string_view>({"equal to ", "therefore ", "thus ", "then ", "indeed ", "exactly ", "simply ", "also ",
                                     "given by ", "approximately ", "about ", "roughly ", "around ", "just ", "now "});

std::string_view SkipFiller(std::string_view text) {
  const std::string lower = LowerAscii(text.substr(0, 16));
  for (const std::string_view filler : kFillers) {
    if (std::string_view(lower).starts_with(filler)) return text.substr(filler.size());
  }
  return text;
}

// Markup, colons and fillers between a cue and what it announces.
std::string_view SkipToStatement(std::string_view text) {
  for (;;) {
    const std::size_t size = text.size();
    while (!text.empty() && (IsBlank(text.front()) || text.front() == ':' || text.front() == '=')) text.remove_prefix(1);
    // An opening "**" belongs to what it makes bold; a closing one is followed by a blank or a line's end.
    if (text.starts_with("**") && (text.size() == 2 || IsBlank(text[2]) || text[2] == ':')) text.remove_prefix(2);
    if (text.starts_with("\u2705")) text.remove_prefix(3);
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

// Lower case, with blanks as they stand in a sentence.
constexpr auto kTurns = std::to_array<std::string_view>(
    {" because",   " since ",   " so ",      " which ",   " as ",    " where ",   " thus",      " hence",
     " therefore", " when ",    " by ",      " given ",   " after ", " whenever", ", so",       ", which",
     ", because",  ", since",   ", as ",     ", where",   ", thus",  ", hence",   " -- ",       " \u2014 ",
     " but ",      " for the ", " for each", " in total", " in all", " left",     " altogether"});

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
    const char byte = text[at];
    const bool last = at + 1 == text.size();
    if (byte == '\n' || text.substr(at).starts_with("</") || (byte == '.' && !last && IsBlank(text[at + 1])) ||
        (byte == '?' && (last || IsBlank(text[at + 1])))) {
      end = at;
      break;
    }
    if (at > 0 && std::any_of(kTurns.begin(), kTurns.end(),
                              [&](std::string_view turn) { return std::string_view(lower).substr(at).starts_with(turn); })) {
      end = at;
      break;
    }
    ++at;
  }
  text = Trim(text.substr(0, end));
  while (!text.empty() && (text.back() == ',' || text.back() == ';' || text.back() == ':'))
    text = Trim(text.substr(0, text.size() - 1));
  return WithoutFrame(text);
}

std::optional<std::string> AnswerBehindCue(std::string_view text) {
  for (const CueAt& cue : LastCues(text)) {
    const std::string_view rest = SkipToStatement(text.substr(cue.end));
    const std::string_view statement = CutStatement(rest);
    const bool says =
        std::any_of(statement.begin(), statement.end(), [](char byte) { return !IsBlank(byte) && byte != '*' && byte != '.'; });
    if (!says || (cue.weak && statement.find_first_of("0123456789\\$") == kNone)) continue;
    // "the answer is: the area is 5" states 5 in the end.
    if (auto value = AnswerOfSentence(statement); value && FramedLength(rest) == 0) return value;
    return std::string(statement);
  }
  return std::nullopt;
}

std::optional<std::string> AnswerInBold(std::string_view text) {
  std::size_t close = text.rfind("**");
  while (close != kNone && close > 0) {
    const std::size_t open = text.rfind("**", close - 1);
    if (open == kNone || open + 2 > close) return std::nullopt;
    const std::string_view inside = Trim(text.substr(open + 2, close - open - 2));
    if (!inside.empty() && !inside.ends_with(":") && inside.find('\n') == kNone) {
      if (const auto value = AnswerOfSentence(inside)) return value;
      return std::string(WithoutFrame(inside));
    }
    close = open == 0 ? kNone : text.rfind("**", open - 1);
  }
  return std::nullopt;
}

std::optional<std::string> AnswerOfSentence(std::string_view sentence) {
  sentence = Trim(sentence);
  if (sentence.size() > kLongestStatement) return std::nullopt;
  if (FramedLength(sentence) == sentence.size()) return std::nullopt;  // one formula
  const std::string lower = LowerAscii(sentence);
  static constexpr auto kVerbs = std::to_array<std::string_view>(
      {" is ", " are ", " was ", " were ", " equals ", " is equal to ", " is: ", " to be ", " is given by "});
  std::size_t end = 0;
  for (const std::string_view verb : kVerbs) {
    if (const std::size_t at = lower.rfind(verb); at != kNone) end = std::max(end, at + verb.size());
  }
  if (end == 0) return std::nullopt;
  std::string_view statement = sentence.substr(end);
  statement = SkipFiller(statement);
  statement = CutStatement(statement);
  if (statement.empty()) return std::nullopt;
  return std::string(statement);
}

std::optional<std::string> OnlyFormulaAtEnd(std::string_view sentence) {
  sentence = Trim(sentence);
  while (sentence.ends_with(".")) sentence.remove_suffix(1);
  if (sentence.size() > kLongestStatement) return std::nullopt;
  for (std::size_t at = 0; at < sentence.size(); ++at) {
    if (sentence[at] != '$' && sentence[at] != '\\') continue;
    const std::size_t framed = FramedLength(sentence.substr(at));
    if (framed == 0 || at + framed != sentence.size()) return std::nullopt;
    return std::string(WithoutFrame(sentence.substr(at)));
  }
  return std::nullopt;
}

std::optional<std::string> DisplayAtEnd(std::string_view text) {
  text = Trim(text);
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
