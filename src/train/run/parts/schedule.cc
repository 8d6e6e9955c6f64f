#include "train/run/parts/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"

namespace mathcoder::train {
namespace {

// a / b, with nothing to divide by seen as 1, as Transformers does.
double Share(std::int64_t a, std::int64_t b) { return static_cast<double>(a) / static_cast<double>(std::max<std::int64_t>(1, b)); }

double HalfCosine(double progress) { return 0.5 * (1 + std::cos(std::numbers::pi * progress)); }

double Fall(ScheduleOptions::Decay decay, double progress) {
  switch (decay) {
    case ScheduleOptions::Decay::kLinear:
      return 1 - progress;
    case ScheduleOptions::Decay::kCosine:
      return HalfCosine(progress);
    case ScheduleOptions::Decay::kOneMinusSqrt:
      return 1 - std::sqrt(progress);
  }
  return 1;
}

}  // namespace

double LearningRate(const ScheduleOptions& options, std::int64_t done) {
  using Shape = ScheduleOptions::Shape;
  const auto raised = [&](double factor) { return options.peak * (factor * (1 - options.minimum_ratio) + options.minimum_ratio); };
  const std::int64_t warmup = options.warmup_steps > 0
                                  ? options.warmup_steps
                                  : static_cast<std::int64_t>(std::ceil(options.warmup_ratio * static_cast<double>(options.steps)));
  if (done < warmup) return options.shape == Shape::kWsd ? raised(Share(done, warmup)) : options.peak * Share(done, warmup);
  const double progress = std::min(1.0, Share(done - warmup, options.steps - warmup));
  switch (options.shape) {
    case Shape::kConstant:
      return options.peak;
    case Shape::kLinear:
      return raised(1 - progress);
    case Shape::kCosine:
      return raised(HalfCosine(progress));
    case Shape::kWsd: {
      const std::int64_t decay =
          std::min(options.steps - warmup, std::int64_t{std::llround(options.decay_share * static_cast<double>(options.steps))});
      const std::int64_t start = options.steps - decay;
      return done < start ? options.peak : raised(Fall(options.decay, std::min(1.0, Share(done - start, decay))));
    }
  }
  return options.peak;
}

ScheduleOptions::Shape ShapeFromName(std::string_view name) {
  if (name == "constant") return ScheduleOptions::Shape::kConstant;
  if (name == "linear") return ScheduleOptions::Shape::kLinear;
  if (name == "cosine") return ScheduleOptions::Shape::kCosine;
  if (name == "wsd") return ScheduleOptions::Shape::kWsd;
  throw base::BadInput("schedule \"" + std::string(name) + "\" does not exist; choose constant, linear, cosine or wsd");
}

ScheduleOptions::Decay DecayFromName(std::string_view name) {
  if (name == "linear") return ScheduleOptions::Decay::kLinear;
  if (name == "cosine") return ScheduleOptions::Decay::kCosine;
  if (name == "1-sqrt") return ScheduleOptions::Decay::kOneMinusSqrt;
  throw base::BadInput("decay \"" + std::string(name) + "\" does not exist; choose linear, cosine or 1-sqrt");
}

}  // namespace mathcoder::train
