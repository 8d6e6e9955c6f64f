#include "train/run/parts/metrics.h"

#include <fstream>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/error.h"

namespace mathcoder::train {
namespace {

using base::Json;

void Flatten(const std::string& prefix, const Json& values, std::vector<std::pair<std::string, double>>& scalars) {
  for (const auto& [key, value] : values.items()) {
    if (value.is_number()) scalars.emplace_back(prefix + key, value.get<double>());
    if (value.is_object()) Flatten(prefix + key + "/", value, scalars);
  }
}

}  // namespace

Metrics::Metrics(const std::filesystem::path& run, std::optional<std::int64_t> resumed_step, bool tensorboard)
    : path_(run / "metrics.jsonl") {
  std::error_code error;
  std::filesystem::create_directories(run, error);
  if (error)
    throw base::OutputFailure(run.string() + ": the folder cannot be made (" + error.message() + "); name another run folder");
  const std::int64_t last_step = resumed_step.value_or(-1);
  OpenAndCut(last_step);
  if (!tensorboard) return;
  std::optional<std::int64_t> purge_from;
  if (const auto folder = run / "tensorboard"; std::filesystem::exists(folder)) purge_from = last_step + 1;
  events_.emplace(run / "tensorboard", purge_from);
}

// Records come in the order of their steps; the first of a later step, and what follows, is cut off. Written anew under another
// name, so that a kill leaves the old file or the new one.
void Metrics::OpenAndCut(std::int64_t last_step) {
  file_.emplace(path_);  // cuts a torn record, and takes the lock
  std::ifstream in(path_, std::ios::binary);
  std::string kept, line;
  bool cut = false;
  while (!cut && std::getline(in, line)) {
    const Json record = Json::parse(line, nullptr, false);
    if (!record.is_object() || !record.contains("step") || !record["step"].is_number_integer()) {
      throw base::OutputFailure(path_.string() + ": holds a line that is no record of a run; name another run folder");
    }
    cut = record["step"].get<std::int64_t>() > last_step;
    if (!cut) kept += line + "\n";
  }
  if (!cut) return;
  file_.reset();
  base::WriteFileAtomically(path_, kept);
  file_.emplace(path_);
}

void Metrics::Append(std::int64_t step, const Json& values) {
  MC_CHECK(values.is_object());
  Json record = {{"step", step}};
  record.update(values);
  file_->Append(base::Dump(record));
  if (!events_) return;
  std::vector<std::pair<std::string, double>> scalars;
  Flatten("", values, scalars);
  if (!scalars.empty()) events_->Scalars(step, scalars);
}

void Metrics::Text(std::int64_t step, const std::string& tag, const std::string& markdown) {
  file_->Append(base::Dump({{"step", step}, {"text", {{tag, markdown}}}}));
  if (events_) events_->Text(step, tag, markdown);
}

void Metrics::GoBackTo(std::int64_t step) {
  OpenAndCut(step);
  if (events_) events_->PurgeFrom(step + 1);
}

}  // namespace mathcoder::train
