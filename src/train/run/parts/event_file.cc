#include "train/run/parts/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/checksum.h"
#include "base/error.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "events.out.tfevents.";

template <typename T>
std::string Raw(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

// Protocol buffers' wire format, as much of it as events need. Field numbers are those of tensorflow/core/util/event.proto and
// tensorflow/core/framework/{summary,tensor,tensor_shape}.proto.
std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes += static_cast<char>(value | 128);
  return bytes += static_cast<char>(value);
}
std::string Key(std::uint64_t field, std::uint64_t wire) { return Varint(field << 3 | wire); }
std::string IntField(std::uint64_t field, std::int64_t value) { return Key(field, 0) + Varint(static_cast<std::uint64_t>(value)); }
std::string DoubleField(std::uint64_t field, double value) { return Key(field, 1) + Raw(value); }
std::string BytesField(std::uint64_t field, std::string_view value) {
  return Key(field, 2) + Varint(value.size()) + std::string(value);
}
std::string FloatField(std::uint64_t field, float value) { return Key(field, 5) + Raw(value); }

std::string Event(std::int64_t step, const std::string& what) {
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return DoubleField(1, now) + IntField(2, step) + what;
}

std::uint32_t Masked(std::uint32_t crc) { return (crc >> 15 | crc << 17) + 0xA282EAD8U; }

std::string HostName() {
  char name[256] = "host";
  if (::gethostname(name, sizeof name - 1) != 0) return "host";
  return name;
}

}  // namespace

std::string TfRecord(std::string_view data) {
  const std::string length = Raw(std::uint64_t{data.size()});
  return length + Raw(Masked(base::Crc32c(length))) + std::string(data) + Raw(Masked(base::Crc32c(data)));
}

EventFile::EventFile(const fs::path& folder, std::optional<std::int64_t> purge_from) {
  std::error_code error;
  fs::create_directories(folder, error);
  // Names are ordered by their seconds: after the newest that is there, though the clock may have stood still or gone back.
  std::int64_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    std::int64_t there = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), there);
    seconds = std::max(seconds, there + 1);
  }
  path_ = folder / (std::string(kPrefix) + std::to_string(seconds) + "." + HostName() + "." + std::to_string(::getpid()));
  fd_ = base::UniqueFd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd_.valid())
    throw base::OutputFailure(path_.string() + ": cannot be written (" + std::strerror(errno) + "); name another run folder");
  Append(Event(0, BytesField(3, "brain.Event:2")));
  if (purge_from) PurgeFrom(*purge_from);
}

// SessionLog.START: readers drop events of this step and later ones that came before.
void EventFile::PurgeFrom(std::int64_t step) { Append(Event(step, BytesField(7, IntField(1, 1)))); }

void EventFile::Scalars(std::int64_t step, std::span<const std::pair<std::string, double>> values) {
  std::string summary;
  for (const auto& [tag, value] : values) summary += BytesField(1, BytesField(1, tag) + FloatField(2, static_cast<float>(value)));
  Append(Event(step, BytesField(5, summary)));
}

void EventFile::Text(std::int64_t step, std::string_view tag, std::string_view markdown) {
  constexpr std::int64_t kString = 7;  // DT_STRING
  const std::string tensor = IntField(1, kString) + BytesField(2, BytesField(2, IntField(1, 1))) + BytesField(8, markdown);
  const std::string metadata = BytesField(1, BytesField(1, "text"));
  Append(Event(step, BytesField(5, BytesField(1, BytesField(1, tag) + BytesField(8, tensor) + BytesField(9, metadata)))));
}

void EventFile::Append(const std::string& event) {
  const std::string record = TfRecord(event);
  std::string_view left = record;
  while (!left.empty()) {
    const ssize_t n = ::write(fd_.get(), left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const std::string reason = std::strerror(n == 0 ? ENOSPC : errno);
      [[maybe_unused]] const int cut = ::ftruncate(fd_.get(), size_);
      ::lseek(fd_.get(), size_, SEEK_SET);
      throw base::OutputFailure(path_.string() + ": writing failed (" + reason +
                                "); free space, then resume: what was written is kept");
    }
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  size_ += static_cast<std::int64_t>(record.size());
}

}  // namespace mathcoder::train
