#include "sandbox/daemon/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "sandbox/daemon/rootfs.h"

namespace mathcoder::sandbox {
namespace {

constexpr int kNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

[[noreturn]] void Fail(const std::string& step) { throw base::Error(step + ": " + std::strerror(errno)); }

bool WriteProc(int proc, const std::string& path, const std::string& text) {
  const base::UniqueFd fd(openat(proc, path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd.valid() && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void DropCapabilities() {
  for (int capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; ++capability) {
  }
  struct {
    std::uint32_t version;
    int pid;
  } header = {0x20080522U, 0};
  std::uint32_t none[6] = {};
  syscall(SYS_capset, &header, none);
}

// PID 1 of a session: mounts the work directory, then only reaps orphans. Runs in a copy of sandboxd; allocates nothing.
[[noreturn]] void Init(int go, const char* mount_options) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  char byte = 0;
  // Its ids are mapped by sandboxd, which also tells it so that way whether sandboxd still lives.
  if (read(go, &byte, 1) != 1) _exit(1);
  sigset_t set;
  sigfillset(&set);
  sigprocmask(SIG_SETMASK, &set, nullptr);
  int error = 0;
  if (mount("work", kJailWork, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, mount_options) != 0 || sethostname("sandbox", 7) != 0)
    error = errno;
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  DropCapabilities();
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // changed credentials clear it
  // sandboxd may have died before that, and then nobody would end this process: its end of `go` is closed.
  if (recv(go, &byte, 1, MSG_DONTWAIT) == 0) _exit(1);
  (void)!write(go, &error, sizeof error);
  syscall(SYS_close_range, 0U, ~0U, 0U);
  if (error != 0) _exit(1);
  for (;;) {
    siginfo_t info;
    sigwaitinfo(&set, &info);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

}  // namespace

std::vector<uid_t> UnusedUids(std::size_t count) {
  std::vector<uid_t> found;
  for (uid_t uid = 65500; uid > 61184 && found.size() < count; --uid) {
    if (getpwuid(uid) == nullptr && getgrgid(uid) == nullptr) found.push_back(uid);
  }
  return found;
}

uid_t UnusedUid() {
  const std::vector<uid_t> found = UnusedUids(1);
  return found.empty() ? 65534 : found.front();
}

void EnterNamespaces(const PythonLayout& layout, const std::string& native_library, uid_t uid, int proc) {
  const bool root = geteuid() == 0;
  if (root) {
    // Before the ids change: Python may lie below a home folder that only root can enter.
    if (unshare(CLONE_NEWNS) != 0) Fail("unshare a mount namespace as root");
    EnterJailRoot(layout, native_library);
    if (setgroups(0, nullptr) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
      Fail("change to uid " + std::to_string(uid));
    // Changed ids make the process undumpable and its files in /proc root's own.
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  }
  const uid_t outer_uid = geteuid();
  const gid_t outer_gid = getegid();
  if (unshare(kNamespaces) != 0) Fail("create a user namespace");
  const std::string self = std::to_string(getpid());
  if (!WriteProc(proc, self + "/setgroups", "deny") ||
      !WriteProc(proc, self + "/uid_map", "0 " + std::to_string(outer_uid) + " 1") ||
      !WriteProc(proc, self + "/gid_map", "0 " + std::to_string(outer_gid) + " 1")) {
    Fail("map the user namespace's ids");
  }
  if (!root) EnterJailRoot(layout, native_library);
}

std::optional<Cell> MakeCell(const CellOptions& options, int proc, std::string* why) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return *why = "socketpair: " + std::string(std::strerror(errno)), std::nullopt;
  base::UniqueFd ours(ends[0]);
  base::UniqueFd theirs(ends[1]);
  char mount_options[128];
  std::snprintf(mount_options, sizeof mount_options, "size=%zu,nr_inodes=%zu,mode=700", options.disk_bytes, options.inodes);
  int pidfd = -1;
  struct clone_args arguments = {};
  arguments.flags = kNamespaces | CLONE_NEWPID | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) {
    close(ours.Release());
    Init(theirs.Release(), mount_options);
  }
  if (pid < 0) return *why = "clone into new namespaces: " + std::string(std::strerror(errno)), std::nullopt;
  theirs.Reset();
  Cell cell{static_cast<pid_t>(pid), base::UniqueFd(pidfd)};
  const std::string self = std::to_string(pid);
  int error = -1;
  if (!WriteProc(proc, self + "/uid_map", "1000 0 1") || !WriteProc(proc, self + "/gid_map", "1000 0 1")) {
    *why = "map a session's ids: " + std::string(std::strerror(errno));
  } else if (write(ours.get(), "g", 1) != 1 || read(ours.get(), &error, sizeof error) != static_cast<ssize_t>(sizeof error) ||
             error != 0) {
    *why = "a session's init: " + std::string(error > 0 ? std::strerror(error) : "died");
  } else {
    return cell;
  }
  KillAndWait(cell.init);
  return std::nullopt;
}

void KillAndWait(pid_t pid) {
  if (pid <= 0) return;
  kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace mathcoder::sandbox
