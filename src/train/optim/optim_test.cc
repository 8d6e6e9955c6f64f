// Optimizers on every instruction set of this CPU: against PyTorch's fused AdamW, against themselves cut in slices, and by what
// they reach.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>

#include "train/ops/cpu/select.h"
#include "train/optim/muon.h"
#include "train/optim/optimizer.h"

namespace mathcoder::train {
namespace {

class Optim : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ops::cpu::UseKernels(GetParam()));
    const auto seed = std::random_device{}();
    generator_.seed(seed);
    trace_ = std::make_unique<testing::ScopedTrace>(__FILE__, __LINE__, "seed " + std::to_string(seed));
  }
  void TearDown() override { ops::cpu::UseKernels(""); }
  at::Tensor Random(at::IntArrayRef sizes, double deviation = 1) {
    at::Tensor x = at::empty(sizes, at::kFloat);
    std::normal_distribution<float> normal(0, static_cast<float>(deviation));
    for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data_ptr<float>()[i] = normal(generator_);
    return x;
  }
  std::mt19937_64 generator_;
  std::unique_ptr<testing::ScopedTrace> trace_;
};

AdamWSlice MakeSlice(const at::Tensor& weights, bool bf16, MomentType moments) {
  AdamWSlice slice;
  const std::int64_t size = weights.numel();
  if (bf16) {
    slice.weights = at::empty({size}, at::kBFloat16);
    slice.remainder = at::empty({size}, at::kShort);
    SplitMaster(weights, slice.weights, slice.remainder);
  } else {
    slice.weights = weights.clone();
  }
  const at::ScalarType type = moments == MomentType::kF32 ? at::kFloat : moments == MomentType::kBf16 ? at::kBFloat16 : at::kByte;
  slice.first = at::zeros({size}, type);
  slice.second = at::zeros({size}, type);
  if (moments == MomentType::kInt8) {
    slice.first_scale = at::zeros({(size + 255) / 256}, at::kFloat);
    slice.second_scale = at::zeros({(size + 255) / 256}, at::kFloat);
  }
  slice.decay = true;
  return slice;
}

// The part [begin, begin + size) of a slice: the same memory.
AdamWSlice Part(const AdamWSlice& whole, std::int64_t begin, std::int64_t size) {
  AdamWSlice part = whole;
  for (at::Tensor* x : {&part.weights, &part.remainder, &part.gradient, &part.first, &part.second}) {
    if (x->defined()) *x = x->narrow(0, begin, size);
  }
  for (at::Tensor* x : {&part.first_scale, &part.second_scale}) {
    if (x->defined()) *x = x->narrow(0, begin / 256, (size + 255) / 256);
  }
  part.begin = whole.begin + begin;
  return part;
}

at::Tensor Master(const AdamWSlice& slice) {
  return slice.remainder.defined() ? JoinMaster(slice.weights, slice.remainder) : slice.weights;
}

TEST_P(Optim, SplitAndJoinAreExact) {
  std::vector<std::uint32_t> patterns;
  // Every sign and exponent with the mantissas around the cut: ties, all ones, zero.
  for (std::uint32_t high = 0; high < 0x10000; ++high) {
    for (const std::uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) patterns.push_back(high << 16 | low);
  }
  for (int i = 0; i < 100003; ++i) patterns.push_back(static_cast<std::uint32_t>(generator_()));
  const auto size = static_cast<std::int64_t>(patterns.size());
  at::Tensor master = at::empty({size}, at::kFloat), weights = at::empty({size}, at::kBFloat16),
             remainder = at::empty({size}, at::kShort);
  std::memcpy(master.data_ptr(), patterns.data(), patterns.size() * 4);
  SplitMaster(master, weights, remainder);
  const at::Tensor joined = JoinMaster(weights, remainder);
  const at::Tensor rounded = master.to(at::kBFloat16);  // ties to even
  for (std::int64_t i = 0; i < size; ++i) {
    const std::uint32_t bits = patterns[static_cast<std::size_t>(i)];
    const float value = std::bit_cast<float>(bits), back = joined.const_data_ptr<float>()[i];
    const std::uint16_t kept = weights.const_data_ptr<at::BFloat16>()[i].x;
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(back) && std::signbit(back) == std::signbit(value)) << std::hex << bits;
      ASSERT_TRUE(std::isnan(static_cast<float>(weights.const_data_ptr<at::BFloat16>()[i])));
      continue;
    }
    ASSERT_EQ(std::bit_cast<std::uint32_t>(back), bits) << std::hex << bits;
    const std::uint16_t even = rounded.const_data_ptr<at::BFloat16>()[i].x;
    if ((bits & 0xffff) == 0x8000) {
      ASSERT_EQ(kept, static_cast<std::uint16_t>((bits >> 16) + 1)) << std::hex << bits;  // a tie: away from zero
    } else {
      ASSERT_EQ(kept, even) << std::hex << bits;
    }
  }
}

