// The library's side: one thread that starts sandboxd, reads its frames and calls back.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/paths.h"
#include "base/unique_fd.h"
#include "sandbox/daemon/cgroup.h"
#include "sandbox/options_json.h"
#include "sandbox/protocol.h"
#include "sandbox/python_layout.h"
#include "sandbox/sandbox.h"

namespace mathcoder::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

struct Helpers {
  std::string sandboxd;
  std::string native_library;
};

Helpers FindHelpers() {
  const auto sandboxd = base::FindHelper("mathcoder-sandboxd");
  const auto library = base::FindHelper("libmathcoder_jail.so");
  if (!sandboxd || !library)
    throw base::Unavailable(
        std::string(sandboxd ? "libmathcoder_jail.so" : "mathcoder-sandboxd") +
        " was not found beside the program; build or install it: cmake --build build/release --target mathcoder-sandboxd");
  return {sandboxd->string(), library->string()};
}

class Client : public Sandbox {
 public:
  explicit Client(const SandboxOptions& options)
      : options_(options), layout_(FindPython(options.library_set)), helpers_(FindHelpers()) {
    wake_ = base::UniqueFd(eventfd(0, EFD_CLOEXEC));
    std::promise<void> started;
    std::future<void> outcome = started.get_future();
    // sandboxd is a child of this thread: it dies when its parent thread does.
    thread_ = std::thread([this, &started] { Work(&started); });
    try {
      outcome.get();
    } catch (...) {
      thread_.join();
      throw;
    }
  }

