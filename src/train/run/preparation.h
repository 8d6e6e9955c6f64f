// Everything that is decided before time is spent: the model's shape, the tokenizer, the data as tokens, the plan of rows, the
// parameters. Whatever is wrong with a run's input is said here, in one line.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/dialect.h"
#include "chat/tokenizer.h"
#include "train/data/packing.h"
#include "train/data/split.h"
#include "train/data/token_cache.h"
#include "train/model/layout.h"
#include "train/run/config.h"
#include "weights/model_config.h"
#include "weights/vocabulary.h"

namespace mathcoder::train {

// Where a run stands in its data: row batch `batch` of epoch `epoch`.
struct DataPosition {
  std::uint64_t epoch = 0;
  std::uint64_t batch = 0;
  bool operator==(const DataPosition&) const = default;
};

class Preparation {
 public:
  // Throws base::BadInput as the parts do. `quiet`: no progress of tokenising. Several processes may prepare the same run at once:
  // one of them tokenises.
  Preparation(const Config& config, bool quiet);

  const Config& config() const { return config_; }
  const weights::ModelConfig& model() const { return model_; }     // vocabulary grown already
  std::int64_t old_vocabulary() const { return old_vocabulary_; }  // rows of the weights that are read; 0: from scratch
  // The Hugging Face folder of model.from, or the one that its GGUF file was converted to; empty from scratch.
  const std::filesystem::path& model_folder() const { return model_folder_; }
  // The tokenizer's files of a Hugging Face folder, with the tokens that were added: name -> content.
  const std::map<std::string, std::string>& tokenizer_files() const { return tokenizer_files_; }
  const weights::Vocabulary& vocabulary() const { return vocabulary_; }  // padded to the model's rows
  std::size_t added_tokens() const { return added_tokens_; }             // control tokens of the dialect that it lacked
  const chat::Tokenizer& tokenizer() const { return *tokenizer_; }
  const chat::Dialect& dialect() const { return *dialect_; }
  const Layout& layout() const { return layout_; }

  const TokenCache& train() const { return *train_; }
  const Split& split() const { return split_; }
  // Rows of the held-out data; nullptr where nothing is held out.
  const EpochPlan* held_out_plan() const { return held_out_plan_ ? &*held_out_plan_ : nullptr; }
  const TokenCache& held_out() const { return held_out_ ? *held_out_ : *train_; }

  const PackOptions& pack() const { return pack_; }
  // The plan of one epoch; the last one asked for is kept.
  const EpochPlan& Plan(std::uint64_t epoch);
  // Steps of the whole run: config.steps, or what config.epochs come to.
  std::int64_t total_steps() const { return total_steps_; }
  DataPosition After(DataPosition position);
  bool OneRowAProcess(int processes) const;  // a step's gradients are those of one row in each process

 private:
  void CheckOutputs() const;
  void OpenModel();
  void OpenTokenizer();
  void CheckWhatLearns() const;
  void OpenData(bool quiet);
  void CountSteps();

  Config config_;
  weights::ModelConfig model_;
  std::int64_t old_vocabulary_ = 0;
  std::filesystem::path model_folder_, tokenizer_folder_;
  std::map<std::string, std::string> tokenizer_files_;
  weights::Vocabulary vocabulary_;
  std::size_t added_tokens_ = 0;
  std::unique_ptr<chat::Tokenizer> tokenizer_;
  std::shared_ptr<const chat::Dialect> dialect_;
  Layout layout_;
  std::unique_ptr<TokenCache> train_, held_out_;
  Split split_;
  std::optional<EpochPlan> held_out_plan_;
  PackOptions pack_;
  std::optional<EpochPlan> plan_;
  std::uint64_t plan_epoch_ = 0;
  std::int64_t total_steps_ = 0;
};

// The options that a configuration spells out for the parts.
LayoutOptions LayoutOptionsOf(const Config& config);
CacheOptions CacheOptionsOf(const Config& config);

}  // namespace mathcoder::train
