#include "train/run/parts/checkpoint_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <thread>

#include "base/check.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/file.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;
using base::Json;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kData = ".safetensors", kDone = ".json", kFailed = ".failed", kPart = ".part", kRemoving = ".removing",
                           kReplaced = ".replaced";

// A folder of process 0's that is neither there nor published, nor given up with a reason: after so long it is given up.
constexpr auto kGivenUp = std::chrono::seconds(10);

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// A marker that another process renamed into place: whole, or not there (nullopt).
std::optional<Json> ReadMarker(const fs::path& path) {
  if (!Exists(path)) return std::nullopt;
  try {
    auto marker = Unseal(base::ReadFile(path));
    if (marker.ok()) return std::move(marker).value();
  } catch (const base::Error&) {
    // gone between the two calls: process 0 has moved on
  }
  return std::nullopt;
}

// Sleeps a little longer each time: a small checkpoint is seen soon, a large one costs few calls to a shared file system.
class Pause {
 public:
  void operator()() {
    std::this_thread::sleep_for(time_);
    time_ = std::min(time_ * 3 / 2, std::chrono::microseconds(100'000));
  }

 private:
  std::chrono::microseconds time_{500};
};

}  // namespace

struct CheckpointStore::Job {
  std::int64_t step = 0, serial = 0;
  std::vector<PartRecord> parts;
  std::vector<PartToSave> data;  // of the parts: in buffer_, or where the caller has them
  Json run;
  SaveReport report;
  fs::path folder, unfinished;  // step-N and step-N.part
};

CheckpointStore::CheckpointStore(CheckpointStoreOptions options)
    : options_(std::move(options)), io_(options_.io != nullptr ? *options_.io : CheckpointIo::System()) {
  MC_CHECK(options_.rank >= 0 && options_.rank < options_.world_size && options_.keep_newest >= 1 && options_.keep_every >= 0);
  std::error_code error;
  fs::create_directories(options_.folder, error);
  if (error) {
    throw base::OutputFailure(options_.folder.string() + ": the folder cannot be made (" + error.message() +
                              "); name another run folder");
  }
  if (options_.rank == 0) CleanUp();
}

CheckpointStore::~CheckpointStore() {
  if (pending_.valid()) pending_.wait();
}

std::string CheckpointStore::Explain(const IoFailure& failure) const {
  const int reason = failure.reason;
  const bool full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  const std::vector<std::int64_t> steps = StepsIn(options_.folder);
  return failure.path.string() + ": cannot be written (" + std::strerror(reason) + "); " +
         (full ? "free space or keep fewer checkpoints, then resume: " : "see to the file system, then resume: ") +
         (steps.empty() ? "no checkpoint was written yet" : "the last whole checkpoint is " + StepFolder(steps.back()));
}

std::string CheckpointStore::Missing(const Job& job, const std::string& what) const {
  return job.folder.string() + ": " + what + "; see whether that process lives and all see one file system, then resume";
}

void CheckpointStore::CleanUp() {
  lock_ = base::UniqueFd(io_.Open((options_.folder / ".lock").string(), O_RDWR | O_CREAT));
  if (!lock_.valid()) throw base::OutputFailure(Explain(IoFailure(options_.folder / ".lock", errno)));
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw base::OutputFailure(options_.folder.string() +
                              ": another run writes its checkpoints there; wait for it, or name another run folder");
  }
  std::vector<fs::path> left;
  std::error_code error;
  for (fs::directory_iterator entry(options_.folder, error), end; !error && entry != end; entry.increment(error))
    left.push_back(entry->path());
  for (const fs::path& path : left) {
    const std::string name = path.filename().string();
    const std::string step = name.substr(0, name.find('.')), ending = name.substr(step.size());
    if (!StepOfFolder(step)) continue;
    if (ending == kReplaced && !Exists(options_.folder / step)) {
      io_.Rename(path.string(), (options_.folder / step).string());  // killed between the two renames of a replacement
    } else if (ending == kPart || ending == kRemoving || ending == kReplaced || ending.starts_with(kFailed)) {
      Remove(path);
    }
  }
}

