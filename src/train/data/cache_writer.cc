#include "train/data/cache_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/check.h"
#include "train/data/token_cache_format.h"

namespace mathcoder::train {

CacheWriter::CacheWriter(const std::filesystem::path& path, std::size_t vocabulary)
    : file_(path), id_bytes_(vocabulary <= 0x10000 ? 2 : 4) {
  const TokenCache::Header header{};
  file_.Append({reinterpret_cast<const char*>(&header), sizeof header});  // Finish knows what stands in it
}

void CacheWriter::Append(const void* data, std::size_t bytes) {
  const std::string_view view(static_cast<const char*>(data), bytes);
  content_.Update(view);
  file_.Append(view);
}

void CacheWriter::Add(const Example& example, std::uint64_t problem, std::uint32_t file, std::uint32_t line) {
  const std::size_t n = example.ids.size();
  index_.push_back({.offset = file_.size(),
                    .problem = problem,
                    .loss_weight = example.LossWeight(),
                    .length = static_cast<std::uint32_t>(n),
                    .loss_tokens = static_cast<std::uint32_t>(example.LossTokens()),
                    .file = file,
                    .line = line});
  if (id_bytes_ == 2) {
    small_.assign(example.ids.begin(), example.ids.end());
    Append(small_.data(), n * 2);
  } else {
    Append(example.ids.data(), n * 4);
  }
  static_assert(sizeof(chat::TokenRole) == 1);
  Append(example.roles.data(), n);
  constexpr char kPad[8] = {};
  Append(kPad, (8 - file_.size() % 8) % 8);
  tokens_ += n;
}

void CacheWriter::Finish(const std::string& key, const std::vector<DataFile>& files, const MaskOptions& mask,
                         std::size_t row_length, const CacheCounts& counts, const std::string& notes) {
  TokenCache::Header header{};
  std::memcpy(header.magic, "MCTOKENS", 8);
  header.version = kCacheVersion;
  header.id_bytes = static_cast<std::uint32_t>(id_bytes_);
  MC_CHECK(key.size() == sizeof header.key);
  std::memcpy(header.key, key.data(), key.size());
  std::copy(mask.role_weight.begin(), mask.role_weight.end(), header.role_weight);
  header.row_length = row_length;
  header.counts = counts;
  header.examples = index_.size();
  header.tokens = tokens_;
  header.index_offset = file_.size();
  Append(index_.data(), index_.size() * sizeof(TokenCache::Entry));
  header.files_offset = file_.size();
  header.file_count = files.size();
  for (const DataFile& file : files) Append(file.path.c_str(), file.path.string().size() + 1);
  header.files_bytes = file_.size() - header.files_offset;
  header.notes_offset = file_.size();
  header.notes_bytes = notes.size();
  Append(notes.data(), notes.size());
  header.file_bytes = file_.size();
  header.content = content_.Value();
  header.self = Checksum::Of({reinterpret_cast<const char*>(&header), offsetof(TokenCache::Header, self)});
  file_.WriteAt(0, {reinterpret_cast<const char*>(&header), sizeof header});
  file_.Commit();
}

}  // namespace mathcoder::train
