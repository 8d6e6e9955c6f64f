// A new vocabulary for a model from scratch: a byte-level BPE in which every digit is a token of its own, learnt by Hugging Face's
// `tokenizers` in a process of its own (scripts/train_tokenizer.py) and written as a folder that Transformers and llama.cpp read
// alike.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace mathcoder::weights {

struct TrainTokenizerOptions {
  std::vector<std::filesystem::path> corpus;  // JSONL records, or plain text (any other ending than .jsonl and .json)
  std::vector<std::string> fields;    // of a JSONL record; empty: every text field that is known ("messages", "question", ...)
  std::size_t vocab_size = 0;         // special tokens and the 256 bytes included
  std::filesystem::path out;          // a new folder
  std::string dialect = "mathcoder";  // its control tokens are reserved: the first ids after <|pad|> and <|endoftext|>
  std::uint64_t model_max_length = 2048;
  bool quiet = false;
};

struct TrainTokenizerReport {
  std::size_t texts = 0;
  std::uint64_t bytes = 0;
  std::size_t vocabulary = 0;
  std::size_t checked_texts = 0;  // whose ids agree between `tokenizers` and llama.cpp
  std::uint64_t checked_tokens = 0;
  std::uint64_t checked_bytes = 0;
};

// The same corpus, in the same order, gives the same files. Throws base::Error with one line: an unreadable corpus (file:line), a
// record without any of the fields, a vocabulary smaller than what is reserved, `tokenizers` missing (Unavailable), ids that do not
// agree.
TrainTokenizerReport TrainTokenizer(const TrainTokenizerOptions& options);

}  // namespace mathcoder::weights
