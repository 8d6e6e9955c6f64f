#include "train/run/result.h"

#include <ATen/ATen.h>

#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "train/model/adapter_io.h"
#include "train/model/hf_io.h"
#include "weights/convert.h"
#include "weights/hf_weights.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;

// The folder at `target` appears whole: written beside it, then renamed. One of an earlier run with the same name is replaced. Of
// several processes the first alone touches it.
class NewFolder {
 public:
  NewFolder(fs::path target, const Communicator& communicator)
      : target_(std::move(target)), part_(target_.string() + ".part"), ours_(communicator.rank() == 0) {
    if (ours_) fs::remove_all(part_);
  }
  ~NewFolder() {
    std::error_code ignored;
    if (ours_) fs::remove_all(part_, ignored);
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  const fs::path& path() const { return part_; }
  void Commit() {
    if (!ours_) return;
    try {
      const fs::path old = target_.string() + ".old";
      fs::remove_all(old);
      if (fs::exists(target_)) fs::rename(target_, old);
      fs::rename(part_, target_);
      fs::remove_all(old);
    } catch (const fs::filesystem_error& error) {
      throw base::OutputFailure(target_.string() + ": cannot be written (" + error.code().message() + ")");
    }
  }

 private:
  const fs::path target_, part_;
  const bool ours_;
};

void WriteHf(const Preparation& preparation, TrainState& state, Communicator& communicator, const fs::path& folder) {
  const Config& config = preparation.config();
  std::optional<weights::HfWeights> like;
  if (!preparation.model_folder().empty()) like.emplace(preparation.model_folder());
  HfExportOptions options;
  options.like = like ? &*like : nullptr;
  options.lora = LayoutOptionsOf(config).lora;
  if (!config.result.type.empty()) {
    options.dtype = config.result.type == "f32"   ? weights::DType::kF32
                    : config.result.type == "f16" ? weights::DType::kF16
                                                  : weights::DType::kBF16;
  }
  HfExport writer(preparation.model(), options);
  state.ForEachParameter(true, [&](const Parameter& parameter, const at::Tensor& value) {
    if (communicator.rank() == 0) writer.Add(parameter.name, value);
  });
  if (communicator.rank() != 0) return;
  writer.Write(folder);
  for (const auto& [name, content] : preparation.tokenizer_files()) base::WriteFileAtomically(folder / name, content);
}

void ToGguf(const Preparation& preparation, const fs::path& folder, const fs::path& file, const std::string& type) {
  weights::ConvertOptions options;
  options.type = type;
  options.dialect = preparation.config().data.dialect;
  weights::ConvertHfToGguf(folder, file, options);
}

}  // namespace

ResultPaths WriteResult(const Preparation& preparation, TrainState& state, Communicator& communicator, const fs::path& folder) {
  ResultPaths paths;
  paths.folder = folder / "result";
  const Config& config = preparation.config();
  NewFolder result(paths.folder, communicator);
  WriteHf(preparation, state, communicator, result.path());
  if (config.lora.rank > 0) {
    paths.adapter = folder / "adapter";
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    state.ForEachParameter(true, [&](const Parameter& parameter, const at::Tensor& value) {
      const auto place = Find(preparation.layout(), parameter.name);
      if (communicator.rank() == 0 && place && place->learning) tensors.emplace_back(parameter.name, value.cpu().clone());
    });
    NewFolder adapter(paths.adapter, communicator);
    if (communicator.rank() == 0) WriteAdapter(adapter.path(), LayoutOptionsOf(config).lora, config.model.from, tensors);
    adapter.Commit();
  }
  if (!config.result.gguf.empty()) paths.gguf = folder / "result.gguf";
  if (communicator.rank() == 0 && !paths.gguf.empty()) ToGguf(preparation, result.path(), paths.gguf, config.result.gguf);
  result.Commit();
  communicator.Barrier();
  return paths;
}

bool ResultIsWhole(const Config& config) {
  const fs::path run = config.run;
  return fs::exists(run / "result" / "config.json") && (config.result.gguf.empty() || fs::exists(run / "result.gguf")) &&
         (config.lora.rank == 0 || fs::exists(run / "adapter" / "adapter_config.json"));
}

void WriteGguf(const Preparation& preparation, TrainState& state, Communicator& communicator, const fs::path& file) {
  NewFolder folder(file.string() + ".hf", communicator);
  WriteHf(preparation, state, communicator, folder.path());
  if (communicator.rank() == 0) ToGguf(preparation, folder.path(), file, "f16");
}

}  // namespace mathcoder::train
