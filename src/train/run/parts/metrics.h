// What a run measures, for programs and for people: RUN/metrics.jsonl, one record a line, and TensorBoard's event files beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "train/run/parts/event_file.h"

namespace mathcoder::train {

// One process of a run has one (process 0). Not thread-safe.
class Metrics {
 public:
  // Opens RUN/metrics.jsonl; records of steps after `resumed_step` are cut off, since those steps come again; all of them where the
  // run begins anew (nullopt). Event files go to RUN/tensorboard/, where `tensorboard` says so. Throws OutputFailure, also where
  // another run writes there.
  Metrics(const std::filesystem::path& run, std::optional<std::int64_t> resumed_step, bool tensorboard);

  // {"step": step, ...values}: an object of numbers, strings and objects of these. Numbers become scalars of TensorBoard, with
  // names as they are nested: {"held_out": {"loss": 1}} is held_out/loss. A step's record is written once; records of other kinds
  // at the same step (held-out loss, an evaluation) may follow it. What is no number (NaN) is null. Throws OutputFailure: nothing
  // of the record is left then.
  void Append(std::int64_t step, const base::Json& values);
  // A note, a transcript: {"step": step, "text": {tag: markdown}}, and a text of TensorBoard.
  void Text(std::int64_t step, const std::string& tag, const std::string& markdown);

  // A run that goes back to a checkpoint: records after `step` are cut off.
  void GoBackTo(std::int64_t step);
  void Sync() { file_->Sync(); }  // with each checkpoint: what it was written after is on the disk

  const std::filesystem::path& path() const { return path_; }

 private:
  void OpenAndCut(std::int64_t last_step);

  std::filesystem::path path_;
  std::optional<base::RecordFile> file_;
  std::optional<EventFile> events_;
};

}  // namespace mathcoder::train
