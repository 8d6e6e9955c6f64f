// Counts and costs of many verdicts, for the verb `grade`. Not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "grade/grade.h"

namespace mathcoder::cli {

class GradeSummary {
 public:
  void Add(const grade::Verdict& verdict, std::optional<bool> expected);

  // An unknown verdict agrees with nothing; no answer agrees with "wrong".
  static bool Agrees(grade::Outcome outcome, bool expected);

  // Of those that have an expected verdict; 1 where none has.
  double AgreedShare() const;

  // {"n", "agreed", "false_positive", "false_negative", "unknown", "mean_us", "p99_us", "max_us", "labelled", "correct", "wrong",
  // "no_answer"}: agreed + false_positive + false_negative + unknown = n where every record has an expected verdict.
  base::Json ToJson() const;
  // Several lines: counts, the confusion table where verdicts were expected, costs.
  std::string ToText(const std::string& mode) const;

 private:
  double Microseconds(double share) const;  // the cost that this share of the verdicts stays below

  std::size_t outcomes_[4] = {};      // by grade::Outcome
  std::size_t confusion_[2][4] = {};  // [expected][outcome]
  std::vector<double> costs_us_;
};

}  // namespace mathcoder::cli
