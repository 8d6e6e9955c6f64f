// Finds where a generation has to stop (chat::StopRule) while its text arrives in pieces. One matcher a Generate; not
// thread-safe. O(1) amortised a byte for each string and fence of the rule, whatever the pieces are; a stop may lie over
// piece borders and characters.
//
//   StopMatcher matcher(options.stop);
//   for each new token:
//     if (matcher.IsStopToken(id)) keep the token, stop (kStopToken);
//     if (auto stop = matcher.Feed(tokenizer.Piece(id))) {         // control tokens are not fed
//       if (stop->overshoot == 0) keep the token;
//       else drop the token; residual = piece without its last stop->overshoot bytes;
//       stop (kStopString);
//     }
//
// Only the piece in which the stop ends can overshoot, so tokens before it may be reported at once.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/dialect.h"

namespace mathcoder::chat {

class StopMatcher {
 public:
  struct Stop {
    std::size_t overshoot = 0;  // bytes at the end of the piece that lie beyond the stop: to be dropped
    std::string text;           // what made it stop: the string, or the fence's closing line with its newline
  };

  explicit StopMatcher(const StopRule& rule);

  bool IsStopToken(TokenId id) const;

  // The text of the next ordinary token; any part of the text, also of a character. Once it has returned a stop, no more may be
  // fed.
  std::optional<Stop> Feed(std::string_view piece);

  // How many bytes at the end of what was fed may still become part of a stop: a reader that must not show markers waits with them.
  std::size_t HeldBack() const;

  // Inside a fence that has opened and not closed.
  bool in_fence() const { return open_fence_ != kNone; }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  // Knuth-Morris-Pratt over one string of the rule.
  struct Pattern {
    std::string text;
    std::vector<std::size_t> fail;  // fail[k]: longest proper border of the first k bytes
    std::size_t matched = 0;
  };
  // How far the current line agrees with a fence's text: then only blanks may follow.
  struct LinePattern {
    std::string text;
    std::size_t matched = 0;
    bool alive = true;
  };

  std::optional<std::string> Step(char byte);
  std::optional<std::string> StepLine(char byte);
  void StartLine();

  std::vector<TokenId> tokens_;
  std::vector<Pattern> patterns_;
  std::vector<StopRule::Fence> fences_;
  std::vector<LinePattern> opens_;   // one a fence
  std::vector<LinePattern> closes_;  // one a fence
  std::size_t open_fence_ = kNone;
  std::string line_;        // of the current line, while it may be a fence; its length where it cannot is not kept
  bool line_alive_ = true;  // some fence can still match the current line
};

}  // namespace mathcoder::chat
