#include "sandbox/daemon/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace mathcoder::sandbox {
namespace {

bool WriteAt(int folder, const char* name, const std::string& value) {
  const base::UniqueFd fd(openat(folder, name, O_WRONLY | O_CLOEXEC));
  return fd.valid() && write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

std::string ReadAt(int folder, const char* name) {
  const base::UniqueFd fd(openat(folder, name, O_RDONLY | O_CLOEXEC));
  char buffer[1024];
  const ssize_t n = fd.valid() ? read(fd.get(), buffer, sizeof buffer) : 0;
  return std::string(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
}

// The number after `key ` in a file of such lines.
std::uint64_t Counter(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  std::string name;
  std::uint64_t value = 0;
  while (lines >> name >> value) {
    if (name == key) return value;
  }
  return 0;
}

struct Hierarchy {
  std::string folder;  // our own group in it
  bool memory = false;
  bool pids = false;
  bool unified = false;
};

// Our own groups in the mounted hierarchies that have the memory or pids controller.
std::vector<Hierarchy> FindHierarchies() {
  std::vector<std::pair<std::string, std::string>> own;  // controllers ("" for v2), path
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second != std::string::npos) own.emplace_back(line.substr(first + 1, second - first - 1), line.substr(second + 1));
  }
  std::vector<Hierarchy> found;
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream head(line.substr(0, dash));
    std::istringstream tail(line.substr(dash + 3));
    std::string skip;
    std::string root;
    std::string point;
    std::string type;
    std::string options;
    head >> skip >> skip >> skip >> root >> point;
    tail >> type >> skip >> options;
    const std::string bounded = "," + options + ",";
    const bool unified = type == "cgroup2";
    const bool memory = type == "cgroup" && bounded.find(",memory,") != std::string::npos;
    const bool pids = type == "cgroup" && bounded.find(",pids,") != std::string::npos;
    if (!unified && !memory && !pids) continue;
    for (const auto& [controllers, path] : own) {
      const std::string list = "," + controllers + ",";
      const bool matches =
          unified ? controllers.empty()
                  : (memory && list.find(",memory,") != std::string::npos) || (pids && list.find(",pids,") != std::string::npos);
      if (!matches) continue;
      // The mount shows the hierarchy from `root` down (a container's view).
      std::string below = path;
      if (root != "/" && below.compare(0, root.size(), root) == 0) below = below.substr(root.size());
      found.push_back({point + (below == "/" ? "" : below), memory, pids, unified});
    }
  }
  return found;
}

struct Group {
  base::UniqueFd folder;
  std::string path;
  Hierarchy kind;
};

class Session : public SessionCgroup {
 public:
  struct Part {
    int parent;
    std::string name;
    base::UniqueFd folder;
    base::UniqueFd procs;
    bool memory;
    bool unified;
  };
  ~Session() override {
    for (Part& part : parts) {
      part.procs.Reset();
      part.folder.Reset();
      // The kernel takes a moment to let go of the last process.
      for (int i = 0; i < 50 && unlinkat(part.parent, part.name.c_str(), AT_REMOVEDIR) != 0 && errno == EBUSY; ++i) usleep(1000);
    }
  }
  std::vector<int> procs() const override {
    std::vector<int> fds;
    for (const Part& part : parts) fds.push_back(part.procs.get());
    return fds;
  }
  std::uint64_t oom_kills() const override {
    for (const Part& part : parts) {
      if (part.memory) return Counter(ReadAt(part.folder.get(), part.unified ? "memory.events" : "memory.oom_control"), "oom_kill");
    }
    return 0;
  }
  std::vector<Part> parts;
};

