#include "solve/replay.h"

#include <optional>

namespace mathcoder::solve {
namespace {

using chat::BlockKind;

// Outputs of the code blocks, in order; nullopt for a code block without one.
std::vector<std::optional<std::string>> Outputs(const std::vector<chat::Block>& blocks) {
  std::vector<std::optional<std::string>> outputs;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].kind != BlockKind::kCode) continue;
    const bool has = i + 1 < blocks.size() && blocks[i + 1].kind == BlockKind::kExecution;
    outputs.push_back(has ? std::optional(blocks[i + 1].text) : std::nullopt);
  }
  return outputs;
}

// Code that no interrupt reaches (one long call of C) loses its session: it ran out of time all the same.
bool RanOutOfTime(const chat::Execution& execution) {
  return execution.verdict == chat::ExecutionVerdict::kTimeout ||
         (execution.verdict == chat::ExecutionVerdict::kSessionLost && execution.detail.starts_with("timeout"));
}

// What a block that was not run is compared as: no recorded output is this.
constexpr char kNotRun[] = "<not run>";

}  // namespace

std::vector<Disagreement> ReplayReport::Add(const chat::ObservationPolicy& policy, const chat::Transcript& recorded,
                                            const chat::Transcript& replayed) {
  std::vector<Disagreement> disagreements;
  ++problems;
  const auto expected = Outputs(recorded.blocks);
  const auto observed = Outputs(replayed.blocks);
  bool timed_out = false;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const chat::Execution* execution = i < replayed.executions.size() ? &replayed.executions[i] : nullptr;
    timed_out = timed_out || (execution != nullptr && RanOutOfTime(*execution));
    if (!expected[i]) continue;
    ++blocks;
    if (execution != nullptr && execution->verdict == chat::ExecutionVerdict::kInfrastructure) ++infrastructure_failures;
    const bool has = i < observed.size() && observed[i].has_value();
    const chat::Agreement agreement = chat::Compare(policy, *expected[i], has ? *observed[i] : kNotRun, timed_out);
    ++by_agreement[agreement];
    if (agreement != chat::Agreement::kDifferent) {
      ++agreed;
      continue;
    }
    disagreements.push_back({.nth = i,
                             .recorded = *expected[i],
                             .observed = has ? *observed[i] : "",
                             .verdict = execution != nullptr ? execution->verdict : chat::ExecutionVerdict::kSessionLost,
                             .detail = execution != nullptr ? execution->detail : "not run: " + replayed.ending_detail});
  }
  overhead += replayed.timings.total - replayed.timings.generate - replayed.timings.execute;
  return disagreements;
}

double ReplayReport::LoopMillisecondsPerBlock() const {
  return blocks == 0 ? 0 : std::chrono::duration<double, std::milli>(overhead).count() / static_cast<double>(blocks);
}

}  // namespace mathcoder::solve