// Renamed away first: a folder that still has its name is whole, and other processes' paths into it end at once.
void CheckpointStore::Remove(const fs::path& path) {
  const std::string name = path.filename().string();
  const fs::path away = path.parent_path() / (name.substr(0, name.find('.')) + std::string(kRemoving));
  std::error_code ignored;  // what cannot be removed now is at the next start
  if (away != path) {
    fs::remove_all(away, ignored);
    if (io_.Rename(path.string(), away.string()) != 0) return;
  }
  fs::remove_all(away, ignored);
}

bool CheckpointStore::IsOurs(const Json& marker, const Job& job) const {
  return marker.value("attempt", "") == options_.attempt && marker.value("serial", std::int64_t{-1}) == job.serial;
}

std::byte* CheckpointStore::Buffer(std::size_t size) {
  if (size > capacity_) {
    buffer_.reset();
    buffer_ = std::make_unique_for_overwrite<std::byte[]>(size);
    capacity_ = size;
  }
  return buffer_.get();
}

void CheckpointStore::Save(std::int64_t step, std::span<const PartToSave> parts, Json run) {
  MC_CHECK(step >= 0);
  Wait();
  const auto start = Clock::now();
  Job job;
  job.step = step;
  job.serial = ++serial_;
  job.run = std::move(run);
  job.folder = options_.folder / StepFolder(step);
  job.unfinished = job.folder.string() + std::string(kPart);
  std::size_t total = 0;
  std::set<std::string> titles;
  for (const PartToSave& part : parts) {
    const std::int64_t element = ElementSize(part.dtype);
    MC_CHECK(element > 0 && part.begin >= 0 && part.count >= 0 && part.begin + part.count <= part.size);
    MC_CHECK(part.copy != nullptr || part.bytes.size() == static_cast<std::size_t>(part.count * element));
    const PartRecord& record = job.parts.emplace_back(PartRecord{part.name, part.dtype, part.begin, part.count, part.size, 0, ""});
    MC_CHECK(titles.insert(record.Title()).second);
    total += static_cast<std::size_t>(record.bytes());
  }
  job.data.assign(parts.begin(), parts.end());
  job.report.step = step;
  if (!options_.asynchronous) {
    last_ = Write(std::move(job));
    return;
  }
  std::byte* at = Buffer(total);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::span<std::byte> into(at, static_cast<std::size_t>(job.parts[i].bytes()));
    if (parts[i].copy != nullptr) {
      parts[i].copy(into);
    } else if (!into.empty()) {
      std::memcpy(into.data(), parts[i].bytes.data(), into.size());
    }
    job.data[i].copy = nullptr;
    job.data[i].bytes = into;
    at += into.size();
  }
  job.report.copied = Clock::now() - start;
  pending_ = std::async(std::launch::async, [this, moved = std::move(job)]() mutable { return Write(std::move(moved)); });
}

void CheckpointStore::Wait() {
  if (pending_.valid()) last_ = pending_.get();
}

void CheckpointStore::RaiseIfFailed() {
  if (pending_.valid() && pending_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) Wait();
}

// In the thread, where there is one.
SaveReport CheckpointStore::Write(Job job) {
  const auto start = Clock::now();
  std::string reason;
  try {
    FileRecord own = WriteFile(job);
    job.report.bytes = own.bytes;
    if (options_.rank == 0) {
      Publish(job, WaitForAll(job, std::move(own)));
    } else {
      WaitForOutcome(job);
    }
    job.report.written = Clock::now() - start;
    return job.report;
  } catch (const IoFailure& failure) {
    reason = Explain(failure);
  } catch (const std::exception& error) {
    reason = error.what();
  }
  Abandon(job, reason);
  // Another process may have failed first, and process 0 have taken the folder away under this one: the first reason is the cause.
  const auto failed = ReadMarker(job.folder.string() + std::string(kFailed));
  throw base::OutputFailure(failed && IsOurs(*failed, job) ? failed->value("reason", reason) : reason);
}

