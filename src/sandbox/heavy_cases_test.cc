// Cases that fill something or print without end, and the loss of each process that the sandbox is made of.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>

#include "sandbox/testing/jail_test.h"

namespace mathcoder::sandbox {
namespace {

using HeavyCasesTest = JailTest;

TEST_F(HeavyCasesTest, 1_ForkBomb) {
  const RunResult bomb = Run(session_, R"(
import os, time
made, refused = 0, None
while made < 1000 and refused is None:
    try:
        if os.fork() == 0:
            time.sleep(1000)
            os._exit(0)
        made += 1
    except OSError as error:
        refused = error.errno
(refused, made < 100)
)");
  EXPECT_EQ(bomb.value, "(11, True)") << bomb.output;  // EAGAIN
  // Without namespaces and root the limit is one for all sessions: docs/sandbox.md, tier C.
  if (sandbox_->tier().tier == Tier::kC && geteuid() != 0) return;
  const SessionId neighbour = sandbox_->Open();
  EXPECT_EQ(Run(neighbour, "import os\npid = os.fork()\nif pid == 0: os._exit(7)\nos.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])")
                .value,
            "7");
  sandbox_->Close(neighbour);
}

TEST_F(HeavyCasesTest, 1_ForkBombThatSpreads) {
  const RunResult bomb =
      Run(session_, "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass", Limits(500));
  EXPECT_TRUE(bomb.status == RunStatus::kTimeout || bomb.status == RunStatus::kSessionLost) << Name(bomb.status);
}

TEST_F(HeavyCasesTest, 2_ThreadBomb) {
  const RunResult bomb = Run(session_, R"(
import threading
stop = threading.Event()
made, refused = 0, False
while made < 1000 and not refused:
    try:
        threading.Thread(target=stop.wait, daemon=True).start()
        made += 1
    except (RuntimeError, MemoryError):
        refused = True
stop.set()
(refused, made < 100)
)");
  EXPECT_EQ(bomb.value, "(True, True)") << bomb.output;
}

TEST_F(HeavyCasesTest, 4_MemoryOfManyChildren) {
  const RunResult result = Run(session_, R"(
import os, time
for i in range(8):
    if os.fork() == 0:
        try:
            block = bytearray(100 << 20)
            for at in range(0, len(block), 4096): block[at] = 1
            time.sleep(20)
        finally:
            os._exit(0)
time.sleep(15)
)",
                               Limits(20000));
  EXPECT_EQ(result.status, RunStatus::kMemoryLost) << Name(result.status) << " " << result.cause << result.output;
}

// Without a cgroup memory is polled: also that of children that another thread forked.
TEST_F(HeavyCasesTest, 4_MemoryOfChildrenOfAThread) {
  SandboxOptions options = SmallLimits();
  options.disabled_layers.push_back("cgroup");
  Restart(options);
  const RunResult result = Run(session_, R"(
import os, threading, time
def spread():
    for i in range(8):
        if os.fork() == 0:
            try:
                block = bytearray(100 << 20)
                for at in range(0, len(block), 4096): block[at] = 1
                time.sleep(20)
            finally:
                os._exit(0)
    time.sleep(20)
threading.Thread(target=spread, daemon=True).start()
time.sleep(15)
)",
                               Limits(20000));
  EXPECT_EQ(result.status, RunStatus::kMemoryLost) << Name(result.status) << " " << result.cause << result.output;
}

TEST_F(HeavyCasesTest, 4_MemoryBetweenRuns) {
  SandboxOptions options = SmallLimits();
  options.disabled_layers.push_back("cgroup");
  Restart(options);
  const RunResult begun = Run(session_, R"(
import os, time
for i in range(8):
    if os.fork() == 0:
        try:
            time.sleep(1)
            block = bytearray(100 << 20)
            for at in range(0, len(block), 4096): block[at] = 1
            time.sleep(60)
        finally:
            os._exit(0)
)");
  ASSERT_EQ(begun.status, RunStatus::kOk) << begun.cause << begun.output;
  // The sibling's, the session's and the new processes go when the session does, which no run tells of.
  const std::size_t many = Descendants(sandbox_->sandboxd_pid()).size();
  EXPECT_TRUE(Eventually([&] { return Descendants(sandbox_->sandboxd_pid()).size() + 8 <= many; }));
  const RunResult result = Run(session_, "1");
  EXPECT_EQ(result.status, RunStatus::kSessionLost) << Name(result.status);
  EXPECT_NE(result.cause.find("memory limit"), std::string::npos) << result.cause;
}

