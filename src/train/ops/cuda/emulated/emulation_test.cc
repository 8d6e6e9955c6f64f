// The emulation finds what a GPU would do wrong: tests that a test can be trusted.
#include "train/ops/cuda/kernels/emulation.h"

#include <gtest/gtest.h>

#include "train/ops/cuda/kernels/element.h"

namespace mathcoder::train::cuda {
namespace {

void SumKernel(const float* x, float* sums) {
  const float sum = BlockSum(x[blockIdx.x * blockDim.x + threadIdx.x]);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

TEST(EmulationTest, BlocksAddUp) {
  std::vector<float> x(3 * 96);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  std::vector<float> sums(3);
  Launch("sum", 3, 96, 0, nullptr, SumKernel, static_cast<const float*>(x.data()), sums.data());
  EXPECT_EQ(sums, (std::vector<float>{4560, 13776, 22992}));
}

// Each thread reads what its neighbour writes, without a barrier in between.
void RacingKernel(int* out) {
  __shared__ int shared[64];
  shared[threadIdx.x] = static_cast<int>(threadIdx.x) + static_cast<int>(blockIdx.x) * 100;
  out[blockIdx.x * 64 + threadIdx.x] = shared[(threadIdx.x + 1) % 64];
}

TEST(EmulationTest, ARaceHasOtherResultsInAnotherOrder) {
  std::vector<int> forward(128), backward(128);
  emulation::SetOrder(emulation::Order::kForward);
  Launch("race", 2, 64, 0, nullptr, RacingKernel, forward.data());
  emulation::SetOrder(emulation::Order::kBackward);
  Launch("race", 2, 64, 0, nullptr, RacingKernel, backward.data());
  emulation::SetOrder(emulation::Order::kForward);
  EXPECT_NE(forward, backward);
}

void BarrierForSomeKernel() {
  if (threadIdx.x < 40) {
    __syncthreads();
  } else {
    WarpSum(1);
  }
}
void ExchangeForSomeKernel() {
  if (threadIdx.x < 3) WarpSum(1);
}

TEST(EmulationDeathTest, BarriersThatNotAllReach) {
  EXPECT_DEATH(Launch("some", 1, 64, 0, nullptr, BarrierForSomeKernel), "emulated kernel some, block \\(0, 0\\)");
  EXPECT_DEATH(Launch("few", 1, 32, 0, nullptr, ExchangeForSomeKernel), "asks a lane that has ended");
  EXPECT_DEATH(Launch("large", 1, 2048, 0, nullptr, ExchangeForSomeKernel), "no device would launch this");
}

TEST(EmulationDeathTest, PacksAtNoWhole16Bytes) {
  alignas(16) float x[8] = {};
  EXPECT_DEATH(LoadPack<4>(x + 1), "a bug in the caller");
}

}  // namespace
}  // namespace mathcoder::train::cuda
