#include "engine/llama_engine.h"

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "engine/llama_backend.h"
#include "engine/llama_model.h"
#include "engine/llama_scheduler.h"
#include "engine/replicated_engine.h"

namespace mathcoder::engine {
namespace {

SchedulerOptions ToSchedulerOptions(const LlamaOptions& options, const ContextPlan& plan) {
  SchedulerOptions scheduler;
  scheduler.parallel = options.parallel;
  scheduler.prefill_chunk = options.prefill_chunk;
  scheduler.sequence_context = plan.sequence_context;
  scheduler.deterministic = options.deterministic;
  scheduler.pool.swap_bytes = plan.shared_cells ? 0 : options.swap_bytes;
  return scheduler;
}

// One lock guards the scheduler; the thread lets go of it while a batch is computed and while callbacks run.
class LlamaEngine final : public Engine {
 public:
  LlamaEngine(const LlamaOptions& options, std::shared_ptr<const LlamaModel> model, std::shared_future<std::string> hash)
      : model_(std::move(model)),
        plan_(PlanContext(options, *model_)),
        backend_(MakeLlamaBackend(options, *model_, plan_)),
        scheduler_(*backend_, model_->tokenizer(), ToSchedulerOptions(options, plan_)),
        hash_(std::move(hash)) {
    info_.engine = LlamaVersion();
    info_.model = options.model.string();
    info_.hints = model_->hints();
    info_.context_tokens = plan_.sequence_context;
    info_.details = DescribeContext(options, *model_, plan_);
    thread_ = std::thread([this] { Run(); });
  }

  ~LlamaEngine() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      scheduler_.CancelAll();
      InterruptIfUnwanted();
    }
    wake_.notify_all();
    thread_.join();
  }

  const EngineInfo& info() const override { return info_; }
  std::string ModelSha256() const override { return hash_.get(); }
  const chat::Tokenizer& tokenizer() const override { return model_->tokenizer(); }

  SequenceId Open(SequenceOptions options) override {
    const std::lock_guard lock(mutex_);
    return scheduler_.Open(std::move(options));
  }
  SequenceId Fork(SequenceId sequence, SequenceOptions options) override {
    const std::lock_guard lock(mutex_);
    return scheduler_.Fork(sequence, std::move(options));
  }
  void Append(SequenceId sequence, std::span<const TokenId> tokens) override {
    const std::lock_guard lock(mutex_);
    scheduler_.Append(sequence, tokens);
  }
  void Generate(SequenceId sequence, GenerateOptions options, GenerateCallbacks callbacks) override {
    {
      const std::lock_guard lock(mutex_);
      scheduler_.Generate(sequence, std::move(options), std::move(callbacks));
    }
    wake_.notify_all();
  }
  void Cancel(SequenceId sequence) override {
    {
      const std::lock_guard lock(mutex_);
      scheduler_.Cancel(sequence);
      InterruptIfUnwanted();
    }
    wake_.notify_all();
  }
  void RollBack(SequenceId sequence, std::size_t n_tokens) override {
    const std::lock_guard lock(mutex_);
    scheduler_.RollBack(sequence, n_tokens);
  }
  std::vector<TokenId> Tokens(SequenceId sequence) const override {
    const std::lock_guard lock(mutex_);
    return scheduler_.Tokens(sequence);
  }
  void Close(SequenceId sequence) override {
    std::unique_lock lock(mutex_);
    scheduler_.Close(sequence);
    InterruptIfUnwanted();
    wake_.notify_all();
    // Until the thread has told a running Generate of its end, and every callback of it has returned. An idle sequence is not
    // waited for: its seat is freed before the next batch.
    told_.wait(lock, [&] { return !scheduler_.Generates(sequence) && !telling_.contains(sequence); });
  }
  EngineStats stats() const override {
    const std::lock_guard lock(mutex_);
    return scheduler_.stats();
  }

 private:
  // A batch of a large model takes seconds: nobody waits for one that nobody wants any more.
  void InterruptIfUnwanted() {
    if (computing_ && scheduler_.BatchIsUnwanted()) backend_->Interrupt();
  }

  void Run() {
    std::vector<LlamaScheduler::Event> events;
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return stopping_ || scheduler_.HasWork(); });
      if (stopping_) scheduler_.CancelAll();
      const bool computes = scheduler_.Plan(events);
      Tell(events, lock);
      if (computes) {
        computing_ = true;
        lock.unlock();
        scheduler_.Compute();
        lock.lock();
        computing_ = false;
        backend_->Resume();
        scheduler_.Apply(events);
        Tell(events, lock);
      } else if (stopping_ && !scheduler_.HasWork()) {
        return;
      }
    }
  }

  // Runs callbacks without the lock, so that they may wait for a thread that calls the engine.
  void Tell(std::vector<LlamaScheduler::Event>& events, std::unique_lock<std::mutex>& lock) {
    if (!events.empty()) {
      for (const auto& event : events) ++telling_[event.sequence];
      lock.unlock();
      for (auto& event : events) {
        if (event.result) {
          if (event.callbacks->on_done) event.callbacks->on_done(std::move(*event.result));
        } else {
          event.callbacks->on_tokens(event.tokens);
        }
        event.callbacks.reset();
      }
      lock.lock();
      telling_.clear();
      events.clear();
    }
    told_.notify_all();
  }

  std::shared_ptr<const LlamaModel> model_;
  ContextPlan plan_;
  std::unique_ptr<Backend> backend_;
  EngineInfo info_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable told_;
  LlamaScheduler scheduler_;
  std::unordered_map<SequenceId, int> telling_;  // sequences whose callbacks are being called
  bool stopping_ = false;
  bool computing_ = false;
  std::shared_future<std::string> hash_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Engine> OpenLlama(const LlamaOptions& options) {
  const auto model = std::make_shared<const LlamaModel>(options);
  const std::shared_future<std::string> hash = std::async(std::launch::async, [path = options.model]() -> std::string {
    try {
      return base::Sha256OfFile(path);
    } catch (const base::Error&) {
      return "";  // the file went away after it was loaded: the report shows no hash
    }
  });
  const std::uint32_t replicas = PlanReplicas(options, *model);
  if (replicas == 1) return std::make_unique<LlamaEngine>(options, model, hash);
  LlamaOptions part = options;
  part.parallel = (options.parallel + replicas - 1) / replicas;
  part.context = options.context / replicas;  // 0 stays 0
  part.swap_bytes = options.swap_bytes / replicas;
  if (options.threads > 0) part.threads = std::max(options.threads / static_cast<std::int32_t>(replicas), 1);
  std::vector<std::unique_ptr<Engine>> engines;
  for (std::uint32_t i = 0; i < replicas; ++i) engines.push_back(std::make_unique<LlamaEngine>(part, model, hash));
  return MakeReplicatedEngine(std::move(engines), {.forks_move = !options.deterministic});
}

}  // namespace mathcoder::engine
