// Names and records of a checkpoint's files; docs/checkpoints.md describes the format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace mathcoder::train {

// Bytes of an element of a safetensors type ("F32", "BF16", "U8", ...); 0: no such type.
std::int64_t ElementSize(std::string_view dtype);

// "step-00001200"; nullopt for every other name, those with an ending included.
std::string StepFolder(std::int64_t step);
std::optional<std::int64_t> StepOfFolder(std::string_view name);
// Steps of the whole checkpoints in `folder` (RUN/checkpoints), ascending; empty where there is no such folder.
std::vector<std::int64_t> StepsIn(const std::filesystem::path& folder);

// "rank-0003-of-0008" + ending.
std::string RankFile(int rank, int world_size, std::string_view ending);

// One part as it lies in a file: elements [begin, begin + count) of a tensor of `size` elements.
struct PartRecord {
  std::string name;
  std::string dtype;
  std::int64_t begin = 0, count = 0, size = 0;
  std::int64_t offset = 0;  // of its first byte in the file
  std::string xxh64;        // of its bytes

  std::int64_t bytes() const { return count * ElementSize(dtype); }
  // "layer 3/weights[0:512]", or the bare name where the part is the whole tensor.
  std::string Title() const;
  bool operator==(const PartRecord&) const = default;
};

// One file of a process.
struct FileRecord {
  std::string file;  // a name within the checkpoint's folder
  std::int64_t bytes = 0, header_bytes = 0;
  std::string header_xxh64;
  std::vector<PartRecord> parts;
};

base::Json ToJson(const FileRecord& record);
base::Result<FileRecord> FileRecordFromJson(const base::Json& json);  // checks names, types and ranges

// The safetensors header of a file whose data are the parts one after another; sets their offsets.
std::string SafetensorsHeader(std::vector<PartRecord>& parts, std::int64_t step, int rank, int world_size);

// A JSON object as text with its own checksum as the last key; a flipped bit does not get through Unseal.
std::string Seal(base::Json object);
base::Result<base::Json> Unseal(const std::string& text);

}  // namespace mathcoder::train
