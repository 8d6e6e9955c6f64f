#include "weights/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <map>

#include "base/check.h"
#include "base/error.h"
#include "base/json.h"

namespace mathcoder::weights {
namespace {

using base::BadInput;
using base::Json;

constexpr std::uint64_t kLength = 8;                   // of the length in front of the header
constexpr std::uint64_t kLongestHeader = 100'000'000;  // the library's own limit

std::string Guess(std::string_view head) {
  if (head.substr(0, 4) == "GGUF") return "it is a GGUF file";
  if (head.substr(0, 2) == "PK") return "it is a PyTorch checkpoint (.bin, .pt); save it as safetensors first";
  if (head.substr(0, 8) == "version ") return "it is a Git LFS pointer; fetch the file itself (git lfs pull)";
  if (!head.empty() && (head[0] == '{' || head[0] == '<')) return "it is text; is the download an error page?";
  return "it is damaged or no safetensors file";
}

// The order of types in the safetensors library, widest last.
int LibraryRank(DType type) {
  constexpr DType kOrder[] = {DType::kBool, DType::kU8,  DType::kI8,  DType::kI16, DType::kF16,
                              DType::kBF16, DType::kI32, DType::kF32, DType::kF64, DType::kI64};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), type) - std::begin(kOrder));
}

Json HeaderJson(const std::vector<TensorEntry>& entries, const Metadata& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) {
    Json& keys = header["__metadata__"] = Json::object();
    for (const auto& [key, value] : metadata) keys[key] = value;
  }
  std::uint64_t at = 0;
  for (const TensorEntry& entry : entries) {
    header[entry.name] = {
        {"dtype", SafetensorsName(entry.dtype)}, {"shape", entry.shape}, {"data_offsets", {at, at + entry.bytes()}}};
    at += entry.bytes();
  }
  return header;
}

// With the keys of every object sorted: two headers that say the same become equal.
Json Sorted(const Json& json) {
  if (!json.is_object()) return json;
  std::map<std::string, Json> items;
  for (const auto& [key, value] : json.items()) items[key] = Sorted(value);
  Json sorted = Json::object();
  for (auto& [key, value] : items) sorted.emplace(key, std::move(value));
  return sorted;
}

}  // namespace

std::string ToString(const Shape& shape) {
  std::string text = "[";
  for (const std::int64_t dimension : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(dimension);
  return text + "]";
}

std::uint64_t Elements(const Shape& shape) {
  std::uint64_t count = 1;
  for (const std::int64_t dimension : shape) count *= static_cast<std::uint64_t>(dimension);
  return count;
}

SafetensorsFile::SafetensorsFile(std::filesystem::path path) : path_(std::move(path)) {
  Map();
  try {
    ReadHeader();
  } catch (...) {
    if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
    throw;
  }
}

SafetensorsFile::~SafetensorsFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void SafetensorsFile::Map() {
  const base::UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
    throw BadInput(path_.string() + ": cannot be read (" + std::strerror(errno) + ")");
  }
  if (S_ISDIR(status.st_mode)) throw BadInput(path_.string() + ": is a folder, a file is needed");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ < kLength) {
    throw BadInput(path_.string() + ": holds " + std::to_string(size_) + " bytes, no safetensors file is so short; fetch it again");
  }
  void* map = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (map == MAP_FAILED) throw BadInput(path_.string() + ": cannot be mapped (" + std::strerror(errno) + ")");
  data_ = static_cast<const std::byte*>(map);
}

