// Reads a message whose code stands in fences. Byte by byte: a line that may still be a fence is held back, everything else
// belongs to the block that is being written. The newline before a fence is part of the block's marks, not of its text.
// Lines and fences are judged as chat/stop_matcher.h judges them.
#include <algorithm>
#include <deque>
#include <utility>

#include "chat/readers.h"

namespace mathcoder::chat {
namespace {

bool IsBlank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

bool IsSpace(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char byte) { return IsBlank(byte) || byte == '\n'; });
}

// `line` is `fence` and nothing more but blanks.
bool IsFence(std::string_view line, std::string_view fence) {
  return line.starts_with(fence) && std::all_of(line.begin() + static_cast<std::ptrdiff_t>(fence.size()), line.end(), IsBlank);
}

// `line` without its last byte could become a line of some fence; can it still? Looks at the last byte alone beyond the fence's
// length, so that a line of many blanks costs no more than its length. The line's end decides for good (IsFence).
bool MayBecome(std::string_view line, std::string_view fence) {
  return line.size() <= fence.size() ? fence.starts_with(line) : line.starts_with(fence) && IsBlank(line.back());
}

class FenceReader final : public BlockReader {
 public:
  FenceReader(const DialectSpec& spec, const Tokenizer& tokenizer) : spec_(spec), tokenizer_(tokenizer) {
    for (const auto* list : {&spec.control, &spec.optional_control}) {
      for (const std::string& text : *list) {
        if (const auto id = tokenizer.Special(text)) control_.push_back(*id);
      }
    }
  }

  std::vector<Chunk> Feed(TokenId id) override {
    std::vector<Chunk> chunks;
    roles_.push_back(CurrentRole());
    if (tokenizer_.IsEndOfGeneration(id) || std::find(control_.begin(), control_.end(), id) != control_.end()) {
      EndMessage(&chunks);
      roles_.back() = CurrentRole();
    } else if (const std::string piece = tokenizer_.Piece(id); !piece.empty()) {
      unsettled_.push_back({fed_, roles_.size() - 1});
      Consume(piece, &chunks);
    }
    return chunks;
  }

  std::vector<Chunk> FeedText(std::string_view text) override {
    std::vector<Chunk> chunks;
    Consume(text, &chunks);
    return chunks;
  }

  std::vector<Chunk> FinishGeneration() override {
    std::vector<Chunk> chunks;
    if (!newline_ && line_.empty()) {
      shown_.Flush(&chunks);
      return chunks;
    }
    // Cut by a limit. What was held back is shown, so the rest of this line is no fence any more.
    const bool mid_line = !line_.empty();
    SettleHeld(&chunks);
    line_alive_ = !mid_line;
    shown_.Flush(&chunks);
    return chunks;
  }

  void NoteObservation(std::string_view observation) override {
    blocks_.push_back({BlockKind::kExecution, std::string(observation)});
    in_code_ = open_ = whole_code_ = forged_ = ended_ = newline_ = false;
    line_alive_ = true;
    lead_.clear();
    line_.clear();
    roles_.clear();
    unsettled_.clear();
    fed_ = settled_ = 0;
  }

  bool wants_execution() const override { return whole_code_ && !forged_; }
  bool message_ended() const override { return ended_; }
  bool forged_execution() const override { return forged_; }
  const std::vector<Block>& blocks() const override { return blocks_; }
  const std::vector<TokenRole>& generated_roles() const override { return roles_; }

  std::string stop_context() const override {
    if (whole_code_ || forged_ || ended_) return "";
    // Any text that leaves a matcher where this reader is: in the fence or not, at the start of a line or in one that is no fence.
    return std::string(in_code_ ? spec_.code.fences.front() + "\n" : "") + (line_alive_ ? "" : "x");
  }

 private:
  struct Unsettled {
    std::size_t start;  // byte at which the token begins
    std::size_t index;  // in roles_
  };

  TokenRole CurrentRole() const {
    return forged_ ? TokenRole::kExecution : in_code_ || (whole_code_ && !open_) ? TokenRole::kCode : TokenRole::kText;
  }

  // The next `bytes` bytes have this role; tokens that begin in them get it.
  void Settle(std::size_t bytes, TokenRole role) {
    settled_ += bytes;
    while (!unsettled_.empty() && unsettled_.front().start < settled_) {
      roles_[unsettled_.front().index] = role;
      unsettled_.pop_front();
    }
  }

  void AppendToBlock(std::string_view text, std::vector<Chunk>* chunks) {
    if (text.empty()) return;
    if (!open_) {
      lead_ += text;
      if (!in_code_ && IsSpace(text)) return;  // blanks alone are no block of text
      whole_code_ = false;
      OpenBlock(in_code_ ? BlockKind::kCode : BlockKind::kText);
      blocks_.back().text = lead_;
      shown_.Add(blocks_.back().kind, std::exchange(lead_, {}), chunks);
      return;
    }
    blocks_.back().text += text;
    shown_.Add(blocks_.back().kind, text, chunks);
  }

