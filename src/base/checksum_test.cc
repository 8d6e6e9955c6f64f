#include "base/checksum.h"

#include <gtest/gtest.h>

#include <random>

namespace mathcoder::base {
namespace {

TEST(Checksum, Crc32cAgreesWithPublishedVectors) {
  std::string up(32, '\0'), down(32, '\0');
  for (std::size_t i = 0; i < 32; ++i) up[i] = static_cast<char>(i), down[i] = static_cast<char>(31 - i);
  const struct {
    std::string data;
    std::uint32_t crc;
  } cases[] = {
      // RFC 3720, B.4
      {std::string(32, '\0'), 0x8A9136AAU},
      {std::string(32, '\xFF'), 0x62A8AB43U},
      {up, 0x46DD794EU},
      {down, 0x113FDB5CU},
      {"123456789", 0xE3069283U},  // the check value of the catalogue of CRCs
      {"", 0U},
  };
  for (const auto& test : cases) EXPECT_EQ(Crc32c(test.data), test.crc) << test.data.size();
  EXPECT_EQ(Crc32c("56789", Crc32c("1234")), 0xE3069283U);
}

TEST(Checksum, XxHash64AgreesWithPublishedVectors) {
  EXPECT_EQ(XxHash64Hex(std::string_view("")), "ef46db3751d8e999");
  EXPECT_EQ(XxHash64Hex(std::string_view("a")), "d24ec4f1a98c6e5b");
  EXPECT_EQ(XxHash64Hex(std::string_view("abc")), "44bc2cf5ad770999");
  EXPECT_EQ(XxHash64Hex(std::string_view("Nobody inspects the spammish repetition")), "fbcea83c8a378bf1");
}

TEST(Checksum, PiecesMakeTheSameHash) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::string data(random() % 300, '\0');
    for (char& c : data) c = static_cast<char>(random());
    XxHash64 hash;
    std::uint32_t crc = 0;
    for (std::size_t at = 0; at < data.size();) {
      const std::string_view piece = std::string_view(data).substr(at, random() % 70);
      hash.Update(piece);
      crc = Crc32c(piece, crc);
      at += piece.size();
    }
    EXPECT_EQ(hash.Hex(), XxHash64Hex(std::string_view(data))) << "seed " << seed;
    EXPECT_EQ(crc, Crc32c(data)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace mathcoder::base
