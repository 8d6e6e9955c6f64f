#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "base/check.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "weights/hf_weights.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr char kIndex[] = "model.safetensors.index.json";

struct Shard {
  std::string name;
  std::vector<const OutputTensor*> tensors;  // in the order of the data
  Metadata metadata = {{"format", "pt"}};
  std::string_view like;
  std::uint64_t bytes = 0;
};

using ByName = std::map<std::string, const OutputTensor*>;

// The files of `layout`, where it speaks of exactly these tensors; else nothing.
std::vector<Shard> AsBefore(const HfLayout& layout, const ByName& tensors) {
  std::vector<Shard> shards;
  std::size_t placed = 0;
  for (const HfLayout::File& file : layout.files) {
    Shard& shard = shards.emplace_back();
    shard.name = file.name;
    shard.metadata = file.metadata;
    shard.like = file.header;
    for (const std::string& name : file.tensors) {
      const auto found = tensors.find(name);
      if (found == tensors.end()) return {};
      shard.tensors.push_back(found->second);
      shard.bytes += found->second->entry.bytes();
      ++placed;
    }
  }
  return placed == tensors.size() ? shards : std::vector<Shard>();
}

std::vector<Shard> Fill(const std::vector<OutputTensor>& tensors, const ByName& by_name, std::uint64_t most) {
  std::vector<Shard> shards(1);
  for (const OutputTensor& tensor : tensors) {
    const std::uint64_t bytes = tensor.entry.bytes();
    if (!shards.back().tensors.empty() && shards.back().bytes + bytes > most) shards.emplace_back();
    shards.back().tensors.push_back(&tensor);
    shards.back().bytes += bytes;
  }
  for (std::size_t i = 0; i < shards.size(); ++i) {
    char name[64] = "model.safetensors";
    if (shards.size() > 1) std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
    shards[i].name = name;
    std::vector<TensorEntry> entries;
    for (const OutputTensor* tensor : shards[i].tensors) entries.push_back(tensor->entry);
    SortAsLibrary(entries);
    for (std::size_t k = 0; k < entries.size(); ++k) shards[i].tensors[k] = by_name.at(entries[k].name);
  }
  return shards;
}

// As Transformers writes it: keys sorted, two spaces.
std::string IndexOf(const std::vector<Shard>& shards) {
  std::map<std::string, std::string> places;
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
  for (const Shard& shard : shards) {
    bytes += shard.bytes;
    for (const OutputTensor* tensor : shard.tensors) {
      places[tensor->entry.name] = shard.name;
      parameters += Elements(tensor->entry.shape);
    }
  }
  Json index = {{"metadata", {{"total_parameters", parameters}, {"total_size", bytes}}}, {"weight_map", Json::object()}};
  for (const auto& [tensor, file] : places) index["weight_map"][tensor] = file;
  return index.dump(2) + "\n";
}

bool SamePlaces(const std::string& index, const std::vector<Shard>& shards) {
  const Json map = Json::parse(index, nullptr, false).value("weight_map", Json::object());
  std::size_t count = 0;
  for (const Shard& shard : shards) {
    for (const OutputTensor* tensor : shard.tensors) {
      ++count;
      if (map.value(tensor->entry.name, std::string()) != shard.name) return false;
    }
  }
  return count == map.size();
}

bool IsWeights(const std::string& name) {
  return name == "model.safetensors" || name == kIndex || (name.starts_with("model-") && name.ends_with(".safetensors"));
}

}  // namespace

void WriteHfWeights(const fs::path& folder, const std::vector<OutputTensor>& tensors, const WriteHfOptions& options) {
  ByName by_name;
  for (const OutputTensor& tensor : tensors) MC_CHECK(by_name.emplace(tensor.entry.name, &tensor).second);
  std::vector<Shard> shards;
  std::string index;
  if (options.like != nullptr) shards = AsBefore(*options.like, by_name);
  if (!shards.empty()) {
    index = options.like->index;
    if (!index.empty() && !SamePlaces(index, shards)) index = IndexOf(shards);
  } else {
    shards = Fill(tensors, by_name, options.max_shard_bytes);
    if (shards.size() > 1) index = IndexOf(shards);
  }

  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw base::OutputFailure(folder.string() + ": cannot be created (" + error.message() + ")");
  std::vector<std::unique_ptr<SafetensorsWriter>> writers;
  std::uint64_t done = 0;
  for (const Shard& shard : shards) {
    std::vector<TensorEntry> entries;
    for (const OutputTensor* tensor : shard.tensors) entries.push_back(tensor->entry);
    writers.push_back(std::make_unique<SafetensorsWriter>(folder / shard.name, std::move(entries), shard.metadata, shard.like));
    SafetensorsWriter& writer = *writers.back();
    for (const OutputTensor* tensor : shard.tensors) {
      const std::uint64_t before = done;
      tensor->bytes([&](std::span<const std::byte> piece) {
        writer.Write(piece);
        done += piece.size();
        if (options.progress) options.progress(done);
      });
      MC_CHECK(done - before == tensor->entry.bytes());
    }
    writer.Sync();
  }
  for (const auto& writer : writers) writer->Commit();
  std::set<std::string> written;
  for (const Shard& shard : shards) written.insert(shard.name);
  if (!index.empty()) {
    base::WriteFileAtomically(folder / kIndex, index);
    written.insert(kIndex);
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (IsWeights(name) && !written.contains(name)) fs::remove(entry.path(), error);
  }
}

OutputTensor Same(const TensorView& tensor) {
  OutputTensor out{{tensor.name, tensor.dtype, tensor.shape}, {}};
  out.bytes = [bytes = tensor.bytes](const auto& write) {
    constexpr std::size_t kPiece = std::size_t{8} << 20;  // progress and Ctrl-C come between pieces
    for (std::size_t at = 0; at < bytes.size(); at += kPiece) write(bytes.subspan(at, std::min(kPiece, bytes.size() - at)));
  };
  return out;
}

}  // namespace mathcoder::weights
