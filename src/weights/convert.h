// From one form of a model to another: Hugging Face folder -> GGUF, GGUF -> Hugging Face folder, folder -> folder with tokens added
// or another type. Tensors are streamed: no more than a few rows are in memory. docs/weights.md says what is kept.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "chat/transcript.h"

namespace mathcoder::weights {

struct ConvertOptions {
  // Of matrices: empty: as they are stored; "f32", "f16", "bf16"; for GGUF also a type of llama.cpp's quantiser ("q4_k_m").
  // One-dimensional tensors are f32 in GGUF always.
  std::string type;
  // Name or file of a chat::Dialect; written as mathcoder.dialect, its control tokens become control tokens. Empty: the one that is
  // recognised, or none.
  std::string dialect;
  bool add_dialect_tokens = false;      // append those of `dialect` that the vocabulary lacks
  std::vector<std::string> add_tokens;  // more control tokens to append
  // Add mean-initialised rows where the vocabulary has more tokens than the embedding has rows (an error else).
  bool grow_embeddings = false;
  std::string pre;   // llama.cpp's name of the pre-tokenizer, where it is not recognised
  std::string name;  // general.name; empty: the folder's
  std::uint64_t max_shard_bytes = std::uint64_t{5} << 30;
  int threads = 0;  // of the quantiser; 0: all
  // Bytes written so far, and in all; may throw, after which nothing is left behind. Not called while llama.cpp quantises.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
  // Called before llama.cpp quantises, with the files that a kill would leave behind.
  std::function<void(const std::vector<std::filesystem::path>&)> quantising;
};

// Throws BadInput with the nearest where GGUF has no such type; empty: as the weights are stored.
void CheckGgufType(const std::string& type);

struct ConvertReport {
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;  // of the tensors written
  std::size_t tensors = 0;
  std::size_t vocabulary = 0;  // rows
  std::vector<std::string> added_tokens;
  std::string dialect;             // empty: none
  std::vector<std::string> notes;  // what a person should know: one line each
};

// All throw base::Error with one line (see ReadModelConfig, HfWeights, CheckTensors, ReadHfVocabulary, OpenTokenizer); the output
// appears whole or not at all.
ConvertReport ConvertHfToGguf(const std::filesystem::path& folder, const std::filesystem::path& out, const ConvertOptions& options);
ConvertReport ConvertGgufToHf(const std::filesystem::path& gguf, const std::filesystem::path& out, const ConvertOptions& options);
ConvertReport ConvertHfToHf(const std::filesystem::path& folder, const std::filesystem::path& out, const ConvertOptions& options);

}  // namespace mathcoder::weights
