// llama.cpp and ggml write their log to one callback of the whole process. It is caught here, never printed: the last error
// lines explain a load that failed, and MATHCODER_LLAMA_LOG=1 in the environment shows all of it on standard error.
#pragma once

#include <string>

namespace mathcoder::engine {

// Directs the log here; the first call does it, later ones do nothing. Thread-safe.
void CatchLlamaLog();

// Forgets what this thread and others logged so far, so that FirstLlamaError speaks of what comes.
void ForgetLlamaErrors();

// The first line logged at level error since ForgetLlamaErrors (the cause: later ones say that the caller failed as well),
// without its function prefix; empty where there is none. Thread-safe.
std::string FirstLlamaError();

}  // namespace mathcoder::engine
