// Reading and writing GGUF files: keys, and tensors as bytes. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
// The only header through which other rooms see the format; ggml's own stay behind gguf_file.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mathcoder::engine {

struct GgufTensor {
  std::string name;                 // "blk.0.attn_q.weight"
  std::vector<std::int64_t> shape;  // row-major, the slowest dimension first ([out, in]): the reverse of ggml's own order
  std::string type;                 // ggml's name: "f32", "bf16", "q4_K"
  std::span<const std::byte> bytes;
};

// One file, mapped for reading. Immutable, so thread-safe; spans live as long as it does.
class GgufFile {
 public:
  // Throws base::BadInput with one line (see CheckGguf).
  explicit GgufFile(std::filesystem::path path);
  ~GgufFile();
  GgufFile(const GgufFile&) = delete;
  GgufFile& operator=(const GgufFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  const GgufTensor* Find(std::string_view name) const;  // nullptr where absent

  // A key's value, or nullopt where it is absent or of another kind. Number: any integer type; Real: any number.
  std::vector<std::string> Keys() const;
  std::optional<std::string> Text(const std::string& key) const;
  std::optional<std::int64_t> Number(const std::string& key) const;
  std::optional<double> Real(const std::string& key) const;
  std::optional<bool> Flag(const std::string& key) const;
  // Lists; empty where absent or of another kind.
  std::vector<std::string> Texts(const std::string& key) const;
  std::vector<std::int32_t> Numbers(const std::string& key) const;  // int32 and uint32
  std::vector<float> Reals(const std::string& key) const;

 private:
  struct State;  // ggml's context and the mapping
  std::filesystem::path path_;
  std::unique_ptr<State> state_;
  std::vector<GgufTensor> tensors_;
};

// True where ToFloats can read the type ("q4_K": yes; "i32": no).
bool IsGgufFloat(const std::string& type);
// `from`: whole rows of a tensor of `type`; `to`: as many floats. Quantised blocks are resolved.
void GgufToFloats(const std::string& type, std::span<const std::byte> from, std::span<float> to);

// Writes one file from front to back: keys and tensors are declared, Begin writes the header, then the bytes of each tensor follow
// in order, in pieces of any size. Nothing is at the path before Commit. Not thread-safe.
class GgufWriter {
 public:
  GgufWriter();
  ~GgufWriter();

  void Set(const std::string& key, const std::string& value);
  void Set(const std::string& key, const char* value) { Set(key, std::string(value)); }
  void Set(const std::string& key, std::uint32_t value);
  void Set(const std::string& key, float value);
  void Set(const std::string& key, bool value);
  void Set(const std::string& key, const std::vector<std::string>& values);
  void Set(const std::string& key, const std::vector<std::int32_t>& values);
  void Set(const std::string& key, const std::vector<float>& values);
  // `type`: "f32", "f16" or "bf16". Precondition: at most 4 dimensions, a name that was not used, of at most 63 bytes.
  void AddTensor(const std::string& name, const std::string& type, const std::vector<std::int64_t>& shape);

  // The header, for a file without tensors.
  std::string Header() const;
  void Begin(const std::filesystem::path& path);  // throws OutputFailure
  void Write(std::span<const std::byte> piece);   // of the tensor whose turn it is
  void Commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mathcoder::engine
