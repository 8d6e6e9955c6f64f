// Fast 64-bit checksum against damage (not against an adversary), and the generator that shuffles are made of. Both are fixed by
// this file alone: what they give is part of a file format and of a run that is resumed.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace mathcoder::train {

// SplitMix64 (Steele, Lea, Flood 2014): its finalizer mixes a key, its sequence is a generator.
inline std::uint64_t Mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() { return Mix(std::exchange(state_, state_ + 0x9E3779B97F4A7C15ULL)); }
  // Uniform in [0, n), n > 0; a bias below n / 2^64 (Lemire's multiplication without its rejection).
  std::uint64_t Below(std::uint64_t n) { return static_cast<std::uint64_t>((static_cast<Wide>(Next()) * n) >> 64); }
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }  // [0, 1)

 private:
  __extension__ using Wide = unsigned __int128;
  std::uint64_t state_;
};

// Fisher-Yates; std::shuffle may differ from one standard library to the next.
template <typename Container>
void Shuffle(Container& items, Random& random) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.Below(i)]);
}

// Order and length count. Four lanes of eight bytes, so that memory is the limit.
class Checksum {
 public:
  void Update(std::string_view data) {
    length_ += data.size();
    if (held_ > 0) {
      const std::size_t take = std::min(data.size(), kBlock - held_);
      std::memcpy(buffer_.data() + held_, data.data(), take);
      held_ += take;
      data.remove_prefix(take);
      if (held_ < kBlock) return;
      Block(buffer_.data());
      held_ = 0;
    }
    for (; data.size() >= kBlock; data.remove_prefix(kBlock)) Block(data.data());
    if (!data.empty()) std::memcpy(buffer_.data(), data.data(), held_ = data.size());
  }
  std::uint64_t Value() const {
    std::uint64_t sum = Mix(length_);
    for (const std::uint64_t lane : lanes_) sum = Mix(sum ^ lane);
    std::uint64_t tail = 0;
    for (std::size_t i = 0; i < held_; ++i) {
      tail = (tail << 8) | static_cast<unsigned char>(buffer_[i]);
      if (i % 8 == 7 || i + 1 == held_) sum = Mix(sum ^ std::exchange(tail, 0)) + i;
    }
    return sum;
  }
  static std::uint64_t Of(std::string_view data) {
    Checksum checksum;
    checksum.Update(data);
    return checksum.Value();
  }

 private:
  static constexpr std::size_t kBlock = 32;
  void Block(const char* data) {
    std::array<std::uint64_t, 4> words;
    std::memcpy(words.data(), data, kBlock);
    for (std::size_t i = 0; i < 4; ++i) {
      lanes_[i] = (lanes_[i] ^ words[i]) * 0x9FB21C651E98DF25ULL;
      lanes_[i] ^= lanes_[i] >> 35;
    }
  }

  std::array<std::uint64_t, 4> lanes_ = {1, 2, 3, 4};
  std::array<char, kBlock> buffer_{};
  std::size_t held_ = 0;
  std::uint64_t length_ = 0;
};

}  // namespace mathcoder::train
