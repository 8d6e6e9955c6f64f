// Small helpers on text. Private to the room.
#pragma once

#include <string>
#include <string_view>

namespace mathcoder::grade {

inline bool IsBlank(char byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }
inline bool IsDigit(char byte) { return byte >= '0' && byte <= '9'; }
inline bool IsLetter(char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }
inline char LowerByte(char byte) { return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte; }

std::string_view Trim(std::string_view text);
std::string LowerAscii(std::string_view text);
// Behind sentence ends ("." before a blank or the end, "!", "?", a newline), so that "3.5" and "5!" stay whole: the last sentence.
std::string_view LastSentence(std::string_view text);
// The last line that is not blank.
std::string_view LastLine(std::string_view text);

// The length of a bullet and its blanks at the front of a line: "- ", "* ", "1. "; 0: none. A minus sign touches its number.
std::size_t BulletLength(std::string_view line);

// A word of three letters or more that is no command and no function's name: the text is not only a formula.
bool HoldsWords(std::string_view text);

// Takes away what frames an answer and is no part of it: $ \( \[ ** ` quotes around the whole, a full stop at the end, blanks.
std::string_view WithoutFrame(std::string_view text);

}  // namespace mathcoder::grade
