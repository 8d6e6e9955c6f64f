// What a run was made with: everything that its scores depend on. Holds no times and no names of machines, so two runs that were
// made alike have the same bytes.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "chat/dialect.h"
#include "chat/transcript.h"
#include "evaluate/benchmark.h"

namespace mathcoder::evaluate {

struct SolveFacts {
  chat::Provenance provenance;  // of the scheduler, the model's hash filled in
  base::Json sampling;
  base::Json engine_details;
  std::string system;  // empty: the dialect's own
  std::string python_version;
  std::vector<std::pair<std::string, std::string>> libraries;
};

// The prompt of a question {question} and of a fixed example of code and output: a change of the dialect's file changes it.
std::string PromptSample(const chat::Dialect& dialect, const std::string& system);

base::Json SolveSection(const SolveFacts& facts, const chat::Dialect& dialect);
base::Json BenchmarkSection(const std::vector<Selection>& selections, const std::vector<Dataset>& datasets, std::size_t limit);
// `policies`: as grade::PolicyOf spells them, by benchmark.
base::Json GradeSection(const std::string& mode, const std::map<std::string, std::string>& policies, std::uint64_t seed);

// What results in a store depend on: two runs that differ in it must not mix. Names of files and the grader are no part of it.
std::string SolveIdentity(const base::Json& solve, const base::Json& benchmarks);

}  // namespace mathcoder::evaluate
