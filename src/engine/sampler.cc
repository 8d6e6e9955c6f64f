#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace mathcoder::engine {
namespace {

// The finaliser of SplitMix64: a bijection of 64 bits whose output passes as random even for consecutive inputs.
std::uint64_t Mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace

double DrawUniform(std::uint64_t seed, std::uint64_t position) {
  return static_cast<double>(Mix(Mix(seed) ^ position) >> 11) * 0x1.0p-53;
}

std::size_t ArgMax(std::span<const float> values) {
  MC_CHECK(!values.empty());
  // Two passes: a maximum over four independent lanes, which the compiler turns into vector code, then a search for it.
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  float lanes[16];
  std::fill(std::begin(lanes), std::end(lanes), kLowest);
  const float* data = values.data();
  const std::size_t size = values.size();
  std::size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    for (std::size_t k = 0; k < 16; ++k) lanes[k] = data[i + k] > lanes[k] ? data[i + k] : lanes[k];
  }
  float best = kLowest;
  for (const float lane : lanes) best = std::max(best, lane);
  for (; i < size; ++i) best = data[i] > best ? data[i] : best;
  for (std::size_t k = 0; k < size; ++k) {
    if (data[k] == best) return k;
  }
  return 0;
}

std::optional<TokenId> Sampler::Sample(const SamplingOptions& options, std::span<const float> logits,
                                       std::span<const TokenId> tokens) {
  if (options.repetition_penalty != 1.0F && !tokens.empty()) {
    penalised_.assign(logits.begin(), logits.end());
    const auto window = tokens.last(std::min(kPenaltyWindow, tokens.size()));
    for (std::size_t i = 0; i < window.size(); ++i) {
      // Once for each different token.
      if (std::find(window.begin(), window.begin() + static_cast<std::ptrdiff_t>(i), window[i]) !=
          window.begin() + static_cast<std::ptrdiff_t>(i)) {
        continue;
      }
      if (window[i] < 0 || static_cast<std::size_t>(window[i]) >= penalised_.size()) continue;
      float& logit = penalised_[static_cast<std::size_t>(window[i])];
      logit = logit > 0 ? logit / options.repetition_penalty : logit * options.repetition_penalty;
    }
    logits = penalised_;
  }

  const std::size_t best = ArgMax(logits);
  const float top = logits[best];
  if (!std::isfinite(top)) return std::nullopt;
  if (options.temperature <= 0.0F) return static_cast<TokenId>(best);

  // Candidates from the most likely on; equal logits in the order of their ids, so that the order is total.
  const auto likelier = [](const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; };
  candidates_.clear();
  // min-p and an exponent that underflows give the same cut for free: drop hopeless tokens before anything is sorted.
  // Dropping by probability relative to the best commutes with top-k, not with top-p's total: that is why only what adds
  // less than 2^-60 of the best goes here.
  const float floor = top - 42.0F * std::max(1.0F, options.temperature);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= floor) candidates_.push_back({logits[i], static_cast<TokenId>(i)});
  }
  if (options.top_k > 0 && static_cast<std::size_t>(options.top_k) < candidates_.size()) {
    const auto middle = candidates_.begin() + options.top_k;
    std::partial_sort(candidates_.begin(), middle, candidates_.end(), likelier);
    candidates_.erase(middle, candidates_.end());
  } else {
    std::sort(candidates_.begin(), candidates_.end(), likelier);
  }
  const auto weigh = [&](double temperature) {
    double total = 0;
    weights_.resize(candidates_.size());
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      weights_[i] = std::exp((static_cast<double>(candidates_[i].logit) - top) / temperature);
      total += weights_[i];
    }
    return total;
  };
  if (options.top_p < 1.0F) {
    // The smallest set of the likeliest tokens whose probability reaches top_p; at least one.
    const double wanted = static_cast<double>(options.top_p) * weigh(1.0);
    double sum = 0;
    std::size_t keep = 0;
    while (keep < candidates_.size() && (keep == 0 || sum < wanted)) sum += weights_[keep++];
    candidates_.resize(keep);
  }
  if (options.min_p > 0.0F) {
    const double least = static_cast<double>(top) + std::log(static_cast<double>(options.min_p));
    while (candidates_.size() > 1 && static_cast<double>(candidates_.back().logit) < least) candidates_.pop_back();
  }
  double draw = DrawUniform(options.seed, tokens.size()) * weigh(static_cast<double>(options.temperature));
  for (std::size_t i = 0; i + 1 < candidates_.size(); ++i) {
    draw -= weights_[i];
    if (draw < 0) return candidates_[i].id;
  }
  return candidates_.back().id;
}

}  // namespace mathcoder::engine
