// Now and then during training: the model as it stands solves a few real problems, by the program's own engine, jail and grader.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace mathcoder::train {

struct ProblemCheck {
  std::int64_t solved = 0;  // problems that were tried and have a verdict
  std::int64_t correct = 0;
  std::int64_t unanswered = 0;
  double seconds = 0;
  std::filesystem::path transcripts;
};

// Solves the first `count` problems of `problems` with `model` (GGUF) by starting `mathcoder solve` and `mathcoder grade`;
// transcripts go to `transcripts`. Greedy. Throws base::Error with the reason where the program cannot be started or fails.
ProblemCheck CheckProblems(const std::filesystem::path& model, const std::filesystem::path& problems, std::int64_t count,
                           const std::filesystem::path& transcripts);

}  // namespace mathcoder::train
