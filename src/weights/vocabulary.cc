#include "weights/vocabulary.h"

#include <algorithm>
#include <unordered_map>

#include "base/check.h"
#include "base/error.h"
#include "engine/gguf_file.h"

namespace mathcoder::weights {
namespace {

using base::BadInput;

constexpr char kKeys[] = "tokenizer.ggml.";

std::string Key(const char* name) { return std::string(kKeys) + name; }

}  // namespace

std::optional<TokenId> Vocabulary::Find(std::string_view text) const {
  const auto found = std::find_if(tokens.begin(), tokens.end(), [&](const VocabularyToken& token) { return token.text == text; });
  if (found == tokens.end()) return std::nullopt;
  return static_cast<TokenId>(found - tokens.begin());
}

std::vector<TokenId> AddControlTokens(Vocabulary& vocabulary, const std::vector<std::string>& texts) {
  std::vector<TokenId> added;
  for (const std::string& text : texts) {
    if (const auto id = vocabulary.Find(text)) {
      vocabulary.tokens[static_cast<std::size_t>(*id)].type = TokenType::kControl;
      continue;
    }
    added.push_back(static_cast<TokenId>(vocabulary.tokens.size()));
    vocabulary.tokens.push_back({text, TokenType::kControl, 0});
  }
  return added;
}

void PadVocabulary(Vocabulary& vocabulary, std::size_t rows) {
  MC_CHECK(vocabulary.tokens.size() <= rows);
  while (vocabulary.tokens.size() < rows) {
    // llama.cpp's own name for them.
    vocabulary.tokens.push_back({"[PAD" + std::to_string(vocabulary.tokens.size()) + "]", TokenType::kUnused, 0});
  }
}

std::size_t UsedTokens(const Vocabulary& vocabulary) {
  std::size_t size = vocabulary.tokens.size();
  while (size > 0 && vocabulary.tokens[size - 1].type == TokenType::kUnused) --size;
  return size;
}

void CheckVocabulary(const Vocabulary& vocabulary, const std::string& where) {
  if (vocabulary.tokens.empty()) throw BadInput(where + ": the vocabulary is empty");
  std::unordered_map<std::string_view, std::size_t> seen;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const VocabularyToken& token = vocabulary.tokens[i];
    if (token.text.empty() || token.text.find('\0') != std::string::npos) {
      throw BadInput(where + ": token " + std::to_string(i) + " is empty or holds a null byte");
    }
    bytes += token.type == TokenType::kByte ? 1 : 0;
    const auto [first, fresh] = seen.emplace(token.text, i);
    if (!fresh) {
      throw BadInput(where + ": tokens " + std::to_string(first->second) + " and " + std::to_string(i) + " are both \"" +
                     token.text + "\"; a text may have one id only");
    }
  }
  if (vocabulary.model == Vocabulary::Model::kSpm && bytes != 256) {
    throw BadInput(where + ": has " + std::to_string(bytes) +
                   " byte tokens (<0x00> to <0xFF>), llama.cpp needs all 256; train it with byte_fallback");
  }
  for (const auto& id : {vocabulary.bos, vocabulary.eos, vocabulary.pad, vocabulary.unk, vocabulary.eot}) {
    if (id && (*id < 0 || static_cast<std::size_t>(*id) >= vocabulary.tokens.size())) {
      throw BadInput(where + ": special token id " + std::to_string(*id) + " is outside the vocabulary of " +
                     std::to_string(vocabulary.tokens.size()) + " tokens");
    }
  }
  if (vocabulary.add_bos && !vocabulary.bos) throw BadInput(where + ": asks for a BOS token before every text, but names none");
}

void WriteGgufVocabulary(const Vocabulary& vocabulary, engine::GgufWriter& writer) {
  const bool spm = vocabulary.model == Vocabulary::Model::kSpm;
  writer.Set(Key("model"), spm ? "llama" : "gpt2");
  writer.Set(Key("pre"), spm ? "default" : vocabulary.pre);
  std::vector<std::string> texts;
  std::vector<std::int32_t> types;
  std::vector<float> scores;
  for (const VocabularyToken& token : vocabulary.tokens) {
    texts.push_back(token.text);
    types.push_back(static_cast<std::int32_t>(token.type));
    scores.push_back(token.score);
  }
  writer.Set(Key("tokens"), texts);
  writer.Set(Key("token_type"), types);
  if (spm) {
    writer.Set(Key("scores"), scores);
  } else {
    writer.Set(Key("merges"), vocabulary.merges);
  }
  const auto id = [&](const char* name, const std::optional<TokenId>& value) {
    if (value) writer.Set(Key(name), static_cast<std::uint32_t>(*value));
  };
  id("bos_token_id", vocabulary.bos);
  id("eos_token_id", vocabulary.eos);
  id("padding_token_id", vocabulary.pad);
  id("unknown_token_id", vocabulary.unk);
  id("eot_token_id", vocabulary.eot);
  writer.Set(Key("add_bos_token"), vocabulary.add_bos);
  writer.Set(Key("add_eos_token"), false);
  if (spm) writer.Set(Key("add_space_prefix"), vocabulary.add_space_prefix);
  if (!vocabulary.chat_template.empty()) writer.Set("tokenizer.chat_template", vocabulary.chat_template);
}

Vocabulary ReadGgufVocabulary(const engine::GgufFile& file) {
  const std::string where = file.path().string();
  const auto model = file.Text(Key("model"));
  if (!model) throw BadInput(where + ": has no vocabulary (tokenizer.ggml.model)");
  if (*model != "gpt2" && *model != "llama") {
    throw BadInput(where + ": its vocabulary is of the kind '" + *model + "', which is not supported (gpt2 and llama are)");
  }
  Vocabulary out;
  out.model = *model == "llama" ? Vocabulary::Model::kSpm : Vocabulary::Model::kBpe;
  const bool spm = out.model == Vocabulary::Model::kSpm;
  if (!spm) out.pre = file.Text(Key("pre")).value_or("default");
  const std::vector<std::string> texts = file.Texts(Key("tokens"));
  const std::vector<std::int32_t> types = file.Numbers(Key("token_type"));
  const std::vector<float> scores = file.Reals(Key("scores"));
  if ((!types.empty() && types.size() != texts.size()) || (!scores.empty() && scores.size() != texts.size())) {
    throw BadInput(where + ": tokens, token_type and scores of its vocabulary differ in length");
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    VocabularyToken token{texts[i], TokenType::kNormal, scores.empty() ? 0 : scores[i]};
    if (!types.empty() && types[i] >= 1 && types[i] <= 6) token.type = static_cast<TokenType>(types[i]);
    out.tokens.push_back(std::move(token));
  }
  out.merges = file.Texts(Key("merges"));
  const auto id = [&](const char* name) -> std::optional<TokenId> {
    const auto value = file.Number(Key(name));
    return value ? std::optional(static_cast<TokenId>(*value)) : std::nullopt;
  };
  out.bos = id("bos_token_id");
  out.eos = id("eos_token_id");
  out.pad = id("padding_token_id");
  out.unk = id("unknown_token_id");
  out.eot = id("eot_token_id");
  out.add_bos = file.Flag(Key("add_bos_token")).value_or(spm);
  out.add_space_prefix = spm && file.Flag(Key("add_space_prefix")).value_or(true);
  out.chat_template = file.Text("tokenizer.chat_template").value_or("");
  if (spm) {  // llama.cpp's defaults
    if (!out.bos) out.bos = 1;
    if (!out.eos) out.eos = 2;
  }
  CheckVocabulary(out, where);
  return out;
}

}  // namespace mathcoder::weights
