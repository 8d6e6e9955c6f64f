#include "math/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <vector>

#include "base/paths.h"
#include "base/unique_fd.h"

extern char** environ;

namespace mathcoder::math {
namespace {

using Clock = std::chrono::steady_clock;

// ---- wire ----

void PutNumber(std::string* out, std::uint32_t n) {
  for (int k = 0; k < 4; ++k) *out += static_cast<char>(n >> (8 * k));
}
void PutText(std::string* out, std::string_view text) {
  PutNumber(out, static_cast<std::uint32_t>(text.size()));
  *out += text;
}
void PutExpr(std::string* out, const Expr& e) {
  *out += static_cast<char>(e.kind);
  PutNumber(out, static_cast<std::uint32_t>(e.number));
  PutText(out, e.text);
  PutNumber(out, static_cast<std::uint32_t>(e.args.size()));
  for (const Expr& arg : e.args) PutExpr(out, arg);
}

class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  bool ok() const { return ok_; }
  bool done() const { return ok_ && data_.empty(); }
  std::uint32_t Number() {
    if (data_.size() < 4) return ok_ = false, 0;
    std::uint32_t n = 0;
    for (std::size_t k = 0; k < 4; ++k) n |= static_cast<std::uint32_t>(static_cast<unsigned char>(data_[k])) << (8 * k);
    data_.remove_prefix(4);
    return n;
  }
  std::uint8_t Byte() {
    if (data_.empty()) return ok_ = false, 0;
    const auto b = static_cast<std::uint8_t>(data_[0]);
    data_.remove_prefix(1);
    return b;
  }
  std::string Text() {
    const std::uint32_t size = Number();
    if (!ok_ || size > data_.size()) return ok_ = false, std::string();
    std::string text(data_.substr(0, size));
    data_.remove_prefix(size);
    return text;
  }
  Expr Tree(int depth = 0) {
    Expr e;
    if (depth > 200) return ok_ = false, e;
    e.kind = static_cast<Kind>(Byte());
    e.number = static_cast<std::int32_t>(Number());
    e.text = Text();
    const std::uint32_t count = Number();
    if (!ok_ || e.kind > Kind::kText || count > data_.size()) return ok_ = false, e;
    for (std::uint32_t i = 0; ok_ && i < count; ++i) e.args.push_back(Tree(depth + 1));
    return e;
  }

