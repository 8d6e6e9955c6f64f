#define _GNU_SOURCE
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  kCreateRuleset = 444,
  kAddRule = 445,
  kRestrictSelf = 446,
  kVersionFlag = 1,
  kPathBeneath = 1,
};

struct ruleset {
  uint64_t handled_fs;
  uint64_t handled_net; /* ABI 4 */
  uint64_t scoped;      /* ABI 6 */
};

struct path_beneath {
  uint64_t allowed;
  int32_t parent;
} __attribute__((packed));

/* Bits 0-12 ABI 1, 13 refer (2), 14 truncate (3), 15 device ioctl (5). */
enum {
  kExecute = 1 << 0,
  kWriteFile = 1 << 1,
  kReadFile = 1 << 2,
  kReadDir = 1 << 3,
  kMakeChar = 1 << 6,
  kMakeSock = 1 << 9,
  kMakeBlock = 1 << 11,
  kTruncate = 1 << 14,
  kIoctl = 1 << 15,
};
static const uint64_t kFileRights = kExecute | kWriteFile | kReadFile | kTruncate | kIoctl;

static const char* more_paths = "";

int mc_landlock_abi(void) {
  const long abi = syscall(kCreateRuleset, NULL, (size_t)0, kVersionFlag);
  return abi < 0 ? 0 : (int)abi;
}

void mc_landlock_read_paths(const char* paths) { more_paths = paths; }

static int allow(int ruleset, const char* path, uint64_t rights, uint64_t handled) {
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 0 : -1;
  struct stat status;
  if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode)) rights &= kFileRights;
  struct path_beneath rule = {rights & handled, fd};
  const long result = syscall(kAddRule, ruleset, kPathBeneath, &rule, 0);
  const int error = errno;
  close(fd);
  errno = error;
  return (int)result;
}

int mc_landlock(const char* workdir, int host_paths) {
  const int abi = mc_landlock_abi();
  if (abi < 1) {
    errno = ENOSYS;
    return -1;
  }
  struct ruleset attributes = {0, 0, 0};
  attributes.handled_fs = (1u << 13) - 1;
  if (abi >= 2) attributes.handled_fs |= 1u << 13;
  if (abi >= 3) attributes.handled_fs |= kTruncate;
  if (abi >= 5) attributes.handled_fs |= kIoctl;
  if (abi >= 4) attributes.handled_net = 3; /* bind and connect */
  if (abi >= 6) attributes.scoped = 3;      /* abstract sockets and signals */
  const size_t size = abi >= 6   ? sizeof attributes
                      : abi >= 4 ? offsetof(struct ruleset, scoped)
                                 : offsetof(struct ruleset, handled_net);
  const int ruleset = (int)syscall(kCreateRuleset, &attributes, size, 0);
  if (ruleset < 0) return -1;

  const uint64_t handled = attributes.handled_fs;
  const uint64_t read = kReadFile | kReadDir;
  const uint64_t work = handled & ~(uint64_t)(kExecute | kMakeChar | kMakeBlock | kIoctl | kMakeSock);
  static const char* const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/random"};
  static const char* const system[] = {"/usr/lib", "/usr/lib64",       "/usr/local/lib",     "/lib",
                                       "/lib64",   "/etc/ld.so.cache", "/usr/share/zoneinfo"};
  int failed = allow(ruleset, workdir, work, handled);
  for (size_t i = 0; i < sizeof devices / sizeof *devices; ++i)
    failed |= allow(ruleset, devices[i], kReadFile | kWriteFile, handled);
  if (!host_paths) {
    failed |= allow(ruleset, "/", read, handled);
  } else {
    for (size_t i = 0; i < sizeof system / sizeof *system; ++i) failed |= allow(ruleset, system[i], read, handled);
    for (const char* start = more_paths; *start != '\0';) {
      const char* end = strchrnul(start, ':');
      char path[4096];
      const size_t length = (size_t)(end - start);
      if (length > 0 && length < sizeof path) {
        memcpy(path, start, length);
        path[length] = '\0';
        failed |= allow(ruleset, path, read, handled);
      }
      start = *end == ':' ? end + 1 : end;
    }
  }
  if (failed == 0) failed = (int)syscall(kRestrictSelf, ruleset, 0);
  const int error = errno;
  close(ruleset);
  errno = error;
  return failed == 0 ? 0 : -1;
}
