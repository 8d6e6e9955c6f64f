#include "train/run/preparation.h"

#include <unistd.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "chat/observation.h"
#include "train/data/source.h"
#include "weights/convert.h"
#include "weights/hf_tokenizer.h"
#include "weights/hf_weights.h"
#include "weights/model_tensors.h"
#include "weights/tokenizer.h"

namespace mathcoder::train {
namespace {

std::vector<DataFile> FilesOf(const std::vector<std::string>& texts) {
  std::vector<DataSource> sources;
  for (const std::string& text : texts) sources.push_back(ParseSource(text));
  return ExpandSources(sources);
}

// RUN/start-HASH: the GGUF file as a Hugging Face folder, converted once. Of processes that do it at once the first to be done
// wins.
std::filesystem::path ConvertedStart(const std::filesystem::path& gguf, const std::filesystem::path& run) {
  namespace fs = std::filesystem;
  const fs::path folder = run / ("start-" + base::Sha256OfFile(gguf).substr(0, 16));
  if (fs::exists(folder / "config.json")) return folder;
  fs::create_directories(run);
  const fs::path own = folder.string() + "." + std::to_string(::getpid());
  weights::ConvertGgufToHf(gguf, own, {});
  std::error_code taken;
  fs::rename(own, folder, taken);
  if (taken) fs::remove_all(own);
  return folder;
}

}  // namespace

LayoutOptions LayoutOptionsOf(const Config& config) {
  return {.lora = {.rank = config.lora.rank,
                   .alpha = config.lora.alpha,
                   .rslora = config.lora.rslora,
                   .target_modules = config.lora.target_modules,
                   .modules_to_save = config.lora.modules_to_save},
          .freeze = config.model.freeze};
}

CacheOptions CacheOptionsOf(const Config& config) {
  CacheOptions options;
  MaskOptions& mask = options.example.mask;
  using chat::TokenRole;
  for (const auto& [role, weight] :
       {std::pair(TokenRole::kTemplate, config.data.loss_template), std::pair(TokenRole::kSystem, config.data.loss_system),
        std::pair(TokenRole::kUser, config.data.loss_user), std::pair(TokenRole::kText, config.data.loss_text),
        std::pair(TokenRole::kCode, config.data.loss_code), std::pair(TokenRole::kExecution, config.data.loss_execution)}) {
    mask.of(role) = static_cast<float>(weight);
  }
  options.example.observation = chat::LoadObservationPolicy(config.data.observation);
  options.example.recorded = config.data.recorded_tokens == "ignore" ? RecordedTokens::kIgnore : RecordedTokens::kUse;
  options.length = static_cast<std::size_t>(config.data.length);
  options.over_long = config.data.overlong == "truncate" ? OverLong::kTruncate : OverLong::kDrop;
  return options;
}

Preparation::Preparation(const Config& config, bool quiet) : config_(config) {
  CheckOutputs();
  OpenModel();
  OpenTokenizer();
  layout_ = PlanLayout(model_, LayoutOptionsOf(config_));
  CheckWhatLearns();
  OpenData(quiet);
  CountSteps();
}

// What is needed only later, so that hours do not end in a wrong name.
void Preparation::CheckOutputs() const {
  weights::CheckGgufType(config_.result.gguf);
  if (config_.watch.eval_every > 0 && !std::filesystem::exists(config_.watch.eval_problems)) {
    throw base::BadInput(config_.watch.eval_problems + ": no such file (watch.eval_problems)");
  }
}

void Preparation::OpenModel() {
  model_folder_ = config_.model.from;
  if (model_folder_.extension() == ".gguf") {
    const std::filesystem::path folder = ConvertedStart(model_folder_, config_.run);
    model_folder_ = folder;
  }
  model_ = weights::ReadModelConfig(model_folder_.empty() ? config_.model.config : model_folder_.string());
  if (!model_folder_.empty()) {
    old_vocabulary_ = model_.vocab_size;
    weights::CheckTensors(weights::HfWeights(model_folder_), model_);  // headers only
  }
  if (config_.data.length > model_.max_position_embeddings) {
    throw base::BadInput("data.length is " + std::to_string(config_.data.length) + ", and the model has positions for " +
                         std::to_string(model_.max_position_embeddings) +
                         " (max_position_embeddings of its config.json); set data.length=" +
                         std::to_string(model_.max_position_embeddings) + " or less");
  }
}

// The vocabulary that is learnt on: the folder's, with the dialect's control tokens where it lacks them, as many tokens as rows.
void Preparation::OpenTokenizer() {
  tokenizer_folder_ = config_.model.tokenizer.empty() ? model_folder_ : std::filesystem::path(config_.model.tokenizer);
  vocabulary_ = weights::ReadHfVocabulary(tokenizer_folder_);
  tokenizer_files_ = weights::ReadHfFiles(tokenizer_folder_);
  weights::CheckRows(vocabulary_, model_.vocab_size, tokenizer_folder_.string());
  dialect_ = chat::LoadDialect(config_.data.dialect);
  if (config_.model.add_dialect_tokens) {
    const std::vector<chat::TokenId> added = weights::AddControlTokens(vocabulary_, dialect_->special_strings());
    added_tokens_ = added.size();
    if (!added.empty()) tokenizer_files_ = weights::WithAddedTokens(tokenizer_files_, vocabulary_, added);
    // Rows in multiples of 32: whole vectors and tiles for the output matrix.
    const auto tokens = static_cast<std::int64_t>(vocabulary_.tokens.size());
    if (tokens > model_.vocab_size) model_.vocab_size = (tokens + 31) / 32 * 32;
  }
  weights::PadVocabulary(vocabulary_, static_cast<std::size_t>(model_.vocab_size));
  tokenizer_ = weights::OpenTokenizer(vocabulary_);
  dialect_->CheckVocabulary(*tokenizer_);
}

void Preparation::CheckWhatLearns() const {
  if (layout_.learning_count() == 0)
    throw base::BadInput("model.freeze leaves nothing to learn: every parameter matches one of its patterns");
  // New rows begin as the mean of all others: as long as they do not learn, the dialect's tokens are one and the same to the model.
  const auto learns = [&](const char* name) {
    const auto place = Find(layout_, name);
    return !place || place->learning;
  };
  if (added_tokens_ > 0 && (!learns("model.embed_tokens.weight") || !learns("lm_head.weight"))) {
    throw base::BadInput("the vocabulary gets " + std::to_string(added_tokens_) + " control tokens of dialect '" +
                         dialect_->name() + "', whose rows of the embedding do not learn; set lora.modules_to_save=" +
                         (model_.tie_word_embeddings ? "[embed_tokens]" : "[embed_tokens, lm_head]") +
                         ", or take them out of model.freeze");
  }
}

void Preparation::OpenData(bool quiet) {
  const std::filesystem::path folder =
      config_.data.cache.empty() ? std::filesystem::path(config_.run) / "cache" : std::filesystem::path(config_.data.cache);
  CacheOptions options = CacheOptionsOf(config_);
  options.quiet = quiet;
  const std::vector<DataFile> files = FilesOf(config_.data.train);
  train_ = OpenOrBuildCache(folder, files, *dialect_, *tokenizer_, options);
  pack_ = {.length = options.length, .seed = config_.seed};
  for (const DataFile& file : files) pack_.repeats.push_back(file.repeat);
  const PackOptions once = {.length = options.length, .seed = config_.seed};
  if (!config_.data.held_out.empty()) {
    held_out_ = OpenOrBuildCache(folder, FilesOf(config_.data.held_out), *dialect_, *tokenizer_, options);
    split_.train = MakeSplit(*train_, {}).train;  // all of it
    split_.held_out = MakeSplit(*held_out_, {}).train;
  } else {
    split_ = MakeSplit(*train_, {.fraction = config_.data.held_out_share, .seed = config_.seed});
  }
  if (!split_.held_out.empty()) held_out_plan_.emplace(held_out(), split_.held_out, once, 0);
}

const EpochPlan& Preparation::Plan(std::uint64_t epoch) {
  if (!plan_ || plan_epoch_ != epoch) {
    plan_.reset();
    plan_.emplace(*train_, split_.train, pack_, epoch);
    plan_epoch_ = epoch;
  }
  return *plan_;
}

bool Preparation::OneRowAProcess(int processes) const { return config_.batch_rows <= processes; }

DataPosition Preparation::After(DataPosition position) {
  if (++position.batch >= Plan(position.epoch).steps(static_cast<std::size_t>(config_.batch_rows)))
    position = {position.epoch + 1, 0};
  return position;
}

void Preparation::CountSteps() {
  if (config_.steps > 0) {
    total_steps_ = config_.steps;
    return;
  }
  double left = config_.epochs;
  for (std::uint64_t epoch = 0; left > 0; ++epoch, left -= 1) {
    const double steps = static_cast<double>(Plan(epoch).steps(static_cast<std::size_t>(config_.batch_rows)));
    total_steps_ += static_cast<std::int64_t>(std::ceil(steps * std::min(left, 1.0)));
  }
}

}  // namespace mathcoder::train
