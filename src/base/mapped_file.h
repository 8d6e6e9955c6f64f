// A file's content as memory, read-only: pages are read when they are touched and can be dropped again.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>
#include <utility>

namespace mathcoder::base {

// Immutable after construction, so thread-safe. A file that another program shortens while it is mapped ends this one with SIGBUS;
// files that are replaced by renaming (WriteFileAtomically, AtomicFile) are safe.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const std::filesystem::path& path);  // throws BadInput
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const char* data() const { return data_; }  // aligned to a page; nullptr for an empty file
  std::size_t size() const { return size_; }
  std::string_view view() const { return {data_, size_}; }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace mathcoder::base
