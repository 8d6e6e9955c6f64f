#include "solve/scheduler.h"

#include <chrono>
#include <span>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/queue.h"

namespace mathcoder::solve {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::microseconds;

// How long a cancel or a stalled peer may go unnoticed. Everything else wakes the queue.
constexpr std::chrono::milliseconds kPoll(100);

struct Streamed {
  std::vector<chat::TokenId> tokens;
};
struct Event {
  std::uint64_t task;
  std::variant<Streamed, engine::GenerateResult, sandbox::RunResult> what;
};

// One problem in flight.
struct Task {
  Task(std::unique_ptr<Loop> the_loop, engine::SequenceId the_sequence) : loop(std::move(the_loop)), sequence(the_sequence) {}
  std::unique_ptr<Loop> loop;
  engine::SequenceId sequence;
  std::optional<sandbox::SessionId> session;
  bool streams = false;
  Clock::time_point start = Clock::now();
};

// All that lives as long as one Run. Destruction closes what is open.
class Run {
 public:
  Run(engine::Engine& engine, const std::function<sandbox::Sandbox&()>& sandbox, const chat::Dialect& dialect,
      const SchedulerOptions& options, const std::function<void(chat::Transcript)>& done)
      : engine_(engine), sandbox_(sandbox), dialect_(dialect), options_(options), done_(done) {}
  ~Run() {
    for (auto& [id, task] : tasks_) Release(task);
  }

  std::size_t in_flight() const { return tasks_.size(); }
  const Tally& tally() const { return tally_; }

  void Start(Job job) {
    chat::Problem copy = job.problem;
    const std::uint32_t sample = job.sample;
    std::unique_ptr<Loop> loop;
    try {
      loop = std::make_unique<Loop>(std::move(job.problem), engine_.tokenizer(), dialect_, options_.observation, options_.limits,
                                    job.observer);
    } catch (const base::Error& error) {
      chat::Transcript transcript;
      transcript.problem = std::move(copy);
      transcript.sample = sample;
      transcript.ending = chat::Ending::kContextFull;
      transcript.ending_detail = error.what();
      Stamp(transcript, job.sampling);
      Deliver(std::move(transcript));
      return;
    }
    loop->transcript().sample = sample;
    Stamp(loop->transcript(), job.sampling);
    engine::SequenceOptions sequence{
        .sampling = job.sampling, .affinity = copy.id.empty() ? copy.question : copy.id, .recording = job.recording};
    const std::uint64_t id = next_id_++;
    auto [it, inserted] = tasks_.emplace(id, Task(std::move(loop), engine_.Open(std::move(sequence))));
    it->second.streams = job.observer != nullptr;
    Generate(id, it->second);
  }

  // Handles what has happened; waits for it where nothing has.
  void Step() {
    for (Event& event : events_->PopAll(kPoll)) {
      const auto it = tasks_.find(event.task);
      if (it == tasks_.end()) continue;  // ended meanwhile
      Task& task = it->second;
      if (auto* streamed = std::get_if<Streamed>(&event.what)) {
        if (task.loop->Stream(streamed->tokens)) EnsureSession(task);
      } else if (auto* generated = std::get_if<engine::GenerateResult>(&event.what)) {
        Act(it, task.loop->Generated(*generated));
      } else {
        Act(it, task.loop->Executed(std::get<sandbox::RunResult>(event.what)));
      }
    }
  }

  void CancelAll() {
    while (!tasks_.empty()) {
      const auto it = tasks_.begin();
      it->second.loop->End(chat::Ending::kCancelled, "");
      Finish(it);
    }
  }

 private:
  using Tasks = std::unordered_map<std::uint64_t, Task>;

  void Act(Tasks::iterator it, Action action) {
    switch (action) {
      case Action::kGenerate:
        return Generate(it->first, it->second);
      case Action::kExecute:
        return Execute(it->first, it->second);
      case Action::kFinished:
        return Finish(it);
    }
  }

