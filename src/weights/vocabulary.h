// A model's vocabulary between the two forms in which it lies in files: tokenizer.json (or tokenizer.model) of a Hugging Face
// folder, and the keys tokenizer.* of a GGUF file. Plain values; what tokenises is weights/tokenizer.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/transcript.h"

namespace mathcoder::engine {
class GgufFile;
class GgufWriter;
}  // namespace mathcoder::engine

namespace mathcoder::weights {

using chat::TokenId;

// The numbers are those of SentencePiece and of GGUF.
enum class TokenType : std::int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

struct VocabularyToken {
  std::string text;  // kBpe: letters that stand for bytes, as GPT-2 writes them ("Ġthe"); kSpm: U+2581 for a space; special tokens
                     // as they are
  TokenType type = TokenType::kNormal;
  float score = 0;  // kSpm: pieces of a higher score are joined first
};

struct Vocabulary {
  enum class Model : std::uint8_t {
    kBpe,  // byte-level: GPT-2, Llama 3, Qwen2
    kSpm,  // SentencePiece's BPE with byte tokens: Llama 2, Code Llama, Mistral
  };
  Model model = Model::kBpe;
  std::string pre;  // kBpe: llama.cpp's name of the rule that cuts text into words, "llama-bpe"
  std::vector<VocabularyToken> tokens;
  std::vector<std::string> merges;  // kBpe: "left right", first to last
  std::optional<TokenId> bos, eos, pad, unk;
  std::optional<TokenId> eot;     // another token that ends generation (generation_config.json)
  bool add_bos = false;           // before every prompt
  bool add_space_prefix = false;  // kSpm: as the original tokenizer does with a whole text
  std::string chat_template;      // Jinja; empty where there is none

  std::optional<TokenId> Find(std::string_view text) const;  // linear
};

struct ReadVocabularyOptions {
  std::string pre;  // llama.cpp's name of the pre-tokenizer, where it is not recognised; empty: recognise it
};

// Reads tokenizer.json or tokenizer.model, added_tokens.json, tokenizer_config.json, special_tokens_map.json, chat_template.jinja,
// generation_config.json and the special ids of config.json, as far as they are there. Throws BadInput with one line: no tokenizer,
// a kind that llama.cpp would cut differently (unigram, a normaliser, an unknown pre-tokenizer), two tokens of one text or one id.
Vocabulary ReadHfVocabulary(const std::filesystem::path& folder, const ReadVocabularyOptions& options = {});

// Throws BadInput where the file has none, or one of another kind.
Vocabulary ReadGgufVocabulary(const engine::GgufFile& file);
void WriteGgufVocabulary(const Vocabulary& vocabulary, engine::GgufWriter& writer);

// Makes each text a control token: one that is there changes its type, others are appended. Returns the ids that are new.
// Precondition: not padded yet.
std::vector<TokenId> AddControlTokens(Vocabulary& vocabulary, const std::vector<std::string>& texts);

// Appends unused tokens up to `rows`. Precondition: no more tokens than rows.
void PadVocabulary(Vocabulary& vocabulary, std::size_t rows);

// Without the unused tokens at its end.
std::size_t UsedTokens(const Vocabulary& vocabulary);

// Throws BadInput naming `where`: an empty vocabulary, two tokens of one text, a special id outside of it, no byte tokens.
void CheckVocabulary(const Vocabulary& vocabulary, const std::string& where);

}  // namespace mathcoder::weights
