#include "sandbox/daemon/seccomp_filter.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace mathcoder::sandbox {
namespace {

// What CPython, numpy, scipy and matplotlib call, files and threads included. Names that an architecture lacks are skipped.
constexpr const char* kAllowed[] = {
    // memory
    "brk",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "mincore",
    "msync",
    "membarrier",
    "mlock",
    "munlock",
    // files
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "preadv2",
    "pwritev2",
    "open",
    "openat",
    "openat2",
    "creat",
    "close",
    "close_range",
    "lseek",
    "stat",
    "lstat",
    "fstat",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents",
    "getdents64",
    "getcwd",
    "chdir",
    "fchdir",
    "mkdir",
    "mkdirat",
    "rmdir",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "umask",
    "truncate",
    "ftruncate",
    "fallocate",
    "fadvise64",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "utime",
    "utimes",
    "utimensat",
    "futimesat",
    "flock",
    "sendfile",
    "copy_file_range",
    "splice",
    "tee",
    "dup",
    "dup2",
    "dup3",
    "pipe",
    "pipe2",
    // waiting
    "select",
    "pselect6",
    "poll",
    "ppoll",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd",
    "eventfd2",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "signalfd",
    "signalfd4",
    "pause",
    // sockets that were there, and pairs (below); no way to make another
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "sendmmsg",
    "recvmmsg",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
    // processes and threads (clone below)
    "fork",
    "vfork",
    "exit",
    "exit_group",
    "wait4",
    "waitid",
    "getpid",
    "getppid",
    "gettid",
    "getpgrp",
    "getpgid",
    "setpgid",
    "getsid",
    "setsid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getgroups",
    "getresuid",
    "getresgid",
    "set_tid_address",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "futex",
    "futex_waitv",
    "sched_yield",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getpriority",
    "setpriority",
    "getrusage",
    "times",
    "getcpu",
    "kill",
    "tkill",
    "tgkill",
    "capget",
    "arch_prctl",
    "getrlimit",
    "setrlimit",
    // signals
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigpending",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "sigaltstack",
    "restart_syscall",
    // time
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "alarm",
    "getitimer",
    "setitimer",
    "timer_create",
    "timer_settime",
    "timer_gettime",
    "timer_delete",
    "timer_getoverrun",
    // the rest
    "uname",
    "sysinfo",
    "getrandom",
    "landlock_create_ruleset",
    "landlock_add_rule",
    "landlock_restrict_self",
};

constexpr std::uint64_t kCloneNamespaces = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                                           CLONE_NEWCGROUP | 0x80U /* CLONE_NEWTIME */;

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};

}  // namespace

std::string CompileSeccompFilter() {
  const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) throw base::Error("seccomp: libseccomp cannot make a filter");
  scmp_filter_ctx context = filter.get();
  int failed = 0;
  const auto add = [&](const char* name, std::uint32_t action, std::initializer_list<scmp_arg_cmp> arguments = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;  // newer than this libseccomp: stays refused
    const std::vector<scmp_arg_cmp> list(arguments);
    const int result = seccomp_rule_add_array(context, action, number, static_cast<unsigned>(list.size()), list.data());
    if (result != 0 && result != -EDOM) failed = result;
  };
  // A filter for one architecture: i386 and x32 calls end the process.
  seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const char* name : kAllowed) add(name, SCMP_ACT_ALLOW);
  add("clone", SCMP_ACT_ALLOW, {SCMP_A0(SCMP_CMP_MASKED_EQ, kCloneNamespaces, 0)});
  add("clone3", SCMP_ACT_ERRNO(ENOSYS));  // its flags lie in memory: libc falls back to clone
  add("socketpair", SCMP_ACT_ALLOW, {SCMP_A0(SCMP_CMP_EQ, AF_UNIX)});
  add("execve", SCMP_ACT_ERRNO(EACCES));
  add("execveat", SCMP_ACT_ERRNO(EACCES));
  // Its own limits may be read and lowered; those of other processes are none of its business.
  add("prlimit64", SCMP_ACT_ALLOW, {SCMP_A0(SCMP_CMP_EQ, 0)});
  for (const std::uint64_t option : {15 /* PR_SET_NAME */, 16 /* PR_GET_NAME */, 3 /* PR_GET_DUMPABLE */, 38, 39 /* no_new_privs */,
                                     0x53564d41 /* VMA names */}) {
    add("prctl", SCMP_ACT_ALLOW, {SCMP_A0(SCMP_CMP_EQ, option)});
  }
  for (const std::uint64_t command : {F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_DUPFD_CLOEXEC,
                                      1032 /* F_GETPIPE_SZ */, 36, 37, 38 /* open file description locks */}) {
    add("fcntl", SCMP_ACT_ALLOW, {SCMP_A1(SCMP_CMP_EQ, command)});
  }
  // Of ioctl what Python's io asks of a file: is it a terminal, how much is there, close on exec, blocking.
  for (const std::uint64_t request : {0x5401U /* TCGETS */, 0x5413U /* TIOCGWINSZ */, 0x541BU /* FIONREAD */, 0x5421U /* FIONBIO */,
                                      0x5450U, 0x5451U /* FIOCLEX */}) {
    add("ioctl", SCMP_ACT_ALLOW, {SCMP_A1(SCMP_CMP_EQ, request)});
  }
  if (failed != 0) throw base::Error(std::string("seccomp: a rule was not accepted: ") + std::strerror(-failed));

  const base::UniqueFd memory(memfd_create("filter", MFD_CLOEXEC));
  if (!memory.valid() || seccomp_export_bpf(context, memory.get()) != 0)
    throw base::Error("seccomp: the filter could not be compiled");
  const off_t size = lseek(memory.get(), 0, SEEK_END);
  std::string program(static_cast<std::size_t>(size), '\0');
  if (pread(memory.get(), program.data(), program.size(), 0) != size)
    throw base::Error("seccomp: the filter could not be read back");
  return program;
}

}  // namespace mathcoder::sandbox
