// tokenizer.model: SentencePiece's own file, a message of protocol buffers. Read by hand: its library shows neither the kind of the
// model nor its normaliser, which decide whether llama.cpp tokenises alike.
// https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
#pragma once

#include <filesystem>
#include <vector>

#include "weights/vocabulary.h"

namespace mathcoder::weights {

struct SentencePieceModel {
  std::vector<VocabularyToken> tokens;
  bool add_space_prefix = true;  // normalizer_spec.add_dummy_prefix
  TokenId unk = 0, bos = 1, eos = 2, pad = -1;
};

// Throws BadInput: not such a file, no BPE (unigram, word, char), a normaliser that changes text (all but "identity"), whitespace
// that is removed.
SentencePieceModel ReadSentencePieceModel(const std::filesystem::path& path);

}  // namespace mathcoder::weights
