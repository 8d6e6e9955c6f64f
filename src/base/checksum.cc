#include "base/checksum.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mathcoder::base {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian, and read as they lie");

// Slicing by eight: tables[k][b] is the CRC of byte b followed by k zero bytes.
using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;
constexpr CrcTables MakeCrcTables() {
  CrcTables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82F63B78U & (0 - (crc & 1)));
    tables[0][i] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t i = 0; i < 256; ++i) tables[k][i] = (tables[k - 1][i] >> 8) ^ tables[0][tables[k - 1][i] & 255];
  }
  return tables;
}
constexpr CrcTables kCrc = MakeCrcTables();

template <typename T>
T Load(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87U, kPrime2 = 0xC2B2AE3D27D4EB4FU, kPrime3 = 0x165667B19E3779F9U,
                        kPrime4 = 0x85EBCA77C2B2AE63U, kPrime5 = 0x27D4EB2F165667C5U;

std::uint64_t Round(std::uint64_t lane, std::uint64_t input) { return std::rotl(lane + input * kPrime2, 31) * kPrime1; }

void Stripe(std::array<std::uint64_t, 4>& lanes, const std::byte* data) {
  for (std::size_t i = 0; i < 4; ++i) lanes[i] = Round(lanes[i], Load<std::uint64_t>(data + 8 * i));
}

}  // namespace

std::uint32_t Crc32c(std::string_view data, std::uint32_t crc) {
  crc = ~crc;
  for (; data.size() >= 8; data.remove_prefix(8)) {
    const std::uint64_t word = Load<std::uint64_t>(data.data()) ^ crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= kCrc[7 - i][(word >> (8 * i)) & 255];
  }
  for (const char c : data) crc = (crc >> 8) ^ kCrc[0][(crc ^ static_cast<unsigned char>(c)) & 255];
  return ~crc;
}

void XxHash64::Update(std::span<const std::byte> data) {
  const std::size_t held = size_ % 32;
  size_ += data.size();
  if (held > 0) {
    const std::size_t taken = std::min(data.size(), 32 - held);
    std::copy_n(data.begin(), taken, tail_.begin() + static_cast<std::ptrdiff_t>(held));
    if (held + taken < 32) return;
    Stripe(lanes_, tail_.data());
    data = data.subspan(taken);
  }
  std::array<std::uint64_t, 4> lanes = lanes_;  // in registers
  for (; data.size() >= 32; data = data.subspan(32)) Stripe(lanes, data.data());
  lanes_ = lanes;
  std::copy(data.begin(), data.end(), tail_.begin());
}

std::uint64_t XxHash64::Digest() const {
  std::uint64_t hash = kPrime5;
  if (size_ >= 32) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) + std::rotl(lanes_[3], 18);
    for (const std::uint64_t lane : lanes_) hash = (hash ^ Round(0, lane)) * kPrime1 + kPrime4;
  }
  hash += size_;
  const std::byte* at = tail_.data();
  std::size_t left = size_ % 32;
  for (; left >= 8; left -= 8, at += 8) hash = std::rotl(hash ^ Round(0, Load<std::uint64_t>(at)), 27) * kPrime1 + kPrime4;
  if (left >= 4) {
    hash = std::rotl(hash ^ Load<std::uint32_t>(at) * kPrime1, 23) * kPrime2 + kPrime3;
    left -= 4, at += 4;
  }
  for (; left > 0; --left, ++at) hash = std::rotl(hash ^ static_cast<std::uint64_t>(*at) * kPrime5, 11) * kPrime1;
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

std::string XxHash64::Hex() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex(16, '0');
  std::uint64_t digest = Digest();
  for (std::size_t i = 16; i-- > 0; digest >>= 4) hex[i] = kDigits[digest & 15];
  return hex;
}

std::string XxHash64Hex(std::span<const std::byte> data) {
  XxHash64 hash;
  hash.Update(data);
  return hash.Hex();
}

std::string XxHash64Hex(std::string_view data) { return XxHash64Hex(std::as_bytes(std::span(data.data(), data.size()))); }

}  // namespace mathcoder::base
