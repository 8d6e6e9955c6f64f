// One session seen from sandboxd: its descriptors, its phase, and the verdict of what runs in it. Everything that arrives from the
// guest is bounded and checked here.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "sandbox/daemon/cgroup.h"
#include "sandbox/daemon/event_loop.h"
#include "sandbox/daemon/output_buffer.h"
#include "sandbox/daemon/privileges.h"
#include "sandbox/jail/jail_protocol.h"
#include "sandbox/sandbox.h"

namespace mathcoder::sandbox {

// What a session needs of its surroundings.
struct SessionContext {
  EventLoop* loop;
  int proc;  // descriptor of the host's /proc
  std::size_t output_bytes;
  std::size_t memory_bytes;
  bool poll_memory;  // no cgroup: look at /proc, often while code runs and now and then between runs
};

struct RunRequest {
  std::string code;
  std::chrono::milliseconds timeout;
  std::chrono::milliseconds grace;
};

class Session {
 public:
  // `on_result` is called once for each Run; `on_end` once, when the session is of no more use (it has not been killed yet then).
  struct Callbacks {
    std::function<void(Session*)> on_ready;
    std::function<void(Session*, RunResult)> on_result;
    std::function<void(Session*)> on_end;
  };

  Session(std::uint64_t id, const SessionContext& context, Callbacks callbacks);
  ~Session();  // does not wait for processes: Kill and collect the init first
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Makes its control socket and pipes; `guest_fds` are the guest's ends (control, stdout, stderr), to be closed once handed over.
  bool MakeChannels(std::array<base::UniqueFd, 3>* guest_fds);
  // Without word of its worker within `ready_limit` the session ends as a failure of the infrastructure.
  void Listen(std::chrono::milliseconds ready_limit);

  std::uint64_t id() const { return id_; }
  bool ready() const { return ready_; }
  bool ended() const { return ended_; }
  bool running() const { return run_.has_value(); }
  bool late() const { return late_; }  // ended because it was not ready in time
  // Why it ended, where no run was pending that could be told.
  const std::optional<std::pair<RunStatus, std::string>>& untold() const { return untold_; }

  void Run(RunRequest request);  // before ready: waits for it
  void Interrupt();
  // Ends it: a pending run gets `status` and `cause`. on_end follows.
  void End(RunStatus status, const std::string& cause);
  // The worker has exited with a status of waitpid.
  void WorkerExited(int status);
  // SIGKILL to everything inside. Idempotent.
  void Kill();

  Cell cell;              // empty without namespaces
  base::UniqueFd worker;  // pidfd of the worker (or its reaper)
  pid_t worker_pid = -1;  // in sandboxd's pid namespace
  std::unique_ptr<SessionCgroup> cgroup;
  std::uint64_t client = 0;  // the client's number for it; 0: in the pool
  bool reaped_init = false;
  bool worker_gone = false;
  bool forking = false;            // asked for, not answered yet
  std::uint32_t uid = UINT32_MAX;  // tier C as root
  std::string work_folder;         // tier C

 private:
  struct Pending {
    RunRequest request;
    std::array<std::uint8_t, MC_NONCE_BYTES> nonce;
    std::string unsent;  // fragments not yet taken by the socket are cut from the code at this offset
    std::size_t sent = 0;
    bool started = false;
    bool interrupted_for_timeout = false;
    std::string answer;
    std::size_t answer_total = 0;
    std::optional<EventLoop::TimerId> timer;
  };

  void Start();
  void Send();
  void OnControl(std::uint32_t events);
  void OnFragment(const char* data, std::size_t size);
  void OnStream(int fd, bool is_error);
  bool Drain(int fd, bool is_error);
  void DrainBoth();
  void Mute(bool muted);
  void OnTimeout();
  void OnGraceOver();
  void PollMemory();
  void PollMemoryAfter(std::chrono::milliseconds delay);
  bool active() const { return run_ && run_->started; }
  void Finish(RunResult result);
  RunResult Collect();
  void FinishAnswer();
  void Signal(int number);
  std::string DeathCause(int status) const;

  const std::uint64_t id_;
  const SessionContext context_;
  Callbacks callbacks_;
  base::UniqueFd control_;
  base::UniqueFd stdout_;
  base::UniqueFd stderr_;
  OutputBuffer both_;
  OutputBuffer out_;
  OutputBuffer err_;
  std::optional<Pending> run_;
  std::optional<EventLoop::TimerId> memory_timer_;
  std::optional<EventLoop::TimerId> eof_timer_;
  std::optional<EventLoop::TimerId> ready_timer_;
  std::optional<std::pair<RunStatus, std::string>> untold_;
  std::uint64_t oom_seen_ = 0;
  bool memory_exceeded_ = false;
  std::size_t idle_bytes_ = 0;  // read since the last run
  bool muted_ = false;          // stdout and stderr are left alone until the next run
  bool ready_ = false;
  bool ended_ = false;
  bool late_ = false;
};

// Bytes of memory that the process tree below `pids` holds (proportional set size; resident size where that cannot be read, and
// where even that, which counts shared pages again and again, is not above `limit`: it costs far less).
std::uint64_t TreeMemory(int proc, std::initializer_list<pid_t> pids, std::uint64_t limit);

}  // namespace mathcoder::sandbox
