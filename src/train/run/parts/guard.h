// Watches loss and gradient norm for what is no number and for leaps, and says what to do with the step: a state machine without
// side effects. Called between the backward pass and the optimizer's step, with values that are the same in all processes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace mathcoder::train {

struct GuardOptions {
  enum class Policy { kIgnore, kStop, kSkip, kRollBack };
  Policy nan = Policy::kStop;  // kIgnore is taken for kStop: such a step would ruin the weights
  Policy spike = Policy::kSkip;
  // A leap is more than `deviations` standard deviations above the mean of the last `window` steps that were taken (0: not looked
  // at), or more than `factor` times their median (0: not looked at). A deviation counts as at least a hundredth of the mean, so
  // that a very quiet curve does not make a leap of nothing.
  double deviations = 8;
  double factor = 0;
  std::int64_t window = 100;
  std::int64_t least = 20;  // steps before leaps are looked for; at most `window`
  std::int64_t limit = 5;  // so many skips in a row, or rollbacks without as many good steps between as `window`, and the run stops
};

// "ignore", "stop", "skip", "rollback"; throws BadInput.
GuardOptions::Policy PolicyFromName(std::string_view name);

class Guard {
 public:
  enum class Action {
    kGo,        // take the step
    kSkip,      // drop the gradients, go on with the next batch
    kRollBack,  // load the newest checkpoint, RolledBack(its state of the guard), go on from there
    kStop       // end the run with the reason
  };
  struct Verdict {
    Action action = Action::kGo;
    std::string reason;  // one line for the log; empty for kGo without anything to say
  };

  explicit Guard(GuardOptions options);

  // `step` counts optimizer steps; a step that was rolled back comes again. What a rollback was for is skipped when it comes again
  // with the same fault: the batch is to blame then, and another rollback would only repeat it.
  Verdict Observe(std::int64_t step, double loss, double gradient_norm);

  // For checkpoints. Restore makes a guard that goes on to the bit; RolledBack takes the steps that it knew from the checkpoint,
  // and keeps what happened since: else the same rollback would come for ever. Both throw BadInput where the JSON is no guard's.
  base::Json ToJson() const;
  void Restore(const base::Json& json);
  void RolledBack(const base::Json& json);

 private:
  struct Series {
    std::vector<double> values;  // of the last steps, oldest first
    void Add(double value, std::int64_t window);
    // The reason why `value` is a leap; empty where it is none.
    std::string Leap(const char* name, double value, const GuardOptions& options) const;
  };
  std::string Fault(double loss, double gradient_norm, GuardOptions::Policy* policy) const;

  GuardOptions options_;
  Series losses_, norms_;
  std::int64_t skips_ = 0;            // in a row
  std::int64_t roll_backs_ = 0;       // not yet forgiven
  std::int64_t rolled_back_at_ = -1;  // the furthest step that made one
  std::int64_t good_ = 0;             // steps taken after that
};

}  // namespace mathcoder::train
