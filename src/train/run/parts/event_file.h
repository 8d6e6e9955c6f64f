// TensorBoard's event files, written by hand: TFRecord frames of Event messages with scalars and texts. A run folder gets a new
// file at each start, as TensorBoard expects; the first event of a resumed run purges what earlier files say of the steps that come
// again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/unique_fd.h"

namespace mathcoder::train {

// One thread writes.
class EventFile {
 public:
  // Makes folder/events.out.tfevents.SECONDS.HOST.PID whose name sorts behind all that are there (TensorBoard reads them in that
  // order). `purge_from`: the first step that this run writes, where it goes on from a checkpoint. Throws OutputFailure.
  EventFile(const std::filesystem::path& folder, std::optional<std::int64_t> purge_from);

  // All of a step in one event and one write(2): a kill leaves at most one torn event at the end, which readers skip. When the
  // write comes short (disk full) the file is cut back to whole events and OutputFailure is thrown.
  void Scalars(std::int64_t step, std::span<const std::pair<std::string, double>> values);
  void Text(std::int64_t step, std::string_view tag, std::string_view markdown);
  // A run that goes back within one start: what was written of `step` and later ones no longer counts.
  void PurgeFrom(std::int64_t step);

  const std::filesystem::path& path() const { return path_; }

 private:
  void Append(const std::string& event);

  std::filesystem::path path_;
  base::UniqueFd fd_;
  std::int64_t size_ = 0;
};

// A TFRecord frame: length, masked CRC-32C of it, data, masked CRC-32C of them (tensorflow/core/lib/io/record_writer.h).
std::string TfRecord(std::string_view data);

}  // namespace mathcoder::train
