// Shows what of a sample is learned and what is only read: `--show-mask`, before any time is spent.
#pragma once

#include <cstdio>
#include <string>

#include "chat/tokenizer.h"
#include "train/data/example.h"

namespace mathcoder::train {

enum class MaskColours : std::uint8_t {
  kAuto,   // where the output is a terminal, NO_COLOR is not set and TERM is not "dumb"
  kNever,  // marks in plain text
  kAlways,
};

// The whole sample as the model sees it, control tokens spelled out, and a legend with the number of tokens of each role.
// In colours: each role has one; what is learned is bright, what is not is dim, and control tokens are reversed.
// Plain: a line for each run of tokens with one role and weight ("+ code, 34 tokens, weight 1", "- execution, 5 tokens"), its text
// below with the same mark at the start of each line. Control characters of the text never reach the terminal; newline and tab do.
std::string ShowMask(const Example& example, const chat::Tokenizer& tokenizer, bool colours);

void PrintMask(const Example& example, const chat::Tokenizer& tokenizer, MaskColours colours, std::FILE* out);

// Whether colours go to `out` under `choice`.
bool UseColours(MaskColours choice, std::FILE* out);

}  // namespace mathcoder::train
