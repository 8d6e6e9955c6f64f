// Transcripts, tokenised once: a memory-mapped file of examples. docs/training-data.md describes the format.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "chat/dialect.h"
#include "chat/tokenizer.h"
#include "train/data/example.h"
#include "train/data/source.h"

namespace mathcoder::train {

// An example with more tokens than a row has.
enum class OverLong : std::uint8_t {
  kDrop,      // left out
  kTruncate,  // cut after `length` tokens: the model learns the beginning of the message
};

struct CacheOptions {
  ExampleOptions example;
  std::size_t length = 2048;  // tokens a row
  OverLong over_long = OverLong::kDrop;
  std::size_t threads = 0;  // that tokenise; 0: as many as the machine has. Changes nothing in the result
  bool quiet = false;       // no progress line, no notices on stderr
};

// What became of the records; the sum of examples, dropped and without_loss is records.
struct CacheCounts {
  std::uint64_t records = 0;
  std::uint64_t dropped = 0;       // over-long, left out
  std::uint64_t truncated = 0;     // over-long, cut; among the examples
  std::uint64_t without_loss = 0;  // no token of theirs is learned; left out
};

// Immutable after construction, so thread-safe. Several processes may open one file.
class TokenCache {
 public:
  struct Footer;           // its layout: token_cache_format.h
  struct Entry {           // of the index, as it stands in the file
    std::uint64_t offset;  // of the ids; the roles follow them
    std::uint64_t problem;
    double loss_weight;
    std::uint32_t length, loss_tokens, file, line;
  };

  // Throws base::BadInput: no cache, another version, damaged (any byte of it), or not of `key` (empty: any).
  explicit TokenCache(const std::filesystem::path& path, const std::string& key = "");

  std::size_t size() const { return index_.size(); }  // examples
  std::uint64_t tokens() const;                       // of all examples
  std::size_t length(std::size_t i) const { return index_[i].length; }
  std::span<const std::uint8_t> roles(std::size_t i) const;  // of chat::TokenRole
  void CopyIds(std::size_t i, std::int32_t* out) const;      // length(i) ids
  Example example(std::size_t i) const;
  double loss_weight(std::size_t i) const { return index_[i].loss_weight; }
  std::size_t loss_tokens(std::size_t i) const { return index_[i].loss_tokens; }
  std::uint64_t problem(std::size_t i) const { return index_[i].problem; }  // a hash of the question: equal for its samples
  std::size_t file(std::size_t i) const { return index_[i].file; }
  std::string Where(std::size_t i) const;  // "file:line"

  const std::string& key() const { return key_; }
  const std::filesystem::path& path() const { return path_; }
  const std::vector<std::string>& files() const { return files_; }
  const MaskOptions& mask() const { return mask_; }
  std::size_t row_length() const;  // CacheOptions::length
  const CacheCounts& counts() const;
  // A line each for what was left out or cut: "file:line: 3021 tokens, a row has 2048: left out".
  std::string_view notes() const { return notes_; }

 private:
  const Footer& footer() const;

  std::filesystem::path path_;
  base::MappedFile mapped_;
  std::string key_;
  std::vector<std::string> files_;
  MaskOptions mask_;
  std::string_view notes_;
  std::span<const Entry> index_;
  std::size_t id_bytes_ = 4;
};

// What decides the content of a cache: content of the files, what the dialect writes, vocabulary, options. Hex SHA-256. Throws
// base::BadInput (a file cannot be read).
std::string CacheKey(const std::vector<DataFile>& files, const chat::Dialect& dialect, const chat::Tokenizer& tokenizer,
                     const CacheOptions& options);

// Hex SHA-256 of every token's text, which of them are control tokens, BOS, and what ends a generation.
std::string VocabularyHash(const chat::Tokenizer& tokenizer);

// The cache of these files in `folder` (made if need be), tokenised now unless it is there already. A damaged one is built again,
// with a notice. Processes that call it at once build it once: the others wait. Killed, it leaves the old state, and the next call
// removes what was left over. What was left out or cut is counted in one notice, the first ten named; all are named in
// FILE.left-out.txt beside the cache. Throws base::BadInput with one line: a record that cannot be used (file:line; how many there
// are), token ids of another tokenizer, a vocabulary that cannot write the dialect, no token to learn in all the files.
// base::OutputFailure: the cache cannot be written.
std::unique_ptr<TokenCache> OpenOrBuildCache(const std::filesystem::path& folder, const std::vector<DataFile>& files,
                                             const chat::Dialect& dialect, const chat::Tokenizer& tokenizer,
                                             const CacheOptions& options);

}  // namespace mathcoder::train
