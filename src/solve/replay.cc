#include "solve/replay.h"

#include <cctype>
#include <optional>
#include <string_view>

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

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<Disagreement> ReplayReport::Add(const chat::Transcript& recorded, const chat::Transcript& replayed) {
  std::vector<Disagreement> disagreements;
  ++problems;
  const auto expected = Outputs(recorded.blocks);
  const auto observed = Outputs(replayed.blocks);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!expected[i]) continue;
    ++blocks;
    const chat::Execution* execution = i < replayed.executions.size() ? &replayed.executions[i] : nullptr;
    if (execution != nullptr && execution->verdict == chat::ExecutionVerdict::kInfrastructure) ++infrastructure_failures;
    const bool has = i < observed.size() && observed[i].has_value();
    if (has && Trimmed(*observed[i]) == Trimmed(*expected[i])) {
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
