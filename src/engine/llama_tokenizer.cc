#include "engine/llama_tokenizer.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>

#include "base/check.h"
#include "base/utf8.h"
#include "engine/llama_handles.h"

namespace mathcoder::engine {
namespace {

using chat::TokenId;

// A byte that no vocabulary joins with its neighbours: put before a text it takes the place "at the very start", where a
// SentencePiece vocabulary would add a space that the text does not have.
constexpr std::string_view kGuard = "\x01";

class LlamaTokenizer final : public chat::Tokenizer {
 public:
  explicit LlamaTokenizer(const llama_vocab* vocab) : vocab_(vocab) {
    const std::int32_t size = llama_vocab_n_tokens(vocab);
    pieces_.reserve(static_cast<std::size_t>(size));
    for (TokenId id = 0; id < size; ++id) {
      pieces_.push_back(PieceOf(id));
      const auto attributes = static_cast<unsigned>(llama_vocab_get_attr(vocab, id));
      const bool control = (attributes & LLAMA_TOKEN_ATTR_CONTROL) != 0;
      const bool user = (attributes & LLAMA_TOKEN_ATTR_USER_DEFINED) != 0;
      if (!control && !user) continue;
      const std::string text = llama_vocab_get_text(vocab, id);
      // The first of equal texts wins, as in the library's own lookup.
      specials_.emplace(text, id);
      if (user && text.size() >= 3 && text.front() == '<' && text.back() == '>') forgeable_.push_back(text);
    }
    // Longest first: "<|code|>x" must be found before "<|code|>".
    std::sort(forgeable_.begin(), forgeable_.end(),
              [](const std::string& a, const std::string& b) { return a.size() != b.size() ? a.size() > b.size() : a < b; });
    guard_ids_ = Raw(kGuard);
    adds_space_ = Text(Raw("a")) != "a";
  }

  std::vector<TokenId> Encode(std::string_view text) const override {
    std::string clean;
    if (!base::IsValidUtf8(text)) {
      clean = base::ReplaceInvalidUtf8(text);
      text = clean;
    }
    // The library never makes a CONTROL token of plain text, but it does make USER_DEFINED ones, and some files mark a
    // dialect's markers so. Such a text is cut behind its first byte, so that no part spells the marker.
    std::vector<TokenId> ids;
    std::size_t start = 0;
    for (std::size_t i = 0; !forgeable_.empty() && i < text.size(); ++i) {
      if (text[i] != '<') continue;
      const std::string_view rest = text.substr(i);
      if (std::none_of(forgeable_.begin(), forgeable_.end(), [&](const std::string& marker) { return rest.starts_with(marker); })) {
        continue;
      }
      AppendPart(text.substr(start, i + 1 - start), ids);
      start = i + 1;
    }
    AppendPart(text.substr(start), ids);
    return ids;
  }

  std::optional<TokenId> Special(std::string_view text) const override {
    const auto found = specials_.find(std::string(text));
    return found == specials_.end() ? std::nullopt : std::optional(found->second);
  }

  std::string Piece(TokenId id) const override {
    return id >= 0 && static_cast<std::size_t>(id) < pieces_.size() ? pieces_[static_cast<std::size_t>(id)] : std::string();
  }

  std::optional<TokenId> Bos() const override {
    const TokenId bos = llama_vocab_bos(vocab_);
    return llama_vocab_get_add_bos(vocab_) && bos != LLAMA_TOKEN_NULL ? std::optional(bos) : std::nullopt;
  }

  bool IsEndOfGeneration(TokenId id) const override { return llama_vocab_is_eog(vocab_, id); }
  std::size_t size() const override { return pieces_.size(); }

 private:
  std::string PieceOf(TokenId id) const {
    std::string piece(32, '\0');
    std::int32_t n = llama_token_to_piece(vocab_, id, piece.data(), static_cast<std::int32_t>(piece.size()), 0, true);
    if (n < 0) {
      piece.resize(static_cast<std::size_t>(-n));
      n = llama_token_to_piece(vocab_, id, piece.data(), static_cast<std::int32_t>(piece.size()), 0, true);
    }
    piece.resize(static_cast<std::size_t>(std::max(n, 0)));
    return piece;
  }

  std::vector<TokenId> Raw(std::string_view text) const {
    if (text.empty()) return {};
    std::vector<TokenId> ids(text.size() + 8);
    const auto call = [&] {
      return llama_tokenize(vocab_, text.data(), static_cast<std::int32_t>(text.size()), ids.data(),
                            static_cast<std::int32_t>(ids.size()), /*add_special=*/false, /*parse_special=*/false);
    };
    std::int32_t n = call();
    if (n < 0) {
      ids.resize(static_cast<std::size_t>(-static_cast<std::int64_t>(n)));
      n = call();
    }
    MC_CHECK(n >= 0);
    ids.resize(static_cast<std::size_t>(n));
    return ids;
  }

  std::string Text(const std::vector<TokenId>& ids) const {
    std::string text;
    for (const TokenId id : ids) text += pieces_[static_cast<std::size_t>(id)];
    return text;
  }

  void AppendPart(std::string_view text, std::vector<TokenId>& ids) const {
    if (text.empty()) return;
    if (!adds_space_) {
      const std::vector<TokenId> part = Raw(text);
      ids.insert(ids.end(), part.begin(), part.end());
      return;
    }
    const std::vector<TokenId> part = Raw(std::string(kGuard) + std::string(text));
    const bool guarded = part.size() >= guard_ids_.size() && std::equal(guard_ids_.begin(), guard_ids_.end(), part.begin());
    if (guarded) {
      ids.insert(ids.end(), part.begin() + static_cast<std::ptrdiff_t>(guard_ids_.size()), part.end());
    } else {
      const std::vector<TokenId> plain = Raw(text);
      ids.insert(ids.end(), plain.begin(), plain.end());
    }
  }

  const llama_vocab* vocab_;
  std::vector<std::string> pieces_;  // by id: the loop asks for every token that it reads
  std::unordered_map<std::string, TokenId> specials_;
  std::vector<std::string> forgeable_;
  std::vector<TokenId> guard_ids_;
  bool adds_space_ = false;
};

}  // namespace

std::unique_ptr<chat::Tokenizer> MakeLlamaTokenizer(const llama_vocab* vocab) { return std::make_unique<LlamaTokenizer>(vocab); }

}  // namespace mathcoder::engine
