#include "train/data/cache_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/check.h"
#include "train/data/token_cache_format.h"

namespace mathcoder::train {
namespace {

constexpr std::size_t kBuffer = 1 << 20;  // bytes before a write

}  // namespace

CacheWriter::CacheWriter(const std::filesystem::path& path, std::size_t vocabulary)
    : file_(path), id_bytes_(vocabulary <= 0x10000 ? 2 : 4) {
  Append(kMagic.data(), kMagic.size());
}

void CacheWriter::Append(const void* data, std::size_t bytes) {
  const std::string_view view(static_cast<const char*>(data), bytes);
  content_.Update(view);
  buffer_ += view;
  size_ += bytes;
  if (buffer_.size() >= kBuffer) Flush();
}

void CacheWriter::Flush() {
  file_.Write(buffer_);
  buffer_.clear();
}

void CacheWriter::Pad() {
  constexpr char kZeros[8] = {};
  Append(kZeros, (8 - size_ % 8) % 8);
}

void CacheWriter::Add(const Example& example, std::uint64_t problem, std::uint32_t file, std::uint32_t line) {
  const std::size_t n = example.ids.size();
  index_.push_back({.offset = size_,
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
  Pad();
  tokens_ += n;
}

void CacheWriter::Finish(const std::string& key, const std::vector<DataFile>& files, const MaskOptions& mask,
                         std::size_t row_length, const CacheCounts& counts, const std::string& notes) {
  TokenCache::Footer footer{};
  footer.version = kCacheVersion;
  footer.id_bytes = static_cast<std::uint32_t>(id_bytes_);
  MC_CHECK(key.size() == sizeof footer.key);
  std::memcpy(footer.key, key.data(), key.size());
  std::copy(mask.role_weight.begin(), mask.role_weight.end(), footer.role_weight);
  footer.row_length = row_length;
  footer.counts = counts;
  footer.examples = index_.size();
  footer.tokens = tokens_;
  footer.index_offset = size_;
  Append(index_.data(), index_.size() * sizeof(TokenCache::Entry));
  footer.files_offset = size_;
  footer.file_count = files.size();
  for (const DataFile& file : files) Append(file.path.c_str(), file.path.string().size() + 1);
  footer.files_bytes = size_ - footer.files_offset;
  footer.notes_offset = size_;
  footer.notes_bytes = notes.size();
  Append(notes.data(), notes.size());
  Pad();
  footer.file_bytes = size_ + sizeof footer;
  footer.content = content_.Value();
  footer.self = Checksum::Of({reinterpret_cast<const char*>(&footer), offsetof(TokenCache::Footer, self)});
  std::memcpy(footer.magic, kMagic.data(), sizeof footer.magic);
  Append(&footer, sizeof footer);
  Flush();
  file_.Commit();
}

}  // namespace mathcoder::train