  ~Client() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    const std::uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
    thread_.join();
  }

  const TierReport& tier() const override { return report_; }

  SessionId Open() override {
    std::lock_guard lock(mutex_);
    const SessionId session = next_session_++;
    if (serving_) {
      Send(Writer().U64(session).Framed(FrameKind::kOpen));
      sessions_[session] = generation_;
    } else {
      // sandboxd died: the IO thread starts another one, which gets what was written meanwhile.
      sessions_[session] = generation_ + 1;
      unsent_ += Writer().U64(session).Framed(FrameKind::kOpen);
      WakeLocked();
    }
    return session;
  }

  void Run(SessionId session, std::string code, RunOptions options, std::function<void(RunResult)> done) override {
    std::lock_guard lock(mutex_);
    const auto found = sessions_.find(session);
    const bool lives = found != sessions_.end() && (found->second == generation_ ? serving_ : found->second > generation_);
    if (!lives) {
      // Told on the sandbox's own thread, as every result.
      RunResult result;
      result.status = found == sessions_.end() ? RunStatus::kSessionLost : RunStatus::kInfrastructure;
      result.cause = found == sessions_.end() ? "closed" : "sandboxd died";
      finished_.emplace_back(std::move(done), std::move(result));
      return WakeLocked();
    }
    runs_[session] = {std::move(done), Clock::now(), found->second};
    std::string frame = Writer()
                            .U64(session)
                            .U32(Milliseconds(options.timeout))
                            .U32(Milliseconds(options.grace))
                            .Rest(code)
                            .Framed(FrameKind::kRun);
    if (found->second == generation_) {
      Send(frame);
    } else {
      unsent_ += frame;
    }
  }

  void Interrupt(SessionId session) override {
    std::lock_guard lock(mutex_);
    if (serving_) Send(Writer().U64(session).Framed(FrameKind::kInterrupt));
  }

  void Close(SessionId session) override {
    std::lock_guard lock(mutex_);
    const auto found = sessions_.find(session);
    if (found == sessions_.end()) return;
    const std::string frame = Writer().U64(session).Framed(FrameKind::kClose);
    if (found->second == generation_) {
      if (serving_) Send(frame);
    } else if (found->second > generation_) {
      unsent_ += frame;
    }
    sessions_.erase(found);
  }

  int sandboxd_pid() const override {
    std::lock_guard lock(mutex_);
    return pid_;
  }

 private:
  struct Waiting {
    std::function<void(RunResult)> done;
    Clock::time_point since;
    std::uint64_t generation;
  };

  static std::uint32_t Milliseconds(std::chrono::milliseconds time) {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time.count(), 0, 0x7fffffff));
  }

  void WakeLocked() {
    const std::uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
  }

  // Called with the mutex held. sandboxd always reads, so this waits only for a moment at worst.
  void Send(const std::string& frame) {
    for (std::size_t sent = 0; sent < frame.size();) {
      const ssize_t n = send(socket_.get(), frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return;  // it is dead: the IO thread sees the end of the stream and tells everybody
      sent += static_cast<std::size_t>(n);
    }
  }

  // Starts sandboxd and waits until it serves; throws base::Unavailable. On the IO thread.
  TierReport Launch() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw base::Unavailable(std::string("sandbox: socketpair: ") + std::strerror(errno));
    base::UniqueFd ours(ends[0]);
    base::UniqueFd theirs(ends[1]);
    std::string fd_number = "3";
    const char* arguments[] = {helpers_.sandboxd.c_str(), fd_number.c_str(), nullptr};
    const char* environment[] = {"LC_ALL=C.UTF-8", nullptr};
    const pid_t pid = vfork();
    if (pid == 0) {
      // Between vfork and exec only calls that change nothing of the parent's memory.
      if (theirs.get() == 3) {
        fcntl(3, F_SETFD, 0);
      } else {
        dup2(theirs.get(), 3);
      }
      execve(arguments[0], const_cast<char**>(arguments), const_cast<char**>(environment));
      _exit(127);
    }
    if (pid < 0) throw base::Unavailable(std::string("sandbox: cannot start ") + helpers_.sandboxd + ": " + std::strerror(errno));
    theirs.Reset();
    base::Json settings;
    settings["options"] = ToJson(options_);
    settings["layout"] = ToJson(layout_);
    settings["native_library"] = helpers_.native_library;
    {
      std::lock_guard lock(mutex_);
      pid_ = pid;
      socket_ = std::move(ours);
      Send(Writer().Rest(base::Dump(settings)).Framed(FrameKind::kStart));
    }
    buffer_ = FrameBuffer();
    for (;;) {
      const auto frame = ReadFrame();
      if (!frame) {
        Reap();
        throw base::Unavailable("sandbox: sandboxd ended while it started" + died_);
      }
      const base::Json json = base::Json::parse(frame->payload);
      if (frame->kind == FrameKind::kRefused) {
        const TierReport report = ReportFromJson(json.at("report"));
        std::string message = json.at("message").get<std::string>();
        if (!report.why_not_higher.empty() && message.find(report.why_not_higher) == std::string::npos)
          message += ": " + report.why_not_higher;
        Reap();
        throw base::Unavailable("sandbox: " + message);
      }
      return ReportFromJson(json);
    }
  }

  // Blocking; nullopt at the end of the stream.
  std::optional<Frame> ReadFrame() {
    for (;;) {
      if (auto frame = buffer_.Next()) return frame;
      char bytes[65536];
      const ssize_t n = recv(socket_.get(), bytes, sizeof bytes, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return std::nullopt;
      buffer_.Append(bytes, static_cast<std::size_t>(n));
    }
  }

  void Reap() {
    pid_t pid = -1;
    {
      std::lock_guard lock(mutex_);
      serving_ = false;
      socket_.Reset();
      pid = std::exchange(pid_, -1);
    }
    if (pid <= 0) return;
    // It ends at the end of its stream and takes its sessions along; a stuck one is killed, which the kernel carries on to them.
    int status = 0;
    bool gone = false;
    for (int i = 0; i < 400 && !gone; ++i) {
      gone = waitpid(pid, &status, WNOHANG) == pid;
      if (!gone) usleep(i < 100 ? 500 : 10000);
    }
    if (!gone) {
      kill(pid, SIGKILL);
      while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
      }
    }
    died_.clear();
    if (WIFSIGNALED(status)) died_ = std::string(" (SIG") + sigabbrev_np(WTERMSIG(status)) + ")";
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) died_ = " (exit " + std::to_string(WEXITSTATUS(status)) + ")";
    RemoveStaleCgroups();
  }

  void Work(std::promise<void>* started) {
    try {
      report_ = Launch();
      std::lock_guard lock(mutex_);
      serving_ = true;
    } catch (...) {
      started->set_exception(std::current_exception());
      return;
    }
    started->set_value();
    bool dead = false;
    for (;;) {
      pollfd polled[2] = {{wake_.get(), POLLIN, 0}, {dead ? -1 : socket_.get(), POLLIN, 0}};
      if (poll(polled, 2, -1) < 0 && errno != EINTR) break;
      if ((polled[0].revents & POLLIN) != 0) {
        std::uint64_t count = 0;
        (void)!read(wake_.get(), &count, sizeof count);
      }
      if (!dead && polled[1].revents != 0) dead = !ReadSome();
      if (dead && pid_ > 0) {
        Reap();
        LoseAll();
      }
      bool relaunch = false;
      std::vector<std::pair<std::function<void(RunResult)>, RunResult>> finished;
      {
        std::lock_guard lock(mutex_);
        finished.swap(finished_);
        if (stopping_) break;
        relaunch = dead && !unsent_.empty();
      }
      for (auto& [done, result] : finished) done(std::move(result));
      if (relaunch) dead = !Relaunch();
    }
    Reap();
    LoseAll();
  }

  bool Relaunch() {
    std::string failure;
    try {
      const TierReport report = Launch();
      // Readers of tier() hold a reference, and transcripts name that tier: it may not sink unseen.
      if (report.tier > report_.tier) {
        Reap();
        failure = std::string("sandbox: sandboxd was started again and reaches only tier ") + Letter(report.tier) + ", it had " +
                  Letter(report_.tier) + "; " + report.why_not_higher;
      }
    } catch (const std::exception& error) {
      failure = error.what();
    }
    std::lock_guard lock(mutex_);
    ++generation_;
    const std::string frames = std::exchange(unsent_, {});
    if (failure.empty()) {
      serving_ = true;
      Send(frames);
      return true;
    }
    for (auto waiting = runs_.begin(); waiting != runs_.end();) {
      RunResult result;
      result.cause = failure;
      finished_.emplace_back(std::move(waiting->second.done), std::move(result));
      waiting = runs_.erase(waiting);
    }
    WakeLocked();
    return false;
  }

  // What is pending ends as a failure of the infrastructure.
  void LoseAll() {
    std::map<SessionId, Waiting> lost;
    bool stopping = false;
    {
      std::lock_guard lock(mutex_);
      stopping = stopping_;
      for (auto waiting = runs_.begin(); waiting != runs_.end();) {
        if (waiting->second.generation <= generation_) {
          lost.insert(std::move(*waiting));
          waiting = runs_.erase(waiting);
        } else {
          ++waiting;
        }
      }
    }
    for (auto& [session, waiting] : lost) {
      RunResult result;
      result.cause = stopping ? "the sandbox was shut down" : "sandboxd died" + died_;
      Finish(std::move(waiting), std::move(result));
    }
  }

  static void Finish(Waiting waiting, RunResult result) {
    result.wall = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - waiting.since);
    waiting.done(std::move(result));
  }

  bool ReadSome() {
    char bytes[65536];
    const ssize_t n = recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (n <= 0) return false;
    buffer_.Append(bytes, static_cast<std::size_t>(n));
    while (const auto frame = buffer_.Next()) {
      if (frame->kind != FrameKind::kResult) continue;
      Reader reader(frame->payload);
      const SessionId session = reader.U64();
      RunResult result;
      result.status = static_cast<RunStatus>(reader.U8());
      result.truncated = reader.U8() != 0;
      for (std::string* text : {&result.output, &result.stdout_text, &result.stderr_text, &result.value, &result.traceback,
                                &result.exception, &result.cause})
        *text = reader.String();
      Waiting waiting;
      {
        std::lock_guard lock(mutex_);
        const auto found = runs_.find(session);
        if (found == runs_.end()) continue;
        waiting = std::move(found->second);
        runs_.erase(found);
      }
      Finish(std::move(waiting), std::move(result));
    }
    return !buffer_.broken();
  }

  const SandboxOptions options_;
  const PythonLayout layout_;
  const Helpers helpers_;
  TierReport report_;  // written before the constructor ends, then only read
  mutable std::mutex mutex_;
  base::UniqueFd wake_;
  base::UniqueFd socket_;  // reset by the IO thread alone, with the mutex held
  pid_t pid_ = -1;
  // sandboxd has started and is of generation_. While it starts its socket is for Launch alone: frames wait in unsent_.
  bool serving_ = false;
  bool stopping_ = false;
  std::uint64_t generation_ = 1;  // of sandboxd processes
  SessionId next_session_ = 1;
  std::map<SessionId, std::uint64_t> sessions_;  // open ones and the generation that they belong to
  std::map<SessionId, Waiting> runs_;
  std::string unsent_;  // frames for a sandboxd that is being started
  std::vector<std::pair<std::function<void(RunResult)>, RunResult>> finished_;
  std::string died_;
  FrameBuffer buffer_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Sandbox> StartSandbox(const SandboxOptions& options) { return std::make_unique<Client>(options); }

TierReport ProbeTier(const SandboxOptions& options) {
  SandboxOptions lenient = options;
  lenient.minimum_tier = Tier::kC;
  lenient.warm_sessions = 0;
  try {
    return Client(lenient).tier();
  } catch (const base::Error& error) {
    TierReport report;
    report.why_not_higher = error.what();
    return report;
  }
}

}  // namespace mathcoder::sandbox
