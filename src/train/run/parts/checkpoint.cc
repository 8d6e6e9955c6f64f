#include "train/run/parts/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "base/check.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;
using base::Failure;
using base::Json;

// Fills `into` from `offset` of an open file; the reason where it cannot.
std::string ReadAt(int fd, std::int64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t n = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::strerror(errno);
    if (n == 0) return "it ends before its size";
    into = into.subspan(static_cast<std::size_t>(n));
    offset += n;
  }
  return "";
}

base::UniqueFd OpenForReading(const fs::path& path) { return base::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

// Checksum of `size` bytes at `offset`; a Failure where they cannot be read.
base::Result<std::string> HashAt(int fd, std::int64_t offset, std::int64_t size, std::vector<std::byte>& buffer) {
  buffer.resize(std::size_t{4} << 20);
  base::XxHash64 hash;
  while (size > 0) {
    const auto piece =
        std::span(buffer).first(static_cast<std::size_t>(std::min<std::int64_t>(size, static_cast<std::int64_t>(buffer.size()))));
    if (const std::string reason = ReadAt(fd, offset, piece); !reason.empty()) return Failure{reason};
    hash.Update(piece);
    offset += static_cast<std::int64_t>(piece.size());
    size -= static_cast<std::int64_t>(piece.size());
  }
  return hash.Hex();
}

}  // namespace

base::Result<std::unique_ptr<Checkpoint>> Checkpoint::Open(const fs::path& folder) {
  const fs::path path = folder / "manifest.json";
  const auto failure = [&](const std::string& what) { return Failure{path.string() + ": " + what}; };
  auto checkpoint = std::make_unique<Checkpoint>();
  checkpoint->folder_ = folder;
  try {
    auto manifest = Unseal(base::ReadFile(path));
    if (!manifest.ok()) return failure(manifest.error());
    if (manifest->value("format", "") != "mathcoder checkpoint") return failure("is no manifest of a checkpoint");
    if (const int version = manifest->value("version", 0); version != 1) {
      return failure("is of version " + std::to_string(version) + ", this program reads 1; use the program that wrote it");
    }
    checkpoint->step_ = manifest->at("step");
    checkpoint->world_size_ = manifest->at("world_size");
    checkpoint->run_ = manifest->at("run");
    for (const Json& json : manifest->at("files")) {
      auto file = FileRecordFromJson(json);
      if (!file.ok()) return failure(file.error());
      checkpoint->files_.push_back(std::move(file).value());
    }
  } catch (const Json::exception& error) {
    return failure(std::string("lacks a field (") + error.what() + ")");
  } catch (const base::Error& error) {
    return Failure{error.what()};
  }
  if (StepOfFolder(folder.filename().string()).value_or(checkpoint->step_) != checkpoint->step_) {
    return failure("is of step " + std::to_string(checkpoint->step_) + ", and its folder of another");
  }
  for (std::size_t i = 0; i < checkpoint->files_.size(); ++i) {
    const FileRecord& file = checkpoint->files_[i];
    std::error_code error;
    const auto size = static_cast<std::int64_t>(fs::file_size(folder / file.file, error));
    if (error) return Failure{(folder / file.file).string() + ": cannot be read (" + error.message() + ")"};
    if (size != file.bytes) {
      return Failure{(folder / file.file).string() + ": holds " + std::to_string(size) + " bytes where the manifest says " +
                     std::to_string(file.bytes)};
    }
    for (const PartRecord& part : file.parts) {
      Tensor& tensor = checkpoint->tensors_[part.name];
      if (tensor.pieces.empty()) tensor.dtype = part.dtype, tensor.size = part.size;
      if (tensor.dtype != part.dtype || tensor.size != part.size) {
        return failure(part.name + " has one type and size in one file and others in another");
      }
      tensor.pieces.push_back({i, part});
    }
  }
  for (auto& [name, tensor] : checkpoint->tensors_) {
    std::stable_sort(tensor.pieces.begin(), tensor.pieces.end(),
                     [](const Piece& a, const Piece& b) { return a.part.begin < b.part.begin; });
  }
  return checkpoint;
}

std::vector<std::string> Checkpoint::Verify(int share, int of) const {
  MC_CHECK(share >= 0 && share < of);
  std::vector<std::string> damage;
  std::vector<std::byte> buffer;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const FileRecord& file = files_[i];
    const fs::path path = folder_ / file.file;
    base::UniqueFd fd;
    const auto verify = [&](const std::string& what, std::int64_t offset, std::int64_t size, const std::string& stated) {
      if (!fd.valid()) fd = OpenForReading(path);
      if (!fd.valid()) {
        damage.push_back(path.string() + ": cannot be read (" + std::strerror(errno) + ")");
        return;
      }
      const auto found = HashAt(fd.get(), offset, size, buffer);
      if (!found.ok()) {
        damage.push_back(path.string() + ": " + what + ": cannot be read (" + found.error() + ")");
      } else if (*found != stated) {
        damage.push_back(path.string() + ": " + what + ": its checksum is " + *found + ", the manifest says " + stated);
      }
    };
    // Whole files where there are enough of them (each is read in order), else parts.
    const bool by_file = files_.size() >= static_cast<std::size_t>(of);
    if (by_file && i % static_cast<std::size_t>(of) != static_cast<std::size_t>(share)) continue;
    if (by_file || share == 0) verify("the header", 0, file.header_bytes, file.header_xxh64);
    for (std::size_t p = 0; p < file.parts.size(); ++p) {
      if (!by_file && p % static_cast<std::size_t>(of) != static_cast<std::size_t>(share)) continue;
      const PartRecord& part = file.parts[p];
      verify(part.Title(), part.offset, part.bytes(), part.xxh64);
    }
  }
  return damage;
}

