// UTF-8 (RFC 3629): no surrogates, no overlong forms.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mathcoder::base {

bool IsValidUtf8(std::string_view text);

// Offset of the first byte that is not part of a valid sequence, or npos.
std::size_t FirstInvalidUtf8(std::string_view text);

// Each maximal invalid run becomes one U+FFFD (the Unicode standard's "substitution of maximal subparts").
std::string ReplaceInvalidUtf8(std::string_view text);

// Length of the longest prefix that does not end inside a multi-byte character: what may be shown of a text that is
// still arriving.
std::size_t CompleteUtf8Prefix(std::string_view text);

}  // namespace mathcoder::base
