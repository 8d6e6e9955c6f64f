/* The zygote's native half, loaded into Python by ctypes: it waits for requests, forks sessions and closes the jail around each.
 * No Python headers, so that one build serves every interpreter. mc_zygote returns only in a session's worker, with the jail
 * closed; everything before that point is trusted, everything after it is hostile. docs/sandbox.md explains the layers. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail_protocol.h"
#include "landlock.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { kMaxFds = 12, kMaxSessions = 4096 };

struct zygote {
  int control;
  int self_pidfd;
  struct mc_config config;
  unsigned char* bpf;
  struct {
    pid_t pid;
    uint64_t session;
  } children[kMaxSessions];
  int n_children;
};

static int send_event(int fd, uint32_t kind, uint64_t session, pid_t pid, int status, int carried_fd) {
  struct mc_zygote_event event = {MC_JAIL_MAGIC, kind, session, pid, status};
  struct iovec iov = {&event, sizeof event};
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
  if (carried_fd >= 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &carried_fd, sizeof(int));
  }
  ssize_t n;
  do n = sendmsg(fd, &message, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -1 : 0;
}

/* Returns bytes received, 0 at the end, -1 with errno. */
static ssize_t receive(int fd, void* data, size_t size, int* fds, int* n_fds) {
  struct iovec iov = {data, size};
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(kMaxFds * sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t n;
  do n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  *n_fds = 0;
  if (n <= 0) return n;
  for (struct cmsghdr* header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < count && *n_fds < kMaxFds; ++i) memcpy(&fds[(*n_fds)++], CMSG_DATA(header) + i * sizeof(int), sizeof(int));
  }
  return n;
}

/* Before any user code ran: tells sandboxd which step failed, and why. */
static void fail(int control, const char* step) {
  struct {
    struct mc_fragment fragment;
    char text[160];
  } message;
  memset(&message, 0, sizeof message);
  const int error = errno;
  message.fragment.kind = kWorkerFailed;
  int n = snprintf(message.text, sizeof message.text, "%s: %s", step, strerror(error));
  if (n < 0) n = 0;
  if ((size_t)n >= sizeof message.text) n = sizeof message.text - 1;
  message.fragment.total = (uint32_t)n;
  (void)!send(control, &message, sizeof message.fragment + (size_t)n, MSG_NOSIGNAL);
  _exit(125);
}

static int limit(int resource, rlim_t value) {
  struct rlimit both = {value, value};
  struct rlimit now;
  if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
    both.rlim_cur = both.rlim_max = now.rlim_max;
  return setrlimit(resource, &both);
}

static int drop_capabilities(void) {
  for (int capability = 0; capability < 64; ++capability) {
    /* EINVAL: past the kernel's last one. EPERM: without CAP_SETPCAP there is nothing to drop that no_new_privs does not hold. */
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno == EINVAL) break;
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  struct {
    uint32_t version;
    int pid;
  } header = {0x20080522u, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2];
  memset(data, 0, sizeof data);
  return (int)syscall(SYS_capset, &header, data);
}

