// Does an execution that was run again say what was recorded? Used by replay.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "chat/observation.h"

namespace mathcoder::chat {

enum class Agreement : std::uint8_t {
  kSame,           // the same text after the policy
  kSameException,  // both end in the same exception, type and message; the frames before it, or lines printed to standard error,
                   // name files and lines of other machines. Not compared, since each Python says it in its own words: of a
                   // syntax error all but its type and line, where the stack ended in a RecursionError, the file at the end of
                   // "cannot import name", the class before "__init__() takes ..."
  kSameTimeout,    // the recording says that the code ran out of time, and `timed_out`
  kDifferent,
};
std::string_view Name(Agreement agreement);  // "same", "same exception", "same timeout", "different"

// Both texts go through the policy, so that a recording that was never shaped (the published ones keep all decimals) compares with
// one that was. `timed_out`: this run, or an earlier one of its session, ran out of time. (The published program did not interrupt
// code that ran too long: what followed in that session timed out as well, whatever it was.)
Agreement Compare(const ObservationPolicy& policy, std::string_view recorded, std::string_view observed, bool timed_out);

// "ZeroDivisionError: division by zero" of an output that ends in a traceback, of IPython or of Python itself, several lines where
// the message has them; empty where there is none.
std::string ExceptionOf(std::string_view output);

}  // namespace mathcoder::chat
