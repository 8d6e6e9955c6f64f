// The answer that a message states, as a string. Grading it is another room's work.
#pragma once

#include <string>
#include <vector>

#include "chat/transcript.h"

namespace mathcoder::chat {

// The first of these that the message has: the content of the last \boxed{} in its texts (braces balanced); what follows the last
// cue in its texts ("####", "the answer is", "Answer:") up to the end of the line; the last number of the last text that has one;
// the last line of the last output. Empty where there is none of them. Never throws; linear in the message.
std::string ExtractFinalAnswer(const std::vector<Block>& blocks);

}  // namespace mathcoder::chat
