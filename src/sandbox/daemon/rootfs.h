// The file system that sessions see: a tmpfs with read-only binds of Python's parts, four devices and an empty /work. Built once
// for sandboxd; each session mounts its own work directory over /work in its own mount namespace.
#pragma once

#include <string>

#include "sandbox/python_layout.h"

namespace mathcoder::sandbox {

// Builds it and makes it the root of the calling process, the old root gone. Precondition: CAP_SYS_ADMIN over a mount namespace of
// its own. Throws base::Error naming the step.
void EnterJailRoot(const PythonLayout& layout, const std::string& native_library);

}  // namespace mathcoder::sandbox
