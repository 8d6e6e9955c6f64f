// Sums over rows in two stages, in a fixed order: blocks of rows, then the blocks. Biases.
#include "train/ops/cuda/kernels/element.h"
#include "train/ops/cuda/kernels/kernels.h"

namespace mathcoder::train::cuda {
namespace {

constexpr std::int64_t kRows = 64;  // of a partial sum
constexpr int kThreads = 128;
constexpr int kColumns = 32, kGroups = 16;  // of a block of the second stage

template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    SumColumnsKernel(Rows<const T> x, std::int64_t rows, std::int64_t width, Accumulator<T>* partials) {
  using A = Accumulator<T>;
  const std::int64_t column = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * V;
  if (column >= width) return;
  const std::int64_t first = blockIdx.y * kRows, end = first + kRows < rows ? first + kRows : rows;
  Pack<A, V> sums{};
  for (std::int64_t row = first; row < end; ++row) {
    const auto v = LoadPack<V>(x.data + row * x.stride + column);
    for (int j = 0; j < V; ++j) sums.at[j] += ToSum(v.at[j]);
  }
  for (int j = 0; j < V; ++j) partials[blockIdx.y * width + column + j] = sums.at[j];
}

template <class G>
__global__ void __launch_bounds__(kColumns* kGroups)
    AddPartialsKernel(const Accumulator<G>* partials, std::int64_t count, std::int64_t width, Accumulator<G> scale, G* out) {
  using A = Accumulator<G>;
  __shared__ A groups[kGroups][kColumns];
  const int lane = threadIdx.x % kColumns, group = threadIdx.x / kColumns;
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kColumns + lane;
  A sum = 0;
  if (column < width) {
    for (std::int64_t i = group; i < count; i += kGroups) sum += partials[i * width + column];
  }
  groups[group][lane] = sum;
  __syncthreads();
  if (group != 0 || column >= width) return;
  for (int i = 1; i < kGroups; ++i) sum += groups[i][lane];
  out[column] = FromSum<G>(ToSum(out[column]) + scale * sum);
}

template <class T, int V>
__global__ void __launch_bounds__(512) AddBiasKernel(Rows<T> x, const T* bias, std::int64_t width) {
  T* row = x.data + blockIdx.x * x.stride;
  OverRow<V>(width, [&](auto w, std::int64_t i) {
    constexpr int N = decltype(w)::value;
    auto v = LoadPack<N>(row + i);
    const auto b = LoadPack<N>(bias + i);
    for (int j = 0; j < N; ++j) v.at[j] = FromSum<T>(ToSum(v.at[j]) + ToSum(b.at[j]));
    StorePack(row + i, v);
  });
}

}  // namespace

std::int64_t ColumnPartials(std::int64_t rows) { return (rows + kRows - 1) / kRows; }

template <class T>
void SumColumns(Rows<const T> x, std::int64_t rows, std::int64_t width, Accumulator<T>* partials, Stream stream) {
  WithWidth<T>(Packs(x) && width % kPackSize<T> == 0, [&](auto w) {
    constexpr int V = decltype(w)::value;
    const dim3 grid(Blocks(width, std::int64_t{kThreads} * V), static_cast<unsigned>(ColumnPartials(rows)));
    Launch("sum_columns", grid, kThreads, 0, stream, SumColumnsKernel<T, V>, x, rows, width, partials);
  });
}

template <class G>
void AddPartials(const Accumulator<G>* partials, std::int64_t count, std::int64_t width, double scale, G* out, Stream stream) {
  Launch("add_partials", Blocks(width, kColumns), kColumns * kGroups, 0, stream, AddPartialsKernel<G>, partials, count, width,
         static_cast<Accumulator<G>>(scale), out);
}

template <class T>
void AddBias(Rows<T> x, const T* bias, std::int64_t rows, std::int64_t width, Stream stream) {
  WithWidth<T>(Packs(x) && Packs(bias), [&](auto w) {
    constexpr int V = decltype(w)::value;
    Launch("add_bias", static_cast<unsigned>(rows), ThreadsFor(width, V), 0, stream, AddBiasKernel<T, V>, x, bias, width);
  });
}

#define MC_INSTANTIATE(T)                                                                              \
  template void SumColumns<T>(Rows<const T>, std::int64_t, std::int64_t, Accumulator<T>*, Stream);     \
  template void AddPartials<T>(const Accumulator<T>*, std::int64_t, std::int64_t, double, T*, Stream); \
  template void AddBias<T>(Rows<T>, const T*, std::int64_t, std::int64_t, Stream)
MC_INSTANTIATE(float);
MC_INSTANTIATE(double);
MC_INSTANTIATE(Bf16);

}  // namespace mathcoder::train::cuda
