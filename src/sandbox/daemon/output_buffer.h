// Keeps the head and the tail of a stream of any length.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace mathcoder::sandbox {

class OutputBuffer {
 public:
  explicit OutputBuffer(std::size_t limit) : head_limit_(limit / 2), tail_limit_(limit - limit / 2) {}

  void Append(std::string_view data) {
    if (head_.size() < head_limit_) {
      const std::size_t n = std::min(head_limit_ - head_.size(), data.size());
      head_.append(data.substr(0, n));
      data.remove_prefix(n);
    }
    if (data.size() >= tail_limit_) {
      dropped_ += tail_.size() + data.size() - tail_limit_;
      tail_.assign(data.substr(data.size() - tail_limit_));
      return;
    }
    tail_.append(data);
    // Cut rarely: moving the tail for every line would be quadratic.
    if (tail_.size() > 2 * tail_limit_) Cut();
  }
  // The text so far as valid UTF-8, and a new start.
  std::string Take(bool* truncated) {
    Cut();
    std::string text = std::move(head_);
    if (dropped_ != 0) {
      *truncated = true;
      text += "\n... " + std::to_string(dropped_) + " bytes left out ...\n";
    }
    text += tail_;
    head_.clear();
    tail_.clear();
    dropped_ = 0;
    return base::ReplaceInvalidUtf8(text);
  }
  bool empty() const { return head_.empty() && tail_.empty(); }

 private:
  void Cut() {
    if (tail_.size() <= tail_limit_) return;
    dropped_ += tail_.size() - tail_limit_;
    tail_.erase(0, tail_.size() - tail_limit_);
  }
  std::size_t head_limit_;
  std::size_t tail_limit_;
  std::string head_;
  std::string tail_;
  std::uint64_t dropped_ = 0;
};

}  // namespace mathcoder::sandbox
