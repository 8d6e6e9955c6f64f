#include "chat/tokenizer.h"

#include <algorithm>

namespace mathcoder::chat {
namespace {

constexpr std::size_t kBytes = 256;

class ByteTokenizer final : public Tokenizer {
 public:
  explicit ByteTokenizer(std::vector<std::string> specials) : specials_(std::move(specials)) {}

  std::vector<TokenId> Encode(std::string_view text) const override {
    std::vector<TokenId> ids;
    ids.reserve(text.size());
    for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
    return ids;
  }

  std::optional<TokenId> Special(std::string_view text) const override {
    const auto found = std::find(specials_.begin(), specials_.end(), text);
    if (found == specials_.end()) return std::nullopt;
    return static_cast<TokenId>(kBytes + static_cast<std::size_t>(found - specials_.begin()));
  }

  std::string Piece(TokenId id) const override {
    const auto index = static_cast<std::size_t>(id);
    if (id < 0 || index >= size()) return "";
    return index < kBytes ? std::string(1, static_cast<char>(index)) : specials_[index - kBytes];
  }

  std::optional<TokenId> Bos() const override { return std::nullopt; }
  bool IsEndOfGeneration(TokenId) const override { return false; }
  std::size_t size() const override { return kBytes + specials_.size(); }

 private:
  const std::vector<std::string> specials_;
};

}  // namespace

std::unique_ptr<Tokenizer> MakeByteTokenizer(std::vector<std::string> specials) {
  return std::make_unique<ByteTokenizer>(std::move(specials));
}

}  // namespace mathcoder::chat
