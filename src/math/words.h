// Which letters are words: units, currencies, connectives and ordinary words against products of variables.
#pragma once

#include <string>
#include <string_view>

namespace mathcoder::math {

// "cm", "feet", "square" ...: words that state a unit after a number. Lower-case letters except where the unit's own case counts.
bool IsUnitWord(std::string_view word);
// Single letters that are units after a spaced number and nothing else: m, s, g, L.
bool IsUnitLetter(std::string_view letter);
// "dollars" -> "$"; empty where the word is no currency.
std::string_view CurrencyOf(std::string_view lower_word);
// "USD", "Rs": a currency's letters in front of an amount; empty: none.
std::string_view MoneyCode(std::string_view letters);
// Letters that are an ordinary word rather than a product of variables: in the list of short words, or long and pronounceable.
bool IsOrdinaryWord(std::string_view letters);
// In the list of short words.
bool IsListedWord(std::string_view letters);
// Words that no unit holds: "is", "the", "because": the text is a sentence.
bool IsSentenceWord(std::string_view lower_word);

// "am", "p.m."
bool IsHalfDay(std::string_view lower);

std::string Lower(std::string_view text);

}  // namespace mathcoder::math
