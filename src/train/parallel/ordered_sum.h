// Sums whose order is fixed: out[i] = ((s[0][i] + s[1][i]) + s[2][i]) + ...
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <vector>

namespace mathcoder::train {

// `sources` point to `count` elements of `type`: f32, f64, i64, u8 (modulo 256), or bf16, which is summed in f32 and rounded once.
// `out` may be one of them.
void OrderedSum(c10::ScalarType type, const std::vector<const void*>& sources, void* out, std::int64_t count);

}  // namespace mathcoder::train
