// Whole files and append-only records. Every error names the path and what to do. Functions throw base::Error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace mathcoder::base {

std::string ReadFile(const std::filesystem::path& path);  // throws BadInput

// Writes to a temporary file beside `path`, fsyncs, renames: a reader sees the old content or the new, never a part.
// Throws OutputFailure; then `path` is as it was.
void WriteFileAtomically(const std::filesystem::path& path, std::string_view content);

// The same for content that comes in pieces. Not thread-safe.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);  // opens the temporary file; throws OutputFailure
  ~AtomicFile();                                    // without Commit: removes the temporary file, `path` is as it was
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void Write(std::string_view piece);  // throws OutputFailure
  void Sync();                         // fsync without the rename: for several files that are to appear one after the other
  void Commit();                       // fsync, rename, fsync of the folder; throws OutputFailure. Once
  const std::filesystem::path& temporary() const { return temporary_; }
  std::uint64_t size() const { return size_; }  // bytes written

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
  bool synced_ = false;
};

// Appends whole records, a line each. A crash can leave at most one torn line at the end, which Open cuts off.
// Not thread-safe: one owner writes.
class RecordFile {
 public:
  // Creates the file, or opens it. What follows the last newline is a record that a crash tore, and is cut off; where it is a whole
  // JSON object only its newline is missing, and is added; where it is anything else the file is not ours, and is left as it is
  // (OutputFailure). Takes an advisory lock (flock), so that two runs cannot interleave.
  explicit RecordFile(std::filesystem::path path);

  // One record without its newline; must hold no newline itself. It is one write(2); when that comes short (disk full) the
  // file is cut back to the previous record and OutputFailure is thrown.
  void Append(std::string_view record);
  void Sync();  // fsync

  std::uint64_t torn_bytes() const { return torn_bytes_; }  // what Open cut off

 private:
  std::filesystem::path path_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
  std::uint64_t torn_bytes_ = 0;
};

// Hex SHA-256 of a file's content (64 digits). Throws BadInput.
std::string Sha256OfFile(const std::filesystem::path& path);
std::string Sha256(std::string_view data);

}  // namespace mathcoder::base
