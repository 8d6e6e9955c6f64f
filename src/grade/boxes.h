// Boxes in a message: \boxed{...}, \fbox{...}, \boxed 7, and the ways in which models misspell them. Private to the room.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mathcoder::grade {

struct Box {
  std::size_t begin = 0;    // of the command
  std::size_t end = 0;      // behind the closing brace
  std::string_view inside;  // trimmed, never empty; of a box in a box the inner one
};

// In order, braces balanced; those that never close or hold nothing are none. Linear.
std::vector<Box> FindBoxes(std::string_view text);

struct BoxedAnswer {
  std::string text;
  bool merged = false;
};
// What the boxes state together: the last one, or several that list one answer ("\boxed{2} and \boxed{3}": "2, 3"). Boxes that
// repeat the last one count once. nullopt: no boxes.
std::optional<BoxedAnswer> AnswerInBoxes(std::string_view text);

}  // namespace mathcoder::grade
