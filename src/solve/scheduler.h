// Runs many loops at once over one engine and one sandbox. Decoding never waits for Python and Python never waits for decoding:
// both report to one queue, which the thread inside Run empties.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "chat/dialect.h"
#include "chat/observation.h"
#include "chat/transcript.h"
#include "engine/engine.h"
#include "sandbox/sandbox.h"
#include "solve/loop.h"

namespace mathcoder::solve {

struct Job {
  chat::Problem problem;
  std::uint32_t sample = 0;
  engine::SamplingOptions sampling;
  const chat::Transcript* recording = nullptr;  // for the recording engine; borrowed until its transcript is delivered
  Observer* observer = nullptr;                 // borrowed likewise; with one, tokens are streamed as they are sampled
};

struct SchedulerOptions {
  Limits limits;
  chat::ObservationPolicy observation;
  std::size_t parallel = 1;     // problems in flight
  chat::Provenance provenance;  // copied into every transcript, sampling filled in
  // What finished blocks state, for Transcript::final_answer; empty: chat::ExtractFinalAnswer. Must not throw.
  std::function<std::string(const std::vector<chat::Block>&)> final_answer = {};
};

// Counts by ending, for the progress line and the summary.
struct Tally {
  std::size_t finished = 0;
  std::map<chat::Ending, std::size_t> by_ending;
  std::string ToString() const;  // "58 answered, 2 session lost"
};

class Scheduler {
 public:
  // Borrows both. `sandbox` may be started later than the first generation: it is asked for when the first code block appears.
  Scheduler(engine::Engine& engine, std::function<sandbox::Sandbox&()> sandbox, std::shared_ptr<const chat::Dialect> dialect,
            SchedulerOptions options);

  // Pulls jobs from `next` until it returns nothing, delivers each transcript to `done` on this thread, in the order they finish.
  // A job that cannot start (its prompt is too long) is delivered with kContextFull. When `cancel` becomes true, what is in flight
  // is delivered as kCancelled and Run returns. `done` and `next` may throw: what is in flight is dropped and the exception goes to
  // the caller.
  Tally Run(const std::function<std::optional<Job>()>& next, const std::function<void(chat::Transcript)>& done,
            const std::atomic<bool>& cancel);

 private:
  engine::Engine& engine_;
  const std::function<sandbox::Sandbox&()> sandbox_;
  const std::shared_ptr<const chat::Dialect> dialect_;
  const SchedulerOptions options_;
};

}  // namespace mathcoder::solve
