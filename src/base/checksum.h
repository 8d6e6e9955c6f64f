// Checksums that find damage (not tampering): fast ones, for data that is read far more often than it is attacked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mathcoder::base {

// CRC-32C (Castagnoli; RFC 3720, B.4), what TFRecord files use. `crc` continues an earlier one.
std::uint32_t Crc32c(std::string_view data, std::uint32_t crc = 0);

// XXH64 of Yann Collet's xxHash with seed 0, piece by piece: about the speed of memory. Platform-independent.
class XxHash64 {
 public:
  void Update(std::span<const std::byte> data);
  void Update(std::string_view data) { Update(std::as_bytes(std::span(data.data(), data.size()))); }
  std::uint64_t Digest() const;
  std::string Hex() const;  // 16 lower-case digits

 private:
  static constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87U, kPrime2 = 0xC2B2AE3D27D4EB4FU;
  std::array<std::uint64_t, 4> lanes_ = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
  std::array<std::byte, 32> tail_{};
  std::uint64_t size_ = 0;
};

std::string XxHash64Hex(std::span<const std::byte> data);
std::string XxHash64Hex(std::string_view data);

}  // namespace mathcoder::base
