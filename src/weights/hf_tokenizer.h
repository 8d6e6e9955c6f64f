// The tokenizer's files of a Hugging Face folder, written.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "weights/vocabulary.h"

namespace mathcoder::weights {

using HfFiles = std::map<std::string, std::string>;  // name -> content

// Those of the folder that belong to the tokenizer and to generation, as far as they are there.
HfFiles ReadHfFiles(const std::filesystem::path& folder);

// tokenizer.json, written from the vocabulary alone: Transformers and `tokenizers` load it with the same ids. Unused tokens at the
// end are left out. Throws BadInput for a pre-tokenizer whose rule is not known here.
std::string TokenizerJson(const Vocabulary& vocabulary);

// All files for a vocabulary that came from a GGUF file. `kept`: files that the GGUF carries from its Hugging Face folder, taken as
// they are.
HfFiles HfFilesOf(const Vocabulary& vocabulary, const HfFiles& kept);

// The files of a folder with tokens added: `added` are ids of `vocabulary`. Everything else stays as it is.
HfFiles WithAddedTokens(HfFiles files, const Vocabulary& vocabulary, const std::vector<TokenId>& added);

}  // namespace mathcoder::weights
