// What a run gives: a Hugging Face folder, a PEFT folder where adapters were learnt, and a GGUF file for `mathcoder solve`.
// Collective: every process calls the same, in the same order; process 0 writes.
#pragma once

#include <filesystem>
#include <string>

#include "train/parallel/communicator.h"
#include "train/parallel/train_state.h"
#include "train/run/preparation.h"

namespace mathcoder::train {

struct ResultPaths {
  std::filesystem::path folder;   // Hugging Face: weights (adapters merged), config.json, tokenizer
  std::filesystem::path adapter;  // PEFT; empty where no adapters were learnt
  std::filesystem::path gguf;     // empty where result.gguf is
};

// Writes into `folder`: adapter/, result.gguf, and last result/. Each appears whole or not at all. Throws base::OutputFailure.
ResultPaths WriteResult(const Preparation& preparation, TrainState& state, Communicator& communicator,
                        const std::filesystem::path& folder);
// All that the configuration asks for is there.
bool ResultIsWhole(const Config& config);
// The GGUF file alone, f16, for a look at how the model solves problems.
void WriteGguf(const Preparation& preparation, TrainState& state, Communicator& communicator, const std::filesystem::path& file);

}  // namespace mathcoder::train
