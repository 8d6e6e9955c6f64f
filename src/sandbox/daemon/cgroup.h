// Control groups for sessions: memory and number of processes, in cgroup v2 or v1, where this process may make them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace mathcoder::sandbox {

struct CgroupLimits {
  std::size_t memory_bytes;
  std::size_t max_processes;
};

// One session's groups. Removed by the destructor, which needs their processes to be gone.
class SessionCgroup {
 public:
  virtual ~SessionCgroup() = default;
  // Files of cgroup.procs that the worker writes "0" to; valid while this lives.
  virtual std::vector<int> procs() const = 0;
  virtual std::uint64_t oom_kills() const = 0;
};

class CgroupRoot {
 public:
  virtual ~CgroupRoot() = default;  // removes the parent group
  // nullptr with `why` set where it fails.
  virtual std::unique_ptr<SessionCgroup> Make(std::uint64_t session, const CgroupLimits& limits, std::string* why) = 0;
};

// Called before sandboxd gives up its rights; `owner` is the id that it changes to. nullptr with `why` set (what to enable).
std::unique_ptr<CgroupRoot> OpenCgroups(uid_t owner, std::string* why);

// Removes what sandboxds that live no more have left. Cheap where there is nothing.
void RemoveStaleCgroups();

}  // namespace mathcoder::sandbox
