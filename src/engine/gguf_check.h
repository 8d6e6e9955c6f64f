// Looks at a GGUF file before the library does, so that a wrong or cut-off file gets one line that says so.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace mathcoder::engine {

struct GgufSummary {
  std::string architecture;  // general.architecture
  std::uint64_t file_bytes = 0;
};

// Throws base::BadInput: missing or unreadable, a folder, not GGUF (with what it seems to be), a header that cannot be read, or
// fewer bytes than its tensors need. `what`: "model" or "LoRA adapter", for the message.
GgufSummary CheckGguf(const std::filesystem::path& path, const std::string& what);

}  // namespace mathcoder::engine
