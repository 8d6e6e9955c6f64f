// Where sessions without a mount namespace (tier C) may write, and the user ids that keep them apart where root started sandboxd.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace mathcoder::sandbox {

class WorkFolders {
 public:
  // Makes mathcoder-PID-XXXXXX in the system's folder for temporary files; removes those of processes that live no more.
  // `uids`: one for each session at a time; empty: sessions keep this process's. Throws base::Error.
  explicit WorkFolders(std::vector<uid_t> uids);
  ~WorkFolders();
  WorkFolders(const WorkFolders&) = delete;
  WorkFolders& operator=(const WorkFolders&) = delete;

  // False: no user id is free, or the folder could not be made.
  bool Take(std::uint64_t session, std::string* folder, std::uint32_t* uid);
  void Release(std::uint64_t session);

 private:
  std::filesystem::path root_;
  const bool has_uids_;
  std::vector<uid_t> free_;
  std::map<std::uint64_t, uid_t> taken_;
};

}  // namespace mathcoder::sandbox
