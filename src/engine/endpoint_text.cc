#include "engine/endpoint_text.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace mathcoder::engine {
namespace {

constexpr std::size_t kMaxName = 64;  // of a control string that the dialect does not know

// Length of a control string at the start of `text`, or 0. "<|name|>" and DeepSeek's form with full-width bars.
std::size_t ControlString(std::string_view text, const std::vector<std::string>& specials) {
  for (const std::string& special : specials) {
    if (!special.empty() && text.starts_with(special)) return special.size();
  }
  for (const auto& [open, close] :
       {std::pair<std::string_view, std::string_view>{"<|", "|>"}, {"<\xEF\xBD\x9C", "\xEF\xBD\x9C>"}}) {
    if (!text.starts_with(open)) continue;
    const std::string_view name = text.substr(open.size(), kMaxName + close.size());
    const std::size_t end = name.find(close);
    if (end == std::string_view::npos || end == 0) continue;
    if (name.substr(0, end).find_first_of(" \t\r\n<>") == std::string_view::npos) return open.size() + end + close.size();
  }
  return 0;
}

}  // namespace

std::string Neutralise(std::string_view text, const std::vector<std::string>& specials) {
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const bool control = ControlString(text.substr(at), specials) > 0;
    do {
      out += text[at++];
    } while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U);  // the whole character
    if (control) out += ' ';
  }
  return out;
}

std::string PromptText(std::span<const chat::TokenId> tokens, const chat::Tokenizer& tokenizer,
                       const std::vector<std::string>& specials) {
  std::string out;
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) out += Neutralise(base::ReplaceInvalidUtf8(std::exchange(plain, {})), specials);
  };
  for (const chat::TokenId token : tokens) {
    if (token < 256) {
      plain += static_cast<char>(token);
    } else {
      flush();
      out += tokenizer.Piece(token);
    }
  }
  flush();
  return out;
}

TextToTokens::TextToTokens(const chat::Tokenizer& tokenizer, const std::vector<std::string>& specials) {
  for (const std::string& text : specials) {
    if (const auto id = tokenizer.Special(text); id && !text.empty()) specials_.push_back({text, *id});
  }
  std::ranges::sort(specials_, [](const Special& a, const Special& b) { return a.text.size() > b.text.size(); });
}

std::vector<chat::TokenId> TextToTokens::Feed(std::string_view text) {
  held_ += text;
  return Take(/*all=*/false);
}

std::vector<chat::TokenId> TextToTokens::Finish() { return Take(/*all=*/true); }

std::vector<chat::TokenId> TextToTokens::Take(bool all) {
  std::vector<chat::TokenId> tokens;
  std::size_t at = 0;
  while (at < held_.size()) {
    const std::string_view rest = std::string_view(held_).substr(at);
    const Special* found = nullptr;
    bool wait = false;
    for (const Special& special : specials_) {
      if (rest.starts_with(special.text)) {
        found = &special;
        break;
      }
      // A longer one may still come true: it wins over a shorter one that is there already.
      if (!all && rest.size() < special.text.size() && std::string_view(special.text).starts_with(rest)) {
        wait = true;
        break;
      }
    }
    if (wait) break;
    if (found != nullptr) {
      tokens.push_back(found->id);
      at += found->text.size();
    } else {
      tokens.push_back(static_cast<chat::TokenId>(static_cast<unsigned char>(held_[at])));
      ++at;
    }
  }
  held_.erase(0, at);
  return tokens;
}

}  // namespace mathcoder::engine
