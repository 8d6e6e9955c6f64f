#include "train/run/parts/checkpoint_io.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/unique_fd.h"

namespace mathcoder::train {

int CheckpointIo::Open(const std::string& path, int flags) { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); }
ssize_t CheckpointIo::Write(int fd, const void* data, std::size_t size) { return ::write(fd, data, size); }
int CheckpointIo::Fsync(int fd) { return ::fsync(fd); }
int CheckpointIo::Mkdir(const std::string& path) { return ::mkdir(path.c_str(), 0755); }
int CheckpointIo::Rename(const std::string& from, const std::string& to) { return ::rename(from.c_str(), to.c_str()); }
int CheckpointIo::Exchange(const std::string& one, const std::string& other) {
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE));
}

CheckpointIo& CheckpointIo::System() {
  static CheckpointIo system;
  return system;
}

void WriteAll(CheckpointIo& io, int fd, const std::filesystem::path& path, std::span<const std::byte> data) {
  constexpr std::size_t kMost = std::size_t{64} << 20;  // one call's worth: a signal or a full disk is seen soon
  while (!data.empty()) {
    const ssize_t n = io.Write(fd, data.data(), std::min(data.size(), kMost));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw IoFailure(path, n == 0 ? ENOSPC : errno);
    data = data.subspan(static_cast<std::size_t>(n));
  }
}

void WriteWholeFile(CheckpointIo& io, const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = path.string() + ".tmp";
  base::UniqueFd fd(io.Open(temporary.string(), O_WRONLY | O_CREAT | O_TRUNC));
  if (!fd.valid()) throw IoFailure(path, errno);
  WriteAll(io, fd.get(), path, std::as_bytes(std::span(content.data(), content.size())));
  if (io.Fsync(fd.get()) != 0) throw IoFailure(path, errno);
  fd.Reset();
  RenameOrThrow(io, temporary, path);
}

void RenameOrThrow(CheckpointIo& io, const std::filesystem::path& from, const std::filesystem::path& to) {
  if (io.Rename(from.string(), to.string()) != 0) throw IoFailure(to, errno);
}

void SyncFolder(CheckpointIo& io, const std::filesystem::path& path) {
  base::UniqueFd fd(io.Open(path.string(), O_RDONLY | O_DIRECTORY));
  if (!fd.valid()) throw IoFailure(path, errno);
  if (io.Fsync(fd.get()) != 0 && errno != EINVAL) throw IoFailure(path, errno);  // EINVAL: the file system syncs no folders
}

}  // namespace mathcoder::train
