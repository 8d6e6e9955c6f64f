#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "engine/gguf_file.h"
#include "weights/convert_common.h"
#include "weights/gguf_model.h"
#include "weights/model_tensors.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using base::BadInput;
using base::Json;

std::optional<DType> RequestedType(const ConvertOptions& options) {
  if (options.type.empty()) return std::nullopt;
  const auto type = FloatType(options.type);
  if (!type) throw BadInput("a Hugging Face folder is written in f32, f16 or bf16, not in " + options.type);
  return type;
}

// What the file carries from the folder that it was made of; null where it carries none.
Json Carried(const engine::GgufFile& file, const std::string& key) {
  const auto text = file.Text(key);
  return text ? Json::parse(*text, nullptr, false) : Json();
}

struct Origin {
  ModelConfig config;
  std::string text;  // config.json
};

Origin OriginOf(const engine::GgufFile& file, const Vocabulary& vocabulary, std::optional<DType> type, ConvertReport& report) {
  Origin origin;
  const Json carried = Carried(file, "mathcoder.hf.config");
  ModelConfig from_keys = carried.is_object() ? ParseModelConfig(carried, file.path().string()) : ReadGgufConfig(file);
  if (carried.is_object()) {
    origin.config = from_keys;
    origin.text = *file.Text("mathcoder.hf.config");
    if (type && origin.config.torch_dtype != type) {
      origin.config.torch_dtype = type;
      origin.text = ToText(ToJson(origin.config));
    }
    return origin;
  }
  origin.config = from_keys;
  origin.config.torch_dtype = type;
  Json json = ToJson(origin.config);
  if (vocabulary.bos) json["bos_token_id"] = *vocabulary.bos;
  if (vocabulary.eos) json["eos_token_id"] = *vocabulary.eos;
  if (vocabulary.pad) json["pad_token_id"] = *vocabulary.pad;
  if (const auto dialect = file.Text("mathcoder.dialect")) json["mathcoder_dialect"] = *dialect;
  origin.text = ToText(json);
  report.notes.push_back("the file carries no config.json; one is written from its keys");
  return origin;
}

}  // namespace

ConvertReport ConvertGgufToHf(const fs::path& gguf, const fs::path& out, const ConvertOptions& options) {
  ConvertReport report;
  const std::optional<DType> requested = RequestedType(options);
  if (options.add_dialect_tokens || !options.add_tokens.empty() || options.grow_embeddings || !options.dialect.empty()) {
    throw BadInput("tokens and dialects are added to a Hugging Face folder, not to a GGUF file; convert it first, then add them");
  }
  const engine::GgufFile file(gguf);
  const Vocabulary vocabulary = ReadGgufVocabulary(file);
  const engine::GgufTensor* embedding = file.Find("token_embd.weight");
  std::optional<DType> type = requested;
  const bool quantised = std::any_of(file.tensors().begin(), file.tensors().end(), [](const engine::GgufTensor& tensor) {
    return tensor.type != "f32" && tensor.type != "f16" && tensor.type != "bf16";
  });
  const auto carried_type = DTypeFromTorch(file.Text("mathcoder.hf.dtype").value_or(""));
  if (!type) type = carried_type;
  if (!type) type = quantised || embedding == nullptr ? DType::kF16 : FloatType(embedding->type);
  if (quantised) report.notes.push_back("the file is quantised: its numbers are those after rounding");
  const Origin origin = OriginOf(file, vocabulary, requested || !carried_type ? type : std::nullopt, report);

  const Json others = requested ? Json() : Carried(file, "mathcoder.hf.dtypes");
  std::vector<FoundTensor> found;
  std::map<std::string, const engine::GgufTensor*> by_name;
  for (const engine::GgufTensor& tensor : file.tensors()) {
    by_name[tensor.name] = &tensor;
    if (tensor.name != "rope_freqs.weight")
      found.push_back({tensor.name, tensor.shape, tensor.type, engine::IsGgufFloat(tensor.type)});
  }
  std::vector<TensorSpec> expected = ExpectedTensors(origin.config);
  std::vector<TensorSpec> renamed = expected;
  for (TensorSpec& spec : renamed) spec.name = GgufName(spec.name);
  CheckTensorList(gguf.string() + ": its tensors are not those that its keys describe", renamed, found, 20);

  std::vector<OutputTensor> tensors;
  for (const TensorSpec& spec : expected) {
    Matrix matrix = MatrixOf(*by_name.at(GgufName(spec.name)), spec.name);
    if (const std::int64_t heads = InterleavedHeads(origin.config, spec.name); heads > 0)
      matrix = Deinterleaved(std::move(matrix), heads);
    DType to = *type;
    if (others.is_object() && others.contains(spec.name)) to = DTypeFromTorch(others[spec.name].get<std::string>()).value_or(to);
    tensors.push_back(OutputOf(std::move(matrix), to));
  }
  HfFiles kept;
  if (const Json files = Carried(file, "mathcoder.hf.files"); files.is_object()) {
    for (const auto& [name, content] : files.items()) {
      if (name.find('/') == std::string::npos && content.is_string()) kept[name] = content.get<std::string>();
    }
  }
  report.vocabulary = vocabulary.tokens.size();
  report.dialect = file.Text("mathcoder.dialect").value_or("");
  WriteHfFolder(out, origin.text, HfFilesOf(vocabulary, kept), tensors, options, nullptr, report);
  return report;
}

ConvertReport ConvertHfToHf(const fs::path& folder, const fs::path& out, const ConvertOptions& options) {
  ConvertReport report;
  const std::optional<DType> type = RequestedType(options);
  HfModel model(folder, options, report);
  std::string config = base::ReadFile(folder / "config.json");
  const bool grown = model.config.vocab_size != ReadModelConfig(folder).vocab_size;
  if (type) model.config.torch_dtype = type;
  if (grown || type || !options.dialect.empty()) {
    Json json = ToJson(model.config);
    if (!options.dialect.empty()) json["mathcoder_dialect"] = model.dialect->name();
    config = ToText(json);
  }
  std::vector<OutputTensor> tensors;
  for (Matrix& matrix : model.Matrices()) {
    const DType to = type.value_or(matrix.dtype);
    tensors.push_back(OutputOf(std::move(matrix), to));
  }
  WriteHfFolder(out, config, WithAddedTokens(ReadHfFiles(folder), model.vocabulary, model.added), tensors, options,
                &model.weights.layout(), report);
  return report;
}

}  // namespace mathcoder::weights
