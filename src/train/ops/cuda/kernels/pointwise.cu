// Rotations of positions, and SwiGLU: element by element, a token to a column of blocks.
#include "train/ops/cuda/kernels/element.h"
#include "train/ops/cuda/kernels/kernels.h"

namespace mathcoder::train::cuda {
namespace {

constexpr int kThreads = 256;

// A thread turns V elements of the lower half of a head with V of the upper.
template <class T, int V>
__global__ void __launch_bounds__(kThreads) RopeKernel(RopeArgs<T> args) {
  using A = Accumulator<T>;
  const std::int64_t half = args.head_dim / 2;
  const int packs = static_cast<int>(half / V);  // of a head
  const std::int64_t token = blockIdx.x;
  const std::int64_t position = args.positions[token];
  const A sign = args.back ? A(-1) : A(1);
  const int count = static_cast<int>(args.heads) * packs;
  for (int i = static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x); i < count;
       i += kThreads * static_cast<int>(gridDim.y)) {
    const int head = i / packs, element = i % packs * V;
    T* low = args.x + token * args.token_stride + head * args.head_stride + element;
    T* high = low + half;
    const auto c = LoadPack<V>(args.cos + position * half + element), s = LoadPack<V>(args.sin + position * half + element);
    auto a = LoadPack<V>(low), b = LoadPack<V>(high);
    for (int j = 0; j < V; ++j) {
      const A x = ToSum(a.at[j]), y = ToSum(b.at[j]), sine = s.at[j] * sign;
      a.at[j] = FromSum<T>(x * c.at[j] - y * sine);
      b.at[j] = FromSum<T>(y * c.at[j] + x * sine);
    }
    StorePack(low, a);
    StorePack(high, b);
  }
}

template <class A>
__device__ A Sigmoid(A x) {
  return A(1) / (Exp(-x) + A(1));
}

template <class T, int V>
__global__ void __launch_bounds__(512) SwiGluKernel(SwiGluArgs<T> args) {
  using A = Accumulator<T>;
  const T* gate = args.gate_up.data + blockIdx.x * args.gate_up.stride;
  const T* up = gate + args.width;
  T* out = args.out.data + blockIdx.x * args.out.stride;
  OverRow<V>(args.width, [&](auto width, std::int64_t i) {
    constexpr int N = decltype(width)::value;
    auto g = LoadPack<N>(gate + i);
    const auto u = LoadPack<N>(up + i);
    for (int j = 0; j < N; ++j) {
      const A x = ToSum(g.at[j]);
      g.at[j] = FromSum<T>(x * Sigmoid(x) * ToSum(u.at[j]));  // as the backward has it: the same bits again
    }
    StorePack(out + i, g);
  });
}

template <class T, int V>
__global__ void __launch_bounds__(512) SwiGluBackwardKernel(SwiGluArgs<T> args) {
  using A = Accumulator<T>;
  T* gate = args.gate_up.data + blockIdx.x * args.gate_up.stride;
  T* up = gate + args.width;
  const T* dout = args.dout.data + blockIdx.x * args.dout.stride;
  T* out = args.out.data == nullptr ? nullptr : args.out.data + blockIdx.x * args.out.stride;
  OverRow<V>(args.width, [&](auto width, std::int64_t i) {
    constexpr int N = decltype(width)::value;
    auto g = LoadPack<N>(gate + i), u = LoadPack<N>(up + i);
    const auto d = LoadPack<N>(dout + i);
    Pack<T, N> again;
    for (int j = 0; j < N; ++j) {
      const A x = ToSum(g.at[j]), y = ToSum(u.at[j]), dz = ToSum(d.at[j]);
      const A sigmoid = Sigmoid(x), silu = x * sigmoid;
      again.at[j] = FromSum<T>(silu * y);
      u.at[j] = FromSum<T>(dz * silu);
      g.at[j] = FromSum<T>(dz * y * (sigmoid + silu * (A(1) - sigmoid)));
    }
    if (out != nullptr) StorePack(out + i, again);
    StorePack(up + i, u);
    StorePack(gate + i, g);
  });
}

template <class T>
bool SwiGluPacks(const SwiGluArgs<T>& args) {
  return Packs(args.gate_up) && Packs(args.dout) && Packs(args.out) && args.width % kPackSize<T> == 0;
}

}  // namespace

template <class T>
void Rope(const RopeArgs<T>& args, Stream stream) {
  const std::int64_t half = args.head_dim / 2;
  const bool packs = Packs(args.x, args.token_stride) && args.head_stride % kPackSize<T> == 0 && half % kPackSize<T> == 0 &&
                     Packs(args.cos) && Packs(args.sin);
  WithWidth<T>(packs, [&](auto width) {
    constexpr int V = decltype(width)::value;
    const dim3 grid(static_cast<unsigned>(args.tokens), Blocks(args.heads * (half / V), std::int64_t{kThreads} * 4));
    Launch("rope", grid, kThreads, 0, stream, RopeKernel<T, V>, args);
  });
}

template <class T>
void SwiGlu(const SwiGluArgs<T>& args, Stream stream) {
  WithWidth<T>(SwiGluPacks(args), [&](auto width) {
    constexpr int V = decltype(width)::value;
    Launch("swiglu", static_cast<unsigned>(args.rows), ThreadsFor(args.width, V), 0, stream, SwiGluKernel<T, V>, args);
  });
}

template <class T>
void SwiGluBackward(const SwiGluArgs<T>& args, Stream stream) {
  WithWidth<T>(SwiGluPacks(args), [&](auto width) {
    constexpr int V = decltype(width)::value;
    Launch("swiglu_backward", static_cast<unsigned>(args.rows), ThreadsFor(args.width, V), 0, stream, SwiGluBackwardKernel<T, V>,
           args);
  });
}

#define MC_INSTANTIATE(T)                             \
  template void Rope(const RopeArgs<T>&, Stream);     \
  template void SwiGlu(const SwiGluArgs<T>&, Stream); \
  template void SwiGluBackward(const SwiGluArgs<T>&, Stream)
MC_INSTANTIATE(float);
MC_INSTANTIATE(double);
MC_INSTANTIATE(Bf16);

}  // namespace mathcoder::train::cuda
