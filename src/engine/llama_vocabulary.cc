#include "engine/llama_vocabulary.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/nearest.h"
#include "base/unique_fd.h"
#include "engine/gguf_check.h"
#include "engine/llama_handles.h"
#include "engine/llama_log.h"
#include "engine/llama_model.h"
#include "engine/llama_tokenizer.h"

namespace mathcoder::engine {
namespace {

namespace fs = std::filesystem;
using chat::TokenId;

// The vocabulary belongs to a model that this owns.
class OwnedTokenizer final : public chat::Tokenizer {
 public:
  explicit OwnedTokenizer(ModelHandle model)
      : model_(std::move(model)), tokenizer_(MakeLlamaTokenizer(llama_model_get_vocab(model_.get()))) {}
  std::vector<TokenId> Encode(std::string_view text) const override { return tokenizer_->Encode(text); }
  std::optional<TokenId> Special(std::string_view text) const override { return tokenizer_->Special(text); }
  std::string Piece(TokenId id) const override { return tokenizer_->Piece(id); }
  std::optional<TokenId> Bos() const override { return tokenizer_->Bos(); }
  bool IsEndOfGeneration(TokenId id) const override { return tokenizer_->IsEndOfGeneration(id); }
  std::size_t size() const override { return tokenizer_->size(); }

 private:
  const ModelHandle model_;
  const std::unique_ptr<chat::Tokenizer> tokenizer_;
};

std::unique_ptr<chat::Tokenizer> Open(const fs::path& path, const std::string& name) {
  InitLlama();
  llama_model_params params = llama_model_default_params();
  params.vocab_only = true;
  params.n_gpu_layers = 0;
  ForgetLlamaErrors();
  ModelHandle model(llama_model_load_from_file(path.c_str(), params));
  if (!model) {
    const std::string cause = FirstLlamaError();
    throw base::BadInput(name + ": llama.cpp cannot load its vocabulary" + (cause.empty() ? "" : ": " + cause));
  }
  if (llama_vocab_type(llama_model_get_vocab(model.get())) == LLAMA_VOCAB_TYPE_NONE) {
    throw base::BadInput(name + ": has no vocabulary");
  }
  return std::make_unique<OwnedTokenizer>(std::move(model));
}

struct TypeRow {
  std::string_view name;
  llama_ftype type;
};

// llama.cpp's library has no names for these; its program llama-quantize has this table. Types that only work with an importance
// matrix are left out, as are those for mixtures of experts.
constexpr std::array<TypeRow, 22> kTypes = {
    {{"q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},     {"q4_1", LLAMA_FTYPE_MOSTLY_Q4_1},     {"q5_0", LLAMA_FTYPE_MOSTLY_Q5_0},
     {"q5_1", LLAMA_FTYPE_MOSTLY_Q5_1},     {"q8_0", LLAMA_FTYPE_MOSTLY_Q8_0},     {"q2_k", LLAMA_FTYPE_MOSTLY_Q2_K},
     {"q3_k", LLAMA_FTYPE_MOSTLY_Q3_K_M},   {"q3_k_s", LLAMA_FTYPE_MOSTLY_Q3_K_S}, {"q3_k_m", LLAMA_FTYPE_MOSTLY_Q3_K_M},
     {"q3_k_l", LLAMA_FTYPE_MOSTLY_Q3_K_L}, {"q4_k", LLAMA_FTYPE_MOSTLY_Q4_K_M},   {"q4_k_s", LLAMA_FTYPE_MOSTLY_Q4_K_S},
     {"q4_k_m", LLAMA_FTYPE_MOSTLY_Q4_K_M}, {"q5_k", LLAMA_FTYPE_MOSTLY_Q5_K_M},   {"q5_k_s", LLAMA_FTYPE_MOSTLY_Q5_K_S},
     {"q5_k_m", LLAMA_FTYPE_MOSTLY_Q5_K_M}, {"q6_k", LLAMA_FTYPE_MOSTLY_Q6_K},     {"iq4_nl", LLAMA_FTYPE_MOSTLY_IQ4_NL},
     {"iq4_xs", LLAMA_FTYPE_MOSTLY_IQ4_XS}, {"iq3_s", LLAMA_FTYPE_MOSTLY_IQ3_S},   {"iq3_m", LLAMA_FTYPE_MOSTLY_IQ3_M},
     {"tq2_0", LLAMA_FTYPE_MOSTLY_TQ2_0}}};

}  // namespace

std::unique_ptr<chat::Tokenizer> OpenVocabulary(const fs::path& gguf) {
  CheckGguf(gguf, "model");
  return Open(gguf, "model " + gguf.string());
}

std::unique_ptr<chat::Tokenizer> OpenVocabularyBytes(const std::string& gguf) {
  // The library loads files only: one that is in memory alone.
  const base::UniqueFd fd(::memfd_create("vocabulary", MFD_CLOEXEC));
  std::string_view rest = gguf;
  while (fd.valid() && !rest.empty()) {
    const ssize_t n = ::write(fd.get(), rest.data(), rest.size());
    if (n <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  if (!fd.valid() || !rest.empty())
    throw base::Error(std::string("the vocabulary cannot be kept in memory: ") + std::strerror(errno));
  return Open("/proc/self/fd/" + std::to_string(fd.get()), "vocabulary");
}

std::vector<std::string> QuantisationTypes() {
  std::vector<std::string> names;
  for (const TypeRow& row : kTypes) names.emplace_back(row.name);
  return names;
}

void Quantise(const fs::path& in, const fs::path& out, const std::string& type, int threads) {
  std::string name = type;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto row = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& r) { return r.name == name; });
  if (row == kTypes.end()) {
    const std::string nearest = base::Nearest(name, QuantisationTypes());
    throw base::BadInput("no quantisation is called '" + type + "'" + (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
  }
  CheckGguf(in, "model");
  InitLlama();
  llama_model_quantize_params params = llama_model_quantize_default_params();
  params.ftype = row->type;
  params.nthread = threads;
  ForgetLlamaErrors();
  const fs::path part = out.string() + ".part." + std::to_string(::getpid());
  std::error_code error;
  if (llama_model_quantize(in.c_str(), part.c_str(), &params) != 0) {
    const std::string cause = FirstLlamaError();
    fs::remove(part, error);
    throw base::BadInput("model " + in.string() + ": llama.cpp cannot quantise it to " + name +
                         (cause.empty() ? "" : ": " + cause));
  }
  const base::UniqueFd fd(::open(part.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0 || ::rename(part.c_str(), out.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    fs::remove(part, error);
    throw base::OutputFailure(out.string() + ": cannot be written (" + reason + ")");
  }
}

}  // namespace mathcoder::engine
