// The weights of a Hugging Face folder, in one safetensors file or in several with an index.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weights/safetensors.h"

namespace mathcoder::weights {

// How a folder's tensors are spread over files: what has to be known to write the same files again.
struct HfLayout {
  struct File {
    std::string name;                  // "model-00001-of-00002.safetensors"
    std::vector<std::string> tensors;  // in the order of the data
    Metadata metadata;
    std::string header;  // as it stands in the file
  };
  std::vector<File> files;
  std::string index;  // content of model.safetensors.index.json; empty for one file
};

// Immutable, so thread-safe; views live as long as it does. Bytes are read from disk when they are touched.
class HfWeights {
 public:
  // `folder` holds model.safetensors, or model.safetensors.index.json and the files it names. Throws BadInput: no such folder, no
  // weights in it (with what is there instead), a file of the index that is missing, a tensor that the index places where it is
  // not.
  explicit HfWeights(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  const TensorView* Find(std::string_view name) const;                        // nullptr where absent
  const TensorView& Get(std::string_view name) const;                         // throws BadInput naming folder and tensor
  const std::vector<const TensorView*>& tensors() const { return tensors_; }  // file by file, in the order of the data
  std::vector<std::string> Names() const;
  std::uint64_t bytes() const;  // of all tensors
  const HfLayout& layout() const { return layout_; }

 private:
  void Open(const std::string& name);

  std::filesystem::path folder_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<const TensorView*> tensors_;
  std::unordered_map<std::string, const TensorView*> index_;
  HfLayout layout_;
};

struct OutputTensor {
  TensorEntry entry;
  // Hands the tensor's bytes to `write`, in pieces of any size, from front to back.
  std::function<void(const std::function<void(std::span<const std::byte>)>& write)> bytes;
};

struct WriteHfOptions {
  std::uint64_t max_shard_bytes = std::uint64_t{5} << 30;
  // Where its tensors are exactly those that are written (names, types, shapes), files, order and headers are taken from here.
  const HfLayout* like = nullptr;
  // Called while writing with the bytes written so far; may throw, which leaves the folder as it was.
  std::function<void(std::uint64_t bytes)> progress;
};

// Writes model.safetensors, or model-0000i-of-0000n.safetensors and their index, into `folder`, which is created where it is
// missing. Every file is written whole and synced before the first gets its name, the index last; weights of an earlier state that
// are not written again are removed at the end. Without `like` tensors are filled into files in the given order, each file sorted
// as the safetensors library does it. Throws OutputFailure.
void WriteHfWeights(const std::filesystem::path& folder, const std::vector<OutputTensor>& tensors, const WriteHfOptions& options);

// A tensor written as it lies in memory; the view's bytes must live until it is written.
OutputTensor Same(const TensorView& tensor);

}  // namespace mathcoder::weights
