// Which examples are held out. All samples of one problem fall on the same side.
#pragma once

#include <cstdint>
#include <vector>

#include "train/data/token_cache.h"

namespace mathcoder::train {

struct SplitOptions {
  double fraction = 0;    // of the problems, by a hash of each: a problem stays on its side when data is added
  std::size_t count = 0;  // where > 0, in place of a fraction: whole problems until there are so many examples or more
  std::uint64_t seed = 0;
};

struct Split {
  std::vector<std::uint32_t> train, held_out;  // indices of the cache, ascending
};

// Throws base::BadInput: a fraction outside [0, 1), both given, or nothing left to train on.
Split MakeSplit(const TokenCache& cache, const SplitOptions& options);

}  // namespace mathcoder::train
