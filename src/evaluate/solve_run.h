// Solves the tasks of a store until none is left: leases, the scheduler of solve/, results back into the store.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chat/dialect.h"
#include "engine/engine.h"
#include "evaluate/benchmark.h"
#include "evaluate/store.h"
#include "sandbox/sandbox.h"
#include "solve/scheduler.h"

namespace mathcoder::evaluate {

struct SolveSetup {
  engine::Engine* engine = nullptr;
  std::function<sandbox::Sandbox&()> sandbox;
  std::shared_ptr<const chat::Dialect> dialect;
  solve::SchedulerOptions scheduler;
  engine::SamplingOptions sampling;  // sample i uses seed + i
  std::chrono::milliseconds heartbeat{20000};
  std::chrono::milliseconds poll{500};  // how often a worker without tasks looks for expired leases
};

struct SolveEvents {
  // A result was kept (or given back, or found already there): counts of the store and of endings, for a progress line.
  std::function<void(const Store::Count&, const solve::Tally&)> on_progress;
  std::function<void(const std::string&)> on_note;  // one line: a failure that will be tried again
};

// Every task of `selections`, in order: all samples of a question before the next, so that they share their prompt.
std::vector<Task> TasksOf(const std::vector<Selection>& selections, const std::vector<Dataset>& datasets, std::size_t limit);

// Blocks until every task of the store has a result, or `cancel`. Where others hold the last leases it waits, and takes over what
// they lose. Returns the tally of what this worker finished. Throws what the store, the engine or the sandbox throw.
solve::Tally SolveTasks(Store& store, const std::vector<Dataset>& datasets, const SolveSetup& setup, const SolveEvents& events,
                        const std::atomic<bool>& cancel);

}  // namespace mathcoder::evaluate
