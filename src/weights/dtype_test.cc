#include "weights/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace mathcoder::weights {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The obvious way: the nearest of two neighbours among all 2^16 values, the even one where both are as near.
std::uint16_t Nearest(float value, float (*from)(std::uint16_t), std::uint16_t infinity) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const double magnitude = std::fabs(static_cast<double>(value));
  std::uint32_t low = 0;  // the greatest finite value that is not above: they grow with their bits
  std::uint32_t high = infinity - 1U;
  while (low < high) {
    const std::uint32_t middle = (low + high + 1) / 2;
    if (static_cast<double>(from(static_cast<std::uint16_t>(middle))) <= magnitude) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  const double below = from(static_cast<std::uint16_t>(low));
  // What would follow the last finite value decides where infinity begins.
  const double step = low + 1 == infinity ? below - static_cast<double>(from(static_cast<std::uint16_t>(low - 1)))
                                          : static_cast<double>(from(static_cast<std::uint16_t>(low + 1))) - below;
  const double over = magnitude - below;
  const bool up = over > step / 2 || (over == step / 2 && low % 2 == 1);
  return static_cast<std::uint16_t>(sign | (low + (up ? 1 : 0)));
}

TEST(DTypeTest, SixteenBitsComeBackUnchanged) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    ASSERT_TRUE(std::isnan(FromF16(half)) || ToF16(FromF16(half)) == half) << bits;
    ASSERT_TRUE(std::isnan(FromBF16(half)) || ToBF16(FromBF16(half)) == half) << bits;
  }
  EXPECT_TRUE(std::isnan(FromF16(ToF16(std::nanf("")))));
  EXPECT_EQ(ToBF16(std::nanf("")), 0x7fc0);
}

TEST(DTypeTest, RoundsToNearestEven) {
  EXPECT_EQ(FromF16(0x3c00), 1.0F);
  EXPECT_EQ(FromF16(0x0001), 0x1p-24F);
  EXPECT_EQ(FromF16(0x7bff), 65504.0F);
  EXPECT_EQ(FromF16(0xfc00), -kInfinity);
  EXPECT_EQ(ToF16(65519.9F), 0x7bff);
  EXPECT_EQ(ToF16(65520.0F), 0x7c00);
  EXPECT_EQ(ToF16(0x1p-25F), 0);  // half the smallest: to even
  EXPECT_EQ(ToF16(0x1.000002p-25F), 1);
  EXPECT_EQ(ToBF16(kInfinity), 0x7f80);
  EXPECT_EQ(ToBF16(std::numeric_limits<float>::max()), 0x7f80);
  const std::uint32_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 200'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isnan(value) || std::isinf(value)) continue;
    ASSERT_EQ(ToBF16(value), Nearest(value, FromBF16, 0x7f80)) << value;
    ASSERT_EQ(ToF16(value), Nearest(value, FromF16, 0x7c00)) << value;
    // Most random bits are far outside of 16-bit floats.
    const float near = std::ldexp(value, -std::ilogb(value) + static_cast<int>(random() % 44) - 27);
    ASSERT_EQ(ToF16(near), Nearest(near, FromF16, 0x7c00)) << near;
  }
}

TEST(DTypeTest, ConvertsRunsAtAnyAlignment) {
  const std::vector<float> values = {1, -2.5F, 0, 1e-3F};
  for (const DType type : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16}) {
    std::vector<std::byte> bytes(values.size() * SizeOf(type) + 1);
    const auto odd = std::span(bytes).subspan(1);
    FromFloats(type, values, odd);
    std::vector<float> back(values.size());
    ToFloats(type, odd, back);
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(back[i], values[i], 1e-5) << TorchName(type);
  }
}

TEST(DTypeTest, Names) {
  for (int i = 0; i < 10; ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(DTypeFromSafetensors(SafetensorsName(type)), type);
    EXPECT_EQ(DTypeFromTorch("torch." + std::string(TorchName(type))), type);
  }
  EXPECT_EQ(DTypeFromSafetensors("F8_E4M3"), std::nullopt);
}

}  // namespace
}  // namespace mathcoder::weights
