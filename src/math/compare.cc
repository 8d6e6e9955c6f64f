#include "math/compare.h"

#include "math/compare_judge.h"
#include "math/worker.h"

namespace mathcoder::math {

Comparison CompareWithin(const Expr& reference, const Expr& answer, const CompareOptions& options, Budget* budget) {
  const auto start = std::chrono::steady_clock::now();
  Ruling ruling = Judge(options, budget).Compare(reference, answer);
  // What is ambiguous may be taken as the answer means it.
  if (options.symmetric && !Holds(ruling)) {
    Ruling turned = Judge(options, budget).Compare(answer, reference);
    if (Holds(turned)) ruling = std::move(turned);
  }
  Comparison comparison;
  comparison.equality = ruling.equality;
  comparison.reason = std::move(ruling.reason);
  comparison.rule = std::move(ruling.rule);
  comparison.cost = std::chrono::steady_clock::now() - start;
  return comparison;
}

std::string_view Name(Equality equality) {
  switch (equality) {
    case Equality::kEqual:
      return "equal";
    case Equality::kProbablyEqual:
      return "probably equal";
    case Equality::kDifferent:
      return "different";
    case Equality::kUnknown:
      return "unknown";
  }
  return "unknown";
}

Comparison CompareMath(const Expr& reference, const Expr& answer, const CompareOptions& options) {
  Budget budget;
  return CompareWithin(reference, answer, options, &budget);
}

Comparison CompareInWorker(const Expr& reference, const Expr& answer, const CompareOptions& options) {
  Budget budget;
  budget.left = 2000000;
  budget.worker = true;
  return CompareWithin(reference, answer, options, &budget);
}

}  // namespace mathcoder::math
