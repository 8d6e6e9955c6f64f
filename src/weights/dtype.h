// The types of a model file's numbers, and the way between 32 bits and 16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace mathcoder::weights {

enum class DType : std::uint8_t { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };

std::size_t SizeOf(DType type);                                    // bytes of one number
std::string_view SafetensorsName(DType type);                      // "F32", "BF16", "BOOL"
std::optional<DType> DTypeFromSafetensors(std::string_view name);  // nullopt: a type that is none of ours (F8_E4M3, U16, ...)
std::string_view TorchName(DType type);                            // "float32", "bfloat16": as config.json writes it
std::optional<DType> DTypeFromTorch(std::string_view name);        // with or without "torch."
inline bool IsFloat(DType type) { return type <= DType::kBF16; }

// Round to nearest, ties to even; what is too large becomes infinity, a NaN stays one. As PyTorch and the hardware do.
std::uint16_t ToF16(float value);
std::uint16_t ToBF16(float value);
float FromF16(std::uint16_t bits);
float FromBF16(std::uint16_t bits);

// `from` holds numbers of `type` (a float type) at any alignment, in little-endian order; `to` gets one float each.
// Precondition: from.size() == to.size() * SizeOf(type).
void ToFloats(DType type, std::span<const std::byte> from, std::span<float> to);
// The other way. Precondition as above.
void FromFloats(DType type, std::span<const float> from, std::span<std::byte> to);

}  // namespace mathcoder::weights