/* The worker: from a copy of the zygote to a closed jail. Descriptors 0-3 are what user code finds open. */
static int enter(const struct zygote* zygote, const struct mc_fork_request* request, const int* fds, int n_fds) {
  const uint32_t layers = zygote->config.layers;
  const char* workdir = request->workdir[0] != '\0' ? request->workdir : zygote->config.workdir;
  int next = 3;
  int init = -1;
  const int control = fds[0];
  if ((layers & kJailNamespaces) != 0) {
    init = fds[next++];
    if (setns(init, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
      fail(control, "join namespaces");
  }
  for (uint32_t i = 0; i < request->n_cgroups; ++i) {
    if (next >= n_fds || write(fds[next], "0", 1) != 1) fail(control, "join cgroup");
    ++next;
  }
  if (request->uid != UINT32_MAX) {
    if (setgroups(0, NULL) != 0 || setresgid(request->uid, request->uid, request->uid) != 0 ||
        setresuid(request->uid, request->uid, request->uid) != 0)
      fail(control, "change uid");
  }
  if (chdir(workdir) != 0) fail(control, "enter work directory");
  umask(077);

  /* 0: /dev/null, 1 and 2: the pipes, 3: control. Moved up first, so that none is overwritten before it was copied. */
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0) fail(control, "open /dev/null");
  int moved[4];
  const int sources[4] = {null, fds[1], fds[2], control};
  for (int i = 0; i < 4; ++i) {
    moved[i] = fcntl(sources[i], F_DUPFD, 64);
    if (moved[i] < 0) fail(control, "move descriptors");
  }
  for (int i = 0; i < 4; ++i) {
    if (dup2(moved[i], i) < 0) fail(moved[3], "place descriptors");
  }
  if (syscall(SYS_close_range, 4u, ~0u, 0u) != 0) fail(3, "close_range");

  if (limit(RLIMIT_CORE, 0) != 0 || limit(RLIMIT_AS, request->address_space_bytes) != 0 ||
      limit(RLIMIT_FSIZE, zygote->config.file_bytes) != 0 || limit(RLIMIT_NOFILE, zygote->config.open_files) != 0 ||
      limit(RLIMIT_NPROC, zygote->config.max_processes) != 0 || limit(RLIMIT_MEMLOCK, 0) != 0 || limit(RLIMIT_MSGQUEUE, 0) != 0 ||
      limit(RLIMIT_SIGPENDING, 256) != 0 || limit(RLIMIT_NICE, 0) != 0 || limit(RLIMIT_RTPRIO, 0) != 0) {
    fail(3, "setrlimit");
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(3, "no_new_privs");
  if ((layers & kJailLandlock) != 0 && mc_landlock(workdir, (layers & kJailNamespaces) == 0) != 0) fail(3, "landlock");
  if (drop_capabilities() != 0) fail(3, "drop capabilities");
  /* Without namespaces and with sandboxd's own id, sandboxd reads the session's memory use from /proc, which this would hide. */
  const int readable = (layers & kJailReaper) != 0 && request->uid == UINT32_MAX;
  if (prctl(PR_SET_DUMPABLE, readable, 0, 0, 0) != 0) fail(3, "dumpable");
  /* The last step: what follows is bound by the filter. */
  if ((layers & kJailSeccomp) != 0) {
    struct sock_fprog program = {(unsigned short)(zygote->config.bpf_bytes / sizeof(struct sock_filter)),
                                 (struct sock_filter*)zygote->bpf};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) fail(3, "seccomp");
  }
  return 3;
}

enum { kMaxTree = 8192 };

/* Every process below this one, in `pids`; their number. */
static int descendants(pid_t* pids) {
  int n = 0;
  pids[n++] = getpid();
  for (int at = 0; at < n; ++at) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pids[at]);
    DIR* tasks = opendir(path);
    if (tasks == NULL) continue;
    const struct dirent* task;
    while ((task = readdir(tasks)) != NULL) {
      const int thread = atoi(task->d_name);
      if (thread <= 0) continue;
      snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pids[at], thread);
      FILE* list = fopen(path, "re");
      if (list == NULL) continue;
      int pid;
      while (n < kMaxTree && fscanf(list, "%d", &pid) == 1) pids[n++] = pid;
      fclose(list);
    }
    closedir(tasks);
  }
  return n;
}

/* Without a pid namespace nothing holds daemons and fork bombs: a subreaper ends all that descends from the worker. They are
 * stopped before they are killed: what is stopped still counts against RLIMIT_NPROC, so that a bomb runs out of room instead of
 * being born again as fast as it is killed. With a user id of its own, the kernel ends all its processes at once. */
static void kill_children(uint32_t uid) {
  static pid_t pids[kMaxTree];
  if (uid != UINT32_MAX) {
    const pid_t killer = fork();
    if (killer == 0) {
      if (setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0) kill(-1, SIGKILL);
      _exit(0);
    }
  }
  for (int round = 0; round < 400; ++round) {
    int before = -1;
    for (int pass = 0; pass < 20; ++pass) {
      const int n = descendants(pids);
      for (int i = 1; i < n; ++i) kill(pids[i], SIGSTOP);
      if (n == before) break;
      before = n;
    }
    const int n = descendants(pids);
    for (int i = 1; i < n; ++i) kill(pids[i], SIGKILL);
    pid_t done;
    while ((done = waitpid(-1, NULL, WNOHANG)) > 0) {
    }
    if (done < 0 && errno == ECHILD) return;
    usleep(1000);
  }
}

static void reap(pid_t worker, uint32_t uid) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int signals = signalfd(-1, &set, SFD_CLOEXEC);
  for (;;) {
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != (ssize_t)sizeof info) continue;
    const int stop = info.ssi_signo == SIGTERM;
    if (info.ssi_signo == SIGINT) kill(worker, SIGINT);
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
      if (pid != worker) continue;
      kill_children(uid);
      if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_UNBLOCK, &all, NULL);
        kill(getpid(), WTERMSIG(status));
      }
      _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 126);
    }
    if (stop) {
      kill(worker, SIGKILL);
      kill_children(uid);
      _exit(126);
    }
  }
}

