// One transcript as what a model is trained on: token ids, the role of each token, and what predicting each token weighs in the
// loss. Pure functions, thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "chat/dialect.h"
#include "chat/observation.h"
#include "chat/tokenizer.h"
#include "chat/transcript.h"

namespace mathcoder::train {

constexpr std::size_t kRoles = 6;  // of chat::TokenRole

// The loss weight of predicting a token, by its role. The role alone decides: a block's markers and the end of the message go with
// the block that they open or close (docs/dialects.md), so the markers of an execution block, which the loop writes and not the
// model, are learned exactly where execution output is: by default never. Defaults: arXiv 2310.03731, section 2.2.
struct MaskOptions {
  std::array<float, kRoles> role_weight = {0, 0, 0, 1, 1, 0};  // template, system, user, text, code, execution

  float of(chat::TokenRole role) const { return role_weight[static_cast<std::size_t>(role)]; }
  float& of(chat::TokenRole role) { return role_weight[static_cast<std::size_t>(role)]; }
  bool operator==(const MaskOptions&) const = default;
};

// What to do with token ids that a transcript carries.
enum class RecordedTokens : std::uint8_t {
  kUse,     // taken as they are: what the model wrote is what it learns. Ids that do not spell the transcript are an error
  kIgnore,  // every transcript is rendered and tokenised from its blocks: for transcripts of another tokenizer or dialect
};

struct ExampleOptions {
  MaskOptions mask;
  chat::ObservationPolicy observation;  // what the model is shown of an execution, as at inference
  RecordedTokens recorded = RecordedTokens::kUse;
};

struct Example {
  std::vector<chat::TokenId> ids;
  std::vector<chat::TokenRole> roles;  // as long as ids
  std::vector<float> weights;          // as long as ids: of predicting this token from those before it. The first is 0
  std::string source;                  // "file:line"

  double LossWeight() const;       // the sum of weights
  std::size_t LossTokens() const;  // how many weights are above 0
};

// Renders the transcript by the dialect and tokenises it as inference does: BOS where the tokenizer has one, the prompt, then each
// stretch that the model writes at one go and each execution block by itself, so that no token joins what no generation could join.
// The end of the message is part of it where the message ended (Ending::kAnswered); what a limit cut is not closed.
// A transcript that carries token ids (kUse) is not tokenised again. Its ids are checked against the vocabulary and its own blocks.
// Ids of an engine that speaks text (bytes and the dialect's control tokens, chat::MakeByteTokenizer) belong to no model: such a
// transcript is rendered.
// A Failure begins with `source` and says what differs. Precondition: dialect.CheckVocabulary(tokenizer) passes.
base::Result<Example> BuildExample(const chat::Transcript& transcript, const std::string& source, const chat::Dialect& dialect,
                                   const chat::Tokenizer& tokenizer, const ExampleOptions& options);

// Weights of roles; the first token's is 0, as nothing predicts it.
std::vector<float> WeightsOf(const std::vector<chat::TokenRole>& roles, const MaskOptions& mask);

}  // namespace mathcoder::train
