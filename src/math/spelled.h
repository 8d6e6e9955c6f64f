// What words say that signs could say as well: numbers ("twenty-one", "two thirds", "a dozen eggs"), dates, nothing at all.
// Thread-safe: no state.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "math/expr.h"

namespace mathcoder::math {

// The whole text as a number or as a number of something: "three", "negative five", "one hundred and five", "two and a half",
// "three point one four", "first", "2 million", "three apples". nullopt where any part of it is something else.
std::optional<Expr> SpelledQuantity(std::string_view lower_text);
// Only the number.
std::optional<Expr> SpelledNumber(std::string_view lower_text);
// "three", "hundred", "half", "thirds": a word that numbers are spelled with.
bool IsNumberWord(std::string_view lower_word);
// The power of ten of "million" and its like, 0: none. "dozen" is a unit, since one asks for dozens.
int PowerOfTen(std::string_view lower_word);
// "July 4, 1776", "4th of July 1776", "1776-07-04" are "july 4 1776". nullopt: no date.
std::optional<std::string> DateOf(std::string_view text);
// Lower-case words without what does not tell answers apart: "a parabola" is "parabola", "III only" is "iii".
std::string Plainly(std::string_view lower_text);
// What such words stand for where they stand alone: no solution, infinity, noon. nullopt: words.
std::optional<Expr> MeaningOf(std::string_view lower_text);
// The value of a Roman numeral below 40 in capitals, 0: none.
int RomanValue(std::string_view letters);

}  // namespace mathcoder::math