TEST_F(HeavyCasesTest, 12_EndlessBetweenRuns) {
  ASSERT_EQ(Run(session_, R"(
import os, threading, time
longest = 0
def write():
    global longest
    while True:
        before = time.monotonic()
        os.write(1, b'x' * 1000)
        longest = max(longest, time.monotonic() - before)
threading.Thread(target=write, daemon=True).start()
)")
                .status,
            RunStatus::kOk);
  usleep(1500000);
  // It was held up as soon as nobody was there to read it, and goes on in the next run.
  EXPECT_EQ(Run(session_, "time.sleep(0.2)\nlongest > 1").value, "True");
}

TEST_F(HeavyCasesTest, 10_AVeryLongLine) {
  SandboxOptions options = SmallLimits();
  options.memory_bytes = std::size_t{2} << 30;
  Restart(options);
  const RunResult result = Run(session_, "print('x' * 200_000_000)\nprint('end')", Limits(60000));
  EXPECT_EQ(result.status, RunStatus::kOk) << Name(result.status) << result.cause;
  EXPECT_TRUE(result.truncated);
  EXPECT_LT(result.output.size(), std::size_t{20} << 10);
  EXPECT_EQ(result.output.substr(result.output.size() - 4), "\nend");
  EXPECT_EQ(Run(session_, "1").value, "1");
}

TEST_F(HeavyCasesTest, 11_EndlessLines) {
  const RunResult result = Run(session_, "i = 0\nwhile True:\n    print(i)\n    i += 1", Limits(500));
  EXPECT_EQ(result.status, RunStatus::kTimeout) << result.cause;
  EXPECT_TRUE(result.truncated);
  EXPECT_EQ(result.output.substr(0, 4), "0\n1\n");
  EXPECT_LT(result.output.size(), std::size_t{20} << 10);
  EXPECT_EQ(Run(session_, "i > 100").value, "True");
}

TEST_F(HeavyCasesTest, 12_EndlessWithoutNewline) {
  const RunResult result = Run(session_, "import os\nwhile True: os.write(1, b'x' * 1000)", Limits(500));
  EXPECT_EQ(result.status, RunStatus::kTimeout) << result.cause;
  EXPECT_TRUE(result.truncated);
  EXPECT_LT(result.output.size(), std::size_t{20} << 10);
}

TEST_F(HeavyCasesTest, 72_SandboxdDies) {
  std::promise<RunResult> promise;
  sandbox_->Run(session_, "while True: pass", Limits(60000), [&](RunResult result) { promise.set_value(std::move(result)); });
  usleep(300000);
  const pid_t daemon = sandbox_->sandboxd_pid();
  std::set<pid_t> below = Descendants(daemon);
  ASSERT_GE(below.size(), 3U);
  kill(daemon, SIGKILL);
  const RunResult result = promise.get_future().get();
  EXPECT_EQ(result.status, RunStatus::kInfrastructure);
  EXPECT_NE(result.cause.find("sandboxd died"), std::string::npos) << result.cause;
  for (const pid_t pid : below) EXPECT_TRUE(Eventually([&] { return !Exists(pid); })) << pid;
  EXPECT_EQ(Run(session_, "1").status, RunStatus::kInfrastructure);
  // Another one takes over for new sessions.
  const SessionId fresh = sandbox_->Open();
  const RunResult works = Run(fresh, "6 * 7");
  EXPECT_EQ(works.value, "42") << works.cause;
  EXPECT_NE(sandbox_->sandboxd_pid(), daemon);
  check_invariant_ = false;  // the sibling died by design
}

// Sessions that are opened, run and closed at any moment of a new sandboxd's start get their verdict, and none is left.
TEST_F(HeavyCasesTest, 72_OpenWhileSandboxdStartsAgain) {
  check_invariant_ = false;
  const pid_t daemon = sandbox_->sandboxd_pid();
  kill(daemon, SIGKILL);
  ASSERT_TRUE(Eventually([&] { return sandbox_->sandboxd_pid() != daemon; }));
  std::vector<SessionId> sessions;
  std::vector<std::promise<RunResult>> verdicts(50);
  // The first one starts it; then its process is there long before it serves.
  sessions.push_back(sandbox_->Open());
  ASSERT_TRUE(Eventually([&] { return sandbox_->sandboxd_pid() > 0; }));
  for (int i = 1; i < 50; ++i) sessions.push_back(sandbox_->Open());
  for (std::size_t i = 0; i < 50; ++i) {
    sandbox_->Run(sessions[i], "6 * 7", Limits(30000), [&, i](RunResult result) { verdicts[i].set_value(std::move(result)); });
  }
  for (std::promise<RunResult>& verdict : verdicts) {
    std::future<RunResult> result = verdict.get_future();
    if (result.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      ADD_FAILURE() << "no verdict";
      sandbox_.reset();
      return;
    }
    const RunResult got = result.get();
    EXPECT_EQ(got.value, "42") << Name(got.status) << " " << got.cause;
  }
  for (const SessionId session : sessions) sandbox_->Close(session);
  EXPECT_TRUE(Eventually([&] { return Descendants(sandbox_->sandboxd_pid()).size() == 1; }));
}

