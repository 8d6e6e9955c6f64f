// The words that announce, cut and excuse answers, as data: another wording or language is another line. Private to the room.
#pragma once

#include <span>
#include <string_view>

namespace mathcoder::grade {

enum class CueKind : unsigned char {
  kStrong,     // nothing but an answer follows
  kWeak,       // also said of other things ("our solution is correct"): only with a number or a formula behind it
  kLineStart,  // as strong, but only at the front of a line: "Ans. 42"
};

struct Cue {
  std::string_view text;  // ASCII in lower case; letters outside ASCII in each case that is written
  CueKind kind = CueKind::kStrong;
};
std::span<const Cue> Cues();

// Between "is" and the value: "exactly ", "therefore ". Lower case, with the blank behind.
std::span<const std::string_view> Fillers();
// Where a statement turns to reasons: " because", ", so". Lower case, with blanks as they stand in a sentence.
std::span<const std::string_view> Turns();
// Before the value of a concluding sentence: " is ", " equals ".
std::span<const std::string_view> Verbs();
// As Verbs, but they also tell of steps: only a formula behind them is taken. " get ", " obtain ".
std::span<const std::string_view> StepVerbs();
// Behind a value at a sentence's end: polite endings of languages that put the verb last, full stops of other scripts.
std::span<const std::string_view> Endings();
// Behind an answer that a sentence begins with: " is the correct answer". Lower case.
std::span<const std::string_view> Praises();
// Said by a message that gives up: no number is guessed from it.
std::span<const std::string_view> Refusals();
// Keys of an answer in JSON, lower case.
std::span<const std::string_view> JsonKeys();

}  // namespace mathcoder::grade
