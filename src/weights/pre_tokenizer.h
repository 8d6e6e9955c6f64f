// How a byte-level BPE cuts text into words before it joins bytes: the same rule as Hugging Face's tokenizer.json spells it out,
// and under the name by which llama.cpp knows it (its key tokenizer.ggml.pre).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace mathcoder::weights {

// llama.cpp's name, or nullopt for a rule that none of ours is. `rule`: tokenizer.json's pre_tokenizer; `ignore_merges`: its
// model.ignore_merges (a word that is a token is taken whole), which llama.cpp ties to the name.
std::optional<std::string> RecognisePreTokenizer(const base::SortedJson& rule, bool ignore_merges);

// The way back; nullopt for a name that has no row here. Sets `ignore_merges`.
std::optional<base::SortedJson> PreTokenizerRule(const std::string& name, bool& ignore_merges);

std::vector<std::string> PreTokenizerNames();

}  // namespace mathcoder::weights