TEST_P(Optim, AdamWIsPyTorchs) {
  const std::int64_t size = 1003;
  const at::Tensor start = Random({size});
  AdamWSlice slice = MakeSlice(start, false, MomentType::kF32);
  at::Tensor weights = start.to(at::kDouble), first = at::zeros({size}, at::kDouble), second = at::zeros({size}, at::kDouble),
             step = at::zeros({});
  const AdamWOptions options{0.9, 0.95, 1e-8, 0.1};
  for (int i = 1; i <= 100; ++i) {
    const at::Tensor gradient = Random({size}, i % 10 == 0 ? 100 : 0.01);
    slice.gradient = gradient;
    const double rate = 1e-2 / i;
    AdamWStep(slice, options, rate, i, 0.5);
    at::Tensor halved = gradient.to(at::kDouble) * 0.5;
    step += 1;
    at::_fused_adamw_({weights}, {halved}, {first}, {second}, {}, {step}, rate, 0.9, 0.95, 0.1, 1e-8, false, false);
    ASSERT_LE((slice.weights - weights).abs().max().item<double>(), 5e-6) << "step " << i;
  }
  EXPECT_LE(((slice.first - first).abs() / first.abs().clamp_min(1)).max().item<double>(), 1e-5);
  EXPECT_LE(((slice.second - second).abs() / second.abs().clamp_min(1)).max().item<double>(), 1e-5);
  EXPECT_GT((weights - start).abs().max().item<double>(), 1e-2);
}

TEST_P(Optim, Bf16WeightsWithRemainderAreF32Masters) {
  const std::int64_t size = 777;
  const at::Tensor start = Random({size});
  AdamWSlice wide = MakeSlice(start, false, MomentType::kF32), narrow = MakeSlice(start, true, MomentType::kF32);
  for (int i = 1; i <= 50; ++i) {
    wide.gradient = Random({size});
    narrow.gradient = wide.gradient;
    for (AdamWSlice* slice : {&wide, &narrow}) AdamWStep(*slice, {0.9, 0.999, 1e-8, 0.1}, 1e-3, i, 1);
  }
  EXPECT_TRUE(at::equal(wide.weights, Master(narrow)));
}

TEST_P(Optim, SlicesCutAnywhereAreTheWhole) {
  const int threads = at::get_num_threads();
  const std::int64_t size = 40000;
  for (const MomentType moments : {MomentType::kF32, MomentType::kBf16, MomentType::kInt8}) {
    for (const bool bf16 : {false, true}) {
      const at::Tensor start = Random({size});
      AdamWSlice whole = MakeSlice(start, bf16, moments), cut = MakeSlice(start, bf16, moments);
      const AdamWOptions options{0.9, 0.999, 1e-8, 0.1, moments, 42};
      whole.begin = cut.begin = (std::int64_t{1} << 32) - 2048;  // across 2^32
      for (int step = 1; step <= 3; ++step) {
        whole.gradient = cut.gradient = bf16 ? Random({size}).to(at::kBFloat16) : Random({size});
        at::set_num_threads(step % 2 + 1);
        AdamWStep(whole, options, 1e-3, step, 0.7);
        for (std::int64_t begin = 0; begin < size;) {
          std::int64_t count = std::uniform_int_distribution<std::int64_t>(1, 5000)(generator_);
          if (moments == MomentType::kInt8) count = (count + 255) / 256 * 256;
          count = std::min(count, size - begin);
          AdamWSlice part = Part(cut, begin, count);
          AdamWStep(part, options, 1e-3, step, 0.7);
          begin += count;
        }
      }
      EXPECT_TRUE(at::equal(Master(whole), Master(cut)));
      EXPECT_TRUE(at::equal(whole.first, cut.first) && at::equal(whole.second, cut.second));
      if (moments == MomentType::kInt8) {
        EXPECT_TRUE(at::equal(whole.first_scale, cut.first_scale) && at::equal(whole.second_scale, cut.second_scale));
      }
    }
  }
  at::set_num_threads(threads);
}