TEST_F(HeavyCasesTest, 73_TheZygoteDies) {
  std::promise<RunResult> promise;
  sandbox_->Run(session_, "while True: pass", Limits(60000), [&](RunResult result) { promise.set_value(std::move(result)); });
  usleep(300000);
  const pid_t daemon = sandbox_->sandboxd_pid();
  // The zygote was started first: the lowest child.
  const std::set<pid_t> below = Descendants(daemon);
  ASSERT_FALSE(below.empty());
  kill(*below.begin(), SIGKILL);
  const RunResult result = promise.get_future().get();
  EXPECT_EQ(result.status, RunStatus::kInfrastructure);
  EXPECT_NE(result.cause.find("zygote died"), std::string::npos) << result.cause;
  const SessionId fresh = sandbox_->Open();
  EXPECT_EQ(Run(fresh, "6 * 7").value, "42");
  EXPECT_EQ(sandbox_->sandboxd_pid(), daemon);
  for (const pid_t pid : below) EXPECT_TRUE(Eventually([&] { return !Exists(pid); })) << pid;
  check_invariant_ = false;
}

// Twenty seconds: sandboxd's patience with a session that is not ready.
TEST_F(HeavyCasesTest, 73_TheZygoteHangs) {
  const std::set<pid_t> below = Descendants(sandbox_->sandboxd_pid());
  ASSERT_FALSE(below.empty());
  kill(*below.begin(), SIGSTOP);
  const RunResult result = Run(sandbox_->Open(), "1");
  EXPECT_EQ(result.status, RunStatus::kInfrastructure);
  EXPECT_NE(result.cause.find("not ready"), std::string::npos) << result.cause;
  // It was killed and started again.
  EXPECT_EQ(Run(sandbox_->Open(), "6 * 7").value, "42");
  EXPECT_TRUE(Eventually([&] { return !Exists(*below.begin()); }));
  check_invariant_ = false;
}

TEST_F(HeavyCasesTest, 74_TheClientDies) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  sandbox_.reset();
  const pid_t client = fork();
  if (client == 0) {
    auto own = StartSandbox(SmallLimits());
    const SessionId session = own->Open();
    const pid_t daemon = own->sandboxd_pid();
    own->Run(session, "started = 1", Limits(60000), [&](RunResult) { (void)!write(ends[1], &daemon, sizeof daemon); });
    own->Run(own->Open(), "while True: pass", Limits(60000), [](RunResult) {});
    pause();
    _exit(0);
  }
  pid_t daemon = 0;
  ASSERT_EQ(read(ends[0], &daemon, sizeof daemon), static_cast<ssize_t>(sizeof daemon));
  const std::set<pid_t> below = Descendants(daemon);
  ASSERT_GE(below.size(), 3U);
  kill(client, SIGKILL);
  waitpid(client, nullptr, 0);
  EXPECT_TRUE(Eventually([&] { return !Exists(daemon); }));
  for (const pid_t pid : below) EXPECT_TRUE(Eventually([&] { return !Exists(pid); })) << pid;
  close(ends[0]);
  close(ends[1]);
}

TEST_F(HeavyCasesTest, 74_TheClientLetsGo) {
  const pid_t daemon = sandbox_->sandboxd_pid();
  RunResult result;
  sandbox_->Run(session_, "while True: pass", Limits(60000), [&](RunResult got) { result = std::move(got); });
  usleep(200000);
  const std::set<pid_t> below = Descendants(daemon);
  sandbox_.reset();
  EXPECT_EQ(result.status, RunStatus::kInfrastructure);
  for (const pid_t pid : below) EXPECT_TRUE(Eventually([&] { return !Exists(pid); })) << pid;
}

}  // namespace
}  // namespace mathcoder::sandbox
