// Attacks that a jail must stop, run as the first code of the first session; harmless where the jail does not hold.
#pragma once

#include <string>

namespace mathcoder::sandbox {

// Python whose last expression is a list of "layer: what succeeded" strings; empty for a jail that holds. `namespaces`: the private
// root and the pid namespace are expected to hold as well.
std::string CanarySource(bool namespaces);

}  // namespace mathcoder::sandbox