// Least squares of 1,500 unknowns from noisy gradients: narrow moments must come as near as f32 does.
TEST_P(Optim, NarrowMomentsConverge) {
  const std::int64_t size = 1500;
  const at::Tensor target = Random({size}), scale = (Random({size})).exp();  // curvatures of several decades
  const auto distance = [&](MomentType moments, bool bf16) {
    AdamWSlice slice = MakeSlice(at::zeros({size}), bf16, moments);
    std::mt19937_64 same(7);
    std::normal_distribution<float> normal(0, 0.1f);
    const int steps = 600;
    for (int step = 1; step <= steps; ++step) {
      at::Tensor noise = at::empty({size}, at::kFloat);
      for (std::int64_t i = 0; i < size; ++i) noise.mutable_data_ptr<float>()[i] = normal(same);
      slice.gradient = (Master(slice) - target) * scale + noise;
      AdamWStep(slice, {0.9, 0.999, 1e-8, 0, moments, 1}, 2e-2 * (1 - (step - 1.0) / steps), step, 1);
    }
    return (Master(slice) - target).pow(2).mean().sqrt().item<double>();
  };
  const double reference = distance(MomentType::kF32, false);
  EXPECT_LT(reference, 0.05);
  EXPECT_LT(distance(MomentType::kBf16, true), 1.2 * reference + 0.002);
  EXPECT_LT(distance(MomentType::kInt8, true), 1.5 * reference + 0.01);
  EXPECT_LT(distance(MomentType::kInt8, false), 1.5 * reference + 0.01);
}

// With beta 1 = 0.999 and gradients of 1 a bf16 moment would stand still at 1/2 of what it should be: each step's change is below
// half a unit.
TEST_P(Optim, StochasticRoundingLosesNothingInTheMean) {
  const std::int64_t size = 4096;
  AdamWSlice slice = MakeSlice(at::zeros({size}), false, MomentType::kBf16);
  slice.gradient = at::full({size}, 1, at::kFloat);
  for (int step = 1; step <= 1000; ++step) AdamWStep(slice, {0.999, 0.999, 1e-8, 0, MomentType::kBf16, 3}, 0, step, 1);
  const double expected = 1 - std::pow(0.999, 1000);
  EXPECT_NEAR(slice.first.to(at::kDouble).mean().item<double>(), expected, 2e-3);
  EXPECT_NEAR(slice.second.to(at::kDouble).mean().item<double>(), expected, 2e-3);
  EXPECT_FALSE(at::equal(slice.first, slice.second));  // two streams
}

TEST_P(Optim, ZerosAndSmallSecondMomentsStayBounded) {
  AdamWSlice slice = MakeSlice(at::zeros({512}), false, MomentType::kInt8);
  slice.gradient = at::zeros({512}, at::kFloat);
  AdamWStep(slice, {0.9, 0.999, 1e-8, 0, MomentType::kInt8}, 0.1, 1, 1);
  EXPECT_EQ(slice.weights.abs().max().item<double>(), 0);
  // One large gradient in a block of tiny ones: the tiny ones' second moments are not taken for zero.
  slice.gradient = at::full({512}, 1e-5, at::kFloat);
  slice.gradient[7] = 100;
  for (int step = 2; step < 20; ++step) AdamWStep(slice, {0.9, 0.999, 1e-8, 0, MomentType::kInt8}, 1e-3, step, 1);
  EXPECT_LT(slice.weights.abs().max().item<double>(), 0.1);
}

