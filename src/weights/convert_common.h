// What the directions of a conversion have in common.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/dialect.h"
#include "weights/convert.h"
#include "weights/hf_tokenizer.h"
#include "weights/hf_weights.h"
#include "weights/matrix.h"
#include "weights/model_config.h"
#include "weights/vocabulary.h"

namespace mathcoder::weights {

// A Hugging Face folder, read and checked, with the tokens added that the options ask for.
struct HfModel {
  HfModel(const std::filesystem::path& folder, const ConvertOptions& options, ConvertReport& report);

  std::filesystem::path folder;
  ModelConfig config;     // vocab_size: rows after growing
  Vocabulary vocabulary;  // padded to the rows
  HfWeights weights;
  std::vector<TokenId> added;
  std::shared_ptr<const chat::Dialect> dialect;  // nullptr: none

  // In the order of ExpectedTensors.
  std::vector<Matrix> Matrices() const;

 private:
  void ChooseDialect(const ConvertOptions& options);
  std::int64_t stored_rows_ = 0;
  std::size_t known_ = 0;  // tokens before any were added
};

std::optional<DType> FloatType(const std::string& name);  // "f16"; nullopt for another name

// Writes config.json, the tokenizer's files and the weights into a folder that appears whole. `out` may exist if it is empty.
void WriteHfFolder(const std::filesystem::path& out, const std::string& config, const HfFiles& files,
                   const std::vector<OutputTensor>& tensors, const ConvertOptions& options, const HfLayout* like,
                   ConvertReport& report);

}  // namespace mathcoder::weights
