#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/unique_fd.h"

namespace mathcoder::base {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const auto fail = [&] { throw BadInput(path.string() + ": cannot be read (" + std::strerror(errno) + ")"); };
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) fail();
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) fail();
  if (!S_ISREG(status.st_mode)) throw BadInput(path.string() + ": is no regular file");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (mapped == MAP_FAILED) fail();
  data_ = static_cast<char*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace mathcoder::base
