// The tokenizer of a Hugging Face folder as inference will use it: the vocabulary goes through the same GGUF keys and the same
// library, so that a trainer learns on exactly the tokens that are generated later.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "chat/dialect.h"
#include "chat/tokenizer.h"
#include "weights/vocabulary.h"

namespace mathcoder::weights {

// Where the folder has a config.json, the vocabulary is padded to its vocab_size. Throws BadInput with one line: what
// ReadHfVocabulary refuses, a vocabulary of more tokens than the embedding has rows ("a tokenizer that does not match").
std::unique_ptr<chat::Tokenizer> OpenTokenizer(const std::filesystem::path& folder, const ReadVocabularyOptions& options = {});
std::unique_ptr<chat::Tokenizer> OpenTokenizer(const Vocabulary& vocabulary);

// `rows`: of the embedding. Throws BadInput where the vocabulary has more tokens.
void CheckRows(const Vocabulary& vocabulary, std::int64_t rows, const std::string& where);

// What the folder says of itself, for chat::DetectDialect: config.json's key mathcoder_dialect, the architecture, the chat
// template.
chat::ModelHints HintsOf(const std::filesystem::path& folder, const Vocabulary& vocabulary);

}  // namespace mathcoder::weights
