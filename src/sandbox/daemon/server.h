// sandboxd: serves one client over a socket, owns the zygote and all sessions.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/unique_fd.h"
#include "sandbox/daemon/cgroup.h"
#include "sandbox/daemon/event_loop.h"
#include "sandbox/daemon/session.h"
#include "sandbox/daemon/work_folders.h"
#include "sandbox/daemon/zygote.h"
#include "sandbox/protocol.h"
#include "sandbox/sandbox.h"

namespace mathcoder::sandbox {

class Server {
 public:
  explicit Server(base::UniqueFd client);
  ~Server();
  void Serve();  // until the client goes away

 private:
  void OnClient(std::uint32_t events);
  void OnFrame(const Frame& frame);
  void Reply(std::string frame);
  void Flush();

  void Start(const base::Json& settings);
  void Refuse(const std::string& message);
  void StartZygote();
  void OnZygote();
  void OnZygoteEnd();

  Session* NewSession();  // starts to make one; nullptr with the reason in last_failure_
  void Fork(Session* session);
  void OnEnd(Session* session);
  void Collect(std::uint64_t id);  // frees it once its processes are gone
  void FillPool();
  void FillLater();  // after a warm session that could not be made: the more of them in a row, the later
  void Assign(std::uint64_t client);
  void ServeQueue();
  void FailClient(std::uint64_t client, const std::string& cause);
  void SendResult(std::uint64_t client, const RunResult& result);
  void Prove();  // canary attacks in a session, then kStarted or kRefused

  EventLoop loop_;
  base::UniqueFd client_;
  base::UniqueFd children_;
  FrameBuffer in_;
  std::string out_;
  bool out_waits_ = false;

  SandboxOptions options_;
  PythonLayout layout_;
  TierReport report_;
  ZygoteOptions zygote_options_;
  base::UniqueFd proc_;
  std::unique_ptr<CgroupRoot> cgroups_;
  std::unique_ptr<WorkFolders> folders_;  // tier C
  std::unique_ptr<Zygote> zygote_;
  bool zygote_ready_ = false;
  std::uint64_t zygotes_made_ = 0;
  bool started_ = false;
  int zygote_failures_ = 0;
  int fill_failures_ = 0;  // since the last session that became ready
  bool fill_waits_ = false;
  std::uint64_t address_space_ = 0;
  std::uint64_t next_session_ = 1;
  std::string last_failure_;
  std::map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::deque<Session*> pool_;                  // ready or on their way, unassigned
  std::map<std::uint64_t, Session*> clients_;  // the client's number -> session
  std::map<std::uint64_t, RunRequest> early_;  // runs of clients that wait for a session
  std::map<std::uint64_t, RunResult> lost_;    // what a run of a client whose session is gone is told
  std::deque<std::uint64_t> waiting_;          // clients above max_sessions
};

}  // namespace mathcoder::sandbox
