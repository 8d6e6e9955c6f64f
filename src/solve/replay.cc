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
    timed_out = timed_out || (execution != nullptr && execution->verdict == chat::ExecutionVerdict::kTimeout);
    if (!expected[i]) continue;
    ++blocks;
    if (execution != nullptr && execution->verdict == chat::ExecutionVerdict::kInfrastructure) ++infrastructure_failures;
    const bool has = i < observed.size() && observed[i].has_value();
    const chat::Agreement agreement = has ? chat::Compare(policy, *expected[i], *observed[i], timed_out) : chat::Agreement::kDifferent;
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