static int fork_session(struct zygote* zygote, const struct mc_fork_request* request, const int* fds, int n_fds, int signals) {
  const uint32_t layers = zygote->config.layers;
  if (zygote->n_children >= kMaxSessions) {
    send_event(zygote->control, kZygoteForkFailed, request->session, 0, EAGAIN, -1);
    return -1;
  }
  if ((layers & kJailNamespaces) != 0 && setns(fds[3], CLONE_NEWPID) != 0) {
    send_event(zygote->control, kZygoteForkFailed, request->session, 0, errno, -1);
    return -1;
  }
  const pid_t pid = fork();
  if (pid == 0) {
    close(signals);
    close(zygote->control);
    close(zygote->self_pidfd);
    sigset_t none;
    sigemptyset(&none);
    if ((layers & kJailReaper) != 0) {
      prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
      prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
      const pid_t worker = fork();
      if (worker < 0) fail(fds[0], "fork");
      if (worker > 0) {
        for (int i = 0; i < n_fds; ++i) close(fds[i]);
        reap(worker, request->uid);
      }
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    return enter(zygote, request, fds, n_fds);
  }
  const int error = errno;
  if ((layers & kJailNamespaces) != 0) setns(zygote->self_pidfd, CLONE_NEWPID);
  if (pid < 0) {
    send_event(zygote->control, kZygoteForkFailed, request->session, 0, error, -1);
    return -1;
  }
  zygote->children[zygote->n_children].pid = pid;
  zygote->children[zygote->n_children++].session = request->session;
  const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  send_event(zygote->control, kZygoteForked, request->session, pid, 0, pidfd);
  if (pidfd >= 0) close(pidfd);
  return -1;
}

static void collect(struct zygote* zygote) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    for (int i = 0; i < zygote->n_children; ++i) {
      if (zygote->children[i].pid != pid) continue;
      send_event(zygote->control, kZygoteExited, zygote->children[i].session, pid, status, -1);
      zygote->children[i] = zygote->children[--zygote->n_children];
      break;
    }
  }
}

/* Serves fork requests on `control` until sandboxd goes away (then it exits). `versions` is reported as it stands.
 * Returns the control descriptor in a new session's worker. */
int mc_zygote(int control, const char* versions) {
  static struct zygote zygote; /* the one of this process; large, so not on the stack */
  zygote.control = control;
  zygote.self_pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
  fcntl(control, F_SETFD, FD_CLOEXEC);

  unsigned char* config = malloc(sizeof(struct mc_config) + MC_MAX_BPF);
  int fds[kMaxFds];
  int n_fds;
  ssize_t n = receive(control, config, sizeof(struct mc_config) + MC_MAX_BPF, fds, &n_fds);
  if (n < (ssize_t)sizeof(struct mc_config)) _exit(124);
  memcpy(&zygote.config, config, sizeof zygote.config);
  if (zygote.config.magic != MC_JAIL_MAGIC || (size_t)n != sizeof(struct mc_config) + zygote.config.bpf_bytes) _exit(124);
  zygote.bpf = config + sizeof(struct mc_config);

  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  sigdelset(&set, SIGINT);
  const int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0 || zygote.self_pidfd < 0) _exit(124);

  const size_t length = strlen(versions);
  struct mc_zygote_event ready = {MC_JAIL_MAGIC, kZygoteReady, 0, getpid(), 0};
  struct iovec parts[2] = {{&ready, sizeof ready}, {(void*)versions, length}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  if (sendmsg(control, &message, MSG_NOSIGNAL) < 0) _exit(124);

  for (;;) {
    struct pollfd polled[2] = {{control, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(polled, 2, -1) < 0) {
      if (errno == EINTR) continue;
      _exit(124);
    }
    if ((polled[1].revents & POLLIN) != 0) {
      struct signalfd_siginfo info;
      while (read(signals, &info, sizeof info) > 0) {
      }
      collect(&zygote);
    }
    if (polled[0].revents != 0) {
      struct mc_fork_request request;
      n = receive(control, &request, sizeof request, fds, &n_fds);
      if (n <= 0) _exit(0);
      const int needed = 3 + ((zygote.config.layers & kJailNamespaces) != 0 ? 1 : 0) + (int)request.n_cgroups;
      if (n == (ssize_t)sizeof request && request.magic == MC_JAIL_MAGIC && n_fds == needed) {
        const int worker = fork_session(&zygote, &request, fds, n_fds, signals);
        if (worker >= 0) return worker;
      }
      for (int i = 0; i < n_fds; ++i) close(fds[i]);
    }
  }
}
