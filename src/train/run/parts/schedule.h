// The learning rate of a step: linear warm-up, then constant, linear, cosine or WSD (warm-up, stable, decay; arXiv:2405.18392). The
// formulas are those of Transformers' get_*_schedule functions, so that runs there and here can be compared step by step.
#pragma once

#include <cstdint>
#include <string_view>

namespace mathcoder::train {

struct ScheduleOptions {
  enum class Shape { kConstant, kLinear, kCosine, kWsd };
  enum class Decay { kLinear, kCosine, kOneMinusSqrt };

  Shape shape = Shape::kCosine;
  double peak = 2e-5;
  std::int64_t steps = 0;              // of the whole run
  std::int64_t warmup_steps = 0;       // from 0 to the peak
  double warmup_ratio = 0;             // of `steps`, rounded up; used where warmup_steps is 0
  double minimum_ratio = 0;            // where linear, cosine and WSD end, as a share of the peak; where WSD's warm-up begins
  double decay_share = 0.2;            // WSD: share of `steps` in which it falls, rounded to whole steps
  Decay decay = Decay::kOneMinusSqrt;  // WSD
};

// `done`: optimizer steps before this one, 0 for the first (which warm-up gives 0, as PyTorch's schedulers do). After the last step
// it stays where it ended.
double LearningRate(const ScheduleOptions& options, std::int64_t done);

// "constant", "linear", "cosine", "wsd"; throws BadInput that lists them.
ScheduleOptions::Shape ShapeFromName(std::string_view name);
// "linear", "cosine", "1-sqrt".
ScheduleOptions::Decay DecayFromName(std::string_view name);

}  // namespace mathcoder::train
