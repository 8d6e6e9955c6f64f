// Where the program's own files are: beside the executable, in its installed prefix, or in the source tree it was built from.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace mathcoder::base {

std::filesystem::path ExecutableDir();

// A file that ships with the program ("models/default.gguf"). Looked up in $MATHCODER_DATA, PREFIX/share/mathcoder (PREFIX is
// the parent of the executable's folder), the source tree.
std::optional<std::filesystem::path> FindData(std::string_view relative);

// A helper program ("mathcoder-sandboxd"): in $MATHCODER_HELPERS, beside the executable, then PREFIX/libexec/mathcoder, then the
// build's bin folder.
std::optional<std::filesystem::path> FindHelper(std::string_view name);

// The Python interpreter of a library set of the jail: $MATHCODER_PYTHON_SETS/NAME/bin/python3, then
// PREFIX/lib/mathcoder/python/NAME, then build/deps/python/NAME of the source tree (made by scripts/make-jail-python NAME).
std::optional<std::filesystem::path> FindLibrarySet(std::string_view name);

}  // namespace mathcoder::base
