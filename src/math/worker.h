// Processes that do what has no bound: they are asked, and killed and replaced when they do not answer in time.
//
// One request at a time a process, frames over its standard input and output: a length of 4 bytes (little-endian), then the
// payload. A request holds options and both trees; an answer holds equality, rule and reason. The program is `mathcoder-mathd`
// (base/paths.h finds it); it limits its own memory and CPU time before it reads the first byte, and ends when its input does.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "math/compare.h"

namespace mathcoder::math {

// The wire format of both directions. Read* return nullopt on anything malformed.
std::string WriteRequest(const Expr& reference, const Expr& answer, const CompareOptions& options);
struct WorkerRequest {
  Expr reference, answer;
  CompareOptions options;
};
std::optional<WorkerRequest> ReadRequest(std::string_view payload);
std::string WriteAnswer(const Comparison& comparison);
std::optional<Comparison> ReadAnswer(std::string_view payload);

// Thread-safe.
class WorkerPool {
 public:
  explicit WorkerPool(int workers);
  ~WorkerPool();  // ends the processes
  // nullopt: no worker was free, it failed, or it did not answer before the deadline (then it is killed).
  std::optional<Comparison> Ask(const std::string& request, std::chrono::steady_clock::time_point deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The worker's side: a comparison with Calcium and wide caps. Not bounded in time.
Comparison CompareInWorker(const Expr& reference, const Expr& answer, const CompareOptions& options);

}  // namespace mathcoder::math
