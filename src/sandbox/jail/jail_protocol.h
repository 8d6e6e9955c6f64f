/* What sandboxd and a zygote say to each other: SOCK_SEQPACKET messages, one struct each, descriptors beside them. Both ends are
 * trusted (no user code runs in a zygote) and built together; the struct layouts are those of one machine. C, because the zygote's
 * side is a small shared library inside Python. */
#ifndef MATHCODER_SANDBOX_JAIL_PROTOCOL_H_
#define MATHCODER_SANDBOX_JAIL_PROTOCOL_H_

#include <stdint.h>

enum {
  kJailNamespaces = 1, /* the worker joins the namespaces of its init */
  kJailLandlock = 2,
  kJailSeccomp = 4,
  kJailReaper = 8, /* no pid namespace: a reaper stands between zygote and worker and kills what is left */
};

#define MC_JAIL_MAGIC 0x4d434a31u /* "MCJ1" */
#define MC_MAX_BPF 32768u

/* sandboxd -> zygote, once, before the imports are reported. */
struct mc_config {
  uint32_t magic;
  uint32_t layers; /* kJail... */
  uint32_t max_processes;
  uint32_t open_files;
  uint64_t file_bytes; /* RLIMIT_FSIZE */
  uint32_t bpf_bytes;  /* of the filter that follows the struct; a multiple of 8 */
  uint32_t reserved;
  char workdir[256]; /* where a session may write; also its current directory. Overridden by mc_fork_request in tier C */
};

/* sandboxd -> zygote: fork a session. Descriptors: control, stdout, stderr, then pidfd of the init with kJailNamespaces, then
 * n_cgroups files that "0" is written to. */
struct mc_fork_request {
  uint32_t magic;
  uint32_t n_cgroups;
  uint64_t session;
  uint64_t address_space_bytes; /* RLIMIT_AS */
  uint32_t uid;                 /* set (with gid) before the jail closes; UINT32_MAX: keep */
  uint32_t reserved;
  char workdir[256]; /* empty: as in mc_config */
};

enum { kZygoteReady = 1, kZygoteForked = 2, kZygoteForkFailed = 3, kZygoteExited = 4 };

/* zygote -> sandboxd. kZygoteReady is followed by a text: "name=version" lines. kZygoteForked carries a pidfd. */
struct mc_zygote_event {
  uint32_t magic;
  uint32_t kind;
  uint64_t session;
  int32_t pid;    /* in the zygote's pid namespace */
  int32_t status; /* of waitpid (kZygoteExited), errno (kZygoteForkFailed) */
};

/* sandboxd <-> worker on the session's control socket: SOCK_SEQPACKET fragments. The worker's side is hostile once user code ran.
 * A message is a list of fragments of the same kind and nonce with ascending offsets. */
enum { kWorkerReady = 'R', kWorkerFailed = 'F', kRunCode = 'X', kAnswer = 'A' };

#define MC_NONCE_BYTES 16
struct mc_fragment {
  uint8_t kind;
  uint8_t reserved[3];
  uint8_t nonce[MC_NONCE_BYTES];
  uint32_t offset;
  uint32_t total; /* bytes of the whole message */
};
#define MC_FRAGMENT_BYTES 32768u /* payload of one fragment at most */

#endif
