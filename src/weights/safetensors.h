// Files of the safetensors format: eight bytes of the header's length, a JSON header, the tensors' bytes.
// https://github.com/huggingface/safetensors#format
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/file.h"
#include "weights/dtype.h"

namespace mathcoder::weights {

using Shape = std::vector<std::int64_t>;  // row-major, the slowest dimension first: [out, in] of a linear layer

std::string ToString(const Shape& shape);  // "[2048, 256]"
std::uint64_t Elements(const Shape& shape);

// A tensor that lies in a mapped file. `bytes` may stand at any alignment: copy numbers out (ToFloats, memcpy).
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  std::span<const std::byte> bytes;
};

using Metadata = std::vector<std::pair<std::string, std::string>>;

// One file, mapped for reading. Immutable, so thread-safe; views live as long as it does.
class SafetensorsFile {
 public:
  // Checks the header against the file's size: types, shapes and offsets that fit, no tensor over another, no gap, no name twice.
  // Throws BadInput with one line that names the file, and the tensor where it is one.
  explicit SafetensorsFile(std::filesystem::path path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::vector<TensorView>& tensors() const { return tensors_; }  // in the order of the header
  const TensorView* Find(std::string_view name) const;                 // nullptr where absent
  const Metadata& metadata() const { return metadata_; }               // the header's __metadata__
  std::string_view header() const { return header_; }                  // as it stands in the file, padding included

 private:
  void Map();
  void ReadHeader();

  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::string_view header_;
  Metadata metadata_;
  std::vector<TensorView> tensors_;
  std::unordered_map<std::string, std::size_t> index_;
};

struct TensorEntry {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  std::uint64_t bytes() const { return Elements(shape) * SizeOf(dtype); }
};

// The order in which the safetensors library itself writes: wider types first, then by name.
void SortAsLibrary(std::vector<TensorEntry>& entries);

// Writes one file from front to back: the header first, then each tensor's bytes in the order of the entries, in pieces of any
// size. The header is laid out as the library lays it out (padded with spaces to a multiple of eight bytes), so that the same
// tensors in the same order give the same file. `like`: the header of another file; it is taken over byte for byte where it says
// the same. Nothing is at `path` before Commit. Throws OutputFailure.
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::filesystem::path& path, std::vector<TensorEntry> entries,
                    const Metadata& metadata = {{"format", "pt"}}, std::string_view like = {});
  void Write(std::span<const std::byte> piece);
  void Sync();    // after the last byte: what follows is only the rename
  void Commit();  // MC_CHECK: exactly the bytes of all entries were written

 private:
  base::AtomicFile file_;
  std::uint64_t expected_ = 0;  // of the whole file
};

}  // namespace mathcoder::weights
