#include "sandbox/daemon/work_folders.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace mathcoder::sandbox {
namespace {

namespace fs = std::filesystem;
constexpr const char* kPrefix = "mathcoder-session-";

}  // namespace

WorkFolders::WorkFolders(std::vector<uid_t> uids) : has_uids_(!uids.empty()), free_(std::move(uids)) {
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  if (error) throw base::Error("sandbox: no folder for temporary files: " + error.message());
  for (fs::directory_iterator entry(temporary, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.compare(0, std::strlen(kPrefix), kPrefix) != 0) continue;
    const pid_t pid = std::atoi(name.c_str() + std::strlen(kPrefix));
    struct stat status = {};
    const bool ours = lstat(entry->path().c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid();
    std::error_code ignored;
    if (ours && pid > 0 && !fs::exists("/proc/" + std::to_string(pid), ignored)) fs::remove_all(entry->path(), ignored);
  }
  std::string name = (temporary / (kPrefix + std::to_string(getpid()) + "-XXXXXX")).string();
  if (mkdtemp(name.data()) == nullptr) throw base::Error("sandbox: cannot make " + name + ": " + std::strerror(errno));
  root_ = name;
  chmod(name.c_str(), 0711);
}

WorkFolders::~WorkFolders() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

bool WorkFolders::Take(std::uint64_t session, std::string* folder, std::uint32_t* uid) {
  if (has_uids_ && free_.empty()) return false;
  *folder = (root_ / std::to_string(session)).string();
  if (mkdir(folder->c_str(), 0700) != 0) return false;
  if (!has_uids_) return true;
  *uid = free_.back();
  free_.pop_back();
  taken_[session] = *uid;
  return chown(folder->c_str(), *uid, *uid) == 0;
}

void WorkFolders::Release(std::uint64_t session) {
  std::error_code ignored;
  fs::remove_all(root_ / std::to_string(session), ignored);
  const auto found = taken_.find(session);
  if (found == taken_.end()) return;
  free_.push_back(found->second);
  taken_.erase(found);
}

}  // namespace mathcoder::sandbox
