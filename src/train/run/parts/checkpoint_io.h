// The system calls that write a checkpoint, behind an interface that tests replace: a full disk, a broken one, a crash at each
// call.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace mathcoder::train {

// Each returns what the system call returns, with errno set. Thread-safe.
class CheckpointIo {
 public:
  virtual ~CheckpointIo() = default;
  virtual int Open(const std::string& path, int flags);  // close-on-exec, mode 0644
  virtual ssize_t Write(int fd, const void* data, std::size_t size);
  virtual int Fsync(int fd);
  virtual int Mkdir(const std::string& path);
  virtual int Rename(const std::string& from, const std::string& to);
  // Swaps two names at once (renameat2 with RENAME_EXCHANGE); file systems without it answer EINVAL.
  virtual int Exchange(const std::string& one, const std::string& other);

  static CheckpointIo& System();
};

// A call that failed; the store makes the message for people of it.
struct IoFailure : std::runtime_error {
  IoFailure(const std::filesystem::path& where, int code) : std::runtime_error(where.string()), path(where), reason(code) {}
  std::filesystem::path path;
  int reason;  // errno
};

// All of these throw IoFailure.
void WriteAll(CheckpointIo& io, int fd, const std::filesystem::path& path, std::span<const std::byte> data);
// A whole file under its name or nothing: a temporary file, fsync, rename. The caller fsyncs the folder.
void WriteWholeFile(CheckpointIo& io, const std::filesystem::path& path, std::string_view content);
void RenameOrThrow(CheckpointIo& io, const std::filesystem::path& from, const std::filesystem::path& to);
void SyncFolder(CheckpointIo& io, const std::filesystem::path& path);

}  // namespace mathcoder::train
