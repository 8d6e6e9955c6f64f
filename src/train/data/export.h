// The tokenised, masked data for those who train elsewhere. docs/training-data.md says how each form is loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "chat/observation.h"
#include "chat/tokenizer.h"
#include "chat/transcript.h"
#include "train/data/token_cache.h"

namespace mathcoder::train {

enum class ExportForm : std::uint8_t {
  kMessages,   // OpenAI's: {"messages": [...], "tools": [...]}; code is a call of the tool "python", its output a message of role
               // "tool"
  kTorchtune,  // {"tokens", "mask", "labels"}: mask is true where nothing is learned, labels are -100 there
  kAxolotlTokens,    // {"input_ids", "attention_mask", "labels"}: pretokenised; also what the trainer of transformers takes
  kAxolotlSegments,  // {"segments": [{"label", "text"}]}: template-free, tokenised by axolotl itself
};
std::string_view Name(ExportForm form);  // "messages", "torchtune", "axolotl", "axolotl-segments"
std::optional<ExportForm> ExportFormFromName(std::string_view name);

// Labels stand under the token that they are (not shifted): label i is what the tokens before i are to predict. The first is -100.
// Of the forms that are made of tokens. Failure: a weight that is neither 0 nor 1 (these forms cannot say it), and for
// kAxolotlSegments text that is no UTF-8. Precondition: form is not kMessages.
base::Result<base::Json> ExportExample(const Example& example, const chat::Tokenizer& tokenizer, ExportForm form);

// Text blocks of one stretch are joined by an empty line. The mask is the form's own: trainers learn what the assistant says and
// calls.
base::Json ExportMessages(const chat::Transcript& transcript, const std::string& default_system,
                          const chat::ObservationPolicy& policy);

// Writes `examples` of the cache (ascending or not), a line each; the file appears whole. kMessages reads their transcripts again
// from the cache's files. Returns the number of lines. Throws base::BadInput (a Failure of the above with file:line; a file that
// changed), base::OutputFailure.
std::size_t Export(const TokenCache& cache, std::span<const std::uint32_t> examples, const chat::Tokenizer& tokenizer,
                   const std::string& default_system, const chat::ObservationPolicy& policy, ExportForm form,
                   const std::filesystem::path& out);

}  // namespace mathcoder::train