FileRecord CheckpointStore::WriteFile(const Job& job) {
  // With several processes another one may already be writing there.
  if (options_.world_size == 1 && Exists(job.unfinished)) Remove(job.unfinished);
  if (io_.Mkdir(job.unfinished.string()) != 0 && errno != EEXIST) throw IoFailure(job.unfinished, errno);
  FileRecord record;
  record.parts = job.parts;
  const std::string header = SafetensorsHeader(record.parts, job.step, options_.rank, options_.world_size);
  record.file = RankFile(options_.rank, options_.world_size, kData);
  record.header_bytes = static_cast<std::int64_t>(header.size());
  record.header_xxh64 = base::XxHash64Hex(header);
  record.bytes = record.header_bytes;
  const fs::path path = job.unfinished / record.file;
  base::UniqueFd fd(io_.Open(path.string(), O_WRONLY | O_CREAT | O_TRUNC));
  if (!fd.valid()) throw IoFailure(path, errno);
  WriteAll(io_, fd.get(), path, std::as_bytes(std::span(header.data(), header.size())));
  for (std::size_t i = 0; i < record.parts.size(); ++i) {
    std::span<const std::byte> bytes = job.data[i].bytes;
    if (job.data[i].copy != nullptr) {
      const auto size = static_cast<std::size_t>(record.parts[i].bytes());
      const std::span<std::byte> into(Buffer(size), size);
      job.data[i].copy(into);
      bytes = into;
    }
    record.parts[i].xxh64 = base::XxHash64Hex(bytes);
    WriteAll(io_, fd.get(), path, bytes);
    record.bytes += static_cast<std::int64_t>(bytes.size());
  }
  if (io_.Fsync(fd.get()) != 0) throw IoFailure(path, errno);
  fd.Reset();
  if (options_.rank != 0) {
    Json marker = {{"attempt", options_.attempt}, {"serial", job.serial}, {"record", ToJson(record)}};
    WriteWholeFile(io_, job.unfinished / RankFile(options_.rank, options_.world_size, kDone), Seal(std::move(marker)));
  }
  return record;
}

// Process 0: the records of all processes' files, in their order.
std::vector<FileRecord> CheckpointStore::WaitForAll(const Job& job, FileRecord own) {
  std::vector<FileRecord> files;
  files.push_back(std::move(own));
  const auto deadline = Clock::now() + options_.patience;
  Pause pause;
  for (int rank = 1; rank < options_.world_size;) {
    const fs::path done = job.unfinished / RankFile(rank, options_.world_size, kDone);
    if (const auto marker = ReadMarker(done); marker && IsOurs(*marker, job)) {
      auto record = FileRecordFromJson(marker->value("record", Json()));
      if (!record.ok()) throw base::OutputFailure(done.string() + ": " + record.error() + "; see to the file system, then resume");
      files.push_back(std::move(record).value());
      std::error_code ignored;
      fs::remove(done, ignored);
      ++rank;
      continue;
    }
    // Any process may fail first: an unlucky one is not found out only when it is its turn.
    for (int other = rank; other < options_.world_size; ++other) {
      const auto failed = ReadMarker(job.unfinished / RankFile(other, options_.world_size, kFailed));
      if (failed && IsOurs(*failed, job))
        throw base::OutputFailure(failed->value("reason", "process " + std::to_string(other) + " failed"));
    }
    if (Clock::now() > deadline)
      throw base::OutputFailure(Missing(job, "process " + std::to_string(rank) + " has not written its part"));
    pause();
  }
  return files;
}

