// A packed row on the device, and which of its tokens the head is computed for. Private to model/; plain values.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "train/data/row.h"
#include "train/ops/ops.h"

namespace mathcoder::train {

enum class Wanted : std::uint8_t {
  kWeighted,  // targets whose weight is not 0
  kTargets,   // every target
  kTokens,    // every token, whether it has a target or not (logits)
};

struct RowTensors {
  std::int64_t tokens = 0;
  at::Tensor ids;  // i32 [tokens]
  Sequences sequences;
  std::vector<std::int64_t> host_wanted;  // tokens that predict a wanted target, ascending
  at::Tensor wanted;                      // i64 [wanted]
  at::Tensor targets;                     // i32 [wanted]; undefined for kTokens
  at::Tensor weights;                     // f32 [wanted]; undefined for kTokens
  std::int64_t wanted_count() const { return static_cast<std::int64_t>(host_wanted.size()); }
};
// An id or a target beyond the vocabulary is a bug (MC_CHECK): the token cache was checked against the tokenizer.
RowTensors MakeRowTensors(const Row& row, Wanted wanted, std::int64_t vocabulary, at::Device device);

}  // namespace mathcoder::train
