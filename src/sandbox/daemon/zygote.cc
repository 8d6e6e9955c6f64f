#include "sandbox/daemon/zygote.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "sandbox/guest_source.h"

namespace mathcoder::sandbox {
namespace {

constexpr int kControlFd = 3;
constexpr int kSourceFd = 4;
// The guest's source comes through a descriptor: it is longer than an argument should be, and no file of it lies in the jail.
constexpr const char* kBoot = "exec(compile(open(4, encoding='utf-8').read(), '<mathcoder>', 'exec'))";

}  // namespace

Zygote::Zygote(const PythonLayout& layout, const ZygoteOptions& options) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw base::Error(std::string("zygote: socketpair: ") + std::strerror(errno));
  control_ = base::UniqueFd(ends[0]);
  base::UniqueFd theirs(ends[1]);
  base::UniqueFd source(memfd_create("guest", MFD_CLOEXEC));
  const std::string_view text = GuestSource();
  if (!source.valid() || write(source.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      lseek(source.get(), 0, SEEK_SET) != 0) {
    throw base::Error(std::string("zygote: memfd: ") + std::strerror(errno));
  }
  base::UniqueFd errors(memfd_create("zygote-stderr", MFD_CLOEXEC));
  errors_ = base::UniqueFd(dup(errors.get()));
  fcntl(errors_.get(), F_SETFD, FD_CLOEXEC);

  std::string python = std::string(kJailPython) + "/bin/python3";
  std::string native = kJailLibrary;
  std::string sites;
  std::string readable;
  std::string libraries;
  for (std::size_t i = 0; i < layout.sites.size(); ++i) {
    sites += (i == 0 ? "" : ":") + (options.private_root ? JailSite(i) : layout.sites[i].string());
    readable += layout.sites[i].string() + ":";
  }
  for (const auto& folder : layout.library_dirs) {
    libraries += (libraries.empty() ? "" : ":") + folder.string();
    readable += folder.string() + ":";
  }
  if (!options.private_root) {
    python = layout.executable.string();
    native = options.native_library;
    readable += layout.standard_library.string();
  } else {
    readable.clear();
  }
  const std::string limit = std::to_string(options.output_bytes);
  const std::string control_number = std::to_string(kControlFd);
  // What imports may read of the environment; sessions clear it.
  const std::string path = "LD_LIBRARY_PATH=" + libraries;
  const char* environment[] = {"LANG=C.UTF-8",
                               "LC_ALL=C.UTF-8",
                               "PYTHONHASHSEED=0",
                               "OPENBLAS_NUM_THREADS=1",
                               "OMP_NUM_THREADS=1",
                               "MKL_NUM_THREADS=1",
                               "MPLBACKEND=agg",
                               "TZ=UTC",
                               "MALLOC_ARENA_MAX=1",
                               path.c_str(),
                               nullptr};
  // -I would ignore PYTHONHASHSEED; -s and -P are what else it does, and the environment is ours.
  const char* arguments[] = {
      python.c_str(),   "-s",   "-P", "-S", "-B", "-c", kBoot, control_number.c_str(), limit.c_str(), native.c_str(), sites.c_str(),
      readable.c_str(), nullptr};
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int moved_control = fcntl(theirs.get(), F_DUPFD, 64);
    const int moved_source = fcntl(source.get(), F_DUPFD, 64);
    const int moved_errors = fcntl(errors.get(), F_DUPFD, 64);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(moved_errors, 2) < 0 || dup2(moved_control, kControlFd) < 0 ||
        dup2(moved_source, kSourceFd) < 0)
      _exit(127);
    syscall(SYS_close_range, static_cast<unsigned>(kSourceFd + 1), ~0U, 0U);
    if (options.private_root && chdir("/") != 0) _exit(127);
    execve(python.c_str(), const_cast<char**>(arguments), const_cast<char**>(environment));
    std::fprintf(stderr, "exec %s: %s\n", python.c_str(), std::strerror(errno));
    std::fflush(stderr);
    _exit(127);
  }
  if (pid_ < 0) throw base::Error(std::string("zygote: fork: ") + std::strerror(errno));
  pidfd_ = base::UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));

  mc_config config = {};
  config.magic = MC_JAIL_MAGIC;
  config.layers = options.layers;
  config.max_processes = options.max_processes;
  config.open_files = 256;
  config.file_bytes = options.disk_bytes;
  config.bpf_bytes = static_cast<std::uint32_t>(options.seccomp_filter.size());
  std::snprintf(config.workdir, sizeof config.workdir, "%s", kJailWork);
  iovec parts[2] = {{&config, sizeof config}, {const_cast<char*>(options.seccomp_filter.data()), options.seccomp_filter.size()}};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (sendmsg(control_.get(), &message, MSG_NOSIGNAL) < 0)
    throw base::Error(std::string("zygote: send its settings: ") + std::strerror(errno));
}

Zygote::~Zygote() { Kill(); }

void Zygote::Kill() {
  if (pidfd_.valid()) syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

bool Zygote::Fork(const mc_fork_request& request, const std::vector<int>& fds) {
  mc_fork_request copy = request;
  iovec part = {&copy, sizeof copy};
  alignas(cmsghdr) char control[CMSG_SPACE(12 * sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  ssize_t n;
  do {
    n = sendmsg(control_.get(), &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n >= 0;
}

bool Zygote::Receive(Event* event, bool* ended) {
  char text[4096];
  iovec parts[2] = {{&event->event, sizeof event->event}, {text, sizeof text}};
  alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n;
  do {
    n = recvmsg(control_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  *ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  if (n <= 0) return false;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    event->pidfd = base::UniqueFd(fd);
  }
  if (static_cast<std::size_t>(n) > sizeof event->event)
    event->text.assign(text, static_cast<std::size_t>(n) - sizeof event->event);
  return static_cast<std::size_t>(n) >= sizeof event->event && event->event.magic == MC_JAIL_MAGIC;
}

std::uint64_t Zygote::AddressSpace(int proc) const {
  const base::UniqueFd fd(openat(proc, (std::to_string(pid_) + "/statm").c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[128] = {};
  unsigned long pages = 0;
  if (!fd.valid() || read(fd.get(), buffer, sizeof buffer - 1) <= 0 || std::sscanf(buffer, "%lu", &pages) != 1) return 0;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string Zygote::ErrorText() {
  char buffer[2048];
  const ssize_t n = pread(errors_.get(), buffer, sizeof buffer, 0);
  std::string text(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::size_t last = text.rfind('\n');
  return last == std::string::npos ? text : text.substr(last + 1);
}

}  // namespace mathcoder::sandbox
