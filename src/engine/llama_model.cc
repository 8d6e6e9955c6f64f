#include "engine/llama_model.h"

#include <cstdlib>
#include <mutex>

#include "base/error.h"
#include "engine/gguf_check.h"
#include "engine/llama_log.h"
#include "engine/llama_tokenizer.h"

namespace mathcoder::engine {
namespace {

bool HasGpu() {
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    const auto type = ggml_backend_dev_type(ggml_backend_dev_get(i));
    if (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU) return true;
  }
  return false;
}

std::string Because(const std::string& cause) { return cause.empty() ? std::string() : ": " + cause; }

}  // namespace

void InitLlama() {
  static std::once_flag once;
  std::call_once(once, [] {
    CatchLlamaLog();
    llama_backend_init();
  });
}

LlamaModel::LlamaModel(const LlamaOptions& options) {
  InitLlama();
  const GgufSummary summary = CheckGguf(options.model, "model");
  file_bytes_ = summary.file_bytes;
  on_gpu_ = HasGpu() && options.gpu_layers != 0;

  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = options.gpu_layers < 0 ? 999 : options.gpu_layers;
  // A split model has its other parts beside it; the library finds them.
  ForgetLlamaErrors();
  model_.reset(llama_model_load_from_file(options.model.c_str(), params));
  const std::string name = "model " + options.model.string();
  if (!model_) {
    const std::string cause = FirstLlamaError();
    if (cause.find("unknown model architecture") != std::string::npos) {
      throw base::BadInput(name + ": is of the architecture '" + summary.architecture + "', which this llama.cpp (" +
                           llama_version() + ") does not know; use a newer one or another model");
    }
    throw base::BadInput(name + ": llama.cpp cannot load it" + Because(cause));
  }
  if (llama_model_has_encoder(model_.get()) || !llama_model_has_decoder(model_.get())) {
    throw base::BadInput(name + ": is no decoder-only model (" + summary.architecture + "); it cannot continue a text");
  }
  if (llama_vocab_type(llama_model_get_vocab(model_.get())) == LLAMA_VOCAB_TYPE_NONE) {
    throw base::BadInput(name + ": has no vocabulary");
  }
  for (const LoraAdapter& lora : options.lora) {
    CheckGguf(lora.path, "LoRA adapter");
    ForgetLlamaErrors();
    llama_adapter_lora* adapter = llama_adapter_lora_init(model_.get(), lora.path.c_str());
    if (adapter == nullptr) {
      throw base::BadInput("LoRA adapter " + lora.path.string() + ": does not fit model " + options.model.string() +
                           Because(FirstLlamaError()));
    }
    adapters_.push_back(adapter);
    scales_.push_back(lora.scale);
  }
  hints_.dialect = Meta("mathcoder.dialect");
  hints_.architecture = summary.architecture;
  hints_.name = Meta("general.name");
  if (const char* chat_template = llama_model_chat_template(model_.get(), nullptr)) hints_.chat_template = chat_template;
  tokenizer_ = MakeLlamaTokenizer(llama_model_get_vocab(model_.get()));
}

std::string LlamaModel::Meta(const char* key) const {
  std::string value(64, '\0');
  std::int32_t n = llama_model_meta_val_str(model_.get(), key, value.data(), value.size());
  if (n < 0) return "";
  if (static_cast<std::size_t>(n) >= value.size()) {
    value.resize(static_cast<std::size_t>(n) + 1);
    n = llama_model_meta_val_str(model_.get(), key, value.data(), value.size());
  }
  value.resize(static_cast<std::size_t>(n));
  return value;
}

std::uint64_t LlamaModel::MetaNumber(const std::string& key, std::uint64_t otherwise) const {
  const std::string text = Meta(key.c_str());
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text.c_str(), &end, 10);
  return text.empty() || end == text.c_str() ? otherwise : value;
}

std::string LlamaModel::description() const {
  char text[128] = {};
  llama_model_desc(model_.get(), text, sizeof text);
  return text;
}

std::string LlamaModel::quantisation() const {
  const char* name = llama_ftype_name(llama_model_ftype(model_.get()));
  return name == nullptr ? "" : name;
}

std::size_t LlamaModel::train_context() const {
  const std::int32_t n = llama_model_n_ctx_train(model_.get());
  return n > 0 ? static_cast<std::size_t>(n) : 2048;
}

std::uint64_t LlamaModel::cell_bytes(std::size_t bytes_per_value) const {
  const auto layers = static_cast<std::uint64_t>(llama_model_n_layer(model_.get()));
  const auto heads = static_cast<std::uint64_t>(std::max(1, llama_model_n_head(model_.get())));
  const auto heads_kv = static_cast<std::uint64_t>(std::max(1, llama_model_n_head_kv(model_.get())));
  const auto width = static_cast<std::uint64_t>(llama_model_n_embd(model_.get())) / heads;
  const std::uint64_t key = MetaNumber(hints_.architecture + ".attention.key_length", width);
  const std::uint64_t value = MetaNumber(hints_.architecture + ".attention.value_length", width);
  return layers * heads_kv * (key + value) * bytes_per_value;
}

}  // namespace mathcoder::engine
