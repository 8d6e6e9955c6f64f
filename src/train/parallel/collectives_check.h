// For tests: every collective of a communicator against sums that are computed here, from the summands that all ranks would make.
#pragma once

#include <cstdint>
#include <string>

#include "train/parallel/communicator.h"

namespace mathcoder::train {

// Every rank calls it. Tensors of `count` elements a piece, values from `seed`. Returns what was wrong ("" if nothing), and adds
// the bits of every result to `digest`, so that two runs can be compared.
std::string CheckCollectives(Communicator& communicator, std::int64_t count, std::uint64_t seed, std::uint64_t& digest);

}  // namespace mathcoder::train
