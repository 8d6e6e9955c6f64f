#include "train/data/example.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "train/data/recorded_tokens.h"

namespace mathcoder::train {
namespace {

using chat::BlockKind;
using chat::Ending;
using chat::Segment;
using chat::TokenRole;

// The model was cut in the middle of what it wrote.
bool EndsInsideBlock(Ending ending) {
  switch (ending) {
    case Ending::kTokenLimit:
    case Ending::kContextFull:
    case Ending::kEngineFailure:
    case Ending::kCancelled:
      return true;
    case Ending::kAnswered:
    case Ending::kBlockLimit:
    case Ending::kSessionLost:
    case Ending::kSandboxFailure:
      return false;
  }
  return false;
}

// Drops what stands after the block's text: the mark that closes it.
void Unclose(const std::string& text, std::vector<Segment>* segments) {
  while (!segments->empty() && segments->back().special) segments->pop_back();
  if (segments->empty() || text.empty()) return;
  const std::size_t at = segments->back().text.rfind(text);
  if (at != std::string::npos) segments->back().text.resize(at + text.size());
}

void Append(chat::TokenTrace trace, Example* example) {
  example->ids.insert(example->ids.end(), trace.ids.begin(), trace.ids.end());
  example->roles.insert(example->roles.end(), trace.roles.begin(), trace.roles.end());
}

void Render(const chat::Transcript& transcript, const chat::Dialect& dialect, const chat::Tokenizer& tokenizer,
            const chat::ObservationPolicy& policy, Example* example) {
  Append(dialect.Encode(tokenizer, dialect.RenderPrompt(transcript.problem), /*begin_of_text=*/true), example);
  std::vector<Segment> stretch;  // what the model writes before it hands over to the loop
  const auto flush = [&] {
    if (!stretch.empty()) Append(dialect.Encode(tokenizer, std::exchange(stretch, {}), /*begin_of_text=*/false), example);
  };
  for (std::size_t i = 0; i < transcript.blocks.size(); ++i) {
    const chat::Block& block = transcript.blocks[i];
    if (block.kind == BlockKind::kExecution) {
      flush();
      const std::string shown = chat::Observe(policy, block.text);
      Append(dialect.Encode(tokenizer, dialect.RenderObservation(shown), /*begin_of_text=*/false), example);
      continue;
    }
    std::vector<Segment> segments = dialect.RenderBlock(block);
    if (i + 1 == transcript.blocks.size() && EndsInsideBlock(transcript.ending)) Unclose(block.text, &segments);
    stretch.insert(stretch.end(), segments.begin(), segments.end());
  }
  if (transcript.ending == Ending::kAnswered && !transcript.blocks.empty()) {
    std::vector<Segment> end = dialect.RenderMessageEnd();
    // It goes with the block that it closes.
    const TokenRole role = transcript.blocks.back().kind == BlockKind::kCode ? TokenRole::kCode : TokenRole::kText;
    for (Segment& segment : end) segment.role = role;
    stretch.insert(stretch.end(), end.begin(), end.end());
  }
  flush();
}

// Ids of an engine that speaks text stand for bytes and the dialect's control tokens.
bool AreOfTextEngine(const chat::Transcript& transcript, const chat::Dialect& dialect) {
  return !RecordedTokensDiffer(transcript, dialect, *chat::MakeByteTokenizer(dialect.special_strings()));
}

}  // namespace

double Example::LossWeight() const {
  double sum = 0;
  for (const float weight : weights) sum += weight;
  return sum;
}

std::size_t Example::LossTokens() const {
  return static_cast<std::size_t>(std::count_if(weights.begin(), weights.end(), [](float weight) { return weight > 0; }));
}

std::vector<float> WeightsOf(const std::vector<TokenRole>& roles, const MaskOptions& mask) {
  std::vector<float> weights(roles.size());
  for (std::size_t i = 1; i < roles.size(); ++i) weights[i] = mask.of(roles[i]);
  return weights;
}

base::Result<Example> BuildExample(const chat::Transcript& transcript, const std::string& source, const chat::Dialect& dialect,
                                   const chat::Tokenizer& tokenizer, const ExampleOptions& options) {
  Example example;
  example.source = source;
  bool recorded = options.recorded == RecordedTokens::kUse && !transcript.token_ids.empty();
  if (recorded) {
    if (const auto difference = RecordedTokensDiffer(transcript, dialect, tokenizer)) {
      if (!AreOfTextEngine(transcript, dialect)) {
        return base::Failure{source + ": its token ids are not those of this tokenizer: " + *difference +
                             "; train with the tokenizer that made the transcript, or have its text tokenised anew "
                             "(data.recorded_tokens: ignore)"};
      }
      recorded = false;
    }
  }
  if (recorded) {
    example.ids = transcript.token_ids;
    example.roles = transcript.token_roles;
  } else {
    Render(transcript, dialect, tokenizer, options.observation, &example);
  }
  MC_CHECK(example.ids.size() == example.roles.size());
  example.weights = WeightsOf(example.roles, options.mask);
  return example;
}

}  // namespace mathcoder::train