void Checkpoint::Require(std::span<const ExpectedTensor> tensors) const {
  std::string wrong;
  const auto add = [&](const std::string& what) { wrong += (wrong.empty() ? "" : ", ") + what; };
  std::set<std::string> wanted;
  for (const ExpectedTensor& expected : tensors) {
    wanted.insert(expected.name);
    const auto found = tensors_.find(expected.name);
    if (found == tensors_.end()) {
      add(expected.name + " is missing");
      continue;
    }
    const Tensor& tensor = found->second;
    if (tensor.size != expected.size) {
      add(expected.name + " has " + std::to_string(tensor.size) + " elements instead of " + std::to_string(expected.size));
    } else if (tensor.dtype != expected.dtype) {
      add(expected.name + " is " + tensor.dtype + " instead of " + expected.dtype);
    } else {
      std::int64_t end = 0;
      for (const Piece& piece : tensor.pieces) {
        if (piece.part.begin > end) break;
        end = std::max(end, piece.part.begin + piece.part.count);
      }
      if (end < tensor.size) add(expected.name + " lacks elements from " + std::to_string(end));
    }
  }
  for (const auto& [name, tensor] : tensors_) {
    if (!wanted.contains(name)) add(name + " is not wanted");
  }
  if (!wrong.empty()) {
    throw base::BadInput(folder_.string() + ": does not fit this run: " + wrong +
                         "; resume with the model, optimizer and types that it was written with");
  }
}

void Checkpoint::Read(const std::string& name, std::int64_t begin, std::span<std::byte> into) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw base::BadInput(folder_.string() + ": holds no " + name);
  const Tensor& tensor = found->second;
  const std::int64_t element = ElementSize(tensor.dtype);
  MC_CHECK(into.size() % static_cast<std::size_t>(element) == 0);
  const std::int64_t end = begin + static_cast<std::int64_t>(into.size()) / element;
  for (const Piece& piece : tensor.pieces) {
    const std::int64_t from = piece.part.begin, to = from + piece.part.count;
    if (begin >= end || from > begin) break;
    if (to <= begin) continue;
    const auto bytes = static_cast<std::size_t>((std::min(to, end) - begin) * element);
    const fs::path path = folder_ / files_[piece.file].file;
    const base::UniqueFd fd = OpenForReading(path);
    const std::string reason =
        fd.valid() ? ReadAt(fd.get(), piece.part.offset + (begin - from) * element, into.first(bytes)) : std::strerror(errno);
    if (!reason.empty()) throw base::BadInput(path.string() + ": " + piece.part.Title() + " cannot be read (" + reason + ")");
    into = into.subspan(bytes);
    begin = std::min(to, end);
  }
  if (begin < end) {
    throw base::BadInput(folder_.string() + ": holds no element " + std::to_string(begin) + " of " + name + " (" +
                         std::to_string(tensor.size) + " elements)");
  }
}

std::unique_ptr<Checkpoint> OpenNewest(const fs::path& folder, const OpenOptions& options) {
  MC_CHECK(options.world_size == 1 || options.all_agree);
  const auto agree = [&](bool whole) { return options.world_size == 1 ? whole : options.all_agree(whole); };
  std::vector<std::int64_t> steps = StepsIn(folder);
  if (steps.empty()) return nullptr;
  std::string first;
  for (; !steps.empty(); steps.pop_back()) {
    auto checkpoint = Checkpoint::Open(folder / StepFolder(steps.back()));
    std::vector<std::string> damage;
    if (!checkpoint.ok()) {
      damage.push_back(checkpoint.error());
    } else {
      damage = (*checkpoint)->Verify(options.rank, options.world_size);
    }
    if (agree(damage.empty())) return std::move(checkpoint).value();
    if (damage.empty()) damage.push_back((folder / StepFolder(steps.back())).string() + ": another process found damage in it");
    if (first.empty()) first = damage.front();
    const std::string next =
        options.fall_back && steps.size() > 1 ? "; using " + StepFolder(steps[steps.size() - 2]) + " instead" : "";
    if (options.report) {
      for (const std::string& line : damage) options.report(line + next);
    }
    if (!options.fall_back) break;
  }
  throw base::BadInput(first + "; " +
                       (options.fall_back ? "no older checkpoint is whole: start anew in another run folder"
                                          : "remove that checkpoint to resume from the one before"));
}

}  // namespace mathcoder::train
