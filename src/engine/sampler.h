// Chooses the next token from a row of logits. Order as in llama.cpp: repetition penalty, top-k, top-p, min-p, temperature, draw.
//
// The draw is a pure function of (seed, position): there is no generator state that a rollback, a fork or an eviction could
// leave in the wrong place. Two sequences with equal tokens, options and logits therefore choose equal tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/engine.h"

namespace mathcoder::engine {

// Uniform in [0, 1), of the token that will stand at `position` in its sequence.
double DrawUniform(std::uint64_t seed, std::uint64_t position);

// Index of the largest value, the lowest of equal ones. NaN never wins. Precondition: not empty.
std::size_t ArgMax(std::span<const float> values);

// Not thread-safe: it keeps its scratch memory between calls.
class Sampler {
 public:
  static constexpr std::size_t kPenaltyWindow = 64;

  // `tokens`: the whole sequence so far; the penalty looks at its last kPenaltyWindow. nullopt: no logit is a finite number.
  std::optional<TokenId> Sample(const SamplingOptions& options, std::span<const float> logits, std::span<const TokenId> tokens);

 private:
  struct Candidate {
    float logit;
    TokenId id;
  };
  std::vector<float> penalised_;
  std::vector<Candidate> candidates_;
  std::vector<double> weights_;
};

}  // namespace mathcoder::engine
