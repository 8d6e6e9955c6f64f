#include "evaluate/solve_run.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/json.h"
#include "chat/jsonl_formats.h"

namespace mathcoder::evaluate {
namespace {

// Renews leases beside the solving. What goes wrong here shows again, on the solving thread, at the next result.
class Heartbeat {
 public:
  Heartbeat(Store& store, std::chrono::milliseconds period)
      : thread_([this, &store, period] {
          std::unique_lock lock(mutex_);
          while (!stop_.wait_for(lock, period, [this] { return ended_; })) {
            lock.unlock();
            try {
              store.Heartbeat();
            } catch (const base::Error&) {
            }
            lock.lock();
          }
        }) {}
  ~Heartbeat() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    stop_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable stop_;
  bool ended_ = false;
  std::thread thread_;
};

class Worker {
 public:
  Worker(Store& store, const std::vector<Dataset>& datasets, const SolveSetup& setup, const SolveEvents& events)
      : store_(store), setup_(setup), events_(events) {
    for (const Dataset& dataset : datasets) datasets_.emplace(dataset.benchmark.name, &dataset);
    counts_ = store_.Counts();
    counted_ = Clock::now();
  }

  std::optional<solve::Job> Next() {
    const std::optional<Task> task = store_.Lease();
    if (!task) return std::nullopt;
    const Dataset& dataset = *datasets_.at(task->benchmark);
    MC_CHECK(task->index < dataset.questions.size());
    solve::Job job{.problem = dataset.questions[task->index].problem, .sample = task->sample, .sampling = setup_.sampling};
    job.sampling.seed += task->sample;
    // The loop hands the problem back as it was; the place of the task rides in its extra fields and is taken out again.
    job.problem.extra = {{"task", {task->benchmark, task->index}}, {"extra", std::move(job.problem.extra)}};
    return job;
  }

  void Done(chat::Transcript transcript) {
    base::Json riding = std::exchange(transcript.problem.extra, nullptr);
    const Task task{riding["task"][0].get<std::string>(), riding["task"][1].get<std::size_t>(), transcript.sample};
    transcript.problem.extra = std::move(riding["extra"]);
    const Clock::time_point now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - std::exchange(last_, now)).count();
    if (transcript.ending == chat::Ending::kCancelled) {
      store_.GiveBack(task, false);
      return;
    }
    const bool infrastructure =
        transcript.ending == chat::Ending::kSandboxFailure || transcript.ending == chat::Ending::kEngineFailure;
    if (infrastructure && store_.GiveBack(task, true) < kMaxAttempts) {
      if (events_.on_note)
        events_.on_note("will be tried again: " + std::string(chat::Name(transcript.ending)) + ": " + transcript.ending_detail);
      return;
    }
    ++tally_.finished;
    ++tally_.by_ending[transcript.ending];
    if (store_.Finish(task, base::Dump(chat::WriteTranscript(transcript)), infrastructure, seconds)) ++counts_.done;
    // Others finish tasks too; their count is asked for once a second.
    if (now - counted_ > std::chrono::seconds(1)) {
      counts_ = store_.Counts();
      counted_ = now;
    }
    if (events_.on_progress) events_.on_progress(counts_, tally_);
  }

  void StartClock() { last_ = Clock::now(); }
  const solve::Tally& tally() const { return tally_; }

 private:
  using Clock = std::chrono::steady_clock;
  Store& store_;
  const SolveSetup& setup_;
  const SolveEvents& events_;
  std::unordered_map<std::string, const Dataset*> datasets_;
  solve::Tally tally_;
  Store::Count counts_;
  Clock::time_point counted_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace

std::vector<Task> TasksOf(const std::vector<Selection>& selections, const std::vector<Dataset>& datasets, std::size_t limit) {
  MC_CHECK(selections.size() == datasets.size());
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < selections.size(); ++i) {
    const std::size_t questions = datasets[i].questions.size();
    for (std::size_t index = 0; index < (limit == 0 ? questions : std::min(limit, questions)); ++index) {
      for (std::uint32_t sample = 0; sample < selections[i].samples; ++sample)
        tasks.push_back({selections[i].benchmark.name, index, sample});
    }
  }
  return tasks;
}

solve::Tally SolveTasks(Store& store, const std::vector<Dataset>& datasets, const SolveSetup& setup, const SolveEvents& events,
                        const std::atomic<bool>& cancel) {
  Worker worker(store, datasets, setup, events);
  const Heartbeat heartbeat(store, setup.heartbeat);
  while (!cancel) {
    worker.StartClock();
    solve::Scheduler scheduler(*setup.engine, setup.sandbox, setup.dialect, setup.scheduler);
    scheduler.Run([&] { return worker.Next(); }, [&](chat::Transcript transcript) { worker.Done(std::move(transcript)); }, cancel);
    const Store::Count counts = store.Counts();
    if (counts.done == counts.total || cancel) break;
    std::this_thread::sleep_for(setup.poll);  // others hold the rest
  }
  return worker.tally();
}

}  // namespace mathcoder::evaluate
