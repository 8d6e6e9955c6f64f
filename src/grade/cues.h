// Wordings that announce an answer: "The answer is 42 because ...", "#### 42", "**Final Answer:** 42", "Therefore, x is 42.".
// Private to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mathcoder::grade {

// What stands behind the last cue ("answer is", "answer:", "####", "result is", ...), cut where the sentence goes on to reasons.
std::optional<std::string> AnswerBehindCue(std::string_view text);

// What the last bold part of the text says, where it is no heading: "**73**".
std::optional<std::string> AnswerInBold(std::string_view text);

// The value that a concluding sentence states: behind its last "is", "are", "equals", "=": "The perimeter is 7" says 7. nullopt
// where the sentence states none.
std::optional<std::string> AnswerOfSentence(std::string_view sentence);

// What stands behind a sentence's last "we get", "we find that", "hence". It may be a step's words: the caller takes it only where
// it is a formula.
std::optional<std::string> EndOfStep(std::string_view sentence);

// The formula that ends a sentence, where it is the only one or concluding words stand before it: "Hence $x = 2$.", "$a = 6$ and
// $b = 7$, so $ab = 42$" say x = 2 and ab = 42.
std::optional<std::string> FormulaAtEnd(std::string_view sentence);

// "Option C" of "Option C is the correct answer."; the whole text where nothing of the kind stands at its end.
std::string_view BeforePraise(std::string_view text);

// What stands in the display \[...\] or $$...$$ that ends the text, or in the last row of the aligned formulas that end it.
std::optional<std::string> DisplayAtEnd(std::string_view text);

// A sentence's part from its front up to where it turns to reasons ("42 because geometry proves it": "42"), without its frame.
std::string_view CutStatement(std::string_view text);

}  // namespace mathcoder::grade
