// How sandboxd gives up what it does not need, and gains a user namespace in which it may make others.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "sandbox/python_layout.h"

namespace mathcoder::sandbox {

// A user id that no account has, for sessions of a sandboxd that root started: in the range that systemd keeps for transient ids.
uid_t UnusedUid();
std::vector<uid_t> UnusedUids(std::size_t count);  // fewer where there are not so many

// As root: builds the jail's root, changes to `uid`, enters namespaces of its own. Else: enters namespaces, builds the root there.
// Afterwards the process is uid 0 of a user namespace that maps one unprivileged id, its root is the jail's root, it has no
// network. Throws base::Error with the step that failed; the process may then have given up part of its rights and should exit.
void EnterNamespaces(const PythonLayout& layout, const std::string& native_library, uid_t uid, int proc);

// A session's namespaces, held by an init that runs no user code.
struct Cell {
  pid_t init = -1;
  base::UniqueFd init_pidfd;
};

struct CellOptions {
  std::size_t disk_bytes;
  std::size_t inodes;
};

// About 1 ms. Precondition: EnterNamespaces. Returns nullopt with `why` set.
// The cell is ready when it returns; killing its init ends every process inside.
std::optional<Cell> MakeCell(const CellOptions& options, int proc, std::string* why);

// Blocks until the process is gone; harmless for one that is gone already.
void KillAndWait(pid_t pid);

}  // namespace mathcoder::sandbox
