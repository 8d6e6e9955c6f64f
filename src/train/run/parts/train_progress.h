// The line of a run on the terminal:
//   step 120/4,000  loss 0.8312  lr 1.9e-05  12,345 tok/s  MFU 41%  mem 3.1 GB  1 h 02 min left
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "base/progress.h"

namespace mathcoder::train {

struct TrainProgressOptions {
  std::int64_t steps = 0;  // of the whole run; 0: unknown
  std::int64_t done = 0;   // before this start
  // Floating-point operations a second that all devices of the run can do: measured by the caller, or GpuPeak times their number.
  // 0: unknown, and no MFU is shown.
  double peak = 0;
  std::chrono::duration<double> smoothing{20};  // rates are means in which what is older than this counts little
  std::FILE* out = stderr;
  bool quiet = false;
};

struct TrainStep {
  std::int64_t step = 0;  // counts from 1
  double loss = 0, learning_rate = 0;
  std::int64_t tokens = 0;        // of this step, in all processes
  double operations = 0;          // of this step's model as the PaLM paper counts them (arXiv:2204.02311, B): recomputation is none
  std::int64_t device_bytes = 0;  // that a GPU holds; 0: the process's resident memory is shown
  std::string note;               // behind the rest
};

// Not thread-safe.
class TrainProgress {
 public:
  using Clock = std::chrono::steady_clock;

  explicit TrainProgress(TrainProgressOptions options, Clock::time_point now = Clock::now());
  ~TrainProgress();  // Finish

  void Step(const TrainStep& step, Clock::time_point now = Clock::now());
  // After what is no training (an evaluation, loading): the time since the last step is in no rate.
  void LeaveOut(Clock::time_point now = Clock::now()) { last_ = now; }

  // Clears the line, runs `print`, draws the line again: for output to the same terminal.
  template <typename F>
  void Interrupt(F print) {
    status_.Clear();
    print();
    if (shown_ && status_.terminal()) status_.Draw(Line());
  }
  void Finish();  // leaves the last state on the terminal

  // Smoothed; 0 before the first step. For metrics.
  double tokens_per_second() const { return seconds_ > 0 ? tokens_ / seconds_ : 0; }
  std::optional<double> mfu() const;                               // share of the peak; nullopt: no peak is known
  std::optional<std::chrono::duration<double>> time_left() const;  // nullopt: no number of steps, or no rate yet
  std::string Line() const;

 private:
  const TrainProgressOptions options_;
  base::StatusLine status_;
  Clock::time_point last_;
  // Sums that fade: their quotients are the rates.
  double seconds_ = 0, tokens_ = 0, operations_ = 0, steps_ = 0;
  TrainStep step_;
  bool shown_ = false, finished_ = false;
};

// "12,345".
std::string WithCommas(std::int64_t number);

// Bytes of this process that are in memory, and the most that ever were (VmRSS and VmHWM of /proc/self/status); 0 where unknown.
std::int64_t ResidentBytes();
std::int64_t PeakResidentBytes();

// Dense bf16 operations a second (f32 sums) of a GPU by the name that its driver gives; 0: not in the table. From NVIDIA's data
// sheets, which print twice these numbers where they mean sparse matrices.
double GpuPeak(std::string_view name);

}  // namespace mathcoder::train
