#include "engine/gguf_check.h"

#include <gguf.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "engine/llama_log.h"

namespace mathcoder::engine {
namespace {

namespace fs = std::filesystem;

std::string Guess(std::string_view head) {
  if (head.substr(0, 2) == "PK") return "a zip archive (a PyTorch checkpoint?); convert it to GGUF first";
  if (head.size() >= 9 && head[8] == '{') return "a safetensors file; convert the model's folder to GGUF first";
  if (head.substr(0, 8) == "version ") return "a Git LFS pointer; fetch the file itself (git lfs pull)";
  if (!head.empty() && (head[0] == '{' || head[0] == '<')) return "text; is the download an error page?";
  return "something else; is it the right file?";
}

}  // namespace

GgufSummary CheckGguf(const fs::path& path, const std::string& what) {
  const std::string name = what + " " + path.string();
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw base::BadInput(name + ": no such file");
  if (fs::is_directory(status)) throw base::BadInput(name + ": is a folder; name the .gguf file in it");
  GgufSummary summary;
  summary.file_bytes = fs::file_size(path, error);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) throw base::BadInput(name + ": cannot be read: " + std::strerror(errno));
  char head[16] = {};
  const std::size_t got = std::fread(head, 1, sizeof head, file.get());
  if (got == 0) throw base::BadInput(name + ": is empty");
  if (got < 4 || std::memcmp(head, "GGUF", 4) != 0) {
    throw base::BadInput(name + ": is no GGUF file but " + Guess(std::string_view(head, got)));
  }
  std::rewind(file.get());
  CatchLlamaLog();
  ForgetLlamaErrors();
  std::unique_ptr<gguf_context, void (*)(gguf_context*)> gguf(
      gguf_init_from_file_ptr(file.get(), {/*no_alloc=*/true, /*ctx=*/nullptr}), &gguf_free);
  if (!gguf) {
    const std::string cause = FirstLlamaError();
    throw base::BadInput(name + ": its GGUF header cannot be read; the file is damaged or cut off at " +
                         std::to_string(summary.file_bytes) + " bytes" + (cause.empty() ? "" : " (" + cause + ")"));
  }
  std::uint64_t needed = gguf_get_data_offset(gguf.get());
  for (std::int64_t i = 0; i < gguf_get_n_tensors(gguf.get()); ++i) {
    const std::uint64_t end =
        gguf_get_data_offset(gguf.get()) + gguf_get_tensor_offset(gguf.get(), i) + gguf_get_tensor_size(gguf.get(), i);
    needed = std::max(needed, end);
  }
  if (summary.file_bytes < needed) {
    throw base::BadInput(name + ": is cut off: " + std::to_string(summary.file_bytes) + " of at least " + std::to_string(needed) +
                         " bytes; fetch it again");
  }
  const std::int64_t key = gguf_find_key(gguf.get(), "general.architecture");
  if (key >= 0 && gguf_get_kv_type(gguf.get(), key) == GGUF_TYPE_STRING) summary.architecture = gguf_get_val_str(gguf.get(), key);
  return summary;
}

}  // namespace mathcoder::engine
