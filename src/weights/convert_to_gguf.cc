#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/nearest.h"
#include "engine/gguf_file.h"
#include "engine/llama_vocabulary.h"
#include "weights/convert_common.h"
#include "weights/gguf_model.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using base::Json;

std::string GgufType(DType type) { return type == DType::kF16 ? "f16" : type == DType::kBF16 ? "bf16" : "f32"; }

// Files that are small and that the keys of GGUF do not say all of.
constexpr const char* kKept[] = {"tokenizer_config.json", "special_tokens_map.json", "generation_config.json",
                                 "chat_template.jinja"};

// What the way back needs to give the same folder again.
void WriteOrigin(const HfModel& model, engine::GgufWriter& writer) {
  writer.Set("mathcoder.hf.config", model.added.empty() && model.config.vocab_size == ReadModelConfig(model.folder).vocab_size
                                        ? base::ReadFile(model.folder / "config.json")
                                        : ToText(ToJson(model.config)));
  const HfFiles files = WithAddedTokens(ReadHfFiles(model.folder), model.vocabulary, model.added);
  Json kept = Json::object();
  for (const char* name : kKept) {
    if (files.contains(name)) kept[name] = files.at(name);
  }
  writer.Set("mathcoder.hf.files", base::Dump(kept));
  std::map<DType, std::size_t> counts;
  for (const TensorView* tensor : model.weights.tensors()) ++counts[tensor->dtype];
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first;
  writer.Set("mathcoder.hf.dtype", std::string(TorchName(most)));
  Json others = Json::object();
  for (const TensorView* tensor : model.weights.tensors()) {
    if (tensor->dtype != most) others[tensor->name] = TorchName(tensor->dtype);
  }
  if (!others.empty()) writer.Set("mathcoder.hf.dtypes", base::Dump(others));
}

void Write(const HfModel& model, const fs::path& out, std::optional<DType> type, const ConvertOptions& options,
           ConvertReport& report) {
  engine::GgufWriter writer;
  WriteGgufConfig(model.config, writer);
  std::error_code error;
  writer.Set("general.name", options.name.empty() ? fs::weakly_canonical(model.folder, error).filename().string() : options.name);
  if (model.dialect) writer.Set("mathcoder.dialect", model.dialect->name());
  WriteGgufVocabulary(model.vocabulary, writer);
  WriteOrigin(model, writer);

  std::vector<std::pair<Matrix, DType>> tensors;
  for (Matrix& matrix : model.Matrices()) {
    const std::string name = matrix.name;
    DType to = matrix.dtype == DType::kF64 ? DType::kF32 : matrix.dtype;
    if (matrix.shape.size() == 1) {
      to = DType::kF32;
    } else if (type) {
      to = *type;
    }
    if (const std::int64_t heads = InterleavedHeads(model.config, name); heads > 0) matrix = Interleaved(std::move(matrix), heads);
    writer.AddTensor(GgufName(name), GgufType(to), matrix.shape);
    report.bytes += Elements(matrix.shape) * SizeOf(to);
    report.parameters += Elements(matrix.shape);
    tensors.emplace_back(std::move(matrix), to);
  }
  // llama_ftype: what most matrices are.
  const DType main = tensors.front().second;
  writer.Set("general.file_type", static_cast<std::uint32_t>(main == DType::kF16 ? 1 : main == DType::kBF16 ? 32 : 0));
  const std::vector<float> factors = RopeFactors(model.config);
  if (!factors.empty()) writer.AddTensor("rope_freqs.weight", "f32", {static_cast<std::int64_t>(factors.size())});
  report.tensors = tensors.size();

  writer.Begin(out);
  std::uint64_t done = 0;
  for (const auto& [matrix, to] : tensors) {
    WriteRows(matrix, to, [&](std::span<const std::byte> piece) {
      writer.Write(piece);
      done += piece.size();
      if (options.progress) options.progress(done, report.bytes);
    });
  }
  if (!factors.empty()) writer.Write(std::as_bytes(std::span(factors)));
  writer.Commit();
}

}  // namespace

void CheckGgufType(const std::string& type) {
  if (type.empty() || FloatType(type)) return;
  const std::vector<std::string> names = engine::QuantisationTypes();
  if (std::find(names.begin(), names.end(), type) != names.end()) return;
  const std::string nearest = base::Nearest(type, names);
  throw base::BadInput("no type is called '" + type + "'" + (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
}

ConvertReport ConvertHfToGguf(const fs::path& folder, const fs::path& out, const ConvertOptions& options) {
  ConvertReport report;
  const std::optional<DType> type = FloatType(options.type);
  const bool quantise = !options.type.empty() && !type;
  CheckGgufType(options.type);
  const HfModel model(folder, options, report);
  if (!quantise) {
    Write(model, out, type, options, report);
    return report;
  }
  const fs::path intermediate = out.string() + ".unquantised." + std::to_string(::getpid());
  struct Remover {
    const fs::path& path;
    ~Remover() {
      std::error_code error;
      fs::remove(path, error);
    }
  } remover{intermediate};
  Write(model, intermediate, std::nullopt, options, report);
  if (options.quantising) options.quantising({intermediate, out.string() + ".part." + std::to_string(::getpid())});
  engine::Quantise(intermediate, out, options.type, options.threads);
  std::error_code error;
  report.bytes = fs::file_size(out, error);
  return report;
}

}  // namespace mathcoder::weights
