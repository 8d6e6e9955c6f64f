// Ctrl-C and SIGTERM: the first asks for an orderly end, the second ends at once. Call it when the work begins: while a model is
// loaded or hashed there is nothing to put in order, and the signal's own effect is what a person wants.
#pragma once

#include <atomic>

namespace mathcoder::cli {

// Installs the handlers (once) and returns the flag that the first signal sets. SIGPIPE and SIGXFSZ are ignored: a
// closed or full output shows as a failed write.
const std::atomic<bool>& InstallInterrupt();

}  // namespace mathcoder::cli
