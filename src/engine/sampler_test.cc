#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

namespace mathcoder::engine {
namespace {

// The slow and obvious way: every token with its probability, each filter a pass over all of them.
struct Entry {
  TokenId id;
  double logit;
};

std::vector<Entry> Allowed(const SamplingOptions& options, std::vector<float> logits, const std::vector<TokenId>& tokens) {
  std::map<TokenId, bool> seen;
  for (std::size_t i = tokens.size() < 64 ? 0 : tokens.size() - 64; i < tokens.size(); ++i) seen[tokens[i]] = true;
  for (const auto& [id, yes] : seen) {
    float& logit = logits[static_cast<std::size_t>(id)];
    if (options.repetition_penalty != 1.0F) {
      logit = logit > 0 ? logit / options.repetition_penalty : logit * options.repetition_penalty;
    }
  }
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!std::isnan(logits[i])) entries.push_back({static_cast<TokenId>(i), logits[i]});
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.logit > b.logit; });
  if (options.temperature <= 0) return {entries[0]};
  if (options.top_k > 0 && entries.size() > static_cast<std::size_t>(options.top_k)) {
    entries.resize(static_cast<std::size_t>(options.top_k));
  }
  if (options.top_p < 1) {
    double total = 0;
    for (const Entry& e : entries) total += std::exp(e.logit - entries[0].logit);
    double sum = 0;
    std::vector<Entry> kept;
    for (const Entry& e : entries) {
      if (!kept.empty() && sum >= static_cast<double>(options.top_p) * total) break;
      kept.push_back(e);
      sum += std::exp(e.logit - entries[0].logit);
    }
    entries = kept;
  }
  if (options.min_p > 0) {
    std::vector<Entry> kept;
    for (const Entry& e : entries) {
      if (kept.empty() || std::exp(e.logit - entries[0].logit) >= static_cast<double>(options.min_p)) kept.push_back(e);
    }
    entries = kept;
  }
  return entries;
}

TokenId SlowSample(const SamplingOptions& options, const std::vector<float>& logits, const std::vector<TokenId>& tokens) {
  const std::vector<Entry> entries = Allowed(options, logits, tokens);
  if (entries.size() == 1) return entries[0].id;
  double total = 0;
  for (const Entry& e : entries) total += std::exp((e.logit - entries[0].logit) / static_cast<double>(options.temperature));
  double draw = DrawUniform(options.seed, tokens.size()) * total;
  for (const Entry& e : entries) {
    draw -= std::exp((e.logit - entries[0].logit) / static_cast<double>(options.temperature));
    if (draw < 0) return e.id;
  }
  return entries.back().id;
}

TEST(Sampler, AgreesWithTheSlowWay) {
  std::mt19937 random(20231005);
  std::normal_distribution<float> normal(0, 3);
  Sampler sampler;
  for (int round = 0; round < 4000; ++round) {
    std::vector<float> logits(1 + random() % 300);
    for (float& logit : logits) logit = normal(random);
    if (random() % 4 == 0) {
      for (float& logit : logits) logit = std::round(logit);  // equal ones
    }
    std::vector<TokenId> tokens(random() % 100);
    for (TokenId& token : tokens) token = static_cast<TokenId>(random() % logits.size());
    SamplingOptions options;
    const float temperatures[] = {0, 0.2F, 0.7F, 1, 2};
    options.temperature = temperatures[random() % 5];
    if (random() % 2 == 0) options.top_k = 1 + static_cast<std::int32_t>(random() % 50);
    if (random() % 2 == 0) options.top_p = static_cast<float>(random() % 101) / 100;
    if (random() % 2 == 0) options.min_p = static_cast<float>(random() % 101) / 100;
    if (random() % 2 == 0) options.repetition_penalty = 1.1F;
    options.seed = random();
    ASSERT_EQ(sampler.Sample(options, logits, tokens), SlowSample(options, logits, tokens)) << "round " << round;
  }
}

TEST(Sampler, DrawsAsOftenAsTheProbabilitySays) {
  const std::vector<float> logits = {std::log(0.5F), std::log(0.3F), std::log(0.15F), std::log(0.05F)};
  SamplingOptions options;
  options.temperature = 1;
  Sampler sampler;
  std::array<int, 4> counts{};
  constexpr int kDraws = 40000;
  for (int i = 0; i < kDraws; ++i) {
    options.seed = static_cast<std::uint64_t>(i % 200);
    const std::vector<TokenId> tokens(static_cast<std::size_t>(i / 200), 0);
    ++counts[static_cast<std::size_t>(*sampler.Sample(options, logits, tokens))];
  }
  for (std::size_t i = 0; i < 4; ++i) {
    const double p = std::exp(static_cast<double>(logits[i]));
    const double sigma = std::sqrt(p * (1 - p) * kDraws);
    EXPECT_NEAR(counts[i], p * kDraws, 5 * sigma) << i;
  }
}

TEST(Sampler, TheDrawBelongsToSeedAndPositionAlone) {
  EXPECT_EQ(DrawUniform(7, 100), DrawUniform(7, 100));
  EXPECT_NE(DrawUniform(7, 100), DrawUniform(7, 101));
  EXPECT_NE(DrawUniform(7, 100), DrawUniform(8, 100));
  // Neighbouring seeds and positions are not shifted copies of each other.
  EXPECT_NE(DrawUniform(7, 101), DrawUniform(8, 100));
  double sum = 0;
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const double draw = DrawUniform(1, i);
    ASSERT_GE(draw, 0);
    ASSERT_LT(draw, 1);
    sum += draw;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
}

TEST(Sampler, ArgMax) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const struct {
    std::vector<float> values;
    std::size_t best;
  } cases[] = {
      {{1}, 0}, {{1, 3, 2}, 1}, {{2, 2, 2}, 0}, {{-5, -1, -1}, 1}, {{kNan, 1, kNan, 4, 2}, 3}, {{-kInfinity, -kInfinity}, 0},
  };
  for (const auto& c : cases) EXPECT_EQ(ArgMax(c.values), c.best);
  std::mt19937 random(3);
  for (std::size_t size = 1; size < 200; ++size) {
    std::vector<float> values(size);
    for (float& value : values) value = static_cast<float>(random() % 50);
    EXPECT_EQ(ArgMax(values), static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin()));
  }
}

TEST(Sampler, LogitsWithoutANumberAreRefused) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  Sampler sampler;
  const std::vector<float> logits = {kNan, kNan};
  EXPECT_EQ(sampler.Sample({}, logits, {}), std::nullopt);
}

}  // namespace
}  // namespace mathcoder::engine
