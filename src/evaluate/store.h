// Who solves what: tasks are handed out with leases, and at most one result a task is kept. SQLite in the run's folder serves one
// program at a time; PostgreSQL serves workers on many machines. A worker that dies loses its leases, and its tasks go to others.
//
// Thread-safe: every method may be called from any thread. Methods throw base::Unavailable where the database cannot be reached and
// base::BadInput where it holds something else.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/benchmark.h"

namespace mathcoder::evaluate {

struct StoreOptions {
  std::chrono::milliseconds lease{60000};  // what a dead worker's tasks wait before others get them
  std::string worker;                      // unique among workers: "host:pid:number"
};

class Store {
 public:
  struct Count {
    std::size_t total = 0;
    std::size_t done = 0;
  };

  virtual ~Store() = default;

  // The tasks of this run, in order; results that are there already stay. `identity`: what results depend on besides the task (the
  // model, the questions, ...). Throws base::BadInput where the store's run was made with another one: results must not mix.
  // Results that were failures of the infrastructure are forgotten, so that they are tried again.
  virtual void Prepare(const std::string& identity, const std::vector<Task>& tasks) = 0;
  // The first task that is neither done nor leased; nullopt where there is none now (others may hold some: see Counts).
  virtual std::optional<Task> Lease() = 0;
  // Keeps the result and ends the lease. False where a result was there already: then nothing changes.
  virtual bool Finish(const Task& task, std::string_view transcript, bool infrastructure_failure, double seconds) = 0;
  // Gives the task back unsolved. `failed`: it counts as an attempt. Returns the attempts so far.
  virtual int GiveBack(const Task& task, bool failed) = 0;
  virtual void Heartbeat() = 0;  // renews this worker's leases; to be called several times a lease
  virtual Count Counts() = 0;
  // Every result, in the order of the tasks.
  virtual void ForEach(const std::function<void(const Task&, std::string_view transcript, double seconds)>& visit) = 0;
};

// In a file; created where absent. The caller sees to it that one program at a time uses it (evaluate/run_folder.h): leases of
// earlier ones are void.
std::unique_ptr<Store> OpenSqliteStore(const std::filesystem::path& path);

// `url`: postgresql://user@host/database. Tables are created where absent, in the schema "mathcoder". `run` names the run: workers
// with the same name share it.
std::unique_ptr<Store> OpenPostgresStore(const std::string& url, const std::string& run, const StoreOptions& options);

// How often an infrastructure failure is tried before it is kept as one.
inline constexpr int kMaxAttempts = 3;

}  // namespace mathcoder::evaluate
