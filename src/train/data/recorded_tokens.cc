#include "train/data/recorded_tokens.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/utf8.h"

namespace mathcoder::train {
namespace {

using chat::BlockKind;
using chat::Segment;
using chat::TokenId;
using chat::TokenRole;

// What no UTF-8 text holds: begins a control token in a Spelling.
constexpr char kControl = '\xFF';
constexpr std::size_t kNoToken = static_cast<std::size_t>(-1);

// Control tokens are written by id, so that text which spells one is never taken for it.
std::string ControlText(TokenId id) {
  std::string text(1, kControl);
  for (int shift = 28; shift >= 0; shift -= 7) text += static_cast<char>(0x80 | ((static_cast<std::uint32_t>(id) >> shift) & 0x7F));
  return text;
}

// Tokens as text, and where each byte came from.
struct Spelling {
  std::string text;
  std::vector<std::size_t> token;  // of each byte; kNoToken where invalid UTF-8 was replaced
};

class Speller {
 public:
  Speller(const chat::Dialect& dialect, const chat::Tokenizer& tokenizer) : tokenizer_(tokenizer) {
    for (const std::string& text : dialect.special_strings()) {
      if (const auto id = tokenizer.Special(text)) control_.insert(*id);
    }
    if (const auto bos = tokenizer.Bos()) control_.insert(*bos);
  }

  bool IsControl(TokenId id) const { return control_.contains(id) || tokenizer_.IsEndOfGeneration(id); }

  Spelling OfTokens(const std::vector<TokenId>& ids, std::size_t first, std::size_t last) const {
    Spelling whole;
    Spelling plain;  // since the last control token
    const auto flush = [&] {
      if (!base::IsValidUtf8(plain.text)) {  // as a record that was written as JSON has it
        plain.text = base::ReplaceInvalidUtf8(plain.text);
        plain.token.assign(plain.text.size(), kNoToken);
      }
      whole.text += plain.text;
      whole.token.insert(whole.token.end(), plain.token.begin(), plain.token.end());
      plain = {};
    };
    for (std::size_t i = first; i < last; ++i) {
      const bool control = IsControl(ids[i]);
      if (control) flush();
      Spelling& to = control ? whole : plain;
      to.text += control ? ControlText(ids[i]) : tokenizer_.Piece(ids[i]);
      to.token.resize(to.text.size(), i);
    }
    flush();
    return whole;
  }

  std::string OfSegments(const std::vector<Segment>& segments) const {
    std::string text;
    for (const Segment& segment : segments) {
      const auto id = segment.special ? tokenizer_.Special(segment.text) : std::nullopt;
      text += id ? ControlText(*id) : base::ReplaceInvalidUtf8(segment.text);
    }
    return text;
  }

