// The Python side of the jail (src/sandbox/guest/*.py, one after the other), compiled in.
#pragma once

#include <string_view>

namespace mathcoder::sandbox {

std::string_view GuestSource();

}  // namespace mathcoder::sandbox
