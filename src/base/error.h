// What ends an operation. An expected outcome is a value (an enum in the result); one bad item among many is a Result<T>
// (base/result.h); a broken invariant is MC_CHECK (base/check.h). Everything else throws Error, and is caught at a
// boundary: main, a request handler, a worker's future.
#pragma once

#include <stdexcept>
#include <string>

namespace mathcoder::base {

// Exit codes of the program; documented in README.md. A new code goes there too.
enum class ExitCode : int {
  kOk = 0,
  kFailure = 1,       // the work was done, and part of it failed (a problem without an answer, a disagreement over the bound)
  kUsage = 2,         // the command line is wrong
  kBadInput = 3,      // a file, a model or a record could not be used
  kUnavailable = 4,   // something the work needs is missing here: an endpoint, a jail of the wanted tier, a library set
  kOutput = 5,        // writing the result failed (disk full, no permission)
  kInternal = 70,     // a bug: please report
  kInterrupted = 130  // Ctrl-C or SIGTERM; what was finished is kept
};

// One clear line that names the file, the line, what was found and what to do. No newline, no "error:" prefix.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ExitCode code = ExitCode::kFailure) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

inline Error BadInput(const std::string& message) { return Error(message, ExitCode::kBadInput); }
inline Error Unavailable(const std::string& message) { return Error(message, ExitCode::kUnavailable); }
inline Error OutputFailure(const std::string& message) { return Error(message, ExitCode::kOutput); }

}  // namespace mathcoder::base
