// Letters of multiple choice and what stands behind them: "C", "(C)", "C. 12 cm", "\textbf{(A) } 7", "option B", "(A) and (B)".
// Private to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mathcoder::grade {

struct Choices {
  std::string letters;  // "C"; several, sorted, each once: "AB"
  std::string value;    // behind the marker of a single choice: "12 cm"; empty: none
  bool marked = false;  // by brackets, a sign behind the letter, or a word: "(C)", "C.", "option C". A bare letter may be a symbol
};

// nullopt: no choice. Letters are A to J, in lower case only where they are marked or a to d alone.
std::optional<Choices> ChoicesIn(std::string_view text);

// Letters without anything between them, "AC", where the other side lists choices. nullopt: something else.
std::optional<std::string> LettersTogether(std::string_view text);

}  // namespace mathcoder::grade
