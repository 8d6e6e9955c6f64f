#include "sandbox/daemon/session.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "sandbox/protocol.h"

namespace mathcoder::sandbox {
namespace {

using std::chrono::milliseconds;

constexpr char kReportSeparator = '\x1f';  // as in guest/report.py
constexpr milliseconds kMemoryPoll{50};
constexpr milliseconds kIdleMemoryPoll{250};  // between runs: threads and children may live on
constexpr milliseconds kAfterEof{300};
constexpr std::size_t kMostDrained = std::size_t{256} << 10;  // after an answer: more than a pipe holds is newer than the answer

std::string ReadProcFile(int proc, const std::string& path) {
  const base::UniqueFd fd(openat(proc, path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[4096];
  ssize_t n;
  while (fd.valid() && (n = read(fd.get(), buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<std::size_t>(n));
  return text;
}

std::uint64_t ResidentMemory(int proc, pid_t pid) {
  unsigned long size = 0;
  unsigned long resident = 0;
  const std::string statm = ReadProcFile(proc, std::to_string(pid) + "/statm");
  std::sscanf(statm.c_str(), "%lu %lu", &size, &resident);
  return static_cast<std::uint64_t>(resident) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t ProportionalMemory(int proc, pid_t pid) {
  const std::string rollup = ReadProcFile(proc, std::to_string(pid) + "/smaps_rollup");
  const std::size_t at = rollup.find("\nPss:");
  if (at != std::string::npos) return std::strtoull(rollup.c_str() + at + 5, nullptr, 10) * 1024;
  return ResidentMemory(proc, pid);
}

// Children are listed with the thread that forked them.
std::vector<pid_t> Children(int proc, pid_t pid) {
  std::vector<pid_t> found;
  const std::string tasks = std::to_string(pid) + "/task";
  const int fd = openat(proc, tasks.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const folder = fd >= 0 ? fdopendir(fd) : nullptr;
  if (folder == nullptr) {
    if (fd >= 0) close(fd);
    return found;
  }
  while (const dirent* const task = readdir(folder)) {
    if (task->d_name[0] == '.') continue;
    std::istringstream children(ReadProcFile(proc, tasks + "/" + task->d_name + "/children"));
    pid_t child = 0;
    while (children >> child) found.push_back(child);
  }
  closedir(folder);
  return found;
}

std::string SignalName(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

}  // namespace

std::uint64_t TreeMemory(int proc, std::initializer_list<pid_t> pids, std::uint64_t limit) {
  std::vector<pid_t> todo(pids);
  std::set<pid_t> seen;
  while (!todo.empty() && seen.size() < 4096) {
    const pid_t pid = todo.back();
    todo.pop_back();
    if (pid <= 0 || !seen.insert(pid).second) continue;
    const std::vector<pid_t> children = Children(proc, pid);
    todo.insert(todo.end(), children.begin(), children.end());
  }
  std::uint64_t total = 0;
  for (const pid_t pid : seen) total += ResidentMemory(proc, pid);
  if (total <= limit) return total;
  total = 0;
  for (const pid_t pid : seen) total += ProportionalMemory(proc, pid);
  return total;
}

Session::Session(std::uint64_t id, const SessionContext& context, Callbacks callbacks)
    : id_(id),
      context_(context),
      callbacks_(std::move(callbacks)),
      both_(context.output_bytes),
      out_(context.output_bytes),
      err_(context.output_bytes) {}

Session::~Session() {
  for (const int fd : {control_.get(), stdout_.get(), stderr_.get()}) {
    if (fd >= 0) context_.loop->Remove(fd);
  }
  if (memory_timer_) context_.loop->Cancel(*memory_timer_);
  if (eof_timer_) context_.loop->Cancel(*eof_timer_);
  if (ready_timer_) context_.loop->Cancel(*ready_timer_);
  if (run_ && run_->timer) context_.loop->Cancel(*run_->timer);
}

bool Session::MakeChannels(std::array<base::UniqueFd, 3>* guest_fds) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return false;
  control_ = base::UniqueFd(ends[0]);
  (*guest_fds)[0] = base::UniqueFd(ends[1]);
  fcntl(control_.get(), F_SETFL, O_NONBLOCK);
  for (std::size_t i = 1; i < 3; ++i) {
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    (i == 1 ? stdout_ : stderr_) = base::UniqueFd(ends[0]);
    (*guest_fds)[i] = base::UniqueFd(ends[1]);
  }
  return true;
}

void Session::Listen(milliseconds ready_limit) {
  ready_timer_ = context_.loop->After(ready_limit, [this, ready_limit] {
    ready_timer_.reset();
    late_ = true;
    End(RunStatus::kInfrastructure, "sandbox: a session was not ready after " + std::to_string(ready_limit.count()) + " ms");
  });
  context_.loop->Add(control_.get(), EPOLLIN, [this](std::uint32_t events) { OnControl(events); });
  context_.loop->Add(stdout_.get(), EPOLLIN, [this](std::uint32_t) { OnStream(stdout_.get(), false); });
  context_.loop->Add(stderr_.get(), EPOLLIN, [this](std::uint32_t) { OnStream(stderr_.get(), true); });
}

void Session::Run(RunRequest request) {
  run_.emplace();
  run_->request = std::move(request);
  if (ready_) Start();
}

void Session::Start() {
  bool ignored = false;
  DrainBoth();  // what threads printed since the last answer belongs to no request
  both_.Take(&ignored);
  out_.Take(&ignored);
  err_.Take(&ignored);
  if (muted_) Mute(false);
  if (getrandom(run_->nonce.data(), run_->nonce.size(), 0) != static_cast<ssize_t>(run_->nonce.size()))
    return End(RunStatus::kInfrastructure, "no random numbers");
  run_->started = true;
  run_->timer = context_.loop->After(run_->request.timeout, [this] { OnTimeout(); });
  PollMemoryAfter(kMemoryPoll);
  Send();
}

void Session::Send() {
  const std::string& code = run_->request.code;
  while (run_->sent < code.size() || run_->sent == 0) {
    const std::size_t n = std::min<std::size_t>(MC_FRAGMENT_BYTES, code.size() - run_->sent);
    mc_fragment head = {};
    head.kind = kRunCode;
    std::memcpy(head.nonce, run_->nonce.data(), sizeof head.nonce);
    head.offset = static_cast<std::uint32_t>(run_->sent);
    head.total = static_cast<std::uint32_t>(code.size());
    iovec parts[2] = {{&head, sizeof head}, {const_cast<char*>(code.data() + run_->sent), n}};
    msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    if (sendmsg(control_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return context_.loop->Change(control_.get(), EPOLLIN | EPOLLOUT);
      return;  // the worker is gone; its exit follows
    }
    run_->sent += n;
    if (code.empty()) break;
  }
  context_.loop->Change(control_.get(), EPOLLIN);
}

void Session::OnControl(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0 && run_ && run_->started) Send();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  // A guest that floods the socket gets no more than its share of a step.
  static thread_local char buffer[sizeof(mc_fragment) + MC_FRAGMENT_BYTES + 1];
  for (int i = 0; i < 64 && !ended_; ++i) {
    const ssize_t n = recv(control_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n <= 0) {
      context_.loop->Remove(control_.get());
      // As a rule the worker has exited, and how is on its way from the zygote.
      if (!eof_timer_)
        eof_timer_ = context_.loop->After(kAfterEof, [this] {
          eof_timer_.reset();
          End(RunStatus::kSessionLost, "control channel closed");
        });
      return;
    }
    OnFragment(buffer, static_cast<std::size_t>(n));
  }
}

// Hostile once ready_: a packet that is not the next piece of the answer to the running request is dropped.
void Session::OnFragment(const char* data, std::size_t size) {
  if (size < sizeof(mc_fragment) || size > sizeof(mc_fragment) + MC_FRAGMENT_BYTES) return;
  mc_fragment head;
  std::memcpy(&head, data, sizeof head);
  const std::string_view payload(data + sizeof head, size - sizeof head);
  if (!ready_) {
    if (head.kind == kWorkerFailed) return End(RunStatus::kInfrastructure, "jail: " + base::ReplaceInvalidUtf8(payload));
    if (head.kind != kWorkerReady) return;
    ready_ = true;
    if (ready_timer_) context_.loop->Cancel(*ready_timer_);
    ready_timer_.reset();
    callbacks_.on_ready(this);
    if (run_ && !run_->started) Start();
    return;
  }
  if (!run_ || !run_->started || head.kind != kAnswer || std::memcmp(head.nonce, run_->nonce.data(), sizeof head.nonce) != 0)
    return;
  // Three texts, each cut to output_bytes characters by an honest worker; a character has four bytes at most.
  const std::size_t most = 12 * context_.output_bytes + 4096;
  if (head.offset != run_->answer.size() || head.total > most || payload.size() > head.total - head.offset) return;
  if (head.offset != 0 && head.total != run_->answer_total) return;
  run_->answer_total = head.total;
  run_->answer.append(payload);
  if (run_->answer.size() == run_->answer_total) FinishAnswer();
}

void Session::OnStream(int fd, bool is_error) {
  // stderr first: what arrives together was most likely a warning before the output.
  if (!is_error && stderr_.valid()) Drain(stderr_.get(), true);
  if (!Drain(fd, is_error)) context_.loop->Remove(fd);
  if (!active() && !muted_ && idle_bytes_ > context_.output_bytes) Mute(true);
}

// What prints without end between runs shall wait, not keep sandboxd busy.
void Session::Mute(bool muted) {
  muted_ = muted;
  for (const int fd : {stdout_.get(), stderr_.get()}) context_.loop->Change(fd, muted ? 0U : static_cast<std::uint32_t>(EPOLLIN));
}

bool Session::Drain(int fd, bool is_error) {
  static thread_local char buffer[65536];
  for (std::size_t total = 0; total < kMostDrained;) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    if (n == 0) return false;
    const std::string_view data(buffer, static_cast<std::size_t>(n));
    (is_error ? err_ : out_).Append(data);
    both_.Append(data);
    total += data.size();
    if (!active()) idle_bytes_ += data.size();
  }
  return true;
}

void Session::DrainBoth() {
  if (stderr_.valid()) Drain(stderr_.get(), true);
  if (stdout_.valid()) Drain(stdout_.get(), false);
}

RunResult Session::Collect() {
  DrainBoth();
  RunResult result;
  result.output = both_.Take(&result.truncated);
  result.stdout_text = out_.Take(&result.truncated);
  result.stderr_text = err_.Take(&result.truncated);
  return result;
}

void Session::FinishAnswer() {
  Reader reader(run_->answer);
  const bool failed = reader.U8() != 0;
  const bool truncated = reader.U8() != 0;
  const auto text = [&] { return base::ReplaceInvalidUtf8(reader.String()); };
  const std::string value = text();
  std::string report = text();
  const std::string exception = text();
  if (!reader.ok()) return End(RunStatus::kSessionLost, "malformed answer");
  if (cgroup != nullptr && cgroup->oom_kills() > oom_seen_) {
    // A child was killed for memory while the worker lived on.
    memory_exceeded_ = true;
    return End(RunStatus::kMemoryLost, "memory limit " + std::to_string(context_.memory_bytes >> 20) + " MiB");
  }
  RunResult result = Collect();
  result.status = run_->interrupted_for_timeout ? RunStatus::kTimeout : failed ? RunStatus::kError : RunStatus::kOk;
  // The parts of a traceback come one a line, in `output` after one space: so the published transcripts have them, and models that
  // learned from such transcripts expect them.
  std::string traceback = report;
  std::replace(traceback.begin(), traceback.end(), kReportSeparator, '\n');
  std::replace(report.begin(), report.end(), kReportSeparator, ' ');
  result.value = value;
  result.traceback = std::move(traceback);
  result.exception = exception;
  result.truncated = result.truncated || truncated;
  if (result.status == RunStatus::kTimeout) result.cause = "timeout after " + std::to_string(run_->request.timeout.count()) + " ms";
  for (const std::string* part : {&value, static_cast<const std::string*>(&report)}) {
    if (part->empty()) continue;
    if (!result.output.empty() && result.output.back() != '\n') result.output += '\n';
    result.output += *part;
  }
  Finish(std::move(result));
}

void Session::Finish(RunResult result) {
  if (run_->timer) context_.loop->Cancel(*run_->timer);
  if (memory_timer_) context_.loop->Cancel(*memory_timer_);
  memory_timer_.reset();
  run_.reset();
  idle_bytes_ = 0;
  // A cgroup keeps its limit by itself.
  if (!ended_ && cgroup == nullptr) PollMemoryAfter(kIdleMemoryPoll);
  while (!result.output.empty() && (result.output.back() == '\n' || result.output.back() == ' ')) result.output.pop_back();
  callbacks_.on_result(this, std::move(result));
}

void Session::OnTimeout() {
  run_->timer.reset();
  run_->interrupted_for_timeout = true;
  Signal(SIGINT);
  run_->timer = context_.loop->After(run_->request.grace, [this] { OnGraceOver(); });
}

void Session::OnGraceOver() {
  run_->timer.reset();
  End(RunStatus::kSessionLost, "timeout: interrupt ignored");
}

void Session::Interrupt() {
  if (run_ && run_->started) Signal(SIGINT);
}

void Session::Signal(int number) {
  if (worker.valid()) syscall(SYS_pidfd_send_signal, worker.get(), number, nullptr, 0);
}

void Session::PollMemory() {
  memory_timer_.reset();
  bool over = false;
  if (cgroup != nullptr) {
    over = cgroup->oom_kills() > oom_seen_;
  } else {
    over = TreeMemory(context_.proc, {worker_pid, cell.init}, context_.memory_bytes) > context_.memory_bytes;
  }
  if (over) {
    memory_exceeded_ = true;
    return End(RunStatus::kMemoryLost, "memory limit " + std::to_string(context_.memory_bytes >> 20) + " MiB");
  }
  if (active() || cgroup == nullptr) PollMemoryAfter(active() ? kMemoryPoll : kIdleMemoryPoll);
}

void Session::PollMemoryAfter(milliseconds delay) {
  if (memory_timer_) context_.loop->Cancel(*memory_timer_);
  memory_timer_.reset();
  if (context_.poll_memory || cgroup != nullptr) memory_timer_ = context_.loop->After(delay, [this] { PollMemory(); });
}

std::string Session::DeathCause(int status) const {
  if (WIFEXITED(status)) return "exit " + std::to_string(WEXITSTATUS(status));
  if (WIFSIGNALED(status)) return SignalName(WTERMSIG(status));
  return "gone";
}

void Session::WorkerExited(int status) {
  worker_gone = true;
  if (ended_) return;
  if (!ready_) {
    // Its own message, if there is one, says more than the status.
    OnControl(EPOLLIN);
    if (!ended_) End(RunStatus::kInfrastructure, "a session died before it was ready: " + DeathCause(status));
    return;
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && cgroup != nullptr && cgroup->oom_kills() > oom_seen_) {
    return End(RunStatus::kMemoryLost, "memory limit " + std::to_string(context_.memory_bytes >> 20) + " MiB");
  }
  End(RunStatus::kSessionLost, DeathCause(status));
}

void Session::End(RunStatus status, const std::string& cause) {
  if (ended_) return;
  ended_ = true;
  if (eof_timer_) context_.loop->Cancel(*eof_timer_);
  eof_timer_.reset();
  if (ready_timer_) context_.loop->Cancel(*ready_timer_);
  ready_timer_.reset();
  if (memory_timer_) context_.loop->Cancel(*memory_timer_);
  memory_timer_.reset();
  // Stopped before its output is read for the last time: a dead session prints no more.
  Kill();
  if (run_) {
    RunResult result = Collect();
    result.status = status;
    result.cause = cause;
    Finish(std::move(result));
  } else {
    untold_.emplace(status, cause);
  }
  for (const int fd : {control_.get(), stdout_.get(), stderr_.get()}) context_.loop->Remove(fd);
  callbacks_.on_end(this);
}

void Session::Kill() {
  if (cell.init_pidfd.valid()) syscall(SYS_pidfd_send_signal, cell.init_pidfd.get(), SIGKILL, nullptr, 0);
  // Without a pid namespace: the reaper kills all that descends from the worker.
  if (!cell.init_pidfd.valid()) Signal(SIGTERM);
}

}  // namespace mathcoder::sandbox
