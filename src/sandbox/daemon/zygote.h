// A Python process with its libraries imported, which forks the workers of sessions. It runs no user code.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "sandbox/jail/jail_protocol.h"
#include "sandbox/python_layout.h"

namespace mathcoder::sandbox {

struct ZygoteOptions {
  bool private_root = true;    // sandboxd's root is the jail's: paths are the jail's
  std::string native_library;  // on the host, for !private_root
  std::uint32_t layers = 0;    // kJail...
  std::uint32_t max_processes = 0;
  std::uint64_t disk_bytes = 0;
  std::size_t output_bytes = 0;
  std::string seccomp_filter;
};

class Zygote {
 public:
  // Starts the process. Throws base::Error. It is of use once kZygoteReady came.
  Zygote(const PythonLayout& layout, const ZygoteOptions& options);
  ~Zygote();    // Kill
  void Kill();  // does not wait
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  pid_t pid() const { return pid_; }
  int control() const { return control_.get(); }

  // fds as mc_fork_request wants them. False with errno.
  bool Fork(const mc_fork_request& request, const std::vector<int>& fds);

  struct Event {
    mc_zygote_event event;
    base::UniqueFd pidfd;
    std::string text;
  };
  // False when nothing more is there; `ended` when the zygote has closed.
  bool Receive(Event* event, bool* ended);

  // Address space of the process in bytes; 0 where unknown.
  std::uint64_t AddressSpace(int proc) const;
  std::string ErrorText();  // what it wrote to stderr so far

 private:
  pid_t pid_ = -1;
  base::UniqueFd control_;
  base::UniqueFd pidfd_;
  base::UniqueFd errors_;
};

}  // namespace mathcoder::sandbox
