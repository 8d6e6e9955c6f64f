// "Did you mean": the name nearest to what was typed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mathcoder::base {

// The name with the least edit distance, letters' case aside; empty where none is nearer than half of what was typed.
std::string Nearest(std::string_view typed, const std::vector<std::string>& names);

}  // namespace mathcoder::base
