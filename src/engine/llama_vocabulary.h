// A tokenizer without a model, and llama.cpp's quantiser.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "chat/tokenizer.h"

namespace mathcoder::engine {

// The vocabulary of a GGUF file; no weights are read, and the file may have none. It is the tokenizer that inference with this file
// uses. Throws base::BadInput.
std::unique_ptr<chat::Tokenizer> OpenVocabulary(const std::filesystem::path& gguf);
// The same for the bytes of such a file.
std::unique_ptr<chat::Tokenizer> OpenVocabularyBytes(const std::string& gguf);

// Names of the quantiser's types as llama-quantize writes them, in small letters: "q8_0", "q4_k_m".
std::vector<std::string> QuantisationTypes();

// Writes `out` with the weights of `in` in the named type (letters' case aside). `out` appears whole or not at all; where this
// process is killed, OUT.part.PID stays. Throws base::BadInput: a type that does not exist (with the nearest), a file that cannot
// be quantised; OutputFailure.
void Quantise(const std::filesystem::path& in, const std::filesystem::path& out, const std::string& type, int threads);

}  // namespace mathcoder::engine
