// The vocabulary of a GGUF file as a chat::Tokenizer.
#pragma once

#include <memory>

#include "chat/tokenizer.h"

struct llama_vocab;

namespace mathcoder::engine {

// Borrows the vocabulary: the model must outlive it.
std::unique_ptr<chat::Tokenizer> MakeLlamaTokenizer(const llama_vocab* vocab);

}  // namespace mathcoder::engine
