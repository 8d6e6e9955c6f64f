// Writes checkpoints of a run: RUN/checkpoints/step-00001200/ holds one file a process and manifest.json. docs/checkpoints.md has
// the format and the order of writes. What holds at any instant, kill -9 and power loss included:
//   - a folder step-N is whole: it gets its name by one rename, after everything in it is on the disk;
//   - the newest checkpoint is the one before this Save or the one of this Save, and older ones go only after that;
//   - what a crash leaves has another name (step-N.part, ...) and is removed at the next start.
// Save copies the state and returns, a thread writes. Several processes agree through marker files in the
// folder, without a communicator: all of them must see the same file system.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/unique_fd.h"
#include "train/run/parts/checkpoint_format.h"
#include "train/run/parts/checkpoint_io.h"

namespace mathcoder::train {

// Elements [begin, begin + count) of a tensor of `size` elements of a safetensors type: this process's part of it. Parts of one
// Save have different names or ranges.
struct PartToSave {
  std::string name;
  std::string dtype;  // "F32", "BF16", ...
  std::int64_t begin = 0, count = 0, size = 0;
  std::span<const std::byte> bytes;                // count elements; or, where the state lies on a device,
  std::function<void(std::span<std::byte>)> copy;  // fills the store's buffer with them
};

struct CheckpointStoreOptions {
  std::filesystem::path folder;  // RUN/checkpoints; made where it is missing
  int rank = 0, world_size = 1;
  // The same in all processes, another at every start of the program: files that a start before this one left are told by it. With
  // one process it may be empty.
  std::string attempt;
  int keep_newest = 3;          // at least 1
  std::int64_t keep_every = 0;  // steps that are multiples of it are kept beside the newest; 0: none
  // How long a process waits for the others' files before it says who is missing.
  std::chrono::milliseconds patience = std::chrono::minutes(30);
  // false: Save writes from the state itself and returns when the checkpoint is whole: no second copy of the state in memory.
  bool asynchronous = true;
  CheckpointIo* io = nullptr;  // nullptr: the system's
};

// Of the last checkpoint that was finished.
struct SaveReport {
  std::int64_t step = -1;                             // -1: none yet
  std::int64_t bytes = 0;                             // of this process's file
  std::chrono::duration<double> copied{}, written{};  // what the caller waited for the copy; what the thread took
};

// One thread calls it, the same calls in every process.
class CheckpointStore {
 public:
  // Process 0 removes what crashes left and takes the lock of the folder (OutputFailure where another run holds it). The other
  // processes construct theirs at any time, and Save after process 0 has returned from here (any collective step between is
  // enough).
  explicit CheckpointStore(CheckpointStoreOptions options);
  ~CheckpointStore();  // waits for the thread; an error that nobody asked for is lost: call Wait first

  // Waits for the Save before it, copies the parts, returns. `run` is what else a resumed run needs (config, position in the data,
  // random numbers, counters); process 0's goes into the manifest. A checkpoint of the same step is replaced; those of later steps,
  // which a run that went back left, are removed when this one is whole. Throws OutputFailure of the Save before; the state is then
  // not copied. Without `asynchronous`: what Wait throws.
  void Save(std::int64_t step, std::span<const PartToSave> parts, base::Json run);

  // Waits until the checkpoint is whole, in every process. Throws OutputFailure that names the path, the reason and what to do: a
  // full disk, a broken one, a process that failed or is missing. Then the checkpoint before is whole and nothing of this one is
  // left.
  void Wait();

  // Throws as Wait does where the thread is through with an error; never waits. For every step: a full disk is known soon.
  void RaiseIfFailed();

  SaveReport last_save() const { return last_; }  // of the last Wait, Save or RaiseIfFailed that found it finished

 private:
  struct Job;
  std::string Explain(const IoFailure& failure) const;
  std::string Missing(const Job& job, const std::string& what) const;
  void CleanUp();
  SaveReport Write(Job job);
  FileRecord WriteFile(const Job& job);
  std::vector<FileRecord> WaitForAll(const Job& job, FileRecord own);
  void Publish(const Job& job, std::vector<FileRecord> files);
  void WaitForOutcome(const Job& job);
  void Prune(std::int64_t step);
  void Abandon(const Job& job, const std::string& reason);
  std::byte* Buffer(std::size_t size);
  void Remove(const std::filesystem::path& path);
  bool IsOurs(const base::Json& marker, const Job& job) const;

  CheckpointStoreOptions options_;
  CheckpointIo& io_;
  base::UniqueFd lock_;
  // The copy of the state: kept from Save to Save, since the first touch of fresh pages costs more than the copy.
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_ = 0;
  std::int64_t serial_ = 0;  // of the Save, the same in all processes
  std::future<SaveReport> pending_;
  SaveReport last_;
};

}  // namespace mathcoder::train
