#include "train/data/packing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>

#include "train/data/checksum.h"
#include "train/data/split.h"
#include "train/data/testing.h"

namespace mathcoder::train {
namespace {

using testing::Bytes;
using testing::ErrorOf;
using testing::Scratch;

// Two files of random transcripts in a cache.
class Packing : public ::testing::Test {
 protected:
  Packing() {
    RecordProperty("seed", std::to_string(seed_));
    std::mt19937_64 random(seed_);
    testing::WriteAll(scratch_ / "a.jsonl", testing::RandomRecords(random, 300));
    testing::WriteAll(scratch_ / "b.jsonl", testing::RandomRecords(random, 200, 10));
    files_ = {{scratch_ / "a.jsonl", 1}, {scratch_ / "b.jsonl", 1}};
    cache_ = testing::Build(scratch_, files_, bytes_, testing::Quiet(kLength));
    all_.resize(cache_->size());
    std::iota(all_.begin(), all_.end(), 0U);
  }

  EpochPlan Plan(std::uint64_t epoch, std::uint64_t seed = 1, std::vector<double> repeats = {}, std::size_t window = 100) const {
    return EpochPlan(*cache_, all_, {.length = kLength, .seed = seed, .window = window, .repeats = std::move(repeats)}, epoch);
  }
  static std::vector<std::uint32_t> Order(const EpochPlan& plan) {
    std::vector<std::uint32_t> order;
    for (std::size_t r = 0; r < plan.rows(); ++r) order.insert(order.end(), plan.row(r).begin(), plan.row(r).end());
    return order;
  }

