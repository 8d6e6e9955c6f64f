// AdamW, a pass over memory: weights, gradient and moments are read and written once.
#include "train/optim/cuda/kernels/kernels.h"
#include "train/optim/cuda/kernels/moments.h"

namespace mathcoder::train::cuda {
namespace {

using optim_cpu::AdamWArgs;
using optim_cpu::kMomentBlock;

constexpr int kThreads = 256;
constexpr int kEach = 8;  // elements of a thread

// The weight as its f32 master, wherever it lies.
template <class W, int N>
struct Masters;
template <int N>
struct Masters<float, N> {
  static __device__ Pack<float, N> Load(const AdamWArgs& args, std::int64_t i) { return LoadPack<N>(args.weights_f32 + i); }
  static __device__ void Store(const AdamWArgs& args, std::int64_t i, const Pack<float, N>& w) {
    StorePack(args.weights_f32 + i, w);
  }
};
template <int N>
struct Masters<Bf16, N> {
  static __device__ Pack<float, N> Load(const AdamWArgs& args, std::int64_t i) {
    const auto high = LoadPack<N>(args.weights_bf16 + i);
    const auto low = LoadPack<N>(args.remainder + i);
    Pack<float, N> w;
    for (int j = 0; j < N; ++j) w.at[j] = JoinHalves(high.at[j], low.at[j]);
    return w;
  }
  static __device__ void Store(const AdamWArgs& args, std::int64_t i, const Pack<float, N>& w) {
    Pack<Bf16, N> high;
    Pack<std::int16_t, N> low;
    for (int j = 0; j < N; ++j) SplitHalves(w.at[j], high.at[j], low.at[j]);
    StorePack(args.weights_bf16 + i, high);
    StorePack(args.remainder + i, low);
  }
};

template <class G>
__device__ const G* GradientOf(const AdamWArgs& args) {
  if constexpr (std::is_same_v<G, float>) {
    return args.gradient_f32;
  } else {
    return args.gradient_bf16;
  }
}
template <class M>
__device__ M* MomentOf(float* f32, Bf16* bf16) {
  if constexpr (std::is_same_v<M, float>) {
    return f32;
  } else {
    return bf16;
  }
}

// Both moments move; the weight's new value.
__device__ inline float Step(const AdamWArgs& args, float gradient, float weight, float& first, float& second) {
  gradient *= args.gradient_scale;
  first = first * args.beta1 + gradient * args.one_minus_beta1;
  second = second * args.beta2 + gradient * gradient * args.one_minus_beta2;
  return weight * args.keep - first / (Sqrt(second) * args.second_correction + args.epsilon) * args.step_size;
}

template <class W, class G, class M, int N>
__device__ void AdamWPack(const AdamWArgs& args, std::int64_t i) {
  M* first_at = MomentOf<M>(args.first_f32, args.first_bf16) + i;
  M* second_at = MomentOf<M>(args.second_f32, args.second_bf16) + i;
  auto first = LoadPack<N>(first_at), second = LoadPack<N>(second_at);
  auto weight = Masters<W, N>::Load(args, i);
  const auto gradient = LoadPack<N>(GradientOf<G>(args) + i);
  for (int j = 0; j < N; ++j) {
    float m = ToSum(first.at[j]), v = ToSum(second.at[j]);
    weight.at[j] = Step(args, ToSum(gradient.at[j]), weight.at[j], m, v);
    if constexpr (std::is_same_v<M, Bf16>) {
      const std::uint32_t index = MixIndex(static_cast<std::uint64_t>(args.index + i + j));
      first.at[j] = RoundStochastic(m, Hash(static_cast<std::uint32_t>(args.hash_seed), index));
      second.at[j] = RoundStochastic(v, Hash(static_cast<std::uint32_t>(args.hash_seed >> 32), index));
    } else {
      first.at[j] = m;
      second.at[j] = v;
    }
  }
  Masters<W, N>::Store(args, i, weight);
  StorePack(first_at, first);
  StorePack(second_at, second);
}

template <class W, class G, class M, bool kPacked>
__global__ void __launch_bounds__(kThreads) AdamWKernel(AdamWArgs args, std::int64_t size) {
  const std::int64_t begin = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kEach;
  if (kPacked && begin + kEach <= size) {
    AdamWPack<W, G, M, kEach>(args, begin);
  } else {
    for (std::int64_t i = begin; i < begin + kEach && i < size; ++i) AdamWPack<W, G, M, 1>(args, i);
  }
}

// 8-bit moments: a warp for each block of 256, whose largest magnitudes become its scales.
template <class W, class G>
__global__ void __launch_bounds__(kThreads) AdamWInt8Kernel(AdamWArgs args, std::int64_t size, MomentCodes codes) {
  __shared__ MomentCodes table;
  for (int i = static_cast<int>(threadIdx.x); i < 256; i += kThreads) {
    table.signed_value[i] = codes.signed_value[i];
    table.unsigned_value[i] = codes.unsigned_value[i];
  }
  __syncthreads();
  const std::int64_t block = static_cast<std::int64_t>(blockIdx.x) * (kThreads / 32) + threadIdx.x / 32;
  const std::int64_t begin = block * kMomentBlock;
  if (begin >= size) return;  // a whole warp
  const std::int64_t end = begin + kMomentBlock < size ? begin + kMomentBlock : size;
  constexpr int kPerLane = static_cast<int>(kMomentBlock / 32);
  float first[kPerLane], second[kPerLane], most_first = 0, most_second = 0;
  const float first_scale = args.first_scale[block], second_scale = args.second_scale[block];
  for (int j = 0; j < kPerLane; ++j) {
    const std::int64_t i = begin + j * 32 + threadIdx.x % 32;
    if (i >= end) continue;
    first[j] = table.signed_value[args.first_code[i]] * first_scale;
    second[j] = table.unsigned_value[args.second_code[i]] * second_scale;
    auto weight = Masters<W, 1>::Load(args, i);
    weight.at[0] = Step(args, ToSum(GradientOf<G>(args)[i]), weight.at[0], first[j], second[j]);
    Masters<W, 1>::Store(args, i, weight);
    most_first = Larger(most_first, BitsToFloat(FloatToBits(first[j]) & 0x7fffffffu));
    most_second = Larger(most_second, second[j]);
  }
  most_first = WarpMax(most_first);
  most_second = WarpMax(most_second);
  if (threadIdx.x % 32 == 0) {
    args.first_scale[block] = most_first;
    args.second_scale[block] = most_second;
  }
  // Of a block of zeros every code is zero.
  const float inverse_first = most_first > 0 ? 1 / most_first : 0, inverse_second = most_second > 0 ? 1 / most_second : 0;
  for (int j = 0; j < kPerLane; ++j) {
    const std::int64_t i = begin + j * 32 + threadIdx.x % 32;
    if (i >= end) continue;
    args.first_code[i] = SignedCode(first[j], inverse_first);
    args.second_code[i] = UnsignedCode(second[j], inverse_second);
  }
}

template <class... P>
bool AllPack(const P*... p) {
  return (Packs(p) && ...);  // null is aligned
}

template <class W, class G>
void AdamWOf(const AdamWArgs& args, std::int64_t size, Stream stream) {
  if (args.first_code != nullptr) {
    const std::int64_t blocks = (size + kMomentBlock - 1) / kMomentBlock;
    Launch("adamw_int8", Blocks(blocks, kThreads / 32), kThreads, 0, stream, AdamWInt8Kernel<W, G>, args, size, MakeMomentCodes());
    return;
  }
  const bool packed = AllPack(args.weights_f32, args.weights_bf16, args.remainder, args.gradient_f32, args.gradient_bf16,
                              args.first_f32, args.first_bf16, args.second_f32, args.second_bf16);
  const dim3 grid(Blocks(size, kThreads * kEach));
  const auto launch = [&](auto* kernel) { Launch("adamw", grid, kThreads, 0, stream, kernel, args, size); };
  if (args.first_f32 != nullptr) {
    launch(packed ? AdamWKernel<W, G, float, true> : AdamWKernel<W, G, float, false>);
  } else {
    launch(packed ? AdamWKernel<W, G, Bf16, true> : AdamWKernel<W, G, Bf16, false>);
  }
}

}  // namespace

void AdamW(const AdamWArgs& args, std::int64_t size, Stream stream) {
  const bool wide = args.weights_f32 != nullptr, wide_gradient = args.gradient_f32 != nullptr;
  if (wide) {
    wide_gradient ? AdamWOf<float, float>(args, size, stream) : AdamWOf<float, Bf16>(args, size, stream);
  } else {
    wide_gradient ? AdamWOf<Bf16, float>(args, size, stream) : AdamWOf<Bf16, Bf16>(args, size, stream);
  }
}

}  // namespace mathcoder::train::cuda
