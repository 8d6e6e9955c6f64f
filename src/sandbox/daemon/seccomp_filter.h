// The system calls of a session's worker: a list of what Python needs, everything else is refused.
#pragma once

#include <string>

namespace mathcoder::sandbox {

// BPF instructions, ready for seccomp(2).  Throws base::Error.
std::string CompileSeccompFilter();

}  // namespace mathcoder::sandbox
