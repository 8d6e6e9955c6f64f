// Writes a token cache, example by example. Private to data/.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "train/data/checksum.h"
#include "train/data/token_cache.h"

namespace mathcoder::train {

class CacheWriter {
 public:
  // Ids are stored in two bytes where the vocabulary allows it. Functions throw base::OutputFailure.
  CacheWriter(const std::filesystem::path& path, std::size_t vocabulary);

  void Add(const Example& example, std::uint64_t problem, std::uint32_t file, std::uint32_t line);
  std::size_t examples() const { return index_.size(); }
  std::uint64_t tokens() const { return tokens_; }
  // The file appears. `notes`: a line each.
  void Finish(const std::string& key, const std::vector<DataFile>& files, const MaskOptions& mask, std::size_t row_length,
              const CacheCounts& counts, const std::string& notes);

 private:
  void Append(const void* data, std::size_t bytes);

  void Flush();
  void Pad();

  base::AtomicFile file_;
  std::string buffer_;
  std::uint64_t size_ = 0;
  const std::size_t id_bytes_;
  Checksum content_;
  std::vector<TokenCache::Entry> index_;
  std::vector<std::uint16_t> small_;
  std::uint64_t tokens_ = 0;
};

}  // namespace mathcoder::train
