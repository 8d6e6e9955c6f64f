// What turns text into a model's tokens and back. A model has one; the dialect and the loop use it through this interface.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/transcript.h"

namespace mathcoder::chat {

// Thread-safe: all methods are const and may be called at once from any thread.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Plain text: nothing in it can become a control token, whatever it spells. Adds neither BOS nor a leading space.
  virtual std::vector<TokenId> Encode(std::string_view text) const = 0;

  // The one token that is exactly `text` and is a control or user-defined token ("<|code|>"), or nullopt.
  virtual std::optional<TokenId> Special(std::string_view text) const = 0;

  // The bytes of one token. May be a part of a UTF-8 character. Special tokens give their text.
  virtual std::string Piece(TokenId id) const = 0;

  // The token put before every prompt, or nullopt where the model wants none.
  virtual std::optional<TokenId> Bos() const = 0;

  // True for tokens that end generation in any dialect (end of text, end of turn as the model file says).
  virtual bool IsEndOfGeneration(TokenId id) const = 0;

  virtual std::size_t size() const = 0;
};

// A vocabulary of the 256 bytes plus the given special strings (ids from 256 on, in order): for engines that speak text
// (an HTTP endpoint, a recording), so that everything above them can still speak token ids.
std::unique_ptr<Tokenizer> MakeByteTokenizer(std::vector<std::string> specials);

}  // namespace mathcoder::chat