 private:
  const chat::Tokenizer& tokenizer_;
  std::unordered_set<TokenId> control_;
};

bool IsPrompt(TokenRole role) { return role == TokenRole::kTemplate || role == TokenRole::kSystem || role == TokenRole::kUser; }

TokenRole RoleOf(BlockKind kind) {
  return kind == BlockKind::kCode ? TokenRole::kCode : kind == BlockKind::kExecution ? TokenRole::kExecution : TokenRole::kText;
}

// A few characters, quoted, for a message of one line.
std::string Excerpt(std::string_view text) {
  std::string shown;
  for (const char byte : text.substr(0, base::CompleteUtf8Prefix(text.substr(0, 24)))) {
    if (byte == kControl) break;
    shown += static_cast<unsigned char>(byte) < 0x20 ? ' ' : byte;
  }
  return shown.empty() ? "a control token" : "'" + shown + "'";
}

std::string TokenText(const chat::Tokenizer& tokenizer, TokenId id) {
  return std::to_string(id) + " ('" + base::ReplaceInvalidUtf8(tokenizer.Piece(id)) + "')";
}

}  // namespace

std::optional<std::string> RecordedTokensDiffer(const chat::Transcript& transcript, const chat::Dialect& dialect,
                                                const chat::Tokenizer& tokenizer) {
  const std::vector<TokenId>& ids = transcript.token_ids;
  const std::vector<TokenRole>& roles = transcript.token_roles;
  if (roles.size() != ids.size())
    return "it has " + std::to_string(ids.size()) + " ids and " + std::to_string(roles.size()) + " roles";
  const std::string& written = transcript.provenance.dialect;
  if (!written.empty() && written != dialect.name()) return "they are of dialect '" + written + "', not '" + dialect.name() + "'";
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || static_cast<std::size_t>(ids[i]) >= tokenizer.size()) {
      return "token " + std::to_string(i + 1) + " has id " + std::to_string(ids[i]) + ", the vocabulary " +
             std::to_string(tokenizer.size()) + " tokens";
    }
  }
  const Speller speller(dialect, tokenizer);

  std::size_t begin = 0;
  while (begin < ids.size() && IsPrompt(roles[begin])) ++begin;
  const Spelling prompt = speller.OfTokens(ids, 0, begin);
  const auto bos = tokenizer.Bos();
  const std::string expected = (bos ? ControlText(*bos) : "") + speller.OfSegments(dialect.RenderPrompt(transcript.problem));
  if (prompt.text != expected) {
    const auto at = static_cast<std::size_t>(
        std::mismatch(prompt.text.begin(), prompt.text.end(), expected.begin(), expected.end()).first - prompt.text.begin());
    const std::size_t token = at < prompt.token.size() ? prompt.token[at] : begin;
    const std::string found = token < ids.size() ? "token " + std::to_string(token + 1) + " is " + TokenText(tokenizer, ids[token])
                                                 : "the prompt's tokens end after " + std::to_string(begin);
    return found + " where the prompt has " + (at < expected.size() ? Excerpt(std::string_view(expected).substr(at)) : "its end");
  }

  const Spelling message = speller.OfTokens(ids, begin, ids.size());
  const std::vector<Segment> probe = dialect.RenderBlock({BlockKind::kCode, "x"});
  const bool marked = std::any_of(probe.begin(), probe.end(), [](const Segment& segment) { return segment.special; });
  std::size_t position = 0;
  // What stands between blocks: in a dialect of control tokens nothing else, but for blanks.
  const auto stray = [&](std::size_t to) -> std::optional<std::string> {
    for (; marked && position < to; ++position) {
      const std::size_t token = message.token[position];
      const auto byte = static_cast<unsigned char>(message.text[position]);
      if (token == kNoToken || byte <= 0x20 || roles[token] == TokenRole::kExecution || speller.IsControl(ids[token])) continue;
      return "token " + std::to_string(token + 1) + " is " + TokenText(tokenizer, ids[token]) +
             ", which no block of the message has";
    }
    position = to;
    return std::nullopt;
  };
  for (std::size_t b = 0; b < transcript.blocks.size(); ++b) {
    const chat::Block& block = transcript.blocks[b];
    const bool execution = block.kind == BlockKind::kExecution;
    const std::string text =
        execution ? speller.OfSegments(dialect.RenderObservation(block.text)) : base::ReplaceInvalidUtf8(block.text);
    const std::size_t found = message.text.find(text, position);
    if (found == std::string::npos) {
      // Code that was the model's last word is run, but its output is no part of the sequence.
      if (execution && b + 1 == transcript.blocks.size()) break;
      return "they do not spell block " + std::to_string(b + 1) + " (" + std::string(Name(block.kind)) + "), " +
             Excerpt(block.text);
    }
    if (auto failure = stray(found)) return failure;
    const std::size_t end = found + text.size();
    for (std::size_t i = found; i < end; ++i) {
      const std::size_t token = message.token[i];
      // A token has the role of its first byte.
      const bool begins = token != kNoToken && (i == 0 || message.token[i - 1] != token);
      if (begins && roles[token] != RoleOf(block.kind)) {
        return "token " + std::to_string(token + 1) + " has role " + std::string(Name(roles[token])) + " and lies in block " +
               std::to_string(b + 1) + " (" + std::string(Name(block.kind)) + ")";
      }
    }
    position = end;
  }
  return stray(message.text.size());
}

}  // namespace mathcoder::train