  void OpenBlock(BlockKind kind) {
    blocks_.push_back({kind, ""});
    shown_.StartBlock();
    open_ = true;
  }

  void CloseBlock(std::vector<Chunk>* chunks) {
    shown_.Flush(chunks);
    open_ = in_code_ = newline_ = false;
    line_alive_ = true;
    line_.clear();
    lead_.clear();
  }

  // What is held back turned out to be text of the block.
  void SettleHeld(std::vector<Chunk>* chunks) {
    const std::string held = std::string(std::exchange(newline_, false) ? "\n" : "") + std::exchange(line_, {});
    Settle(held.size(), in_code_ ? TokenRole::kCode : TokenRole::kText);
    AppendToBlock(held, chunks);
  }

  bool LineMayBeFence() const {
    if (MayBecome(line_, spec_.execution.fences.front())) return true;
    if (in_code_) return MayBecome(line_, spec_.code.fence_close);
    return std::any_of(spec_.code.fences.begin(), spec_.code.fences.end(),
                       [&](const auto& fence) { return MayBecome(line_, fence); });
  }

  // Closes the text block before a line that is a mark of the next block: its newline goes with it.
  void SettleMark(TokenRole role, std::size_t line_bytes) {
    if (std::exchange(newline_, false)) Settle(1, in_code_ ? TokenRole::kCode : TokenRole::kText);
    Settle(line_bytes, role);
  }

  void Consume(std::string_view text, std::vector<Chunk>* chunks) {
    std::string run;  // bytes of a line that is no fence, given on at once
    const auto flush = [&] {
      if (run.empty()) return;
      Settle(run.size(), in_code_ ? TokenRole::kCode : TokenRole::kText);
      AppendToBlock(std::exchange(run, {}), chunks);
    };
    fed_ += text.size();
    for (const char byte : text) {
      if (forged_ || ended_) {
        Settle(1, CurrentRole());
      } else if (byte != '\n' && !line_alive_) {
        run.push_back(byte);
      } else if (byte == '\n') {
        flush();
        EndLine(chunks);
      } else {
        line_.push_back(byte);
        if (line_ == spec_.execution.fences.front()) {
          SettleMark(TokenRole::kExecution, line_.size());
          CloseBlock(chunks);
          forged_ = true;
        } else if (!LineMayBeFence()) {
          SettleHeld(chunks);
          line_alive_ = false;
        }
      }
    }
    flush();
  }

  void EndLine(std::vector<Chunk>* chunks) {
    const bool alive = std::exchange(line_alive_, true);
    if (alive && in_code_ && IsFence(line_, spec_.code.fence_close)) {
      SettleMark(TokenRole::kCode, line_.size() + 1);
      CloseBlock(chunks);
      whole_code_ = true;
      return;
    }
    if (alive && !in_code_ &&
        std::any_of(spec_.code.fences.begin(), spec_.code.fences.end(), [&](const auto& fence) { return IsFence(line_, fence); })) {
      SettleMark(TokenRole::kCode, line_.size() + 1);
      CloseBlock(chunks);
      whole_code_ = false;
      in_code_ = true;
      OpenBlock(BlockKind::kCode);
      return;
    }
    SettleHeld(chunks);
    newline_ = true;
  }

  void EndMessage(std::vector<Chunk>* chunks) {
    if (in_code_ && line_alive_ && IsFence(line_, spec_.code.fence_close)) {
      SettleMark(TokenRole::kCode, line_.size());
      whole_code_ = true;
    } else {
      if (!line_.empty()) SettleHeld(chunks);
      if (newline_) SettleMark(TokenRole::kText, 0);
    }
    const bool code = whole_code_;
    CloseBlock(chunks);
    whole_code_ = code;
    ended_ = true;
  }

  const DialectSpec& spec_;
  const Tokenizer& tokenizer_;
  std::vector<TokenId> control_;
  std::vector<Block> blocks_;
  std::vector<TokenRole> roles_;
  std::deque<Unsettled> unsettled_;
  std::size_t fed_ = 0;      // bytes since the last observation
  std::size_t settled_ = 0;  // of them, those whose role is known
  Shown shown_;
  std::string lead_;      // blanks before the first word of a text block
  std::string line_;      // the current line, while it may be a fence
  bool newline_ = false;  // the newline before line_ is held back too
  bool line_alive_ = true;
  bool in_code_ = false;
  bool open_ = false;  // blocks_.back() is being written
  bool whole_code_ = false;
  bool forged_ = false;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<BlockReader> NewFenceReader(const DialectSpec& spec, const Tokenizer& tokenizer) {
  return std::make_unique<FenceReader>(spec, tokenizer);
}

}  // namespace mathcoder::chat
