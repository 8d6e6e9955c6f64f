#include "train/data/row.h"

#include "base/check.h"

namespace mathcoder::train {

void FillRow(const TokenCache& cache, std::span<const std::uint32_t> examples, Row* row) {
  std::size_t tokens = 0;
  row->borders.assign(1, 0);
  for (const std::uint32_t i : examples) {
    tokens += cache.length(i);
    row->borders.push_back(static_cast<std::int32_t>(tokens));
  }
  row->ids.resize(tokens);
  row->targets.resize(tokens);
  row->weights.resize(tokens);
  row->roles.resize(tokens);
  row->positions.resize(tokens);
  const MaskOptions& mask = cache.mask();
  std::size_t begin = 0;
  for (const std::uint32_t example : examples) {
    const std::size_t n = cache.length(example);
    const std::span<const std::uint8_t> roles = cache.roles(example);
    cache.CopyIds(example, row->ids.data() + begin);
    for (std::size_t t = 0; t < n; ++t) {
      const bool last = t + 1 == n;
      row->targets[begin + t] = last ? -1 : row->ids[begin + t + 1];
      row->roles[begin + t] = last ? static_cast<std::uint8_t>(chat::TokenRole::kTemplate) : roles[t + 1];
      row->weights[begin + t] = last ? 0.0F : mask.role_weight[roles[t + 1]];
      row->positions[begin + t] = static_cast<std::int32_t>(t);
    }
    begin += n;
  }
}

}  // namespace mathcoder::train