void SafetensorsFile::ReadHeader() {
  const std::string name = path_.string();
  const auto* text = reinterpret_cast<const char*>(data_);
  std::uint64_t length = 0;
  std::memcpy(&length, data_, kLength);
  if (length > kLongestHeader || text[kLength] != '{') {
    throw BadInput(name + ": has no safetensors header; " + Guess(std::string_view(text, std::min<std::size_t>(size_, 16))));
  }
  if (length > size_ - kLength) {
    throw BadInput(name + ": is cut off inside its header: " + std::to_string(size_) + " of at least " +
                   std::to_string(length + kLength) + " bytes; fetch it again");
  }
  header_ = std::string_view(text + kLength, length);
  const Json header = Json::parse(header_, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) throw BadInput(name + ": its header is no JSON object; the file is damaged, fetch it again");

  const std::byte* data = data_ + kLength + length;
  const std::uint64_t available = size_ - kLength - length;
  struct Extent {
    std::uint64_t begin, end;
    std::size_t tensor;
  };
  std::vector<Extent> extents;
  for (const auto& [key, value] : header.items()) {
    if (key == "__metadata__") {
      if (!value.is_object()) throw BadInput(name + ": __metadata__ of its header is no object");
      for (const auto& [k, v] : value.items()) metadata_.emplace_back(k, v.is_string() ? v.get<std::string>() : v.dump());
      continue;
    }
    const std::string where = name + ": tensor " + key;
    const auto bad = [&](const std::string& what) { return BadInput(where + " " + what); };
    if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") || !value.contains("data_offsets")) {
      throw bad("lacks dtype, shape or data_offsets in the header");
    }
    TensorView tensor;
    tensor.name = key;
    const std::string type = value["dtype"].is_string() ? value["dtype"].get<std::string>() : value["dtype"].dump();
    const auto dtype = DTypeFromSafetensors(type);
    if (!dtype)
      throw bad("has the type " + type + ", which is not supported (F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL are)");
    tensor.dtype = *dtype;
    std::uint64_t bytes = SizeOf(*dtype);
    if (!value["shape"].is_array()) throw bad("has a shape that is no list");
    for (const Json& dimension : value["shape"]) {
      if (!dimension.is_number_unsigned()) throw bad("has the shape " + value["shape"].dump() + "; dimensions are whole numbers");
      const auto size = dimension.get<std::uint64_t>();
      if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ||
          __builtin_mul_overflow(bytes, size, &bytes)) {
        throw bad("has the shape " + value["shape"].dump() + ", more than a file can hold");
      }
      tensor.shape.push_back(static_cast<std::int64_t>(size));
    }
    const Json& offsets = value["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
      throw bad("has the data_offsets " + offsets.dump() + "; two whole numbers are needed");
    }
    const auto begin = offsets[0].get<std::uint64_t>();
    const auto end = offsets[1].get<std::uint64_t>();
    if (begin > end || end - begin != bytes) {
      throw bad("of type " + type + " and shape " + ToString(tensor.shape) + " needs " + std::to_string(bytes) +
                " bytes, but its data_offsets are " + offsets.dump());
    }
    if (end > available) {
      throw bad("ends at byte " + std::to_string(end) + " of the data, of which the file has " + std::to_string(available) +
                "; it is cut off, fetch it again");
    }
    tensor.bytes = {data + begin, bytes};
    if (!index_.emplace(key, tensors_.size()).second) throw bad("stands in the header twice");
    extents.push_back({begin, end, tensors_.size()});
    tensors_.push_back(std::move(tensor));
  }
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t at = 0;
  for (const Extent& extent : extents) {
    if (extent.begin != at) {
      throw BadInput(name + ": tensor " + tensors_[extent.tensor].name + " begins at byte " + std::to_string(extent.begin) +
                     " of the data, where " + std::to_string(at) + " is expected; tensors overlap or leave a gap");
    }
    at = extent.end;
  }
  if (at != available) {
    throw BadInput(name + ": has " + std::to_string(available - at) + " bytes behind its last tensor; the file is damaged");
  }
}

const TensorView* SafetensorsFile::Find(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

void SortAsLibrary(std::vector<TensorEntry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
    const int left = LibraryRank(a.dtype);
    const int right = LibraryRank(b.dtype);
    return left != right ? left > right : a.name < b.name;
  });
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, std::vector<TensorEntry> entries, const Metadata& metadata,
                                     std::string_view like)
    : file_(path) {
  const Json wanted = HeaderJson(entries, metadata);
  std::string header;
  if (!like.empty() && Sorted(Json::parse(like, nullptr, false)) == Sorted(wanted)) {
    header = like;
  } else {
    header = wanted.dump();
    header.append((kLength - header.size() % kLength) % kLength, ' ');
  }
  std::string length(kLength, '\0');
  const std::uint64_t size = header.size();
  std::memcpy(length.data(), &size, kLength);
  file_.Write(length);
  file_.Write(header);
  expected_ = file_.size();
  for (const TensorEntry& entry : entries) expected_ += entry.bytes();
}

void SafetensorsWriter::Write(std::span<const std::byte> piece) {
  file_.Write({reinterpret_cast<const char*>(piece.data()), piece.size()});
}

void SafetensorsWriter::Sync() {
  MC_CHECK(file_.size() == expected_);
  file_.Sync();
}

void SafetensorsWriter::Commit() {
  MC_CHECK(file_.size() == expected_);
  file_.Commit();
}

}  // namespace mathcoder::weights
