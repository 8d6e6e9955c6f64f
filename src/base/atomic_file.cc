#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/check.h"
#include "base/error.h"

namespace mathcoder::base {
namespace {

constexpr std::size_t kBuffer = 1 << 20;

// False with errno set where it cannot.
bool WriteAllAt(int fd, std::string_view data, std::uint64_t offset) {
  while (!data.empty()) {
    const ssize_t n = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      if (n == 0) errno = ENOSPC;
      return false;
    }
    data.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return true;
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path)
    : path_(std::move(path)),
      temporary_(path_.string() + ".part." + std::to_string(::getpid())),
      fd_(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
  if (!fd_.valid()) Fail();
  buffer_.reserve(kBuffer);
}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::Fail() const {
  throw OutputFailure(path_.string() + ": cannot be written (" + std::strerror(errno) + "); it is as it was");
}

void AtomicFile::Append(std::string_view data) {
  size_ += data.size();
  if (buffer_.size() + data.size() <= kBuffer) {
    buffer_ += data;
    return;
  }
  const std::uint64_t end = size_;
  size_ -= data.size();
  Flush();
  if (data.size() < kBuffer) {
    buffer_ = data;
  } else if (!WriteAllAt(fd_.get(), data, size_)) {
    Fail();
  }
  size_ = end;
}

void AtomicFile::Flush() {
  if (!WriteAllAt(fd_.get(), buffer_, size_ - buffer_.size())) Fail();
  buffer_.clear();
}

void AtomicFile::WriteAt(std::uint64_t offset, std::string_view data) {
  MC_CHECK(offset + data.size() <= size_);
  Flush();
  if (!WriteAllAt(fd_.get(), data, offset)) Fail();
}

void AtomicFile::Commit() {
  MC_CHECK(!committed_);
  Flush();
  if (::fsync(fd_.get()) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) Fail();
  committed_ = true;
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  if (UniqueFd folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); folder_fd.valid()) ::fsync(folder_fd.get());
}

void AtomicFile::RemoveLeftovers(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const std::string prefix = path.filename().string() + ".part.";
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->path().filename().string().starts_with(prefix)) std::filesystem::remove(it->path(), ignored);
  }
}

}  // namespace mathcoder::base
