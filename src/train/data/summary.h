// What a run would train on, before any time is spent: the data's half of `--dry-run`.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "chat/tokenizer.h"
#include "train/data/packing.h"
#include "train/data/split.h"
#include "train/data/token_cache.h"

namespace mathcoder::train {

struct DataSummary {
  struct File {
    std::string name;
    double repeat = 1;
    std::size_t examples = 0;  // that the split trains on
    std::uint64_t tokens = 0;
  };
  std::vector<File> files;
  CacheCounts counts;
  std::size_t train_examples = 0, held_out_examples = 0;
  std::array<std::uint64_t, kRoles> tokens_by_role{}, learned_by_role{};  // of the training examples, once each
  std::size_t longest = 0;                                                // tokens
  PlanStats epoch;                                                        // of the first
  std::size_t row_length = 0, batch_rows = 0, steps_per_epoch = 0;
  GlobalBatch first_batch;
  std::vector<std::string> first_row;  // "file:line" of its examples
};

// Reads every token's role once: about a second for 100 million tokens.
DataSummary Summarise(const TokenCache& cache, const Split& split, const PackOptions& pack, std::size_t batch_rows);

// A dozen lines of plain text, and the same as JSON.
std::string ToText(const DataSummary& summary);
base::Json ToJson(const DataSummary& summary);

}  // namespace mathcoder::train
