// A checkpoint that is read: written by any number of processes, read by any other. Nothing is kept in memory but the manifest;
// Read takes what it is asked for from the files, so that a process of a larger or smaller world takes its own part only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "train/run/parts/checkpoint_format.h"

namespace mathcoder::train {

// A tensor as the state of a run wants it.
struct ExpectedTensor {
  std::string name;
  std::string dtype;
  std::int64_t size = 0;  // elements, over all processes
};

class Checkpoint {
 public:
  // Reads the manifest and looks at the sizes of the files. `folder` is RUN/checkpoints/step-N. A Failure names the file and what
  // differs.
  static base::Result<std::unique_ptr<Checkpoint>> Open(const std::filesystem::path& folder);

  std::int64_t step() const { return step_; }
  int world_size() const { return world_size_; }  // of the run that wrote it
  const base::Json& run() const { return run_; }  // as Save was given it

  // Reads share `share` of `of` of all bytes and compares their checksums: a line for each part that differs, with the file's name.
  std::vector<std::string> Verify(int share = 0, int of = 1) const;

  // Throws one BadInput that names every tensor that is missing, has another size or type, has elements in no file, or is not
  // wanted.
  void Require(std::span<const ExpectedTensor> tensors) const;

  // Elements [begin, begin + into.size() / element size) of a tensor, gathered from the files. Thread-safe. Throws BadInput where
  // the checkpoint lacks them or a file cannot be read. Read with pread, not mapped: a broken disk is an error, not a SIGBUS.
  void Read(const std::string& name, std::int64_t begin, std::span<std::byte> into) const;

 private:
  struct Piece {
    std::size_t file = 0;  // of files_
    PartRecord part;
  };
  struct Tensor {
    std::string dtype;
    std::int64_t size = 0;
    std::vector<Piece> pieces;  // by begin; those of several processes may overlap, and hold the same then
  };

  std::filesystem::path folder_;
  std::int64_t step_ = 0;
  int world_size_ = 0;
  base::Json run_;
  std::vector<FileRecord> files_;
  std::map<std::string, Tensor> tensors_;
};

struct OpenOptions {
  // What to do about a damaged newest checkpoint: take the one before, and say so; or BadInput.
  bool fall_back = true;
  // This process's number and how many there are: each verifies its share of the bytes.
  int rank = 0, world_size = 1;
  // With several processes: true in all of them where it is true in each (a collective call). Must be set then.
  std::function<bool(bool)> all_agree;
  std::function<void(const std::string&)> report;  // lines about damage; may be empty
};

// The newest whole checkpoint in RUN/checkpoints, its checksums verified; nullptr where there is none at all. Throws BadInput where
// there are some and none may be used. A collective call, made after process 0 has constructed its CheckpointStore.
std::unique_ptr<Checkpoint> OpenNewest(const std::filesystem::path& folder, const OpenOptions& options = {});

}  // namespace mathcoder::train
