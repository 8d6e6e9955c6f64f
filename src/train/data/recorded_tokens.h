// Are the token ids of a transcript those of this tokenizer? Private to data/.
#pragma once

#include <optional>
#include <string>

#include "chat/dialect.h"
#include "chat/observation.h"
#include "chat/tokenizer.h"
#include "chat/transcript.h"

namespace mathcoder::train {

// nullopt where the ids spell the transcript: every id is in the vocabulary, the prompt's tokens read as the dialect renders the
// prompt, execution blocks as it renders them, the message's tokens as its blocks, each under its own role, and between blocks
// stand control tokens alone (where the dialect marks blocks so). Otherwise what differs, in half a line.
std::optional<std::string> RecordedTokensDiffer(const chat::Transcript& transcript, const chat::Dialect& dialect,
                                                const chat::Tokenizer& tokenizer);

}  // namespace mathcoder::train
