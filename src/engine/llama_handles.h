// Owners of the library's objects. Only the llama_*.cc files include this: everything else in the room speaks to LlamaModel and
// Backend, so that a new version of the library is a change of few files.
#pragma once

#include <ggml-cpu.h>
#include <llama.h>

#include <memory>

namespace mathcoder::engine {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using ModelHandle = std::unique_ptr<llama_model, Freer<llama_model_free>>;
using ContextHandle = std::unique_ptr<llama_context, Freer<llama_free>>;
using ThreadpoolHandle = std::unique_ptr<ggml_threadpool, Freer<ggml_threadpool_free>>;

}  // namespace mathcoder::engine
