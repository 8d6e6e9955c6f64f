#include "chat/stop_matcher.h"

#include <algorithm>

#include "base/check.h"

namespace mathcoder::chat {
namespace {

bool IsBlank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

std::vector<std::size_t> Borders(std::string_view text) {
  std::vector<std::size_t> fail(text.size() + 1, 0);
  for (std::size_t i = 1, k = 0; i < text.size(); ++i) {
    while (k > 0 && text[k] != text[i]) k = fail[k];
    if (text[k] == text[i]) ++k;
    fail[i + 1] = k;
  }
  return fail;
}

}  // namespace

StopMatcher::StopMatcher(const StopRule& rule) : tokens_(rule.tokens), fences_(rule.fences) {
  for (const std::string& text : rule.strings) {
    if (!text.empty()) patterns_.push_back({text, Borders(text), 0});
  }
  for (const StopRule::Fence& fence : fences_) {
    MC_CHECK(!fence.open.empty());
    opens_.push_back({fence.open});
    closes_.push_back({fence.close});
  }
  StartLine();
  for (const char byte : rule.context) StepLine(byte);
}

bool StopMatcher::IsStopToken(TokenId id) const { return std::find(tokens_.begin(), tokens_.end(), id) != tokens_.end(); }

std::optional<StopMatcher::Stop> StopMatcher::Feed(std::string_view piece) {
  for (std::size_t i = 0; i < piece.size(); ++i) {
    if (auto text = Step(piece[i])) return Stop{piece.size() - i - 1, std::move(*text)};
  }
  return std::nullopt;
}

std::optional<std::string> StopMatcher::Step(char byte) {
  std::optional<std::string> found;
  for (Pattern& pattern : patterns_) {
    // A whole match was a stop, or lies before a stop of another pattern: `matched` is below the length here.
    while (pattern.matched > 0 && pattern.text[pattern.matched] != byte) pattern.matched = pattern.fail[pattern.matched];
    if (pattern.text[pattern.matched] == byte) ++pattern.matched;
    if (pattern.matched == pattern.text.size()) {
      found = pattern.text;
      pattern.matched = pattern.fail[pattern.matched];
    }
  }
  std::optional<std::string> line = StepLine(byte);
  return found ? found : line;
}

void StopMatcher::StartLine() {
  line_.clear();
  line_alive_ = !fences_.empty();
  for (LinePattern& pattern : opens_) pattern.matched = 0, pattern.alive = true;
  for (LinePattern& pattern : closes_) pattern.matched = 0, pattern.alive = !pattern.text.empty();
}

std::optional<std::string> StopMatcher::StepLine(char byte) {
  if (byte == '\n') {
    std::optional<std::string> stop;
    if (line_alive_) {
      line_.push_back(byte);
      const auto whole = [](const LinePattern& p) { return p.alive && p.matched == p.text.size(); };
      if (open_fence_ != kNone) {
        if (whole(closes_[open_fence_])) {
          stop = line_;
          open_fence_ = kNone;
        }
      } else {
        for (std::size_t i = 0; i < fences_.size() && open_fence_ == kNone; ++i) {
          if (!fences_[i].close.empty() && whole(opens_[i])) open_fence_ = i;
        }
      }
    }
    StartLine();
    return stop;
  }
  if (!line_alive_) return std::nullopt;
  line_.push_back(byte);
  line_alive_ = false;
  bool stopped = false;
  const auto advance = [&](LinePattern& pattern) {
    if (!pattern.alive) return;
    if (pattern.matched < pattern.text.size() ? pattern.text[pattern.matched] == byte : IsBlank(byte)) {
      pattern.matched = std::min(pattern.matched + 1, pattern.text.size());
      line_alive_ = true;
    } else {
      pattern.alive = false;
    }
  };
  for (std::size_t i = 0; i < fences_.size(); ++i) {
    advance(opens_[i]);
    advance(closes_[i]);
    stopped = stopped || (fences_[i].close.empty() && opens_[i].alive && line_ == fences_[i].open);
  }
  return stopped ? std::optional(line_) : std::nullopt;
}

std::size_t StopMatcher::HeldBack() const {
  std::size_t held = 0;
  for (const Pattern& pattern : patterns_) held = std::max(held, pattern.matched);
  bool line = open_fence_ != kNone && closes_[open_fence_].alive;
  for (std::size_t i = 0; i < fences_.size(); ++i) {
    line = line || (fences_[i].close.empty() && opens_[i].alive && opens_[i].matched < opens_[i].text.size());
  }
  return std::max(held, line ? line_.size() : 0);
}

}  // namespace mathcoder::chat
