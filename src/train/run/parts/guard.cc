#include "train/run/parts/guard.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/check.h"
#include "base/error.h"

namespace mathcoder::train {
namespace {

std::string Number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.4g", value);
  return buffer;
}

}  // namespace

GuardOptions::Policy PolicyFromName(std::string_view name) {
  if (name == "ignore") return GuardOptions::Policy::kIgnore;
  if (name == "stop") return GuardOptions::Policy::kStop;
  if (name == "skip") return GuardOptions::Policy::kSkip;
  if (name == "rollback") return GuardOptions::Policy::kRollBack;
  throw base::BadInput("policy \"" + std::string(name) + "\" does not exist; choose ignore, stop, skip or rollback");
}

void Guard::Series::Add(double value, std::int64_t window) {
  values.push_back(value);
  if (static_cast<std::int64_t>(values.size()) > window) values.erase(values.begin());
}

// From the values themselves each time: sums that are kept would drift, and a resumed run would differ.
std::string Guard::Series::Leap(const char* name, double value, const GuardOptions& options) const {
  const auto count = static_cast<double>(values.size());
  if (values.empty() || static_cast<std::int64_t>(values.size()) < std::min(options.least, options.window)) return "";
  if (options.deviations > 0) {
    double mean = 0, squares = 0;
    for (const double v : values) mean += v;
    mean /= count;
    for (const double v : values) squares += (v - mean) * (v - mean);
    const double deviation = std::max(std::sqrt(squares / count), 0.01 * std::abs(mean));
    if (value > mean + options.deviations * deviation) {
      return std::string(name) + " " + Number(value) + " is " + Number((value - mean) / deviation) + " deviations above the mean " +
             Number(mean) + " of the last " + std::to_string(values.size()) + " steps";
    }
  }
  if (options.factor > 0) {
    std::vector<double> sorted = values;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    if (value > options.factor * *middle) {
      return std::string(name) + " " + Number(value) + " is " + Number(value / *middle) + " times the median " + Number(*middle) +
             " of the last " + std::to_string(values.size()) + " steps";
    }
  }
  return "";
}

Guard::Guard(GuardOptions options) : options_(options) {
  MC_CHECK(options_.window > 0 && options_.limit > 0);
  if (options_.nan == GuardOptions::Policy::kIgnore) options_.nan = GuardOptions::Policy::kStop;
}

std::string Guard::Fault(double loss, double gradient_norm, GuardOptions::Policy* policy) const {
  *policy = options_.nan;
  if (!std::isfinite(loss)) return "the loss is " + Number(loss);
  if (!std::isfinite(gradient_norm)) return "the norm of the gradients is " + Number(gradient_norm);
  *policy = options_.spike;
  if (options_.spike == GuardOptions::Policy::kIgnore) return "";
  const std::string leap = losses_.Leap("the loss", loss, options_);
  return leap.empty() ? norms_.Leap("the norm of the gradients", gradient_norm, options_) : leap;
}

Guard::Verdict Guard::Observe(std::int64_t step, double loss, double gradient_norm) {
  using Policy = GuardOptions::Policy;
  Policy policy = Policy::kIgnore;
  std::string reason = Fault(loss, gradient_norm, &policy);
  if (reason.empty()) {
    losses_.Add(loss, options_.window);
    norms_.Add(gradient_norm, options_.window);
    skips_ = 0;
    if (step > rolled_back_at_ && ++good_ >= options_.window) roll_backs_ = 0;
    return {};
  }
  reason = "step " + std::to_string(step) + ": " + reason;
  if (policy == Policy::kRollBack && step == rolled_back_at_) {
    policy = Policy::kSkip;
    reason += ", again after a rollback";
  }
  good_ = 0;
  if (policy == Policy::kSkip) {
    if (++skips_ >= options_.limit) {
      return {Action::kStop, reason + "; stopped after " + std::to_string(skips_) +
                                 " such steps in a row: lower the learning rate, or look at the data"};
    }
    return {Action::kSkip, reason + "; the step is skipped"};
  }
  if (policy == Policy::kRollBack) {
    rolled_back_at_ = std::max(rolled_back_at_, step);
    if (++roll_backs_ >= options_.limit) {
      return {Action::kStop, reason + "; stopped after " + std::to_string(roll_backs_) +
                                 " rollbacks: lower the learning rate, or look at the data"};
    }
    return {Action::kRollBack, reason + "; back to the last checkpoint"};
  }
  return {Action::kStop, reason + "; stopped, as the policy says: the same command with skip or rollback goes on"};
}

base::Json Guard::ToJson() const {
  return {{"losses", losses_.values},          {"norms", norms_.values}, {"skips", skips_}, {"roll_backs", roll_backs_},
          {"rolled_back_at", rolled_back_at_}, {"good", good_}};
}

void Guard::Restore(const base::Json& json) {
  RolledBack(json);
  try {
    skips_ = json.at("skips");
    roll_backs_ = json.at("roll_backs");
    rolled_back_at_ = json.at("rolled_back_at");
    good_ = json.at("good");
  } catch (const base::Json::exception& error) {
    throw base::BadInput(std::string("the checkpoint's state of the guard cannot be read (") + error.what() + ")");
  }
}

void Guard::RolledBack(const base::Json& json) {
  try {
    losses_.values = json.at("losses").get<std::vector<double>>();
    norms_.values = json.at("norms").get<std::vector<double>>();
  } catch (const base::Json::exception& error) {
    throw base::BadInput(std::string("the checkpoint's state of the guard cannot be read (") + error.what() + ")");
  }
  skips_ = 0;
}

}  // namespace mathcoder::train
