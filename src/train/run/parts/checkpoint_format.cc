#include "train/run/parts/checkpoint_format.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <limits>

#include "base/checksum.h"

namespace mathcoder::train {
namespace {

using base::Json;

constexpr char kSeal[] = "xxh64_of_the_above";

}  // namespace

std::int64_t ElementSize(std::string_view dtype) {
  static constexpr std::pair<std::string_view, std::int64_t> kSizes[] = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2}, {"I8", 1}, {"U8", 1}, {"BOOL", 1}};
  for (const auto& [name, size] : kSizes) {
    if (name == dtype) return size;
  }
  return 0;
}

std::string StepFolder(std::int64_t step) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "step-%08lld", static_cast<long long>(step));
  return buffer;
}

std::optional<std::int64_t> StepOfFolder(std::string_view name) {
  constexpr std::string_view kPrefix = "step-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::int64_t step = -1;
  const auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
  if (error != std::errc() || end != name.data() + name.size() || step < 0 || StepFolder(step) != name) return std::nullopt;
  return step;
}

std::vector<std::int64_t> StepsIn(const std::filesystem::path& folder) {
  std::vector<std::int64_t> steps;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (const auto step = StepOfFolder(entry->path().filename().string())) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::string RankFile(int rank, int world_size, std::string_view ending) {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, "rank-%04d-of-%04d", rank, world_size);
  return buffer + std::string(ending);
}

std::string PartRecord::Title() const {
  if (begin == 0 && count == size) return name;
  return name + "[" + std::to_string(begin) + ":" + std::to_string(begin + count) + "]";
}

Json ToJson(const FileRecord& record) {
  Json parts = Json::array();
  for (const PartRecord& part : record.parts) {
    parts.push_back({{"name", part.name},
                     {"dtype", part.dtype},
                     {"begin", part.begin},
                     {"count", part.count},
                     {"size", part.size},
                     {"offset", part.offset},
                     {"xxh64", part.xxh64}});
  }
  return {{"file", record.file},
          {"bytes", record.bytes},
          {"header_bytes", record.header_bytes},
          {"header_xxh64", record.header_xxh64},
          {"parts", std::move(parts)}};
}

base::Result<FileRecord> FileRecordFromJson(const Json& json) {
  FileRecord record;
  try {
    record.file = json.at("file");
    record.bytes = json.at("bytes");
    record.header_bytes = json.at("header_bytes");
    record.header_xxh64 = json.at("header_xxh64");
    if (record.file.empty() || record.file.find('/') != std::string::npos)
      return base::Failure{"names a file outside: " + record.file};
    if (record.header_bytes < 8 || record.header_bytes > record.bytes) return base::Failure{record.file + ": no size of a header"};
    for (const Json& part : json.at("parts")) {
      PartRecord& added = record.parts.emplace_back();
      added.name = part.at("name");
      added.dtype = part.at("dtype");
      added.begin = part.at("begin");
      added.count = part.at("count");
      added.size = part.at("size");
      added.offset = part.at("offset");
      added.xxh64 = part.at("xxh64");
      const std::int64_t element = ElementSize(added.dtype);
      if (element == 0 || added.begin < 0 || added.count < 0 || added.size < 0 || added.begin > added.size ||
          added.count > added.size - added.begin || added.offset < record.header_bytes || added.offset > record.bytes ||
          added.count > (record.bytes - added.offset) / element) {
        return base::Failure{record.file + ": " + added.name + " has no sensible place in it"};
      }
    }
  } catch (const Json::exception&) {
    return base::Failure{"a record of a file lacks a field"};
  }
  return record;
}

std::string SafetensorsHeader(std::vector<PartRecord>& parts, std::int64_t step, int rank, int world_size) {
  Json header = {{"__metadata__",
                  {{"format", "mathcoder training state"},
                   {"step", std::to_string(step)},
                   {"rank", std::to_string(rank)},
                   {"world_size", std::to_string(world_size)}}}};
  std::int64_t at = 0;
  for (PartRecord& part : parts) {
    part.offset = at;  // from the end of the header, for now
    header[part.Title()] = {{"dtype", part.dtype}, {"shape", {part.count}}, {"data_offsets", {at, at + part.bytes()}}};
    at += part.bytes();
  }
  std::string json = header.dump();
  json.resize((json.size() + 8 + 63) / 64 * 64 - 8, ' ');  // data begin at a multiple of 64
  const std::uint64_t size = json.size();
  std::string text(8, '\0');
  std::memcpy(text.data(), &size, 8);
  text += json;
  for (PartRecord& part : parts) part.offset += static_cast<std::int64_t>(text.size());
  return text;
}

std::string Seal(Json object) {
  const std::string hash = base::XxHash64Hex(base::Dump(object));
  object[kSeal] = hash;
  return object.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

base::Result<Json> Unseal(const std::string& text) {
  Json object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return base::Failure{"is no JSON object"};
  const auto seal = object.find(kSeal);
  if (seal == object.end() || !seal->is_string()) return base::Failure{"lacks its checksum"};
  const std::string stated = *seal;
  object.erase(kSeal);
  if (const std::string found = base::XxHash64Hex(base::Dump(object)); found != stated) {
    return base::Failure{"its checksum is " + found + ", and it states " + stated};
  }
  return object;
}

}  // namespace mathcoder::train
