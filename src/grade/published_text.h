// What the published evaluation of MathCoder (arXiv 2310.03731, its public src/utils.py) takes out of a message as the answer:
// string replacements only, and no mathematics. Part of mode `mathcoder`; docs/grading.md lists the quirks. Pure functions, linear
// but for the number of replacements.
#pragma once

#include <string>
#include <string_view>

namespace mathcoder::grade {

// The answer in a message or in a reference, as the published program would print it: lower case, the last box from its first brace
// to the last brace of the message, without units, squares, cubes, signs of dollars and percent, and left sides of equations.
std::string PublishedAnswer(std::string_view text);

// A message that names one of the choices A to D in a box or after "Answer: " is that letter; any other is returned as it is.
std::string PublishedChoice(std::string_view message);

// The published program drops every ASCII letter of the model's answer on GSM8K.
std::string WithoutLetters(std::string_view answer);

// Every `from` in `text` becomes `to`, from left to right, not seeing what was put in.
std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to);

}  // namespace mathcoder::grade
