// Several engines as one: each new sequence goes to the one that has the fewest. For models so small that two contexts with a
// thread each do more than one context with two threads, which wait for each other a hundred times a batch (docs/engine.md).
//
// Thread-safety: as Engine.
#pragma once

#include <memory>
#include <vector>

#include "engine/engine.h"

namespace mathcoder::engine {

struct ReplicatedOptions {
  // A fork may go to another engine, which computes the prompt again: worth it where one problem has many samples. Off where the
  // tokens depend on how a sequence was computed (LlamaOptions::deterministic).
  bool forks_move = true;
};

// Precondition: at least one, all of the same model.
std::unique_ptr<Engine> MakeReplicatedEngine(std::vector<std::unique_ptr<Engine>> engines, ReplicatedOptions options = {});

}  // namespace mathcoder::engine