  static constexpr std::size_t kLength = 1500;
  const std::uint64_t seed_ = testing::Seed();
  const ::testing::ScopedTrace trace_{__FILE__, __LINE__, "MATHCODER_TEST_SEED=" + std::to_string(seed_)};
  Scratch scratch_;
  Bytes bytes_{"mathcoder"};
  std::vector<DataFile> files_;
  std::unique_ptr<TokenCache> cache_;
  std::vector<std::uint32_t> all_;
};

TEST_F(Packing, EveryExampleIsInOneRowOfAnEpoch) {
  for (const std::size_t window : {std::size_t{1}, std::size_t{37}, std::size_t{100000}}) {
    const EpochPlan plan = Plan(0, 1, {}, window);
    std::vector<std::uint32_t> order = Order(plan);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, all_);
    for (std::size_t r = 0; r < plan.rows(); ++r) {
      std::size_t tokens = 0;
      for (const std::uint32_t i : plan.row(r)) tokens += cache_->length(i);
      EXPECT_LE(tokens, kLength);
      EXPECT_GT(tokens, 0U);
    }
    EXPECT_EQ(plan.stats().tokens, cache_->tokens());
    EXPECT_EQ(plan.stats().examples, all_.size());
  }
}

TEST_F(Packing, RowsAreTheExamplesWithTheirTargets) {
  const EpochPlan plan = Plan(3);
  Row row;
  double weight = 0;
  std::uint64_t loss_tokens = 0;
  for (std::size_t r = 0; r < plan.rows(); ++r) {
    FillRow(*cache_, plan.row(r), &row);
    const std::size_t n = row.ids.size();
    ASSERT_EQ(row.targets.size(), n);
    ASSERT_EQ(row.weights.size(), n);
    ASSERT_EQ(row.roles.size(), n);
    ASSERT_EQ(row.positions.size(), n);
    ASSERT_EQ(row.borders.size(), plan.row(r).size() + 1);
    ASSERT_EQ(row.borders.front(), 0);
    ASSERT_EQ(row.borders.back(), static_cast<std::int32_t>(n));
    for (std::size_t s = 0; s < plan.row(r).size(); ++s) {
      const Example example = cache_->example(plan.row(r)[s]);
      const auto begin = static_cast<std::size_t>(row.borders[s]);
      ASSERT_EQ(static_cast<std::size_t>(row.borders[s + 1]) - begin, example.ids.size());
      for (std::size_t t = 0; t < example.ids.size(); ++t) {
        ASSERT_EQ(row.ids[begin + t], example.ids[t]);
        ASSERT_EQ(row.positions[begin + t], static_cast<std::int32_t>(t));
        const bool last = t + 1 == example.ids.size();
        ASSERT_EQ(row.targets[begin + t], last ? -1 : example.ids[t + 1]);
        ASSERT_EQ(row.weights[begin + t], last ? 0 : example.weights[t + 1]);
        ASSERT_EQ(static_cast<chat::TokenRole>(row.roles[begin + t]), last ? chat::TokenRole::kTemplate : example.roles[t + 1]);
      }
    }
    weight += std::accumulate(row.weights.begin(), row.weights.end(), 0.0);
    loss_tokens += static_cast<std::uint64_t>(std::count_if(row.weights.begin(), row.weights.end(), [](float w) { return w > 0; }));
  }
  EXPECT_DOUBLE_EQ(plan.stats().loss_weight, weight);
  EXPECT_EQ(plan.stats().loss_tokens, loss_tokens);
}

TEST_F(Packing, SeedAndEpochDecideTheOrderAndNothingElseDoes) {
  const std::vector<std::uint32_t> first = Order(Plan(0));
  EXPECT_EQ(Order(Plan(0)), first);
  EXPECT_NE(Order(Plan(1)), first);
  EXPECT_NE(Order(Plan(0, 2)), first);
  // From another process's mapping of the file as well.
  const TokenCache again(cache_->path());
  EXPECT_EQ(Order(EpochPlan(again, all_, {.length = kLength, .seed = 1, .window = 100}, 0)), first);
}

TEST_F(Packing, GlobalBatchesAreTheSameForAnyNumberOfProcesses) {
  const EpochPlan plan = Plan(0);
  constexpr std::size_t kBatch = 7;
  std::size_t rows = 0;
  double all = 0;
  Row row;
  for (std::size_t step = 0; step < plan.steps(kBatch); ++step) {
    const GlobalBatch batch = plan.batch(step, kBatch);
    EXPECT_EQ(batch.first_row, rows);
    EXPECT_EQ(batch.rows, step + 1 < plan.steps(kBatch) ? kBatch : plan.rows() - rows);
    for (const std::size_t world : {std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
      double weight = 0;
      std::size_t tokens = 0;
      for (std::size_t rank = 0; rank < world; ++rank) {
        for (std::size_t r = batch.first_row + rank; r < batch.first_row + batch.rows; r += world) {
          FillRow(*cache_, plan.row(r), &row);
          weight += std::accumulate(row.weights.begin(), row.weights.end(), 0.0);
          tokens += row.ids.size();
        }
      }
      EXPECT_DOUBLE_EQ(weight, batch.loss_weight);
      EXPECT_EQ(tokens, batch.tokens);
    }
    rows += batch.rows;
    all += batch.loss_weight;
  }
  EXPECT_EQ(rows, plan.rows());
  EXPECT_NEAR(all, plan.stats().loss_weight, 1e-6);
}

TEST_F(Packing, RepeatsAreCopiesAnEpoch) {
  std::map<std::uint32_t, std::size_t> seen;
  std::size_t quarter = 0;
  constexpr std::size_t kEpochs = 12;
  for (std::size_t epoch = 0; epoch < kEpochs; ++epoch) {
    std::map<std::uint32_t, std::size_t> copies;
    for (const std::uint32_t i : Order(Plan(epoch, 5, {2, 0.25}))) ++copies[i], ++seen[i];
    for (const std::uint32_t i : all_) {
      if (cache_->file(i) == 0) {
        ASSERT_EQ(copies[i], 2U);
      } else {
        ASSERT_LE(copies[i], 1U);
        quarter += copies[i];
      }
    }
  }
  std::size_t in_b = 0;
  std::size_t never = 0;
  for (const std::uint32_t i : all_) {
    in_b += cache_->file(i) == 1 ? 1 : 0;
    never += seen[i] == 0 ? 1 : 0;
  }
  const double expected = 0.25 * static_cast<double>(in_b * kEpochs);
  EXPECT_NEAR(static_cast<double>(quarter), expected, 6 * std::sqrt(expected));
  EXPECT_LT(never, in_b / 8);  // another quarter in each epoch: 0.75^12 of them are left out by chance
  EXPECT_EQ(ErrorOf([&] { Plan(0, 5, {0, 0}); }), "no example is left for epoch 1; raise the files' repeats");
}

TEST_F(Packing, ARowThatIsTooShortIsNamed) {
  const std::string error = ErrorOf([&] { EpochPlan(*cache_, all_, {.length = 100}, 0); });
  std::size_t first = 0;
  while (cache_->length(first) <= 100) ++first;
  EXPECT_THAT(error, ::testing::StartsWith(cache_->Where(first) + ": "));
  EXPECT_THAT(error, ::testing::HasSubstr("tokens, a row has 100; build the cache for this length"));
}

TEST_F(Packing, HeldOutSplitsKeepTheSamplesOfAProblemTogether) {
  for (const SplitOptions& options :
       {SplitOptions{.fraction = 0.2}, SplitOptions{.count = 50}, SplitOptions{.count = 50, .seed = 9}}) {
    const Split split = MakeSplit(*cache_, options);
    EXPECT_EQ(split.train.size() + split.held_out.size(), cache_->size());
    std::map<std::uint64_t, bool> side;
    for (const std::uint32_t i : split.train) side[cache_->problem(i)] = true;
    for (const std::uint32_t i : split.held_out) EXPECT_FALSE(side.contains(cache_->problem(i))) << cache_->Where(i);
    if (options.count > 0) {
      EXPECT_GE(split.held_out.size(), options.count);
      EXPECT_LT(split.held_out.size(), options.count + 10);
    } else {
      EXPECT_NEAR(static_cast<double>(split.held_out.size()), 0.2 * static_cast<double>(cache_->size()), 60);
    }
    EXPECT_EQ(MakeSplit(*cache_, options).held_out, split.held_out);
  }
  EXPECT_NE(MakeSplit(*cache_, {.count = 50}).held_out, MakeSplit(*cache_, {.count = 50, .seed = 9}).held_out);
  EXPECT_TRUE(MakeSplit(*cache_, {}).held_out.empty());
  EXPECT_THAT(ErrorOf([&] { MakeSplit(*cache_, {.fraction = 1}); }), ::testing::HasSubstr("below 1"));
  EXPECT_THAT(ErrorOf([&] { MakeSplit(*cache_, {.fraction = 0.1, .count = 2}); }), ::testing::HasSubstr("give one of them"));
  EXPECT_THAT(ErrorOf([&] { MakeSplit(*cache_, {.count = 100000}); }), ::testing::HasSubstr("would be held out"));
}

// Best fit as anyone would write it.
std::vector<std::size_t> SlowBestFit(std::span<const std::uint32_t> lengths, std::size_t length) {
  std::vector<std::uint32_t> sorted(lengths.begin(), lengths.end());
  std::sort(sorted.rbegin(), sorted.rend());
  std::vector<std::size_t> fill;
  for (const std::uint32_t item : sorted) {
    auto best = fill.end();
    for (auto row = fill.begin(); row != fill.end(); ++row) {
      if (*row + item <= length && (best == fill.end() || *row > *best)) best = row;
    }
    if (best == fill.end()) {
      fill.push_back(item);
    } else {
      *best += item;
    }
  }
  std::sort(fill.begin(), fill.end());
  return fill;
}

TEST(BestFit, FillsRowsAsTheSlowWayDoes) {
  const std::uint64_t seed = testing::Seed();
  const ::testing::ScopedTrace trace(__FILE__, __LINE__, "MATHCODER_TEST_SEED=" + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 300; ++round) {
    const std::size_t length = 1 + random.Below(round % 3 == 0 ? 20000 : 200);
    std::vector<std::uint32_t> lengths(random.Below(300));
    for (std::uint32_t& item : lengths)
      item = 1 + static_cast<std::uint32_t>(random.Below(round % 2 == 0 ? length : (length + 3) / 4));
    std::vector<std::size_t> fill;
    std::size_t items = 0;
    for (const auto& row : PackBestFit(lengths, length)) {
      fill.push_back(0);
      for (const std::uint32_t i : row) fill.back() += lengths[i];
      items += row.size();
    }
    std::sort(fill.begin(), fill.end());
    ASSERT_EQ(items, lengths.size());
    ASSERT_EQ(fill, SlowBestFit(lengths, length)) << "round " << round << " length " << length;
  }
}

TEST(BestFit, PacksAHundredMillionTokensQuickly) {
  Random random(7);
  std::vector<std::uint32_t> lengths;
  std::uint64_t tokens = 0;
  while (tokens < 100'000'000) {
    lengths.push_back(60 + static_cast<std::uint32_t>(random.Below(400) * random.Below(400) / 150));
    tokens += lengths.back();
  }
  const auto start = std::chrono::steady_clock::now();
  std::size_t rows = 0;
  for (std::size_t begin = 0; begin < lengths.size(); begin += 16384) {
    rows += PackBestFit(std::span(lengths).subspan(begin, std::min<std::size_t>(16384, lengths.size() - begin)), 2048).size();
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  const double efficiency = static_cast<double>(tokens) / (2048.0 * static_cast<double>(rows));
  std::printf("%zu examples, %zu rows, efficiency %.4f, %.3f s\n", lengths.size(), rows, efficiency, time.count());
  EXPECT_GT(efficiency, 0.99);
}

}  // namespace
}  // namespace mathcoder::train
