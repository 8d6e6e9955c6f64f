#include "cli/grade_summary.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace mathcoder::cli {
namespace {

using grade::Outcome;

constexpr Outcome kOutcomes[] = {Outcome::kCorrect, Outcome::kWrong, Outcome::kUnknown, Outcome::kNoAnswer};

std::size_t Index(Outcome outcome) { return static_cast<std::size_t>(outcome); }

}  // namespace

void GradeSummary::Add(const grade::Verdict& verdict, std::optional<bool> expected) {
  ++outcomes_[Index(verdict.outcome)];
  if (expected) ++confusion_[*expected ? 1 : 0][Index(verdict.outcome)];
  costs_us_.push_back(std::chrono::duration<double, std::micro>(verdict.cost).count());
}

bool GradeSummary::Agrees(Outcome outcome, bool expected) {
  if (outcome == Outcome::kUnknown) return false;
  return (outcome == Outcome::kCorrect) == expected;
}

double GradeSummary::AgreedShare() const {
  std::size_t labelled = 0;
  std::size_t agreed = 0;
  for (const Outcome outcome : kOutcomes) {
    for (const bool expected : {false, true}) {
      labelled += confusion_[expected][Index(outcome)];
      if (Agrees(outcome, expected)) agreed += confusion_[expected][Index(outcome)];
    }
  }
  return labelled == 0 ? 1.0 : static_cast<double>(agreed) / static_cast<double>(labelled);
}

double GradeSummary::Microseconds(double share) const {
  if (costs_us_.empty()) return 0;
  std::vector<double> costs = costs_us_;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(costs.size() - 1));
  std::nth_element(costs.begin(), costs.begin() + at, costs.end());
  return costs[static_cast<std::size_t>(at)];
}

base::Json GradeSummary::ToJson() const {
  std::size_t labelled = 0;
  std::size_t agreed = 0;
  for (const Outcome outcome : kOutcomes) {
    for (const bool expected : {false, true}) {
      labelled += confusion_[expected][Index(outcome)];
      if (Agrees(outcome, expected)) agreed += confusion_[expected][Index(outcome)];
    }
  }
  const std::size_t n = costs_us_.size();
  const double total = std::accumulate(costs_us_.begin(), costs_us_.end(), 0.0);
  return {{"n", n},
          {"agreed", agreed},
          {"false_positive", confusion_[0][Index(Outcome::kCorrect)]},
          {"false_negative", confusion_[1][Index(Outcome::kWrong)] + confusion_[1][Index(Outcome::kNoAnswer)]},
          {"unknown", outcomes_[Index(Outcome::kUnknown)]},
          {"mean_us", n == 0 ? 0.0 : total / static_cast<double>(n)},
          {"p99_us", Microseconds(0.99)},
          {"max_us", Microseconds(1.0)},
          {"labelled", labelled},
          {"correct", outcomes_[Index(Outcome::kCorrect)]},
          {"wrong", outcomes_[Index(Outcome::kWrong)]},
          {"no_answer", outcomes_[Index(Outcome::kNoAnswer)]}};
}

std::string GradeSummary::ToText(const std::string& mode) const {
  const base::Json counts = ToJson();
  const auto count = [&](const char* key) { return counts[key].get<std::size_t>(); };
  char line[400];
  std::snprintf(line, sizeof line, "mode %s: %zu graded: %zu correct, %zu wrong, %zu unknown, %zu without an answer\n",
                mode.c_str(), count("n"), count("correct"), count("wrong"), count("unknown"), count("no_answer"));
  std::string text = line;
  if (count("labelled") > 0) {
    std::snprintf(line, sizeof line, "%zu of %zu agree with what was expected (%.2f%%); %zu false positives, %zu false negatives\n",
                  count("agreed"), count("labelled"), 100 * AgreedShare(), count("false_positive"), count("false_negative"));
    text += line;
    text += "                       correct     wrong   unknown  no answer\n";
    for (const bool expected : {true, false}) {
      std::snprintf(line, sizeof line, "  expected %-8s %11zu %9zu %9zu %10zu\n", expected ? "correct" : "wrong",
                    confusion_[expected][Index(Outcome::kCorrect)], confusion_[expected][Index(Outcome::kWrong)],
                    confusion_[expected][Index(Outcome::kUnknown)], confusion_[expected][Index(Outcome::kNoAnswer)]);
      text += line;
    }
  }
  std::snprintf(line, sizeof line, "cost of a verdict: mean %.1f us, p99 %.1f us, max %.1f us\n", counts["mean_us"].get<double>(),
                counts["p99_us"].get<double>(), counts["max_us"].get<double>());
  return text + line;
}

}  // namespace mathcoder::cli
