// What may mean two things is read the usual way first. Where that does not agree with the other side, the other reading may: "5 m"
// is five metres beside "500 cm", "1/2x" may be half of x.
#pragma once

#include <string_view>
#include <vector>

#include "math/expr.h"
#include "math/read.h"

namespace mathcoder::math {

struct SecondReading {
  Expr reference, answer;
  // Both readings are as good: equality under this one only says that a difference is not proven.
  bool ambiguous = false;
};
// Pairs still to be compared, empty for most texts; `reference` and `answer` are what ReadMath returned for the texts, neither an
// error. Linear.
std::vector<SecondReading> SecondReadings(std::string_view reference_text, const ReadResult& reference,
                                          std::string_view answer_text, const ReadResult& answer);

}  // namespace mathcoder::math
