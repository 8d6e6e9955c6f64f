#include "sandbox/daemon/tier.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/unique_fd.h"
#include "sandbox/daemon/cgroup.h"
#include "sandbox/daemon/privileges.h"
#include "sandbox/daemon/seccomp_filter.h"
#include "sandbox/jail/landlock.h"

namespace mathcoder::sandbox {
namespace {

constexpr const char* kNamespacesLayer = "namespaces";
constexpr const char* kLandlockLayer = "landlock";
constexpr const char* kScopesLayer = "landlock scopes";
constexpr const char* kSeccompLayer = "seccomp";
constexpr const char* kCgroupLayer = "cgroup";

// Runs `attempt` in a child; its message, empty where it worked.
template <typename F>
std::string InChild(F attempt) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::strerror(errno);
  const base::UniqueFd read_end(ends[0]);
  base::UniqueFd write_end(ends[1]);
  const pid_t pid = fork();
  if (pid == 0) {
    std::string why;
    try {
      attempt(&why);
    } catch (const std::exception& error) {
      why = error.what();
    }
    (void)!write(write_end.get(), why.data(), why.size());
    _exit(why.empty() ? 0 : 1);
  }
  if (pid < 0) return std::strerror(errno);
  write_end.Reset();
  std::string why;
  char buffer[512];
  ssize_t n;
  while ((n = read(read_end.get(), buffer, sizeof buffer)) > 0) why.append(buffer, static_cast<std::size_t>(n));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (why.empty() && status != 0) why = "the attempt died";
  return why;
}

bool Says(const char* path, char value) {
  std::ifstream file(path);
  return file.get() == value;
}

// What stands in the way of namespaces, as far as settings tell.
std::string HowToEnableNamespaces(const std::string& why) {
  // Root does not help: it gives up its rights before it makes the namespace, which is what AppArmor restricts.
  if (Says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
    return why +
           "; sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile that allows mathcoder-sandboxd userns";
  if (Says("/proc/sys/kernel/unprivileged_userns_clone", '0')) return why + "; sysctl kernel.unprivileged_userns_clone=1";
  if (Says("/proc/sys/user/max_user_namespaces", '0')) return why + "; sysctl user.max_user_namespaces=10000";
  return why +
         "; in a container: allow user namespaces and mounts (docker run --security-opt seccomp=unconfined --security-opt "
         "apparmor=unconfined --security-opt systempaths=unconfined)";
}

bool Has(const std::vector<Layer>& layers, const char* name) {
  return std::any_of(layers.begin(), layers.end(), [&](const Layer& layer) { return layer.name == name && layer.available; });
}

}  // namespace

Probe ProbeLayers(const PythonLayout& layout, const std::string& native_library, int proc, const SandboxOptions& options) {
  Probe probe;
  const auto disabled = [&](const char* name) {
    return std::find(options.disabled_layers.begin(), options.disabled_layers.end(), name) != options.disabled_layers.end();
  };
  const auto add = [&](const char* name, std::string why) {
    if (disabled(name)) why = "switched off";
    probe.layers.push_back({name, why.empty(), why});
  };
  const uid_t uid = geteuid() == 0 ? UnusedUid() : geteuid();
  std::string why = disabled(kNamespacesLayer) ? "switched off" : InChild([&](std::string* reason) {
    EnterNamespaces(layout, native_library, uid, proc);
    auto cell = MakeCell({std::size_t{1} << 20, 64}, proc, reason);
    if (cell) KillAndWait(cell->init);
  });
  add(kNamespacesLayer, why.empty() || why == "switched off" ? why : HowToEnableNamespaces(why));
  const int abi = mc_landlock_abi();
  add(kLandlockLayer, abi >= 1 ? ""
                               : "the kernel has no Landlock, or it is not in the list of active security modules; boot with "
                                 "lsm=landlock,... (Linux 5.13 or newer)");
  add(kScopesLayer, abi >= 6 ? "" : "Landlock ABI " + std::to_string(abi) + " cannot hold back signals; Linux 6.12 or newer can");
  try {
    if (!disabled(kSeccompLayer)) probe.seccomp_filter = CompileSeccompFilter();
    add(kSeccompLayer,
        access("/proc/sys/kernel/seccomp", F_OK) == 0 ? "" : "the kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)");
  } catch (const base::Error& error) {
    add(kSeccompLayer, error.what());
  }
  why.clear();
  if (!disabled(kCgroupLayer)) {
    auto groups = OpenCgroups(geteuid(), &why);
    if (groups != nullptr) {
      const auto group = groups->Make(0, {options.memory_bytes, options.max_processes}, &why);
    }
  }
  add(kCgroupLayer, why);
  return probe;
}

Tier TierOf(const Probe& probe) {
  const auto& layers = probe.layers;
  if (!Has(layers, kLandlockLayer) || !Has(layers, kSeccompLayer)) return Tier::kNone;
  if (Has(layers, kNamespacesLayer)) return Has(layers, kCgroupLayer) ? Tier::kA : Tier::kB;
  return Has(layers, kScopesLayer) ? Tier::kC : Tier::kNone;
}

std::string WhyNotHigher(const TierReport& report) {
  std::string why;
  for (const Layer& layer : report.layers) {
    // Without namespaces' help scopes matter; with them they are one layer more.
    if (layer.available || (layer.name == kScopesLayer && report.tier <= Tier::kB)) continue;
    why += (why.empty() ? "" : "; ") + layer.name + ": " + layer.why_not;
  }
  return report.tier == Tier::kA ? "" : why;
}

}  // namespace mathcoder::sandbox