// Process 0: the manifest, and the name that makes the checkpoint one.
void CheckpointStore::Publish(const Job& job, std::vector<FileRecord> files) {
  Json manifest = {
      {"format", "mathcoder checkpoint"}, {"version", 1},         {"step", job.step}, {"world_size", options_.world_size},
      {"attempt", options_.attempt},      {"serial", job.serial}, {"run", job.run},   {"files", Json::array()}};
  for (const FileRecord& file : files) manifest["files"].push_back(ToJson(file));
  WriteWholeFile(io_, job.unfinished / "manifest.json", Seal(std::move(manifest)));
  SyncFolder(io_, job.unfinished);
  if (!Exists(job.folder)) {
    RenameOrThrow(io_, job.unfinished, job.folder);
    SyncFolder(io_, options_.folder);
  } else if (io_.Exchange(job.unfinished.string(), job.folder.string()) == 0) {
    SyncFolder(io_, options_.folder);
    Remove(job.unfinished);  // the old one
  } else {
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) throw IoFailure(job.folder, errno);
    // Without an exchange two renames do; CleanUp takes the first back where there was no time for the second.
    const fs::path replaced = job.folder.string() + std::string(kReplaced);
    RenameOrThrow(io_, job.folder, replaced);
    if (io_.Rename(job.unfinished.string(), job.folder.string()) != 0) {
      const int reason = errno;
      io_.Rename(replaced.string(), job.folder.string());
      throw IoFailure(job.folder, reason);
    }
    SyncFolder(io_, options_.folder);
    Remove(replaced);
  }
  Prune(job.step);
}

// The others: until process 0 has published, or given up.
void CheckpointStore::WaitForOutcome(const Job& job) {
  const auto deadline = Clock::now() + options_.patience + kGivenUp;  // process 0 speaks first: it knows whom it waits for
  auto gone_since = Clock::now();
  for (Pause pause;; pause()) {
    const bool unfinished = Exists(job.unfinished);  // looked at first: the rename may come between two looks
    const auto manifest = ReadMarker(job.folder / "manifest.json");
    if (manifest && IsOurs(*manifest, job)) return;
    const auto failed = ReadMarker(job.folder.string() + std::string(kFailed));
    if (failed && IsOurs(*failed, job)) throw base::OutputFailure(failed->value("reason", "process 0 failed"));
    if (unfinished) gone_since = Clock::now();
    if (Clock::now() > deadline || Clock::now() > gone_since + kGivenUp) {
      throw base::OutputFailure(Missing(job, "process 0 has not made the checkpoint whole"));
    }
  }
}

void CheckpointStore::Prune(std::int64_t step) {
  std::vector<std::int64_t> steps = StepsIn(options_.folder);
  std::vector<std::int64_t> go;
  for (; !steps.empty() && steps.back() > step; steps.pop_back()) go.push_back(steps.back());
  for (int kept = 0; !steps.empty(); steps.pop_back()) {
    const bool multiple = options_.keep_every > 0 && steps.back() % options_.keep_every == 0;
    if (kept++ >= options_.keep_newest && !multiple) go.push_back(steps.back());
  }
  for (const std::int64_t old : go) Remove(options_.folder / StepFolder(old));
}

// After a failure: nothing of the checkpoint stays, and the other processes learn of it.
void CheckpointStore::Abandon(const Job& job, const std::string& reason) {
  const std::string text = Seal({{"attempt", options_.attempt}, {"serial", job.serial}, {"reason", reason}});
  const auto tell = [&](const fs::path& path) {
    try {
      WriteWholeFile(io_, path, text);
      return true;
    } catch (const IoFailure&) {
      return false;  // a disk that takes not even that: the others' patience ends it
    }
  };
  if (options_.rank != 0) {
    if (!Exists(job.unfinished)) return;
    std::error_code ignored;
    fs::remove(job.unfinished / RankFile(options_.rank, options_.world_size, kData), ignored);  // room for the marker
    tell(job.unfinished / RankFile(options_.rank, options_.world_size, kFailed));
    return;
  }
  // The reason before the folder goes, so that who misses the folder finds it; where the disk is too full for that, after it.
  const fs::path failed = job.folder.string() + std::string(kFailed);
  const bool told = options_.world_size == 1 || tell(failed);
  if (Exists(job.unfinished)) Remove(job.unfinished);
  if (!told) tell(failed);
}

}  // namespace mathcoder::train
