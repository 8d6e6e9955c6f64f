// One packed row as a step takes it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/data/token_cache.h"

namespace mathcoder::train {

// The examples one after the other, no padding. All vectors but borders are [tokens]. What stands under "target" of a token is that
// of the token after it in the same example; an example's last token has none: target -1, weight 0, role kTemplate.
struct Row {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> targets;
  std::vector<float> weights;           // loss weight of the target
  std::vector<std::uint8_t> roles;      // chat::TokenRole of the target
  std::vector<std::int32_t> positions;  // from 0 in each example
  std::vector<std::int32_t> borders;    // [sequences + 1]: example s is tokens borders[s] .. borders[s + 1]
};

// Keeps the capacity of what `row` holds: no allocation once rows have been this long.
void FillRow(const TokenCache& cache, std::span<const std::uint32_t> examples, Row* row);

}  // namespace mathcoder::train
