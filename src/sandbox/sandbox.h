// Stateful Python sessions behind a jail. One Sandbox owns one sandboxd process, which owns a zygote per library set, which forks
// sessions. docs/sandbox.md: design, tiers, and what each layer stops.
//
// Thread-safety: every method may be called from any thread. Callbacks run on the sandbox's own thread, exactly once each, must
// return quickly, and stop before the destructor returns. Nothing that runs inside the jail is trusted: verdicts come from sandboxd
// and the kernel alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mathcoder::sandbox {

// Proven by canary attacks at start, not by reading settings.
//  A: user, pid, mount, net, ipc, uts namespaces, pivot_root onto tmpfs, no capabilities, Landlock, seccomp, rlimits, cgroup
//  B: as A without cgroup (memory is polled, the session is killed above its cap)
//  C: no namespaces: Landlock (ABI 6) with seccomp and rlimits
enum class Tier : std::uint8_t { kA, kB, kC, kNone };
char Letter(Tier tier);  // 'A' 'B' 'C' '-'

struct Layer {
  std::string name;  // "user namespace", "landlock", "seccomp", "cgroup", ...
  bool available = false;
  std::string why_not;  // what to enable; empty when available
};

struct TierReport {
  Tier tier = Tier::kNone;
  std::vector<Layer> layers;
  std::string why_not_higher;                                  // one line; empty at tier A
  std::string python_version;                                  // of the library set that was asked about
  std::vector<std::pair<std::string, std::string>> libraries;  // name, version
};

struct SandboxOptions {
  std::string library_set = "current";  // "current", "published" (sympy 1.12, numpy 1.26), or the path of a Python interpreter
  Tier minimum_tier = Tier::kB;         // C must be asked for
  std::size_t memory_bytes = std::size_t{1} << 30;  // a session and its children together
  std::size_t disk_bytes = std::size_t{64} << 20;   // its private tmpfs
  std::size_t max_processes = 32;
  std::size_t output_bytes = std::size_t{64} << 10;  // kept of stdout and of stderr, head and tail
  std::size_t warm_sessions = 0;                     // sessions kept ready in advance
  std::size_t max_sessions = 256;                    // Open above it waits
  std::vector<std::string> disabled_layers;          // names of Layer that are not used ("cgroup", "namespaces"); for tests
};

enum class RunStatus : std::uint8_t {
  kOk,
  kError,           // an exception (SystemExit included); its traceback is in `output`
  kTimeout,         // interrupted with SIGINT; the session's state is kept
  kSessionLost,     // the session is gone; `cause` says why
  kMemoryLost,      // killed above memory_bytes
  kInfrastructure,  // sandboxd or a zygote failed: says nothing of the code
};
const char* Name(RunStatus status);  // "ok", "error", "timeout", "session_lost", "memory", "infrastructure"

struct RunResult {
  RunStatus status = RunStatus::kInfrastructure;
  std::string output;  // as a notebook shows it: what was printed, then the value of the last expression, then the traceback
  std::string stdout_text;
  std::string stderr_text;
  std::string value;      // repr of the last expression; empty where there is none
  std::string traceback;  // paths of the machine replaced
  std::string exception;  // "ZeroDivisionError: division by zero"; empty without one
  std::string cause;      // "exit 3", "SIGSEGV", "timeout: interrupt ignored"; what failed for kInfrastructure
  bool truncated = false;
  std::chrono::microseconds wall{0};  // from the request to the verdict
};

struct RunOptions {
  std::chrono::milliseconds timeout{6000};  // the paper's
  std::chrono::milliseconds grace{500};     // after SIGINT, before SIGKILL of the whole session
};

using SessionId = std::uint64_t;

class Sandbox {
 public:
  virtual ~Sandbox() = default;  // kills every session and sandboxd

  virtual const TierReport& tier() const = 0;

  // Starts (or takes a warm) session; Run may be called at once and waits for it. A session that cannot start shows in its first
  // Run as kInfrastructure.
  virtual SessionId Open() = 0;
  // One Run at a time in a session; sessions run side by side. `code` is UTF-8 without NUL (else kError, as Python says it).
  virtual void Run(SessionId session, std::string code, RunOptions options, std::function<void(RunResult)> done) = 0;
  virtual void Interrupt(SessionId session) = 0;  // SIGINT to what is running
  virtual void Close(SessionId session) = 0;      // kills it; a pending Run ends as kSessionLost with cause "closed"

  virtual int sandboxd_pid() const = 0;  // for tests and doctor
};

// Throws base::Unavailable: no tier of at least minimum_tier (what to enable), or no such library set (how to make it).
std::unique_ptr<Sandbox> StartSandbox(const SandboxOptions& options);

// What this machine offers, without keeping anything running.
TierReport ProbeTier(const SandboxOptions& options);

}  // namespace mathcoder::sandbox
