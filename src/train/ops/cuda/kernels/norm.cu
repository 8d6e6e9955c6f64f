// RMSNorm: a block for a row forward, a block for a few rows backward. The second look at a row comes from the cache.
#include "train/ops/cuda/kernels/element.h"
#include "train/ops/cuda/kernels/kernels.h"

namespace mathcoder::train::cuda {
namespace {

constexpr std::int64_t kBackwardRows = 8;       // of a block
constexpr std::size_t kSharedLimit = 48 << 10;  // what any device gives without asking

template <class T, int V>
__global__ void __launch_bounds__(512) RmsNormKernel(RmsNormArgs<T> args) {
  using A = Accumulator<T>;
  const std::int64_t row = blockIdx.x;
  T* x = args.x.data + row * args.x.stride;
  T* y = args.y.data + row * args.y.stride;
  A inverse;
  if (args.again) {
    inverse = args.inverse_rms[row];
  } else {
    const T* delta = args.delta.data == nullptr ? nullptr : args.delta.data + row * args.delta.stride;
    A sum = 0;
    OverRow<V>(args.hidden, [&](auto width, std::int64_t i) {
      constexpr int N = decltype(width)::value;
      auto v = LoadPack<N>(x + i);
      if (delta != nullptr) {
        const auto d = LoadPack<N>(delta + i);
        for (int j = 0; j < N; ++j) v.at[j] = FromSum<T>(ToSum(v.at[j]) + ToSum(d.at[j]));
        StorePack(x + i, v);
      }
      for (int j = 0; j < N; ++j) sum += ToSum(v.at[j]) * ToSum(v.at[j]);  // as stored: what the backward pass will see
    });
    sum = BlockSum(sum);
    inverse = A(1) / Sqrt(sum / static_cast<A>(args.hidden) + static_cast<A>(args.eps));
    if (threadIdx.x == 0) args.inverse_rms[row] = inverse;
  }
  OverRow<V>(args.hidden, [&](auto width, std::int64_t i) {
    constexpr int N = decltype(width)::value;
    auto v = LoadPack<N>(x + i);
    const auto w = LoadPack<N>(args.weight + i);
    for (int j = 0; j < N; ++j) v.at[j] = FromSum<T>(ToSum(v.at[j]) * inverse * ToSum(w.at[j]));
    StorePack(y + i, v);
  });
}

// dx += dy w r - x (sum of dy w x) r^3 / hidden, with r = inverse_rms; the weight's gradient is the sum over rows of dy x r.
template <class T, int V>
__global__ void __launch_bounds__(512) RmsNormBackwardKernel(RmsNormBackwardArgs<T> args, bool in_shared) {
  using A = Accumulator<T>;
  MC_DYNAMIC_SHARED(A, shared);
  A* partial = args.partials == nullptr ? nullptr : args.partials + blockIdx.x * args.hidden;
  A* sums = in_shared ? shared : partial;  // each index is one thread's own: no barrier needed
  if (sums != nullptr) {
    OverRow<V>(args.hidden, [&](auto width, std::int64_t i) { StorePack(sums + i, Pack<A, decltype(width)::value>{}); });
  }
  const std::int64_t first = blockIdx.x * kBackwardRows;
  const std::int64_t end = first + kBackwardRows < args.rows ? first + kBackwardRows : args.rows;
  for (std::int64_t row = first; row < end; ++row) {
    const T* dy = args.dy.data + row * args.dy.stride;
    const T* x = args.x.data + row * args.x.stride;
    T* dx = args.dx.data + row * args.dx.stride;
    const A inverse = args.inverse_rms[row];
    A sum = 0;
    OverRow<V>(args.hidden, [&](auto width, std::int64_t i) {
      constexpr int N = decltype(width)::value;
      const auto xs = LoadPack<N>(x + i), dys = LoadPack<N>(dy + i), ws = LoadPack<N>(args.weight + i);
      A products[N];
      for (int j = 0; j < N; ++j) {
        products[j] = ToSum(xs.at[j]) * ToSum(dys.at[j]);
        sum += products[j] * ToSum(ws.at[j]);
      }
      if (sums != nullptr) {
        auto s = LoadPack<N>(sums + i);
        for (int j = 0; j < N; ++j) s.at[j] += products[j] * inverse;
        StorePack(sums + i, s);
      }
    });
    sum = BlockSum(sum);
    const A along = sum / static_cast<A>(args.hidden) * inverse * inverse * inverse;
    OverRow<V>(args.hidden, [&](auto width, std::int64_t i) {
      constexpr int N = decltype(width)::value;
      const auto xs = LoadPack<N>(x + i), dys = LoadPack<N>(dy + i), ws = LoadPack<N>(args.weight + i);
      auto dxs = LoadPack<N>(dx + i);
      for (int j = 0; j < N; ++j) {
        dxs.at[j] = FromSum<T>(ToSum(dxs.at[j]) + (ToSum(dys.at[j]) * ToSum(ws.at[j]) * inverse - ToSum(xs.at[j]) * along));
      }
      StorePack(dx + i, dxs);
    });
  }
  if (in_shared) {
    OverRow<V>(args.hidden, [&](auto width, std::int64_t i) {
      constexpr int N = decltype(width)::value;
      StorePack(partial + i, LoadPack<N>(shared + i));
    });
  }
}

}  // namespace

template <class T>
void RmsNorm(const RmsNormArgs<T>& args, Stream stream) {
  const bool packs = Packs(args.x) && Packs(args.delta) && Packs(args.weight) && Packs(args.y);
  WithWidth<T>(packs, [&](auto width) {
    constexpr int V = decltype(width)::value;
    Launch("rms_norm", static_cast<unsigned>(args.rows), ThreadsFor(args.hidden, V), 0, stream, RmsNormKernel<T, V>, args);
  });
}

std::int64_t RmsNormPartials(std::int64_t rows) { return (rows + kBackwardRows - 1) / kBackwardRows; }

template <class T>
void RmsNormBackward(const RmsNormBackwardArgs<T>& args, Stream stream) {
  using A = Accumulator<T>;
  const bool packs = Packs(args.x) && Packs(args.dy) && Packs(args.weight) && Packs(args.dx) &&
                     (args.partials == nullptr || (Packs(args.partials) && args.hidden % kPackSize<A> == 0));
  const std::size_t bytes = static_cast<std::size_t>(args.hidden) * sizeof(A);
  const bool in_shared = args.partials != nullptr && bytes <= kSharedLimit - 1024;  // a kilobyte for BlockSum
  WithWidth<T>(packs, [&](auto width) {
    constexpr int V = decltype(width)::value;
    Launch("rms_norm_backward", static_cast<unsigned>(RmsNormPartials(args.rows)), ThreadsFor(args.hidden, V),
           in_shared ? bytes : 0, stream, RmsNormBackwardKernel<T, V>, args, in_shared);
  });
}

#define MC_INSTANTIATE(T)                               \
  template void RmsNorm(const RmsNormArgs<T>&, Stream); \
  template void RmsNormBackward(const RmsNormBackwardArgs<T>&, Stream)
MC_INSTANTIATE(float);
MC_INSTANTIATE(double);
MC_INSTANTIATE(Bf16);

}  // namespace mathcoder::train::cuda
