#include "weights/dtype.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace mathcoder::weights {
namespace {

static_assert(std::endian::native == std::endian::little, "model files are little-endian and are used as they lie in memory");

struct Row {
  std::size_t size;
  std::string_view safetensors;
  std::string_view torch;
};

constexpr std::array<Row, 10> kRows = {{{8, "F64", "float64"},
                                        {4, "F32", "float32"},
                                        {2, "F16", "float16"},
                                        {2, "BF16", "bfloat16"},
                                        {8, "I64", "int64"},
                                        {4, "I32", "int32"},
                                        {2, "I16", "int16"},
                                        {1, "I8", "int8"},
                                        {1, "U8", "uint8"},
                                        {1, "BOOL", "bool"}}};

const Row& Of(DType type) { return kRows[static_cast<std::size_t>(type)]; }

template <typename T, typename Convert>
void Each(std::span<const std::byte> from, std::span<float> to, Convert convert) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    T value;
    std::memcpy(&value, from.data() + i * sizeof(T), sizeof(T));
    to[i] = convert(value);
  }
}

template <typename T, typename Convert>
void Each(std::span<const float> from, std::span<std::byte> to, Convert convert) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    const T value = convert(from[i]);
    std::memcpy(to.data() + i * sizeof(T), &value, sizeof(T));
  }
}

}  // namespace

std::size_t SizeOf(DType type) { return Of(type).size; }
std::string_view SafetensorsName(DType type) { return Of(type).safetensors; }
std::string_view TorchName(DType type) { return Of(type).torch; }

std::optional<DType> DTypeFromSafetensors(std::string_view name) {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].safetensors == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::optional<DType> DTypeFromTorch(std::string_view name) {
  if (name.starts_with("torch.")) name.remove_prefix(6);
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].torch == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::uint16_t ToBF16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return 0x7fc0;  // as PyTorch: every NaN becomes this one
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

float FromBF16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

std::uint16_t ToF16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);   // NaN
  if (magnitude >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);  // 65520 and above round to infinity
  if (magnitude < 0x38800000U) {
    // Below 2^-14: a multiple of 2^-24. Adding 0.5 aligns the sum so that its last bit is 2^-24; the addition rounds.
    const float sum = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(sum) - 0x3f000000U));
  }
  const std::uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

float FromF16(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fU;
  const std::uint32_t fraction = half & 0x3ffU;
  if (exponent == 0) {
    const float value = static_cast<float>(fraction) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
  }
  const std::uint32_t wide = exponent == 0x1f ? 0xffU : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

void ToFloats(DType type, std::span<const std::byte> from, std::span<float> to) {
  MC_CHECK(IsFloat(type) && from.size() == to.size() * SizeOf(type));
  switch (type) {
    case DType::kF32:
      if (!to.empty()) std::memcpy(to.data(), from.data(), from.size());
      return;
    case DType::kF64:
      return Each<double>(from, to, [](double value) { return static_cast<float>(value); });
    case DType::kF16:
      return Each<std::uint16_t>(from, to, FromF16);
    default:
      return Each<std::uint16_t>(from, to, FromBF16);
  }
}

void FromFloats(DType type, std::span<const float> from, std::span<std::byte> to) {
  MC_CHECK(IsFloat(type) && to.size() == from.size() * SizeOf(type));
  switch (type) {
    case DType::kF32:
      if (!from.empty()) std::memcpy(to.data(), from.data(), to.size());
      return;
    case DType::kF64:
      return Each<double>(from, to, [](float value) { return static_cast<double>(value); });
    case DType::kF16:
      return Each<std::uint16_t>(from, to, ToF16);
    default:
      return Each<std::uint16_t>(from, to, ToBF16);
  }
}

}  // namespace mathcoder::weights
