#include "weights/tokenizer.h"

#include "base/error.h"
#include "engine/gguf_file.h"
#include "engine/llama_vocabulary.h"
#include "weights/model_config.h"

namespace mathcoder::weights {

void CheckRows(const Vocabulary& vocabulary, std::int64_t rows, const std::string& where) {
  const auto tokens = static_cast<std::int64_t>(vocabulary.tokens.size());
  if (tokens <= rows) return;
  throw base::BadInput(where + ": the tokenizer does not match the model: it has " + std::to_string(tokens) +
                       " tokens, the embedding (vocab_size) " + std::to_string(rows) +
                       " rows; the first token without a row is \"" + vocabulary.tokens[static_cast<std::size_t>(rows)].text +
                       "\" (`mathcoder convert --grow-embeddings` adds mean-initialised rows)");
}

std::unique_ptr<chat::Tokenizer> OpenTokenizer(const Vocabulary& vocabulary) {
  CheckVocabulary(vocabulary, "vocabulary");
  engine::GgufWriter writer;
  // No weights and no dimensions: only the vocabulary is loaded.
  writer.Set("general.architecture", "llama");
  WriteGgufVocabulary(vocabulary, writer);
  return engine::OpenVocabularyBytes(writer.Header());
}

std::unique_ptr<chat::Tokenizer> OpenTokenizer(const std::filesystem::path& folder, const ReadVocabularyOptions& options) {
  Vocabulary vocabulary = ReadHfVocabulary(folder, options);
  std::error_code error;
  if (std::filesystem::exists(folder / "config.json", error)) {
    const std::int64_t rows = ReadModelConfig(folder).vocab_size;
    CheckRows(vocabulary, rows, folder.string());
    PadVocabulary(vocabulary, static_cast<std::size_t>(rows));
  }
  return OpenTokenizer(vocabulary);
}

chat::ModelHints HintsOf(const std::filesystem::path& folder, const Vocabulary& vocabulary) {
  chat::ModelHints hints;
  hints.chat_template = vocabulary.chat_template;
  std::error_code error;
  const std::filesystem::path name = std::filesystem::weakly_canonical(folder, error).filename();
  hints.name = name.string();
  if (std::filesystem::exists(folder / "config.json", error)) {
    const ModelConfig config = ReadModelConfig(folder);
    hints.architecture = config.family == Family::kQwen2 ? "qwen2" : "llama";
    const auto key = config.raw.find("mathcoder_dialect");
    if (key != config.raw.end() && key->is_string()) hints.dialect = key->get<std::string>();
  }
  return hints;
}

}  // namespace mathcoder::weights
