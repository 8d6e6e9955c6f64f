#include "sandbox/daemon/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "sandbox/daemon/canary.h"
#include "sandbox/daemon/privileges.h"
#include "sandbox/daemon/seccomp_filter.h"
#include "sandbox/daemon/tier.h"
#include "sandbox/options_json.h"

namespace mathcoder::sandbox {
namespace {

using std::chrono::milliseconds;

// Far beyond what a machine under load needs: for processes that hang.
constexpr milliseconds kReadyLimit{20000};    // a session, from its fork on
constexpr milliseconds kZygoteLimit{120000};  // a zygote and its imports
constexpr milliseconds kCanaryLimit{5000};
constexpr std::uint64_t kCanaryClient = UINT64_MAX;

std::uint32_t ProcessesOf(int proc, uid_t uid) {
  const base::UniqueFd copy(openat(proc, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  std::uint32_t count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/fd/" + std::to_string(copy.get()), error), end; !error && entry != end;
       entry.increment(error)) {
    struct stat status = {};
    if (std::isdigit(static_cast<unsigned char>(entry->path().filename().string()[0])) == 0 ||
        stat(entry->path().c_str(), &status) != 0 || status.st_uid != uid)
      continue;
    // Threads count as well.
    std::error_code ignored;
    for (std::filesystem::directory_iterator task(entry->path() / "task", ignored); !ignored && task != end;
         task.increment(ignored))
      ++count;
  }
  return count;
}

RunResult Verdict(RunStatus status, const std::string& cause) {
  RunResult result;
  result.status = status;
  result.cause = cause;
  return result;
}

}  // namespace

Server::Server(base::UniqueFd client) : client_(std::move(client)) {
  fcntl(client_.get(), F_SETFL, O_NONBLOCK);
  loop_.Add(client_.get(), EPOLLIN, [this](std::uint32_t events) { OnClient(events); });
  // Orphans of a zygote that died come here. Nobody asks for the status of a child: pidfds tell of deaths, zygotes of workers.
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, nullptr);
  children_ = base::UniqueFd(signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  loop_.Add(children_.get(), EPOLLIN, [this](std::uint32_t) {
    signalfd_siginfo info;
    while (read(children_.get(), &info, sizeof info) > 0) {
    }
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  });
}

Server::~Server() {
  for (auto& [id, session] : sessions_) session->Kill();
  if (zygote_ != nullptr) zygote_->Kill();
  // An init ends when the worker below it is reaped, and a dead zygote's workers are this process's to reap.
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
}

void Server::Serve() {
  while (!loop_.stopped()) loop_.Step();
}

void Server::OnClient(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) Flush();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  char buffer[65536];
  for (;;) {
    const ssize_t n = recv(client_.get(), buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n <= 0) return loop_.Stop();
    in_.Append(buffer, static_cast<std::size_t>(n));
    if (static_cast<std::size_t>(n) < sizeof buffer) break;
  }
  while (auto frame = in_.Next()) OnFrame(*frame);
  if (in_.broken()) loop_.Stop();
}

void Server::Reply(std::string frame) {
  out_ += frame;
  if (!out_waits_) Flush();
}

void Server::Flush() {
  std::size_t sent = 0;
  bool waits = false;
  while (sent < out_.size()) {
    const ssize_t n = send(client_.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      waits = errno == EAGAIN || errno == EWOULDBLOCK;
      if (!waits) loop_.Stop();
      break;
    }
    sent += static_cast<std::size_t>(n);
  }
  out_.erase(0, sent);
  if (waits != out_waits_) loop_.Change(client_.get(), waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
  out_waits_ = waits;
}

void Server::OnFrame(const Frame& frame) {
  Reader reader(frame.payload);
  switch (frame.kind) {
    case FrameKind::kStart:
      try {
        Start(base::Json::parse(frame.payload));
      } catch (const std::exception& error) {
        Refuse(error.what());
      }
      return;
    case FrameKind::kOpen:
      return Assign(reader.U64());
    case FrameKind::kRun: {
      const std::uint64_t client = reader.U64();
      RunRequest request;
      request.timeout = milliseconds(reader.U32());
      request.grace = milliseconds(reader.U32());
      request.code = reader.Rest();
      const auto found = clients_.find(client);
      if (found != clients_.end()) return found->second->Run(std::move(request));
      if (const auto gone = lost_.find(client); gone != lost_.end()) {
        return SendResult(client, gone->second);
      }
      early_[client] = std::move(request);
      return;
    }
    case FrameKind::kInterrupt: {
      const auto found = clients_.find(reader.U64());
      if (found != clients_.end()) found->second->Interrupt();
      return;
    }
    case FrameKind::kClose: {
      const std::uint64_t client = reader.U64();
      lost_.erase(client);
      std::erase(waiting_, client);
      if (early_.erase(client) != 0) {
        RunResult result;
        result.status = RunStatus::kSessionLost;
        result.cause = "closed";
        SendResult(client, result);
      }
      const auto found = clients_.find(client);
      if (found == clients_.end()) return;
      Session* session = found->second;
      session->End(RunStatus::kSessionLost, "closed");
      lost_.erase(client);
      return;
    }
    default:
      return loop_.Stop();
  }
}

void Server::Start(const base::Json& settings) {
  options_ = OptionsFromJson(settings.at("options"));
  layout_ = PythonLayoutFromJson(settings.at("layout"));
  const std::string native = settings.at("native_library").get<std::string>();
  const auto disabled = [&](const char* layer) {
    return std::find(options_.disabled_layers.begin(), options_.disabled_layers.end(), layer) != options_.disabled_layers.end();
  };
  proc_ = base::UniqueFd(open("/proc", O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  report_.python_version = layout_.full_version;

  const Probe probe = ProbeLayers(layout_, native, proc_.get(), options_);
  report_.layers = probe.layers;
  if (!probe.seccomp_filter.empty() && !disabled("seccomp")) zygote_options_.seccomp_filter = probe.seccomp_filter;
  report_.tier = TierOf(probe);
  report_.why_not_higher = WhyNotHigher(report_);
  if (report_.tier == Tier::kNone || report_.tier > options_.minimum_tier) {
    return Refuse(report_.tier == Tier::kNone ? "no jail of tier C or better here"
                                              : std::string("the jail here is only of tier ") + Letter(report_.tier) + ", tier " +
                                                    Letter(options_.minimum_tier) + " is wanted");
  }
  const uid_t uid = geteuid() == 0 ? UnusedUid() : geteuid();
  if (report_.tier == Tier::kA) {
    std::string why;
    cgroups_ = OpenCgroups(uid, &why);
  }
  zygote_options_.private_root = report_.tier != Tier::kC;
  zygote_options_.native_library = native;
  zygote_options_.layers = kJailLandlock | kJailSeccomp | (zygote_options_.private_root ? kJailNamespaces : kJailReaper);
  zygote_options_.max_processes = static_cast<std::uint32_t>(options_.max_processes);
  zygote_options_.disk_bytes = options_.disk_bytes;
  zygote_options_.output_bytes = options_.output_bytes;
  if (zygote_options_.private_root) {
    EnterNamespaces(layout_, native, uid, proc_.get());
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // changed credentials cleared it
  }
  if (!zygote_options_.private_root) {
    const bool root = geteuid() == 0;
    folders_ = std::make_unique<WorkFolders>(root ? UnusedUids(options_.max_sessions) : std::vector<uid_t>());
    // The limit counts all processes of the user id: those that run already do not belong to sessions.
    if (!root) zygote_options_.max_processes += ProcessesOf(proc_.get(), geteuid());
  }
  StartZygote();
}

void Server::Refuse(const std::string& message) {
  base::Json json;
  json["message"] = message;
  json["report"] = ToJson(report_);
  Reply(Writer().Rest(base::Dump(json)).Framed(FrameKind::kRefused));
}

void Server::StartZygote() {
  zygote_ready_ = false;
  zygote_ = std::make_unique<Zygote>(layout_, zygote_options_);
  loop_.After(kZygoteLimit, [this, zygote = ++zygotes_made_] {
    if (zygote == zygotes_made_ && zygote_ != nullptr && !zygote_ready_) zygote_->Kill();
  });
  loop_.Add(zygote_->control(), EPOLLIN, [this](std::uint32_t) { OnZygote(); });
}

void Server::OnZygote() {
  Zygote* const zygote = zygote_.get();
  for (;;) {
    Zygote::Event message = {};
    bool ended = false;
    if (!zygote->Receive(&message, &ended)) {
      if (ended) OnZygoteEnd();
      return;
    }
    const mc_zygote_event& event = message.event;
    const auto found = sessions_.find(event.session);
    Session* const session = found != sessions_.end() ? found->second.get() : nullptr;
    switch (event.kind) {
      case kZygoteReady: {
        zygote_ready_ = true;
        zygote_failures_ = 0;
        address_space_ = zygote->AddressSpace(proc_.get());
        report_.libraries.clear();
        for (std::size_t at = 0; at < message.text.size();) {
          const std::size_t end = std::min(message.text.find('\n', at), message.text.size());
          const std::string line = message.text.substr(at, end - at);
          const std::size_t equals = line.find('=');
          if (equals != std::string::npos) report_.libraries.emplace_back(line.substr(0, equals), line.substr(equals + 1));
          at = end + 1;
        }
        // Sessions that were asked for while there was no zygote.
        for (auto& [id, waiting] : sessions_) {
          if (!waiting->ended() && waiting->worker_pid < 0 && !waiting->worker_gone) Fork(waiting.get());
        }
        if (started_) {
          FillPool();
        } else {
          Prove();
        }
        break;
      }
      case kZygoteForked:
        if (session == nullptr) break;
        session->worker = std::move(message.pidfd);
        session->worker_pid = event.pid;
        session->forking = false;
        if (session->ended()) session->Kill();
        break;
      case kZygoteForkFailed:
        if (session == nullptr) break;
        session->worker_gone = true;
        session->forking = false;
        session->End(RunStatus::kInfrastructure, std::string("sandbox: fork: ") + std::strerror(event.status));
        Collect(event.session);
        break;
      case kZygoteExited:
        if (session == nullptr) break;
        session->WorkerExited(event.status);
        Collect(event.session);
        break;
      default:
        break;
    }
    if (zygote != zygote_.get()) return;
  }
}

void Server::OnZygoteEnd() {
  const std::string why = zygote_->ErrorText();
  loop_.Remove(zygote_->control());
  zygote_.reset();
  zygote_ready_ = false;
  // Their exit could no longer be told from a crash: they end with it.
  std::vector<Session*> all;
  for (auto& [id, session] : sessions_) all.push_back(session.get());
  for (Session* session : all) {
    if (session->worker_pid < 0 && !session->forking && !session->worker_gone) continue;  // the next one forks it
    session->worker_gone = true;
    session->forking = false;
    session->End(RunStatus::kInfrastructure,
                 "sandbox: the zygote died" + (why.empty() ? std::string() : " (" + why + ")") + " and is started again");
  }
  if (!started_) return Refuse("the jail's Python does not start: " + (why.empty() ? "no message" : why));
  // Three in a row, without one session in between, are not an accident.
  if (++zygote_failures_ > 3) return loop_.Stop();
  StartZygote();
}

Session* Server::NewSession() {
  const std::uint64_t id = next_session_++;
  SessionContext context{&loop_, proc_.get(), options_.output_bytes, options_.memory_bytes, cgroups_ == nullptr};
  Session::Callbacks callbacks;
  callbacks.on_ready = [this](Session*) { fill_failures_ = 0; };
  callbacks.on_result = [this](Session* session, RunResult result) {
    if (session->client != 0) SendResult(session->client, result);
  };
  callbacks.on_end = [this](Session* session) { OnEnd(session); };
  auto session = std::make_unique<Session>(id, context, std::move(callbacks));
  if (zygote_options_.private_root) {
    auto cell = MakeCell({options_.disk_bytes, 8192}, proc_.get(), &last_failure_);
    if (!cell) return nullptr;
    session->cell = std::move(*cell);
    loop_.Add(session->cell.init_pidfd.get(), EPOLLIN, [this, id](std::uint32_t) {
      const auto found = sessions_.find(id);
      if (found == sessions_.end()) return;
      loop_.Remove(found->second->cell.init_pidfd.get());
      found->second->reaped_init = true;
      found->second->End(RunStatus::kSessionLost, "init died");
      Collect(id);
    });
  }
  if (cgroups_ != nullptr) session->cgroup = cgroups_->Make(id, {options_.memory_bytes, options_.max_processes}, &last_failure_);
  if (cgroups_ != nullptr && session->cgroup == nullptr) {
    loop_.Remove(session->cell.init_pidfd.get());
    session->Kill();
    return nullptr;
  }
  if (folders_ != nullptr && !folders_->Take(id, &session->work_folder, &session->uid))
    return last_failure_ = "no work folder or user id is free", nullptr;
  Session* const made = session.get();
  sessions_[id] = std::move(session);
  if (zygote_ready_) Fork(made);
  if (!made->ended()) return made;
  if (const auto& untold = made->untold()) last_failure_ = untold->second;
  return nullptr;
}

void Server::Fork(Session* session) {
  std::array<base::UniqueFd, 3> guest;
  if (!session->MakeChannels(&guest)) {
    session->worker_gone = true;
    return session->End(RunStatus::kInfrastructure, std::string("sandbox: descriptors: ") + std::strerror(errno));
  }
  session->Listen(kReadyLimit);
  std::vector<int> fds = {guest[0].get(), guest[1].get(), guest[2].get()};
  if (session->cell.init_pidfd.valid()) fds.push_back(session->cell.init_pidfd.get());
  mc_fork_request request = {};
  request.magic = MC_JAIL_MAGIC;
  request.session = session->id();
  request.uid = session->uid;
  session->work_folder.copy(request.workdir, sizeof request.workdir - 1);
  request.address_space_bytes = address_space_ + options_.memory_bytes;
  if (session->cgroup != nullptr) {
    const std::vector<int> procs = session->cgroup->procs();
    fds.insert(fds.end(), procs.begin(), procs.end());
    request.n_cgroups = static_cast<std::uint32_t>(procs.size());
  }
  session->forking = true;
  if (!zygote_->Fork(request, fds)) {
    session->forking = false;
    session->worker_gone = true;
    session->End(RunStatus::kInfrastructure, std::string("sandbox: zygote: ") + std::strerror(errno));
  }
}

void Server::OnEnd(Session* session) {
  if (std::erase(pool_, session) != 0 && !session->ready()) FillLater();
  // Not even its fork was answered: the zygote hangs. What is asked for from now on waits for the next one.
  if (session->late() && session->forking && zygote_ != nullptr) {
    zygote_ready_ = false;
    zygote_->Kill();
  }
  if (session->client != 0) {
    clients_.erase(session->client);
    RunResult& lost = lost_[session->client] = Verdict(RunStatus::kSessionLost, "the session is gone");
    if (const auto& untold = session->untold()) {
      lost.cause += ": " + untold->second;
      if (untold->first == RunStatus::kInfrastructure) lost.status = RunStatus::kInfrastructure;
    }
    session->client = 0;
  }
  const std::uint64_t id = session->id();
  loop_.After(milliseconds(0), [this, id] { Collect(id); });
}

void Server::Collect(std::uint64_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  Session* const session = found->second.get();
  if (!session->ended()) return;
  const bool init_gone = session->cell.init < 0 || session->reaped_init;
  // A worker that was never forked has nothing to wait for.
  if (!init_gone || session->forking || (session->worker_pid >= 0 && !session->worker_gone)) return;
  sessions_.erase(found);
  if (folders_ != nullptr) folders_->Release(id);
  ServeQueue();
  FillPool();
}

void Server::FillPool() {
  if (!started_ || !zygote_ready_ || fill_waits_) return;
  while (pool_.size() < options_.warm_sessions && sessions_.size() < options_.max_sessions && waiting_.empty()) {
    Session* const session = NewSession();
    if (session == nullptr) return FillLater();
    pool_.push_back(session);
  }
}

void Server::FillLater() {
  if (fill_waits_) return;
  fill_waits_ = true;
  loop_.After(milliseconds(100) * (1 << std::min(fill_failures_++, 8)), [this] {
    fill_waits_ = false;
    FillPool();
  });
}

void Server::Assign(std::uint64_t client) {
  Session* session = nullptr;
  if (!pool_.empty()) {
    session = pool_.front();
    pool_.pop_front();
  } else {
    if (sessions_.size() >= options_.max_sessions) return waiting_.push_back(client);
    session = NewSession();
    if (session == nullptr) return FailClient(client, "sandbox: " + last_failure_);
  }
  session->client = client;
  clients_[client] = session;
  const auto early = early_.find(client);
  if (early != early_.end()) {
    RunRequest request = std::move(early->second);
    early_.erase(early);
    session->Run(std::move(request));
  }
  // Later, so that this session comes first.
  if (options_.warm_sessions != 0) loop_.After(milliseconds(0), [this] { FillPool(); });
}

void Server::ServeQueue() {
  while (!waiting_.empty() && sessions_.size() < options_.max_sessions) {
    const std::uint64_t client = waiting_.front();
    waiting_.pop_front();
    Assign(client);
  }
}

void Server::FailClient(std::uint64_t client, const std::string& cause) {
  lost_[client] = Verdict(RunStatus::kInfrastructure, cause);
  if (early_.erase(client) != 0) SendResult(client, Verdict(RunStatus::kInfrastructure, cause));
}

void Server::SendResult(std::uint64_t client, const RunResult& result) {
  if (client == kCanaryClient) {
    // The canaries' verdict: an empty list.
    if (result.status != RunStatus::kOk || result.value != "[]") {
      if (cgroups_ != nullptr && result.cause.find("cgroup") != std::string::npos) {
        cgroups_.reset();
        for (Layer& layer : report_.layers) {
          if (layer.name == "cgroup") layer = {"cgroup", false, result.cause};
        }
        report_.tier = Tier::kB;
        report_.why_not_higher = WhyNotHigher(report_);
        if (report_.tier > options_.minimum_tier) return Refuse("the jail here is only of tier B");
        return Prove();
      }
      report_.tier = Tier::kNone;
      const std::string what = result.status == RunStatus::kOk ? "attacks succeeded: " + result.value
                                                               : "the first session failed: " + result.cause + result.exception;
      report_.why_not_higher = what;
      return Refuse("the jail does not hold: " + what);
    }
    if (const auto found = clients_.find(kCanaryClient); found != clients_.end())
      found->second->End(RunStatus::kSessionLost, "closed");
    lost_.erase(kCanaryClient);
    started_ = true;
    Reply(Writer().Rest(base::Dump(ToJson(report_))).Framed(FrameKind::kStarted));
    return FillPool();
  }
  Writer writer;
  writer.U64(client).U8(static_cast<std::uint8_t>(result.status)).U8(result.truncated ? 1 : 0);
  for (const std::string* text : {&result.output, &result.stdout_text, &result.stderr_text, &result.value, &result.traceback,
                                  &result.exception, &result.cause})
    writer.String(*text);
  Reply(writer.Framed(FrameKind::kResult));
}

void Server::Prove() {
  lost_.erase(kCanaryClient);
  early_[kCanaryClient] = {CanarySource(zygote_options_.private_root), kCanaryLimit, milliseconds(500)};
  Assign(kCanaryClient);
}

}  // namespace mathcoder::sandbox
