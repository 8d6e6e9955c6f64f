#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/check.h"
#include "base/error.h"
#include "base/json.h"

namespace mathcoder::base {
namespace {

std::string Reason() { return std::strerror(errno); }

// Writes all of `data`; false with errno set when it cannot.
bool WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      if (n == 0) errno = ENOSPC;
      return false;
    }
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

std::string ReadFile(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw BadInput(path.string() + ": is a folder, a file is needed");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw BadInput(path.string() + ": cannot be read (" + Reason() + ")");
  std::ostringstream content;
  content << file.rdbuf();
  if (file.bad()) throw BadInput(path.string() + ": reading failed (" + Reason() + ")");
  return std::move(content).str();
}

AtomicFile::AtomicFile(std::filesystem::path path)
    : path_(std::move(path)),
      temporary_(path_.string() + ".part." + std::to_string(::getpid())),
      fd_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
  if (!fd_.valid()) throw OutputFailure(path_.string() + ": cannot be written (" + Reason() + ")");
}

AtomicFile::~AtomicFile() {
  if (fd_.valid()) ::unlink(temporary_.c_str());
}

void AtomicFile::Write(std::string_view piece) {
  if (!WriteAll(fd_.get(), piece)) {
    throw OutputFailure(path_.string() + ": cannot be written (" + Reason() + "); it is as it was");
  }
  size_ += piece.size();
  synced_ = false;
}

void AtomicFile::Sync() {
  if (synced_) return;
  if (::fsync(fd_.get()) != 0) throw OutputFailure(path_.string() + ": cannot be written (" + Reason() + "); it is as it was");
  synced_ = true;
}

void AtomicFile::Commit() {
  MC_CHECK(fd_.valid());
  Sync();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    throw OutputFailure(path_.string() + ": cannot be written (" + Reason() + "); it is as it was");
  }
  fd_.Reset();
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  if (UniqueFd folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); folder_fd.valid()) ::fsync(folder_fd.get());
}

void WriteFileAtomically(const std::filesystem::path& path, std::string_view content) {
  AtomicFile file(path);
  file.Write(content);
  file.Commit();
}

RecordFile::RecordFile(std::filesystem::path path) : path_(std::move(path)) {
  fd_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd_.valid()) throw OutputFailure(path_.string() + ": cannot be opened for writing (" + Reason() + ")");
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw OutputFailure(path_.string() + ": another run is writing to it; wait for that one, or choose another --out");
  }
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) throw OutputFailure(path_.string() + ": " + Reason());
  if (!S_ISREG(status.st_mode)) {  // a pipe or /dev/null: nothing to cut, nothing to resume
    size_ = 0;
    return;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::uint64_t end = size;  // of the last whole record
  char buffer[4096];
  while (end > 0) {
    const std::uint64_t start = end > sizeof buffer ? end - sizeof buffer : 0;
    const ssize_t n = ::pread(fd_.get(), buffer, end - start, static_cast<off_t>(start));
    if (n != static_cast<ssize_t>(end - start)) throw OutputFailure(path_.string() + ": cannot be read back (" + Reason() + ")");
    const std::size_t newline = std::string_view(buffer, static_cast<std::size_t>(n)).rfind('\n');
    if (newline != std::string_view::npos) {
      end = start + newline + 1;
      break;
    }
    end = start;
  }
  std::string tail(size - end, '\0');
  if (!tail.empty() && ::pread(fd_.get(), tail.data(), tail.size(), static_cast<off_t>(end)) != static_cast<ssize_t>(tail.size())) {
    throw OutputFailure(path_.string() + ": cannot be read back (" + Reason() + ")");
  }
  if (!tail.empty() && Json::accept(tail)) {
    ::lseek(fd_.get(), 0, SEEK_END);
    if (!WriteAll(fd_.get(), "\n")) throw OutputFailure(path_.string() + ": cannot be written (" + Reason() + ")");
    size_ = size + 1;
    return;
  }
  if (!tail.empty() && tail.front() != '{') {
    throw OutputFailure(path_.string() + ": does not end in a record, so it is no file that this program wrote; name another one");
  }
  torn_bytes_ = tail.size();
  if (torn_bytes_ > 0 && ::ftruncate(fd_.get(), static_cast<off_t>(end)) != 0) {
    throw OutputFailure(path_.string() + ": ends in a torn record that cannot be cut off (" + Reason() + ")");
  }
  size_ = end;
  ::lseek(fd_.get(), static_cast<off_t>(end), SEEK_SET);
}

void RecordFile::Append(std::string_view record) {
  MC_CHECK(record.find('\n') == std::string_view::npos);
  std::string line(record);
  line += '\n';
  if (!WriteAll(fd_.get(), line)) {
    const std::string reason = Reason();
    [[maybe_unused]] const int cut = ::ftruncate(fd_.get(), static_cast<off_t>(size_));
    ::lseek(fd_.get(), static_cast<off_t>(size_), SEEK_SET);
    throw OutputFailure(path_.string() + ": writing failed (" + reason +
                        "); whole records up to here are kept, run again to go on");
  }
  size_ += line.size();
}

void RecordFile::Sync() { ::fsync(fd_.get()); }

}  // namespace mathcoder::base
