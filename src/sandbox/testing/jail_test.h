// What the sandbox's tests share: a jail with small limits, one call to run a cell, and the invariant that must hold after whatever
// a session did.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sandbox/sandbox.h"

namespace mathcoder::sandbox {

// Processes below `root`, itself left out.
std::set<pid_t> Descendants(pid_t root);
// Processes of this machine whose name is `comm`.
std::vector<pid_t> ProcessesNamed(const std::string& comm);
bool Exists(pid_t pid);
// Waits until `done()`, for ten seconds at most.
bool Eventually(const std::function<bool()>& done);

// MATHCODER_TEST_DISABLE_LAYERS names layers that are switched off ("cgroup", "namespaces"), so that every tier can be tested on a
// machine that has the highest.
SandboxOptions SmallLimits();
RunOptions Limits(int timeout_ms, int grace_ms = 500);

class JailTest : public testing::Test {
 protected:
  // Skips where the library set is missing.
  void SetUp() override;
  // The invariant: a sibling's variable is intact, a new session starts, and when all are closed no process, descriptor, mount,
  // file or control group is left.
  void TearDown() override;

  // Ends the test's own sandbox and starts one with these options.
  void Restart(const SandboxOptions& options);

  RunResult Run(SessionId session, const std::string& code, RunOptions options);
  RunResult Run(SessionId session, const std::string& code) { return Run(session, code, Limits(10000)); }

  std::unique_ptr<Sandbox> sandbox_;
  SessionId session_ = 0;
  bool check_invariant_ = true;

 private:
  struct Leftovers {
    std::set<pid_t> processes;
    std::size_t descriptors = 0;
    std::string mounts;
    std::set<std::string> files;
    std::set<std::string> groups;
    bool operator==(const Leftovers&) const = default;
  };
  Leftovers Look() const;
  void OpenSibling();

  SessionId sibling_ = 0;
  Leftovers before_;
};

}  // namespace mathcoder::sandbox
