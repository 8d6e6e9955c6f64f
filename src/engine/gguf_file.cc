#include "engine/gguf_file.h"

#include <fcntl.h>
#include <ggml.h>
#include <gguf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "engine/gguf_check.h"

namespace mathcoder::engine {
namespace {

using GgufHandle = std::unique_ptr<gguf_context, void (*)(gguf_context*)>;
using GgmlHandle = std::unique_ptr<ggml_context, void (*)(ggml_context*)>;

std::optional<ggml_type> TypeOf(const std::string& name) {
  for (int i = 0; i < GGML_TYPE_COUNT; ++i) {
    const char* type = ggml_type_name(static_cast<ggml_type>(i));
    if (type != nullptr && name == type) return static_cast<ggml_type>(i);
  }
  return std::nullopt;
}

}  // namespace

struct GgufFile::State {
  GgufHandle gguf{nullptr, &gguf_free};
  GgmlHandle ggml{nullptr, &ggml_free};  // the tensors' dimensions
  void* map = MAP_FAILED;
  std::size_t size = 0;
  ~State() {
    if (map != MAP_FAILED) ::munmap(map, size);
  }
  std::int64_t Key(const std::string& key, gguf_type type) const {
    const std::int64_t id = gguf_find_key(gguf.get(), key.c_str());
    return id >= 0 && gguf_get_kv_type(gguf.get(), id) == type ? id : -1;
  }
  std::int64_t List(const std::string& key, gguf_type type) const {
    const std::int64_t id = Key(key, GGUF_TYPE_ARRAY);
    return id >= 0 && gguf_get_arr_type(gguf.get(), id) == type ? id : -1;
  }
};

GgufFile::GgufFile(std::filesystem::path path) : path_(std::move(path)), state_(std::make_unique<State>()) {
  state_->size = CheckGguf(path_, "model").file_bytes;
  ggml_context* ggml = nullptr;
  state_->gguf.reset(gguf_init_from_file(path_.c_str(), {/*no_alloc=*/true, &ggml}));
  state_->ggml.reset(ggml);
  const base::UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (state_->gguf && fd.valid()) state_->map = ::mmap(nullptr, state_->size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (state_->map == MAP_FAILED) throw base::BadInput(path_.string() + ": cannot be mapped (" + std::strerror(errno) + ")");
  const auto* data = static_cast<const std::byte*>(state_->map) + gguf_get_data_offset(state_->gguf.get());
  for (std::int64_t i = 0; i < gguf_get_n_tensors(state_->gguf.get()); ++i) {
    GgufTensor tensor;
    tensor.name = gguf_get_tensor_name(state_->gguf.get(), i);
    tensor.type = ggml_type_name(gguf_get_tensor_type(state_->gguf.get(), i));
    const ggml_tensor* shape = ggml_get_tensor(state_->ggml.get(), tensor.name.c_str());
    for (int k = ggml_n_dims(shape) - 1; k >= 0; --k) tensor.shape.push_back(shape->ne[k]);
    tensor.bytes = {data + gguf_get_tensor_offset(state_->gguf.get(), i), gguf_get_tensor_size(state_->gguf.get(), i)};
    tensors_.push_back(std::move(tensor));
  }
}

GgufFile::~GgufFile() = default;

const GgufTensor* GgufFile::Find(std::string_view name) const {
  const auto found = std::find_if(tensors_.begin(), tensors_.end(), [&](const GgufTensor& tensor) { return tensor.name == name; });
  return found == tensors_.end() ? nullptr : &*found;
}

std::vector<std::string> GgufFile::Keys() const {
  std::vector<std::string> keys;
  for (std::int64_t i = 0; i < gguf_get_n_kv(state_->gguf.get()); ++i) keys.emplace_back(gguf_get_key(state_->gguf.get(), i));
  return keys;
}

std::optional<std::string> GgufFile::Text(const std::string& key) const {
  const std::int64_t id = state_->Key(key, GGUF_TYPE_STRING);
  return id < 0 ? std::nullopt : std::optional<std::string>(gguf_get_val_str(state_->gguf.get(), id));
}

std::optional<std::int64_t> GgufFile::Number(const std::string& key) const {
  const gguf_context* gguf = state_->gguf.get();
  const std::int64_t id = gguf_find_key(gguf, key.c_str());
  if (id < 0) return std::nullopt;
  switch (gguf_get_kv_type(gguf, id)) {
    case GGUF_TYPE_UINT8:
      return gguf_get_val_u8(gguf, id);
    case GGUF_TYPE_INT8:
      return gguf_get_val_i8(gguf, id);
    case GGUF_TYPE_UINT16:
      return gguf_get_val_u16(gguf, id);
    case GGUF_TYPE_INT16:
      return gguf_get_val_i16(gguf, id);
    case GGUF_TYPE_UINT32:
      return gguf_get_val_u32(gguf, id);
    case GGUF_TYPE_INT32:
      return gguf_get_val_i32(gguf, id);
    case GGUF_TYPE_UINT64:
      return static_cast<std::int64_t>(gguf_get_val_u64(gguf, id));
    case GGUF_TYPE_INT64:
      return gguf_get_val_i64(gguf, id);
    default:
      return std::nullopt;
  }
}

std::optional<double> GgufFile::Real(const std::string& key) const {
  if (const std::int64_t id = state_->Key(key, GGUF_TYPE_FLOAT32); id >= 0) return gguf_get_val_f32(state_->gguf.get(), id);
  if (const std::int64_t id = state_->Key(key, GGUF_TYPE_FLOAT64); id >= 0) return gguf_get_val_f64(state_->gguf.get(), id);
  const auto number = Number(key);
  return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
}

std::optional<bool> GgufFile::Flag(const std::string& key) const {
  const std::int64_t id = state_->Key(key, GGUF_TYPE_BOOL);
  return id < 0 ? std::nullopt : std::optional(gguf_get_val_bool(state_->gguf.get(), id));
}

std::vector<std::string> GgufFile::Texts(const std::string& key) const {
  std::vector<std::string> values;
  const std::int64_t id = state_->List(key, GGUF_TYPE_STRING);
  if (id < 0) return values;
  for (std::size_t i = 0; i < gguf_get_arr_n(state_->gguf.get(), id); ++i) {
    values.emplace_back(gguf_get_arr_str(state_->gguf.get(), id, i));
  }
  return values;
}

std::vector<std::int32_t> GgufFile::Numbers(const std::string& key) const {
  std::int64_t id = state_->List(key, GGUF_TYPE_INT32);
  if (id < 0) id = state_->List(key, GGUF_TYPE_UINT32);
  if (id < 0) return {};
  const auto* data = static_cast<const std::int32_t*>(gguf_get_arr_data(state_->gguf.get(), id));
  return {data, data + gguf_get_arr_n(state_->gguf.get(), id)};
}

std::vector<float> GgufFile::Reals(const std::string& key) const {
  const std::int64_t id = state_->List(key, GGUF_TYPE_FLOAT32);
  if (id < 0) return {};
  const auto* data = static_cast<const float*>(gguf_get_arr_data(state_->gguf.get(), id));
  return {data, data + gguf_get_arr_n(state_->gguf.get(), id)};
}

bool IsGgufFloat(const std::string& type) {
  const auto known = TypeOf(type);
  return known && (*known == GGML_TYPE_F32 || ggml_get_type_traits(*known)->to_float != nullptr);
}

void GgufToFloats(const std::string& type, std::span<const std::byte> from, std::span<float> to) {
  MC_CHECK(IsGgufFloat(type));
  const ggml_type known = *TypeOf(type);
  MC_CHECK(ggml_row_size(known, static_cast<std::int64_t>(to.size())) == from.size());
  if (known == GGML_TYPE_F32) {
    if (!to.empty()) std::memcpy(to.data(), from.data(), from.size());
    return;
  }
  ggml_get_type_traits(known)->to_float(from.data(), to.data(), static_cast<std::int64_t>(to.size()));
}

struct GgufWriter::State {
  GgufHandle gguf{gguf_init_empty(), &gguf_free};
  std::unique_ptr<base::AtomicFile> file;
  std::int64_t tensor = 0;    // whose turn it is
  std::size_t remaining = 0;  // bytes of it

  // Zeros up to the next multiple of the alignment.
  void Pad() {
    const std::size_t alignment = gguf_get_alignment(gguf.get());
    file->Write(std::string((alignment - file->size() % alignment) % alignment, '\0'));
  }
  // Goes to the next tensor that has bytes.
  void Next() {
    while (remaining == 0 && tensor < gguf_get_n_tensors(gguf.get())) remaining = gguf_get_tensor_size(gguf.get(), tensor++);
  }
};

GgufWriter::GgufWriter() : state_(std::make_unique<State>()) {}
GgufWriter::~GgufWriter() = default;

void GgufWriter::Set(const std::string& key, const std::string& value) {
  gguf_set_val_str(state_->gguf.get(), key.c_str(), value.c_str());
}
void GgufWriter::Set(const std::string& key, std::uint32_t value) { gguf_set_val_u32(state_->gguf.get(), key.c_str(), value); }
void GgufWriter::Set(const std::string& key, float value) { gguf_set_val_f32(state_->gguf.get(), key.c_str(), value); }
void GgufWriter::Set(const std::string& key, bool value) { gguf_set_val_bool(state_->gguf.get(), key.c_str(), value); }
void GgufWriter::Set(const std::string& key, const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  gguf_set_arr_str(state_->gguf.get(), key.c_str(), pointers.data(), pointers.size());
}
void GgufWriter::Set(const std::string& key, const std::vector<std::int32_t>& values) {
  gguf_set_arr_data(state_->gguf.get(), key.c_str(), GGUF_TYPE_INT32, values.data(), values.size());
}
void GgufWriter::Set(const std::string& key, const std::vector<float>& values) {
  gguf_set_arr_data(state_->gguf.get(), key.c_str(), GGUF_TYPE_FLOAT32, values.data(), values.size());
}

void GgufWriter::AddTensor(const std::string& name, const std::string& type, const std::vector<std::int64_t>& shape) {
  MC_CHECK(!shape.empty() && shape.size() <= GGML_MAX_DIMS && name.size() < GGML_MAX_NAME);
  MC_CHECK(gguf_find_tensor(state_->gguf.get(), name.c_str()) < 0);
  const GgmlHandle one(ggml_init({2 * ggml_tensor_overhead(), nullptr, /*no_alloc=*/true}), &ggml_free);
  const std::vector<std::int64_t> reversed(shape.rbegin(), shape.rend());
  ggml_tensor* tensor = ggml_new_tensor(one.get(), *TypeOf(type), static_cast<int>(shape.size()), reversed.data());
  ggml_set_name(tensor, name.c_str());
  gguf_add_tensor(state_->gguf.get(), tensor);
}

std::string GgufWriter::Header() const {
  std::string header(gguf_get_meta_size(state_->gguf.get()), '\0');
  gguf_get_meta_data(state_->gguf.get(), header.data());
  return header;
}

void GgufWriter::Begin(const std::filesystem::path& path) {
  state_->file = std::make_unique<base::AtomicFile>(path);
  state_->file->Write(Header());
  state_->Next();
}

void GgufWriter::Write(std::span<const std::byte> piece) {
  while (!piece.empty()) {
    MC_CHECK(state_->remaining > 0);
    const std::span<const std::byte> part = piece.first(std::min(piece.size(), state_->remaining));
    state_->file->Write({reinterpret_cast<const char*>(part.data()), part.size()});
    state_->remaining -= part.size();
    piece = piece.subspan(part.size());
    if (state_->remaining == 0) {
      state_->Pad();
      state_->Next();
    }
  }
}

void GgufWriter::Commit() {
  MC_CHECK(state_->remaining == 0 && state_->tensor == gguf_get_n_tensors(state_->gguf.get()));
  state_->file->Commit();
}

}  // namespace mathcoder::engine
