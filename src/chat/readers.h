// The two ways of reading a message: by control tokens, and by fences. NewReader of a dialect picks one.
#pragma once

#include <memory>

#include "chat/dialect_spec.h"

namespace mathcoder::chat {

// Both borrow their arguments.
std::unique_ptr<BlockReader> NewMarkerReader(const DialectSpec& spec, const Tokenizer& tokenizer);
std::unique_ptr<BlockReader> NewFenceReader(const DialectSpec& spec, const Tokenizer& tokenizer);

inline TokenRole RoleOf(BlockKind kind) {
  return kind == BlockKind::kCode ? TokenRole::kCode : kind == BlockKind::kExecution ? TokenRole::kExecution : TokenRole::kText;
}

// Text of one block on its way to the screen: keeps half characters back.
class Shown {
 public:
  // Appends a chunk for what can be shown of `text`, if anything.
  void Add(BlockKind kind, std::string_view text, std::vector<BlockReader::Chunk>* chunks);
  // What is kept back is shown as it is: the block is over, or the generation stopped.
  void Flush(std::vector<BlockReader::Chunk>* chunks);
  void StartBlock() { starts_ = true; }

 private:
  BlockKind kind_ = BlockKind::kText;
  std::string held_;
  bool starts_ = true;
};

}  // namespace mathcoder::chat
