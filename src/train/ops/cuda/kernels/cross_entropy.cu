// The loss of rows of logits, and its gradient in their place: a block for a row, two reads and one write.
#include "train/ops/cuda/kernels/element.h"
#include "train/ops/cuda/kernels/kernels.h"

namespace mathcoder::train::cuda {
namespace {

template <class T, int V>
__global__ void __launch_bounds__(1024) CrossEntropyKernel(CrossEntropyArgs<T> args) {
  using A = Accumulator<T>;
  const std::int64_t row = blockIdx.x, target = args.targets[row];
  if (target < 0 || target >= args.vocabulary) Bug();
  T* logits = args.logits.data + row * args.logits.stride;
  const A own = ToSum(logits[target]);
  // The largest and the sum of exp(logit - largest) at once: the sum is scaled down where a larger one comes.
  A top = -Infinity<A>(), sum = 0;
  OverRow<V>(args.vocabulary, [&](auto width, std::int64_t i) {
    constexpr int N = decltype(width)::value;
    const auto v = LoadPack<N>(logits + i);
    A higher = top;
    for (int j = 0; j < N; ++j) higher = Larger(higher, ToSum(v.at[j]));
    if (higher > top) {
      sum = sum * Exp(top - higher);
      top = higher;
    }
    for (int j = 0; j < N; ++j) sum += Exp(ToSum(v.at[j]) - top);
  });
  const A highest = BlockMax(top);
  sum = BlockSum(sum * Exp(top - highest));  // a thread that saw nothing has exp(-inf) * 0
  if (threadIdx.x == 0) args.loss[row] = Log(sum) + highest - own;
  if (!args.gradient) return;
  const A weight = static_cast<A>(static_cast<double>(args.weights[row]) * args.gradient_scale);
  const A scale = weight / sum;
  // BlockSum's barriers stand between the last read of logits[target] and the first write.
  OverRow<V>(args.vocabulary, [&](auto width, std::int64_t i) {
    constexpr int N = decltype(width)::value;
    auto v = LoadPack<N>(logits + i);
    for (int j = 0; j < N; ++j) {
      const A probability = Exp(ToSum(v.at[j]) - highest) * scale;
      v.at[j] = FromSum<T>(i + j == target ? (Exp(own - highest) / sum - A(1)) * weight : probability);
    }
    StorePack(logits + i, v);
  });
}

}  // namespace

template <class T>
void CrossEntropy(const CrossEntropyArgs<T>& args, Stream stream) {
  WithWidth<T>(Packs(args.logits), [&](auto width) {
    constexpr int V = decltype(width)::value;
    Launch("cross_entropy", static_cast<unsigned>(args.rows), ThreadsFor(args.vocabulary, V, 1024), 0, stream,
           CrossEntropyKernel<T, V>, args);
  });
}

template void CrossEntropy(const CrossEntropyArgs<float>&, Stream);
template void CrossEntropy(const CrossEntropyArgs<double>&, Stream);
template void CrossEntropy(const CrossEntropyArgs<Bf16>&, Stream);

}  // namespace mathcoder::train::cuda
