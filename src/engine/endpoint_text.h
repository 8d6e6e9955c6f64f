// Between the byte tokens of a sequence and the text that an endpoint speaks.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/tokenizer.h"

namespace mathcoder::engine {

// The prompt of a request. Special tokens become their strings; the server's tokenizer makes control tokens of them again. Plain
// text that spells a control string (one of `specials`, or anything shaped like <|name|>) would become one too, and a program
// could forge the end of its own output: such a string gets a space behind its first character ("< |endofblock|>"), over the
// borders of what was appended as well. Invalid UTF-8 becomes U+FFFD.
std::string PromptText(std::span<const chat::TokenId> tokens, const chat::Tokenizer& tokenizer,
                       const std::vector<std::string>& specials);

// Plain text with its control strings broken as above.
std::string Neutralise(std::string_view text, const std::vector<std::string>& specials);

// Turns text that arrives in pieces into tokens: a control string becomes its token, everything else bytes. What may still become
// a control string is held back. A model that spells a control string letter by letter cannot be told from one that writes the
// token. Not thread-safe.
class TextToTokens {
 public:
  TextToTokens(const chat::Tokenizer& tokenizer, const std::vector<std::string>& specials);

  std::vector<chat::TokenId> Feed(std::string_view text);
  std::vector<chat::TokenId> Finish();  // what was held back is text
  // Fed but not yet returned.
  const std::string& held() const { return held_; }

 private:
  std::vector<chat::TokenId> Take(bool all);

  struct Special {
    std::string text;
    chat::TokenId id;
  };
  std::vector<Special> specials_;  // longest first
  std::string held_;
};

}  // namespace mathcoder::engine
