// The bytes of a cache file; docs/training-data.md. Private to data/.
#pragma once

#include <bit>
#include <cstdint>

#include "train/data/checksum.h"
#include "train/data/token_cache.h"

namespace mathcoder::train {

static_assert(std::endian::native == std::endian::little, "caches are written in the machine's byte order");

// Counted up when the file's bytes or the tokens of an unchanged transcript change.
constexpr std::uint32_t kCacheVersion = 1;
constexpr std::string_view kMagic = "MCTOKENS";

// The last bytes of the file; its first are kMagic alone.
struct TokenCache::Footer {
  std::uint32_t version;
  std::uint32_t id_bytes;  // 2 or 4
  char key[64];
  float role_weight[kRoles];
  std::uint64_t row_length;
  CacheCounts counts;
  std::uint64_t examples, tokens;
  std::uint64_t index_offset;                           // examples * sizeof(Entry)
  std::uint64_t files_offset, files_bytes, file_count;  // names, each ended by a zero byte
  std::uint64_t notes_offset, notes_bytes;
  std::uint64_t file_bytes;
  std::uint64_t content;  // checksum of everything before the footer
  std::uint64_t self;     // checksum of the footer before this field
  char magic[8];
};
static_assert(sizeof(TokenCache::Entry) == 40);

}  // namespace mathcoder::train
