// Mode `mathcoder`: the verdicts of the published evaluation of MathCoder (arXiv 2310.03731), for comparison with the paper. It is
// a description of what that program did, quirks included, and no way to grade answers; docs/grading.md names the quirks. Pure
// functions, thread-safe, linear; a verdict takes microseconds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/transcript.h"

namespace mathcoder::grade {

struct PublishedOptions {
  bool drop_letters = false;  // the published program did this for files whose name holds "GSM8K"
};

struct PublishedVerdict {
  bool correct = false;
  std::string rule;       // "same text", "same tuple", "same formula", "within 0.01", "not read", "different", "empty"
  std::string reference;  // both as the published program reduced them
  std::string answer;
};

// `message` is the completion: the last block of the message, or the answer that the published program had appended to it.
PublishedVerdict GradePublished(std::string_view reference, std::string_view message, const PublishedOptions& options = {});

// The "completion" of a message of our own: the first box of its last block, else that block, whatever its kind. The program that
// appended the answers of the published outputs was not published; this gives its verdicts on 99% of them.
std::string PublishedCompletion(const std::vector<chat::Block>& blocks);

}  // namespace mathcoder::grade
