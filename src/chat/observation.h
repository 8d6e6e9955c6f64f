// What the model is told of an execution: a named policy from raw output to the text of the execution block.
// Immutable values, pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mathcoder::chat {

struct ObservationPolicy {
  std::string name = "mathcoder";
  int decimals = 6;                         // digits kept after a decimal point (cut, not rounded); -1 keeps all
  std::string empty = "<empty_execution>";  // what stands for no output; may be empty
  bool strip_ansi = true;                   // escape sequences removed
  bool trim = true;                         // blanks and newlines at both ends removed, as the published program does
  bool last_line_of_traceback = false;      // of an exception only "TypeError: ..." is told (ToRA)
  std::size_t max_bytes = 4096;             // longer output keeps its head and its tail, cut at characters; the result, the
                                            // elision included, is no longer than this
  double head_share = 0.5;                  // of max_bytes
  std::string elision = "\n... {n} characters left out ...\n";
};

// "mathcoder" (the published behaviour: arXiv 2310.03731 and its released code), "raw" (nothing changed but the length),
// "tora". Throws base::BadInput for an unknown name.
ObservationPolicy LoadObservationPolicy(std::string_view name);
std::vector<std::string> ObservationPolicies();

// In this order: invalid UTF-8 replaced, ANSI removed, trimmed, decimals cut, `empty`, length. Idempotent: what was observed is
// observed as itself.
std::string Observe(const ObservationPolicy& policy, std::string_view output);

}  // namespace mathcoder::chat