class Root : public CgroupRoot {
 public:
  ~Root() override {
    // Where sandboxd has changed its root or its id since, this fails and RemoveStaleCgroups does it later.
    for (const Group& group : groups) rmdir(group.path.c_str());
  }
  std::unique_ptr<SessionCgroup> Make(std::uint64_t session, const CgroupLimits& limits, std::string* why) override {
    auto made = std::make_unique<Session>();
    for (const Group& group : groups) {
      Session::Part part{group.folder.get(), "s" + std::to_string(session), {}, {}, group.kind.memory || group.kind.unified,
                         group.kind.unified};
      if (mkdirat(part.parent, part.name.c_str(), 0755) != 0)
        return *why = "cgroup: create " + group.path + "/" + part.name + ": " + std::strerror(errno), nullptr;
      part.folder = base::UniqueFd(openat(part.parent, part.name.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC));
      part.procs = base::UniqueFd(openat(part.folder.get(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
      bool set = part.procs.valid();
      if (group.kind.unified) {
        set = set && WriteAt(part.folder.get(), "memory.max", std::to_string(limits.memory_bytes)) &&
              WriteAt(part.folder.get(), "pids.max", std::to_string(limits.max_processes));
        WriteAt(part.folder.get(), "memory.swap.max", "0");
        WriteAt(part.folder.get(), "memory.oom.group", "1");
      }
      if (group.kind.memory) {
        set = set && WriteAt(part.folder.get(), "memory.limit_in_bytes", std::to_string(limits.memory_bytes));
        WriteAt(part.folder.get(), "memory.memsw.limit_in_bytes", std::to_string(limits.memory_bytes));
      }
      if (group.kind.pids) set = set && WriteAt(part.folder.get(), "pids.max", std::to_string(limits.max_processes));
      made->parts.push_back(std::move(part));
      if (!set) return *why = "cgroup: limits of " + group.path + " cannot be set: " + std::strerror(errno), nullptr;
    }
    return made;
  }
  std::vector<Group> groups;
};

// Makes `folder`/mathcoder-PID, owned by `owner`.
std::optional<Group> MakeParent(const Hierarchy& kind, uid_t owner, std::string* why) {
  Group group;
  group.kind = kind;
  group.path = kind.folder + "/mathcoder-" + std::to_string(getpid());
  if (mkdir(group.path.c_str(), 0755) != 0) return *why = group.path + ": " + std::strerror(errno), std::nullopt;
  group.folder = base::UniqueFd(open(group.path.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  if (kind.unified && !WriteAt(group.folder.get(), "cgroup.subtree_control", "+memory +pids")) {
    *why = group.path + ": the memory and pids controllers are not delegated to it";
    rmdir(group.path.c_str());
    return std::nullopt;
  }
  if (owner != geteuid()) {
    for (const char* name : {"", "cgroup.procs", "tasks", "cgroup.subtree_control", "cgroup.threads"}) {
      (void)!fchownat(group.folder.get(), name, owner, static_cast<gid_t>(-1), *name == '\0' ? AT_EMPTY_PATH : 0);
    }
  }
  return group;
}

}  // namespace

void RemoveStaleCgroups() {
  namespace fs = std::filesystem;
  for (const Hierarchy& kind : FindHierarchies()) {
    std::error_code error;
    for (fs::directory_iterator entry(kind.folder, error), end; !error && entry != end; entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (name.compare(0, 10, "mathcoder-") != 0) continue;
      const pid_t pid = std::atoi(name.c_str() + 10);
      if (pid <= 0 || fs::exists("/proc/" + std::to_string(pid))) continue;
      std::error_code ignored;
      for (fs::directory_iterator child(entry->path(), ignored); !ignored && child != end; child.increment(ignored)) {
        if (child->is_directory(ignored)) rmdir(child->path().c_str());
      }
      rmdir(entry->path().c_str());
    }
  }
}

std::unique_ptr<CgroupRoot> OpenCgroups(uid_t owner, std::string* why) {
  auto root = std::make_unique<Root>();
  std::string reason = "no cgroup hierarchy with the memory controller is mounted";
  bool memory = false;
  bool pids = false;
  for (const Hierarchy& kind : FindHierarchies()) {
    if ((kind.memory && memory) || (kind.pids && pids) || (kind.unified && (memory || pids))) continue;
    if (kind.unified) {
      std::ifstream controllers(kind.folder + "/cgroup.controllers");
      std::string text((std::istreambuf_iterator<char>(controllers)), {});
      if (text.find("memory") == std::string::npos || text.find("pids") == std::string::npos) continue;
    }
    auto group = MakeParent(kind, owner, &reason);
    if (!group) continue;
    memory = memory || kind.memory || kind.unified;
    pids = pids || kind.pids || kind.unified;
    root->groups.push_back(std::move(*group));
  }
  if (memory && pids) return root;
  *why = "no writable cgroup (" + reason + "); start as root, or under `systemd-run --user --scope -p Delegate=yes`";
  return nullptr;
}

}  // namespace mathcoder::sandbox
