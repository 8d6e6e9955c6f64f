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
                   // name files and lines of other machines
  kSameTimeout,    // the recording says that the code ran out of time, and `timed_out`
  kDifferent,
};
std::string_view Name(Agreement agreement);  // "same", "same exception", "same timeout", "different"

// Both texts go through the policy, so that a recording that was never shaped (the published ones keep all decimals) compares with
// one that was. `timed_out`: the verdict of our run.
Agreement Compare(const ObservationPolicy& policy, std::string_view recorded, std::string_view observed, bool timed_out);

// "ZeroDivisionError: division by zero" of an output that ends in a traceback, of IPython or of Python itself, several lines where
// the message has them; empty where there is none.
std::string ExceptionOf(std::string_view output);

}  // namespace mathcoder::chat
