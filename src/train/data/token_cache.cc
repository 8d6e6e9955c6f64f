#include "train/data/token_cache.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "train/data/token_cache_format.h"

namespace mathcoder::train {

TokenCache::TokenCache(const std::filesystem::path& path, const std::string& key) : path_(path), mapped_(path) {
  const auto damaged = [&](const std::string& what) {
    return base::BadInput(path.string() + ": a damaged token cache (" + what + "); delete it, it is then built again");
  };
  const std::string_view bytes = mapped_.view();
  if (!bytes.starts_with(kMagic)) throw base::BadInput(path.string() + ": no token cache");
  if (bytes.size() < kMagic.size() + sizeof(Footer) || bytes.size() % 8 != 0 || !bytes.ends_with(kMagic)) {
    throw damaged("its end is missing");
  }
  const Footer& end = footer();
  if (end.version != kCacheVersion) {
    throw base::BadInput(path.string() + ": a token cache of version " + std::to_string(end.version) + ", this program reads " +
                         std::to_string(kCacheVersion) + "; delete it, it is then built again");
  }
  const std::string_view tail = bytes.substr(bytes.size() - sizeof(Footer));
  if (Checksum::Of(tail.substr(0, offsetof(Footer, self))) != end.self) throw damaged("the checksum of its end is another");
  if (end.file_bytes != bytes.size()) {
    throw damaged("it has " + std::to_string(bytes.size()) + " bytes of " + std::to_string(end.file_bytes));
  }
  if (Checksum::Of(bytes.substr(0, bytes.size() - sizeof(Footer))) != end.content) throw damaged("its checksum is another");
  key_.assign(end.key, sizeof end.key);
  if (!key.empty() && key_ != key) throw base::BadInput(path.string() + ": a token cache of other data or options");

  // From here on the bytes are as CacheWriter left them.
  id_bytes_ = end.id_bytes;
  std::copy(std::begin(end.role_weight), std::end(end.role_weight), mask_.role_weight.begin());
  index_ = {reinterpret_cast<const Entry*>(mapped_.data() + end.index_offset), end.examples};
  notes_ = bytes.substr(end.notes_offset, end.notes_bytes);
  std::string_view names = bytes.substr(end.files_offset, end.files_bytes);
  for (std::uint64_t i = 0; i < end.file_count; ++i) {
    files_.emplace_back(names.data());
    names.remove_prefix(files_.back().size() + 1);
  }
}

const TokenCache::Footer& TokenCache::footer() const {
  return *reinterpret_cast<const Footer*>(mapped_.data() + mapped_.size() - sizeof(Footer));
}
std::uint64_t TokenCache::tokens() const { return footer().tokens; }
std::size_t TokenCache::row_length() const { return footer().row_length; }
const CacheCounts& TokenCache::counts() const { return footer().counts; }

std::span<const std::uint8_t> TokenCache::roles(std::size_t i) const {
  const Entry& entry = index_[i];
  return {reinterpret_cast<const std::uint8_t*>(mapped_.data()) + entry.offset + entry.length * id_bytes_, entry.length};
}

void TokenCache::CopyIds(std::size_t i, std::int32_t* out) const {
  const Entry& entry = index_[i];
  const char* ids = mapped_.data() + entry.offset;
  if (id_bytes_ == 4) {
    std::memcpy(out, ids, entry.length * 4);
    return;
  }
  const auto* small = reinterpret_cast<const std::uint16_t*>(ids);
  std::copy(small, small + entry.length, out);
}

Example TokenCache::example(std::size_t i) const {
  Example example;
  example.ids.resize(length(i));
  CopyIds(i, example.ids.data());
  for (const std::uint8_t role : roles(i)) example.roles.push_back(static_cast<chat::TokenRole>(role));
  example.weights = WeightsOf(example.roles, mask_);
  example.source = Where(i);
  return example;
}

std::string TokenCache::Where(std::size_t i) const { return files_[index_[i].file] + ":" + std::to_string(index_[i].line); }

}  // namespace mathcoder::train