TEST_P(Optim, SumOfSquares) {
  for (const std::int64_t size : {1, 7, 8, 1000, 16384, 100001}) {
    const at::Tensor x = Random({size}), half = x.to(at::kBFloat16);
    EXPECT_NEAR(SumOfSquares(x), x.to(at::kDouble).pow(2).sum().item<double>(), 1e-11 * static_cast<double>(size));
    EXPECT_NEAR(SumOfSquares(half), half.to(at::kDouble).pow(2).sum().item<double>(), 1e-11 * static_cast<double>(size));
    const int threads = at::get_num_threads();
    const double here = SumOfSquares(x);
    at::set_num_threads(1);
    EXPECT_EQ(SumOfSquares(x), here);
    at::set_num_threads(threads);
    ops::cpu::UseKernels("baseline");
    EXPECT_EQ(SumOfSquares(x), here);  // of any instruction set
    ops::cpu::UseKernels(GetParam());
  }
}

TEST_P(Optim, MuonIsNearOrthogonal) {
  for (const auto& [rows, columns] : std::vector<std::pair<int, int>>{{64, 64}, {40, 96}, {96, 40}, {200, 33}}) {
    const at::Tensor gradient = Random({rows, columns}, 0.01);
    at::Tensor momentum = at::zeros({rows, columns}, at::kFloat);
    const at::Tensor update = MuonUpdate(gradient, momentum, {0.95, 0, 5}, 2);
    EXPECT_TRUE(at::equal(momentum, gradient * 2));
    const at::Tensor values = at::linalg_svdvals(update / (0.2 * std::sqrt(std::max(rows, columns))));
    // A square random matrix has singular values near zero, which five steps do not lift to one: the bulk counts.
    EXPECT_LT(values.max().item<double>(), 1.25);
    EXPECT_GT(values.mean().item<double>(), 0.7);
    if (rows != columns) {
      EXPECT_GT(values.min().item<double>(), 0.6);
    }
    // It points where the gradient does.
    EXPECT_GT((update * gradient).sum().item<double>(), 0);
  }
}

TEST_P(Optim, MuonMomentumIsNesterov) {
  at::Tensor momentum = Random({8, 12});
  const at::Tensor gradient = Random({8, 12}), before = momentum.clone();
  at::Tensor fresh = at::zeros({8, 12}, at::kFloat);
  const at::Tensor update = MuonUpdate(gradient, momentum, {0.9, 0, 5}, 1);
  const at::Tensor moved = before * 0.9 + gradient, direction = gradient + moved * 0.9;
  EXPECT_LE((momentum - moved).abs().max().item<double>(), 1e-6);
  // Orthogonalising the direction itself, by a momentum of zero and factor 0, gives the same.
  const at::Tensor again = MuonUpdate(direction, fresh, {0, 0, 5}, 1);
  EXPECT_LE((update - again).norm().item<double>(), 0.02 * update.norm().item<double>());
}

TEST_P(Optim, ApplyUpdate) {
  const at::Tensor start = Random({300}), update = Random({300});
  at::Tensor weights = start.clone(), none, half = at::empty({300}, at::kBFloat16), remainder = at::empty({300}, at::kShort);
  SplitMaster(start, half, remainder);
  ApplyUpdate(weights, none, update, 0.01, 0.1);
  ApplyUpdate(half, remainder, update, 0.01, 0.1);
  EXPECT_LE((weights - (start - 0.01 * (update + 0.1 * start))).abs().max().item<double>(), 1e-6);
  EXPECT_TRUE(at::equal(JoinMaster(half, remainder), weights));
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto* kernels : ops::cpu::SupportedKernels()) names.emplace_back(kernels->name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Sets, Optim, testing::ValuesIn(Names()), [](const auto& set) { return set.param; });

}  // namespace
}  // namespace mathcoder::train