 private:
  std::string_view data_;
  bool ok_ = true;
};

constexpr std::size_t kLongestFrame = 4u << 20;

// True: all of it was read (written) before the deadline.
bool Transfer(int fd, char* data, std::size_t size, bool writing, Clock::time_point deadline) {
  while (size > 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd wait{fd, static_cast<short>(writing ? POLLOUT : POLLIN), 0};
    const int ready = poll(&wait, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t moved = writing ? send(fd, data, size, MSG_NOSIGNAL) : recv(fd, data, size, 0);
    if (moved < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (moved <= 0) return false;
    data += moved;
    size -= static_cast<std::size_t>(moved);
  }
  return true;
}

}  // namespace

std::string WriteRequest(const Expr& reference, const Expr& answer, const CompareOptions& o) {
  std::string out;
  std::uint32_t flags = 0;
  int bit = 0;
  for (const bool flag : {o.round_to_reference, o.reference_is_rounded, o.percent_either_way, o.ignore_units, o.degrees_as_numbers,
                          o.ordered_lists, o.value_of_equation, o.symmetric, o.fold_case_of_text}) {
    flags |= static_cast<std::uint32_t>(flag) << bit++;
  }
  PutNumber(&out, flags);
  char tolerance[sizeof(double)];
  std::memcpy(tolerance, &o.relative_tolerance, sizeof tolerance);
  PutText(&out, {tolerance, sizeof tolerance});
  PutExpr(&out, reference);
  PutExpr(&out, answer);
  return out;
}

std::optional<WorkerRequest> ReadRequest(std::string_view payload) {
  Reader reader(payload);
  WorkerRequest request;
  const std::uint32_t flags = reader.Number();
  CompareOptions& o = request.options;
  int bit = 0;
  for (bool* flag : {&o.round_to_reference, &o.reference_is_rounded, &o.percent_either_way, &o.ignore_units, &o.degrees_as_numbers,
                     &o.ordered_lists, &o.value_of_equation, &o.symmetric, &o.fold_case_of_text}) {
    *flag = (flags >> bit++ & 1U) != 0;
  }
  const std::string tolerance = reader.Text();
  if (tolerance.size() != sizeof(double)) return std::nullopt;
  std::memcpy(&o.relative_tolerance, tolerance.data(), sizeof(double));
  request.reference = reader.Tree();
  request.answer = reader.Tree();
  if (!reader.done()) return std::nullopt;
  return request;
}

std::string WriteAnswer(const Comparison& comparison) {
  std::string out;
  out += static_cast<char>(comparison.equality);
  PutText(&out, comparison.rule);
  PutText(&out, comparison.reason);
  return out;
}

std::optional<Comparison> ReadAnswer(std::string_view payload) {
  Reader reader(payload);
  Comparison comparison;
  const std::uint8_t equality = reader.Byte();
  comparison.rule = reader.Text();
  comparison.reason = reader.Text();
  if (!reader.done() || equality > static_cast<std::uint8_t>(Equality::kUnknown)) return std::nullopt;
  comparison.equality = static_cast<Equality>(equality);
  return comparison;
}

struct WorkerPool::State {
  struct Process {
    std::mutex busy;
    pid_t pid = -1;
    base::UniqueFd socket;
    bool failed = false;  // it could not be started: not tried again

    // Killed and not yet gone: tearing down a large process takes milliseconds, which the asker has not got.
    std::vector<pid_t> dying;

    void Kill() {
      socket.Reset();
      if (pid > 0 && kill(pid, SIGKILL) == 0) dying.push_back(pid);
      pid = -1;
    }
    void Reap(bool wait) {
      std::erase_if(dying, [wait](pid_t gone) { return waitpid(gone, nullptr, wait ? 0 : WNOHANG) != 0; });
    }
    bool Start() {
      const auto program = base::FindHelper("mathcoder-mathd");
      int pair[2];
      if (!program || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return !(failed = true);
      base::UniqueFd ours(pair[0]), theirs(pair[1]);
      fcntl(ours.get(), F_SETFL, O_NONBLOCK);
      posix_spawn_file_actions_t actions;
      posix_spawn_file_actions_init(&actions);
      posix_spawn_file_actions_adddup2(&actions, theirs.get(), 0);
      posix_spawn_file_actions_adddup2(&actions, theirs.get(), 1);
      const std::string path = program->string();
      char* argv[] = {const_cast<char*>("mathcoder-mathd"), nullptr};
      const int error = posix_spawn(&pid, path.c_str(), &actions, nullptr, argv, environ);
      posix_spawn_file_actions_destroy(&actions);
      if (error != 0) return pid = -1, !(failed = true);
      socket = std::move(ours);
      return true;
    }
  };
  std::vector<std::unique_ptr<Process>> processes;
};

WorkerPool::WorkerPool(int workers) : state_(std::make_unique<State>()) {
  for (int i = 0; i < workers; ++i) state_->processes.push_back(std::make_unique<State::Process>());
  // The first one starts ahead of need: loading its libraries would take a part of the first question's time.
  if (workers > 0) state_->processes.front()->Start();
}

WorkerPool::~WorkerPool() {
  for (auto& process : state_->processes) process->Kill();
  for (auto& process : state_->processes) process->Reap(true);
}

std::optional<Comparison> WorkerPool::Ask(const std::string& request, Clock::time_point deadline) {
  if (request.size() > kLongestFrame) return std::nullopt;
  std::unique_lock<std::mutex> lock;
  State::Process* mine = nullptr;
  while (mine == nullptr) {  // one that is free; a short wait is cheaper than a process more
    for (auto& process : state_->processes) {
      std::unique_lock<std::mutex> attempt(process->busy, std::try_to_lock);
      if (!attempt.owns_lock()) continue;
      lock = std::move(attempt);
      mine = process.get();
      break;
    }
    if (mine != nullptr) break;
    if (Clock::now() >= deadline) return std::nullopt;
    poll(nullptr, 0, 1);
  }
  mine->Reap(false);
  if (mine->failed || (mine->pid < 0 && !mine->Start())) return std::nullopt;
  std::string frame;
  PutNumber(&frame, static_cast<std::uint32_t>(request.size()));
  frame += request;
  char head[4];
  if (Transfer(mine->socket.get(), frame.data(), frame.size(), true, deadline) &&
      Transfer(mine->socket.get(), head, 4, false, deadline)) {
    const std::uint32_t size = Reader({head, 4}).Number();
    std::string payload(size <= kLongestFrame ? size : 0, '\0');
    if (!payload.empty() && Transfer(mine->socket.get(), payload.data(), payload.size(), false, deadline)) {
      if (auto answer = ReadAnswer(payload)) return answer;
    }
  }
  mine->Kill();   // too late, crashed, or not to be trusted any more
  mine->Start();  // the next question finds a new one that is ready
  return std::nullopt;
}

}  // namespace mathcoder::math
