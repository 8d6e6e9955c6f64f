#include "weights/convert_common.h"

#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "weights/model_tensors.h"
#include "weights/tokenizer.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;

// A folder beside `out` that becomes it, or goes away.
class StagedFolder {
 public:
  explicit StagedFolder(const fs::path& out) : out_(out), part_(out.string() + ".part." + std::to_string(::getpid())) {
    std::error_code error;
    if (fs::exists(out_, error) && !(fs::is_directory(out_, error) && fs::is_empty(out_, error))) {
      throw base::OutputFailure(out_.string() + ": exists already; name a new folder");
    }
    fs::remove_all(part_, error);
    if (!fs::create_directories(part_, error))
      throw base::OutputFailure(out_.string() + ": cannot be created (" + error.message() + ")");
  }
  ~StagedFolder() {
    std::error_code error;
    if (!done_) fs::remove_all(part_, error);
  }
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  const fs::path& path() const { return part_; }
  void Commit() {
    std::error_code error;
    fs::remove(out_, error);  // only where it is an empty folder
    fs::rename(part_, out_, error);
    if (error) throw base::OutputFailure(out_.string() + ": cannot be written (" + error.message() + ")");
    done_ = true;
  }

 private:
  const fs::path out_;
  const fs::path part_;
  bool done_ = false;
};

}  // namespace

HfModel::HfModel(const fs::path& from, const ConvertOptions& options, ConvertReport& report)
    : folder(from), config(ReadModelConfig(from)), vocabulary(ReadHfVocabulary(from, {options.pre})), weights(from) {
  stored_rows_ = config.vocab_size;
  known_ = UsedTokens(vocabulary);
  CheckTensors(weights, config);
  if (!options.grow_embeddings) CheckRows(vocabulary, config.vocab_size, folder.string());
  ChooseDialect(options);
  std::vector<std::string> wanted = options.add_tokens;
  if (options.add_dialect_tokens) {
    for (const std::string& text : dialect->special_strings()) wanted.push_back(text);
  }
  added = AddControlTokens(vocabulary, wanted);
  for (const TokenId id : added) report.added_tokens.push_back(vocabulary.tokens[static_cast<std::size_t>(id)].text);
  config.vocab_size = std::max(config.vocab_size, static_cast<std::int64_t>(vocabulary.tokens.size()));
  PadVocabulary(vocabulary, static_cast<std::size_t>(config.vocab_size));
  if (dialect) {
    // A dialect's markers are control tokens, whatever the folder calls them.
    std::vector<std::string> present;
    for (const std::string& text : dialect->special_strings()) {
      if (vocabulary.Find(text)) present.push_back(text);
    }
    AddControlTokens(vocabulary, present);
    const auto tokenizer = OpenTokenizer(vocabulary);
    dialect->CheckVocabulary(*tokenizer);
  }
  report.dialect = dialect ? dialect->name() : "";
  report.vocabulary = vocabulary.tokens.size();
  if (config.sliding_window && *config.sliding_window < config.max_position_embeddings) {
    report.notes.push_back("attention slides over " + std::to_string(*config.sliding_window) +
                           " tokens; in GGUF the context ends there");
  }
}

void HfModel::ChooseDialect(const ConvertOptions& options) {
  if (!options.dialect.empty()) {
    dialect = chat::LoadDialect(options.dialect);
    return;
  }
  if (options.add_dialect_tokens) throw base::BadInput("adding a dialect's tokens needs the dialect's name");
  dialect = chat::DetectDialect(HintsOf(folder, vocabulary), *OpenTokenizer(vocabulary));
}

std::vector<Matrix> HfModel::Matrices() const {
  std::vector<Matrix> matrices;
  ModelConfig stored = config;
  stored.vocab_size = stored_rows_;
  for (const TensorSpec& spec : ExpectedTensors(stored)) {
    Matrix matrix = MatrixOf(weights.Get(spec.name));
    const bool by_token = spec.name == "model.embed_tokens.weight" || spec.name == "lm_head.weight";
    if (by_token && (config.vocab_size > stored_rows_ || !added.empty())) {
      matrix = Grown(std::move(matrix), config.vocab_size, static_cast<std::int64_t>(known_), added);
    }
    matrices.push_back(std::move(matrix));
  }
  return matrices;
}

std::optional<DType> FloatType(const std::string& name) {
  if (name == "f32") return DType::kF32;
  if (name == "f16") return DType::kF16;
  if (name == "bf16") return DType::kBF16;
  return std::nullopt;
}

void WriteHfFolder(const fs::path& out, const std::string& config, const HfFiles& files, const std::vector<OutputTensor>& tensors,
                   const ConvertOptions& options, const HfLayout* like, ConvertReport& report) {
  std::uint64_t total = 0;
  for (const OutputTensor& tensor : tensors) {
    total += tensor.entry.bytes();
    report.parameters += Elements(tensor.entry.shape);
  }
  report.tensors = tensors.size();
  report.bytes = total;
  StagedFolder staged(out);
  WriteHfOptions write{.max_shard_bytes = options.max_shard_bytes, .like = like};
  if (options.progress) write.progress = [&](std::uint64_t done) { options.progress(done, total); };
  WriteHfWeights(staged.path(), tensors, write);
  base::WriteFileAtomically(staged.path() / "config.json", config);
  for (const auto& [name, content] : files) base::WriteFileAtomically(staged.path() / name, content);
  staged.Commit();
}

}  // namespace mathcoder::weights
