#include <algorithm>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "chat/readers.h"

namespace mathcoder::chat {
namespace {

class MarkerReader final : public BlockReader {
 public:
  MarkerReader(const DialectSpec& spec, const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
    const auto id = [&](const std::string& text) { return text.empty() ? std::nullopt : tokenizer.Special(text); };
    const auto add = [](std::optional<TokenId> token, std::vector<TokenId>* list) {
      if (token) list->push_back(*token);
    };
    add(id(spec.text.open), &text_open_);
    add(id(spec.code.open), &code_open_);
    add(id(spec.text.close), &text_close_);
    add(id(spec.code.close), &code_close_);
    for (const std::string& text : spec.code.also_closed_by) add(id(text), &code_close_);
    add(id(spec.message_end), &message_end_);
    // A turn header that the prompt uses too is no forged execution but a new turn.
    if (spec.prompt.find(spec.execution.open) == std::string::npos) add(id(spec.execution.open), &execution_open_);
    for (const auto* list : {&spec.control, &spec.optional_control}) {
      for (const std::string& text : *list) add(id(text), &control_);
    }
  }

  std::vector<Chunk> Feed(TokenId id) override {
    std::vector<Chunk> chunks;
    if (forged_) {
      roles_.push_back(TokenRole::kExecution);
    } else if (Is(text_open_, id)) {
      OpenBlock(BlockKind::kText, &chunks);
      roles_.push_back(TokenRole::kText);
    } else if (Is(code_open_, id)) {
      OpenBlock(BlockKind::kCode, &chunks);
      roles_.push_back(TokenRole::kCode);
    } else if (Is(execution_open_, id)) {
      // Code that the model left open for an imagined output is whole all the same.
      Close(open_ && blocks_.back().kind == BlockKind::kCode, &chunks);
      forged_ = true;
      roles_.push_back(TokenRole::kExecution);
    } else if (open_ && Is(blocks_.back().kind == BlockKind::kCode ? code_close_ : text_close_, id)) {
      const BlockKind kind = blocks_.back().kind;
      Close(kind == BlockKind::kCode, &chunks);
      roles_.push_back(RoleOf(kind));
    } else if (Is(message_end_, id) || Is(control_, id) || tokenizer_.IsEndOfGeneration(id)) {
      const bool stray_close = !Is(message_end_, id) && (Is(text_close_, id) || Is(code_close_, id));
      roles_.push_back(open_ ? RoleOf(blocks_.back().kind) : TokenRole::kText);
      if (!stray_close) {
        Close(false, &chunks);
        ended_ = true;
      }
    } else {
      const std::string piece = tokenizer_.Piece(id);
      Append(piece, &chunks);
      roles_.push_back(open_ ? RoleOf(blocks_.back().kind) : TokenRole::kText);
    }
    return chunks;
  }

  std::vector<Chunk> FeedText(std::string_view text) override {
    std::vector<Chunk> chunks;
    if (!forged_ && !text.empty()) Append(text, &chunks);
    return chunks;
  }

  std::vector<Chunk> FinishGeneration() override {
    std::vector<Chunk> chunks;
    shown_.Flush(&chunks);
    return chunks;
  }

  void NoteObservation(std::string_view observation) override {
    blocks_.push_back({BlockKind::kExecution, std::string(observation)});
    open_ = whole_code_ = forged_ = ended_ = false;
    roles_.clear();
  }

  bool wants_execution() const override { return whole_code_ && !open_; }
  bool message_ended() const override { return ended_; }
  bool forged_execution() const override { return forged_; }
  const std::vector<Block>& blocks() const override { return blocks_; }
  const std::vector<TokenRole>& generated_roles() const override { return roles_; }

 private:
  static bool Is(const std::vector<TokenId>& list, TokenId id) { return std::find(list.begin(), list.end(), id) != list.end(); }

  void OpenBlock(BlockKind kind, std::vector<Chunk>* chunks) {
    Close(false, chunks);
    blocks_.push_back({kind, ""});
    shown_.StartBlock();
    open_ = true;
  }

  void Close(bool whole_code, std::vector<Chunk>* chunks) {
    if (open_) {
      shown_.Flush(chunks);
      whole_code_ = whole_code;
    }
    open_ = false;
  }

  void Append(std::string_view text, std::vector<Chunk>* chunks) {
    if (!open_) OpenBlock(BlockKind::kText, chunks);  // a model that forgot its <|text|>, or a dialect that has none
    blocks_.back().text += text;
    shown_.Add(blocks_.back().kind, text, chunks);
  }

  const Tokenizer& tokenizer_;
  std::vector<TokenId> text_open_, code_open_, execution_open_, text_close_, code_close_, message_end_, control_;
  std::vector<Block> blocks_;
  std::vector<TokenRole> roles_;
  Shown shown_;
  bool open_ = false;        // blocks_.back() is being written
  bool whole_code_ = false;  // the block that was closed last is code, closed by its own mark
  bool forged_ = false;
  bool ended_ = false;
};

}  // namespace

void Shown::Add(BlockKind kind, std::string_view text, std::vector<BlockReader::Chunk>* chunks) {
  kind_ = kind;
  held_ += text;
  const std::size_t complete = base::CompleteUtf8Prefix(held_);
  if (complete == 0) return;
  chunks->push_back({kind, held_.substr(0, complete), std::exchange(starts_, false)});
  held_.erase(0, complete);
}

void Shown::Flush(std::vector<BlockReader::Chunk>* chunks) {
  if (held_.empty()) return;
  chunks->push_back({kind_, std::exchange(held_, {}), std::exchange(starts_, false)});
}

std::unique_ptr<BlockReader> NewMarkerReader(const DialectSpec& spec, const Tokenizer& tokenizer) {
  return std::make_unique<MarkerReader>(spec, tokenizer);
}

}  // namespace mathcoder::chat
