// Rows of the embedding for tokens; backward, the tokens of an id are added up by one block, in their order.
#include "train/ops/cuda/kernels/element.h"
#include "train/ops/cuda/kernels/kernels.h"

namespace mathcoder::train::cuda {
namespace {

constexpr int kThreads = 128;

template <class T, int V>
__global__ void __launch_bounds__(512)
    EmbeddingKernel(const std::int32_t* ids, Rows<const T> weight, std::int64_t vocabulary, Rows<T> out, std::int64_t width) {
  const std::int64_t id = ids[blockIdx.x];
  if (id < 0 || id >= vocabulary) Bug();
  const T* from = weight.data + id * weight.stride;
  T* to = out.data + blockIdx.x * out.stride;
  OverRow<V>(width, [&](auto w, std::int64_t i) { StorePack(to + i, LoadPack<decltype(w)::value>(from + i)); });
}

// Block x is at the sorted ids' element x; it works where that is the first of its id. Columns: a pack each thread.
template <class T, class G, int V>
__global__ void __launch_bounds__(kThreads)
    EmbeddingBackwardKernel(const std::int32_t* sorted_ids, const std::int64_t* token_of, Rows<const T> dout, Rows<G> dweight,
                            std::int64_t vocabulary, std::int64_t tokens, std::int64_t width) {
  using A = Accumulator<T>;
  const std::int64_t first = blockIdx.x, id = sorted_ids[first];
  if (id < 0 || id >= vocabulary) Bug();
  if (first > 0 && sorted_ids[first - 1] == id) return;
  const std::int64_t column = (static_cast<std::int64_t>(blockIdx.y) * kThreads + threadIdx.x) * V;
  if (column >= width) return;
  G* to = dweight.data + id * dweight.stride + column;
  A sums[V];
  for (int j = 0; j < V; ++j) sums[j] = ToSum(to[j]);
  for (std::int64_t i = first; i < tokens && sorted_ids[i] == id; ++i) {
    const auto v = LoadPack<V>(dout.data + token_of[i] * dout.stride + column);
    for (int j = 0; j < V; ++j) sums[j] += ToSum(v.at[j]);
  }
  for (int j = 0; j < V; ++j) to[j] = FromSum<G>(sums[j]);
}

}  // namespace

template <class T>
void Embedding(const std::int32_t* ids, Rows<const T> weight, std::int64_t vocabulary, Rows<T> out, std::int64_t tokens,
               std::int64_t width, Stream stream) {
  WithWidth<T>(Packs(weight) && Packs(out), [&](auto w) {
    constexpr int V = decltype(w)::value;
    Launch("embedding", static_cast<unsigned>(tokens), ThreadsFor(width, V), 0, stream, EmbeddingKernel<T, V>, ids, weight,
           vocabulary, out, width);
  });
}

template <class T, class G>
void EmbeddingBackward(const std::int32_t* sorted_ids, const std::int64_t* token_of, Rows<const T> dout, Rows<G> dweight,
                       std::int64_t vocabulary, std::int64_t tokens, std::int64_t width, Stream stream) {
  WithWidth<T>(Packs(dout) && width % kPackSize<T> == 0, [&](auto w) {
    constexpr int V = decltype(w)::value;
    const dim3 grid(static_cast<unsigned>(tokens), Blocks(width, std::int64_t{kThreads} * V));
    Launch("embedding_backward", grid, kThreads, 0, stream, EmbeddingBackwardKernel<T, G, V>, sorted_ids, token_of, dout, dweight,
           vocabulary, tokens, width);
  });
}

#define MC_INSTANTIATE(T)                                                                                                       \
  template void Embedding(const std::int32_t*, Rows<const T>, std::int64_t, Rows<T>, std::int64_t, std::int64_t, Stream);       \
  template void EmbeddingBackward(const std::int32_t*, const std::int64_t*, Rows<const T>, Rows<T>, std::int64_t, std::int64_t, \
                                  std::int64_t, Stream)
MC_INSTANTIATE(float);
MC_INSTANTIATE(double);
MC_INSTANTIATE(Bf16);
template void EmbeddingBackward(const std::int32_t*, const std::int64_t*, Rows<const Bf16>, Rows<float>, std::int64_t, std::int64_t,
                                std::int64_t, Stream);

}  // namespace mathcoder::train::cuda
