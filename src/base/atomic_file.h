// A large file that is written in pieces and appears whole: for content that WriteFileAtomically (base/file.h) would have to hold
// in memory. Not thread-safe: one owner writes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace mathcoder::base {

class AtomicFile {
 public:
  // Opens PATH.part.PID. Throws OutputFailure, as do all below.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();  // removes the temporary file where Commit was not reached
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void Append(std::string_view data);                         // buffered
  void WriteAt(std::uint64_t offset, std::string_view data);  // over what was appended. Precondition: inside the file
  std::uint64_t size() const { return size_; }

  // fsync, rename, fsync of the folder: from here on `path` is the new content; before, it is what it was.
  void Commit();

  // What killed writers of `path` left beside it. Call only where no other writer can be at work (under a lock).
  static void RemoveLeftovers(const std::filesystem::path& path);

 private:
  void Flush();
  [[noreturn]] void Fail() const;

  const std::filesystem::path path_, temporary_;
  UniqueFd fd_;
  std::string buffer_;
  std::uint64_t size_ = 0;
  bool committed_ = false;
};

}  // namespace mathcoder::base