  void Generate(std::uint64_t id, Task& task) {
    if (const auto length = task.loop->TakeRollBack()) engine_.RollBack(task.sequence, *length);
    if (const auto pending = task.loop->TakePending(); !pending.empty()) engine_.Append(task.sequence, pending);
    engine::GenerateCallbacks callbacks;
    if (task.streams) {
      callbacks.on_tokens = [events = events_, id](std::span<const chat::TokenId> tokens) {
        events->Push({id, Streamed{{tokens.begin(), tokens.end()}}});
      };
    }
    callbacks.on_done = [events = events_, id](engine::GenerateResult result) { events->Push({id, std::move(result)}); };
    engine_.Generate(task.sequence, task.loop->NextGenerate(), std::move(callbacks));
  }

  void EnsureSession(Task& task) {
    if (!task.session) task.session = sandbox_().Open();
  }

  void Execute(std::uint64_t id, Task& task) {
    EnsureSession(task);
    sandbox_().Run(*task.session, task.loop->code(), {.timeout = options_.limits.code_time},
                   [events = events_, id](sandbox::RunResult result) {
                     events->Push({id, std::move(result)});
                   });
  }

  void Finish(Tasks::iterator it) {
    Task& task = it->second;
    chat::Transcript transcript = std::move(task.loop->transcript());
    transcript.timings.total = duration_cast<microseconds>(Clock::now() - task.start);
    // What was cut states an answer only where the loop found a box in it.
    const bool states = transcript.ending == chat::Ending::kAnswered || !transcript.final_answer.empty();
    if (options_.final_answer && states) transcript.final_answer = options_.final_answer(transcript.blocks);
    Release(task);
    tasks_.erase(it);
    Deliver(std::move(transcript));
  }

  void Release(Task& task) {
    engine_.Close(task.sequence);
    if (task.session) sandbox_().Close(*task.session);
  }

  void Deliver(chat::Transcript transcript) {
    ++tally_.finished;
    ++tally_.by_ending[transcript.ending];
    done_(std::move(transcript));
  }

  void Stamp(chat::Transcript& transcript, const engine::SamplingOptions& sampling) {
    transcript.provenance = options_.provenance;
    transcript.provenance.sampling = engine::ToJson(sampling);
  }

  engine::Engine& engine_;
  const std::function<sandbox::Sandbox&()>& sandbox_;
  const chat::Dialect& dialect_;
  const SchedulerOptions& options_;
  const std::function<void(chat::Transcript)>& done_;
  // Shared with the callbacks: a session that is closed while its code runs may report after the run is over.
  const std::shared_ptr<base::EventQueue<Event>> events_ = std::make_shared<base::EventQueue<Event>>();
  Tasks tasks_;
  std::uint64_t next_id_ = 0;
  Tally tally_;
};

}  // namespace

std::string Tally::ToString() const {
  std::string text;
  for (const auto& [ending, count] : by_ending) {
    if (count == 0) continue;
    std::string name(chat::Name(ending));
    for (char& c : name) c = c == '_' ? ' ' : c;
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + name;
  }
  return text;
}

Scheduler::Scheduler(engine::Engine& engine, std::function<sandbox::Sandbox&()> sandbox,
                     std::shared_ptr<const chat::Dialect> dialect, SchedulerOptions options)
    : engine_(engine), sandbox_(std::move(sandbox)), dialect_(std::move(dialect)), options_(std::move(options)) {}

Tally Scheduler::Run(const std::function<std::optional<Job>()>& next, const std::function<void(chat::Transcript)>& done,
                     const std::atomic<bool>& cancel) {
  solve::Run run(engine_, sandbox_, *dialect_, options_, done);
  bool more = true;
  while (!cancel && (more || run.in_flight() > 0)) {
    while (more && run.in_flight() < options_.parallel && !cancel) {
      std::optional<Job> job = next();
      if (job) {
        run.Start(*std::move(job));
      } else {
        more = false;
      }
    }
    if (run.in_flight() > 0) run.Step();
  }
  if (cancel) run.CancelAll();
  return run.tally();
}

}  // namespace mathcoder::solve
