#include "sandbox/testing/jail_test.h"

#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/paths.h"

namespace mathcoder::sandbox {
namespace {

namespace fs = std::filesystem;

std::string FirstLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string Whole(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> all;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const pid_t pid = std::atoi(entry->path().filename().c_str());
    if (pid > 0) all.push_back(pid);
  }
  return all;
}

}  // namespace

std::set<pid_t> Descendants(pid_t root) {
  std::map<pid_t, pid_t> parents;
  for (const pid_t pid : AllProcesses()) {
    const std::string stat = FirstLine("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t paren = stat.rfind(')');
    if (paren == std::string::npos) continue;
    std::istringstream rest(stat.substr(paren + 1));
    std::string state;
    pid_t parent = 0;
    rest >> state >> parent;
    parents[pid] = parent;
  }
  std::set<pid_t> found;
  for (const auto& [pid, unused] : parents) {
    for (auto at = parents.find(pid); at != parents.end(); at = parents.find(at->second)) {
      if (at->second != root) continue;
      found.insert(pid);
      break;
    }
  }
  return found;
}

std::vector<pid_t> ProcessesNamed(const std::string& comm) {
  std::vector<pid_t> found;
  for (const pid_t pid : AllProcesses()) {
    if (FirstLine("/proc/" + std::to_string(pid) + "/comm") == comm) found.push_back(pid);
  }
  return found;
}

bool Exists(pid_t pid) { return fs::exists("/proc/" + std::to_string(pid)); }

bool Eventually(const std::function<bool()>& done) {
  for (int i = 0; i < 1000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return done();
}

SandboxOptions SmallLimits() {
  SandboxOptions options;
  options.library_set = "current";
  options.memory_bytes = std::size_t{256} << 20;
  options.disk_bytes = std::size_t{16} << 20;
  options.max_processes = 24;
  options.output_bytes = std::size_t{16} << 10;
  options.minimum_tier = Tier::kC;
  if (const char* names = std::getenv("MATHCODER_TEST_DISABLE_LAYERS"); names != nullptr) {
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');) options.disabled_layers.push_back(name);
  }
  return options;
}

RunOptions Limits(int timeout_ms, int grace_ms) {
  RunOptions options;
  options.timeout = std::chrono::milliseconds(timeout_ms);
  options.grace = std::chrono::milliseconds(grace_ms);
  return options;
}

RunResult JailTest::Run(SessionId session, const std::string& code, RunOptions options) {
  std::promise<RunResult> promise;
  sandbox_->Run(session, code, options, [&](RunResult result) { promise.set_value(std::move(result)); });
  std::future<RunResult> future = promise.get_future();
  // Far beyond the limit: a verdict that does not come is a failure, a slow machine is not.
  if (future.wait_for(options.timeout + options.grace + std::chrono::seconds(30)) != std::future_status::ready) {
    ADD_FAILURE() << "no verdict for: " << code;
    sandbox_.reset();  // ends the run, whose promise lives here
    return future.get();
  }
  return future.get();
}

void JailTest::SetUp() {
  if (!base::FindLibrarySet("current"))
    GTEST_SKIP() << "the jail's library set is missing; make it: scripts/make-jail-python current";
  Restart(SmallLimits());
}

void JailTest::Restart(const SandboxOptions& options) {
  sandbox_.reset();
  try {
    sandbox_ = StartSandbox(options);
  } catch (const base::Error& error) {
    // A machine without any tier cannot run these tests; CI machines must have one.
    if (std::getenv("MATHCODER_TEST_NO_JAIL") != nullptr) GTEST_SKIP() << error.what();
    throw;
  }
  // The canaries' session is on its way out when the sandbox is ready; then only the zygote is there.
  ASSERT_TRUE(Eventually([&] {
    before_ = Look();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    return before_.processes.size() == 1 && before_ == Look();
  }));
  OpenSibling();
  session_ = sandbox_->Open();
}

void JailTest::OpenSibling() {
  sibling_ = sandbox_->Open();
  const RunResult result = Run(sibling_, "precious = 4711");
  ASSERT_EQ(result.status, RunStatus::kOk) << result.cause << result.output;
}

JailTest::Leftovers JailTest::Look() const {
  Leftovers seen;
  const pid_t daemon = sandbox_->sandboxd_pid();
  seen.processes = Descendants(daemon);
  std::error_code error;
  // Unreadable where the daemon has its own user namespace and this is not root: then none are seen, before and after.
  for (fs::directory_iterator entry("/proc/" + std::to_string(daemon) + "/fd", error), end; !error && entry != end;
       entry.increment(error))
    ++seen.descriptors;
  seen.mounts = Whole("/proc/self/mountinfo");
  for (fs::directory_iterator entry("/tmp", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.find("mathcoder-session-" + std::to_string(daemon)) == std::string::npos) continue;
    std::error_code ignored;
    for (fs::directory_iterator child(entry->path(), ignored); !ignored && child != end; child.increment(ignored))
      seen.files.insert(child->path().string());
  }
  for (const char* controller : {"memory", "pids", "unified", ""}) {
    const fs::path root = fs::path("/sys/fs/cgroup") / controller;
    for (fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied, error), end;
         !error && entry != end; entry.increment(error)) {
      if (!entry->is_directory(error) || entry.depth() > 6) continue;
      if (entry->path().string().find("mathcoder-" + std::to_string(daemon) + "/") != std::string::npos)
        seen.groups.insert(entry->path().string());
    }
  }
  return seen;
}

void JailTest::TearDown() {
  if (IsSkipped() || sandbox_ == nullptr || !check_invariant_) return;
  const RunResult sibling = Run(sibling_, "precious");
  EXPECT_EQ(sibling.value, "4711") << "the sibling: " << Name(sibling.status) << " " << sibling.cause << " " << sibling.output;
  const SessionId fresh = sandbox_->Open();
  const RunResult works = Run(fresh, "6 * 7");
  EXPECT_EQ(works.value, "42") << "a new session: " << Name(works.status) << " " << works.cause;
  for (const SessionId session : {session_, sibling_, fresh}) sandbox_->Close(session);
  Leftovers after;
  const bool clean = Eventually([&] { return (after = Look()) == before_; });
  EXPECT_TRUE(clean) << "left: " << after.processes.size() << " processes (" << before_.processes.size() << " before), "
                     << after.descriptors << " descriptors (" << before_.descriptors << "), mounts "
                     << (after.mounts == before_.mounts ? "same" : "changed") << ", " << after.files.size() << " files, "
                     << after.groups.size() << " groups (" << before_.groups.size() << ")";
  const pid_t daemon = sandbox_->sandboxd_pid();
  sandbox_.reset();
  EXPECT_TRUE(Eventually([&] { return !Exists(daemon); }));
}

}  // namespace mathcoder::sandbox
