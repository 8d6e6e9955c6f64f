// Both levels of comparison: apart from compare.cc, because the worker program is built from that one.
#include "math/compare.h"
#include "math/compare_judge.h"
#include "math/worker.h"

namespace mathcoder::math {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

struct Comparer::State {
  Options options;
  WorkerPool pool;
  explicit State(const Options& o) : options(o), pool(o.workers) {}
};

Comparer::Comparer() : Comparer(Options{}) {}
Comparer::Comparer(Options options) : state_(std::make_unique<State>(options)) {}
Comparer::~Comparer() = default;

Comparison Comparer::Compare(const Expr& reference, const Expr& answer, const CompareOptions& options) {
  const auto start = Clock::now();
  Budget budget;
  Comparison here = CompareWithin(reference, answer, options, &budget);
  const bool open = here.equality == Equality::kUnknown || here.equality == Equality::kProbablyEqual;
  if (state_->options.workers <= 0 || !open || !(budget.worth_a_worker || budget.left < 0)) return here;
  // the margin is for killing a worker, starting another, and for the caller
  const auto deadline = start + state_->options.deadline - std::chrono::milliseconds(10);
  const std::optional<Comparison> there = state_->pool.Ask(WriteRequest(reference, answer, options), deadline);
  if (there && there->equality != Equality::kUnknown) {
    here.equality = there->equality;
    here.reason = there->reason;
    here.rule = there->rule;
  }
  here.cost = Clock::now() - start;
  return here;
}

}  // namespace mathcoder::math
