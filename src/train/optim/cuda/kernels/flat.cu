// Passes over flat slices: the update of Muon, its momentum, masters in two halves, sums of squares.
#include "train/optim/cuda/kernels/kernels.h"
#include "train/optim/cuda/kernels/moments.h"

namespace mathcoder::train::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kPiece = 16384;  // elements of a partial sum of squares
constexpr int kEach = 8;

// Neighbouring threads take neighbouring elements: the bytes of a warp lie together.
__global__ void __launch_bounds__(kThreads) ApplyKernel(float* weights_f32, Bf16* weights_bf16, std::int16_t* remainder,
                                                        const float* update, float keep, float rate, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= size) return;
  const float loss = update[i] * rate;
  if (weights_f32 != nullptr) {
    weights_f32[i] = weights_f32[i] * keep - loss;
  } else {
    SplitHalves(JoinHalves(weights_bf16[i], remainder[i]) * keep - loss, weights_bf16[i], remainder[i]);
  }
}

template <class G>
__global__ void __launch_bounds__(kThreads)
    NesterovKernel(const G* gradient, float* momentum, float* out, float factor, float scale, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= size) return;
  const float g = ToSum(gradient[i]) * scale, moved = momentum[i] * factor + g;
  momentum[i] = moved;
  out[i] = moved * factor + g;
}

__global__ void __launch_bounds__(kThreads)
    JoinKernel(const Bf16* weights, const std::int16_t* remainder, float* master, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < size) master[i] = JoinHalves(weights[i], remainder[i]);
}
__global__ void __launch_bounds__(kThreads)
    SplitKernel(const float* master, Bf16* weights, std::int16_t* remainder, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < size) SplitHalves(master[i], weights[i], remainder[i]);
}

// Which elements a thread takes depends on the size alone, not on where the slice lies: kEach together, however they are loaded.
template <class G, bool kPacked>
__global__ void __launch_bounds__(kThreads) SquaresKernel(const G* gradient, std::int64_t size, double* partials) {
  const std::int64_t begin = blockIdx.x * kPiece, end = begin + kPiece < size ? begin + kPiece : size;
  double sum = 0;
  for (std::int64_t i = begin + threadIdx.x * kEach; i < end; i += kThreads * kEach) {
    if (kPacked && i + kEach <= end) {
      const auto v = LoadPack<kEach>(gradient + i);
      for (int j = 0; j < kEach; ++j) sum += static_cast<double>(ToSum(v.at[j])) * static_cast<double>(ToSum(v.at[j]));
    } else {
      for (std::int64_t j = i; j < i + kEach && j < end; ++j)
        sum += static_cast<double>(ToSum(gradient[j])) * static_cast<double>(ToSum(gradient[j]));
    }
  }
  sum = BlockSum(sum);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kThreads) AddSquaresKernel(const double* partials, std::int64_t count, double* total) {
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) sum += partials[i];
  sum = BlockSum(sum);
  if (threadIdx.x == 0) *total = sum;
}

}  // namespace

void Apply(float* weights_f32, Bf16* weights_bf16, std::int16_t* remainder, const float* update, float keep, float rate,
           std::int64_t size, Stream stream) {
  Launch("apply", Blocks(size, kThreads), kThreads, 0, stream, ApplyKernel, weights_f32, weights_bf16, remainder, update, keep,
         rate, size);
}
template <class G>
void Nesterov(const G* gradient, float* momentum, float* out, float factor, float scale, std::int64_t size, Stream stream) {
  Launch("nesterov", Blocks(size, kThreads), kThreads, 0, stream, NesterovKernel<G>, gradient, momentum, out, factor, scale, size);
}
void Join(const Bf16* weights, const std::int16_t* remainder, float* master, std::int64_t size, Stream stream) {
  Launch("join", Blocks(size, kThreads), kThreads, 0, stream, JoinKernel, weights, remainder, master, size);
}
void Split(const float* master, Bf16* weights, std::int16_t* remainder, std::int64_t size, Stream stream) {
  Launch("split", Blocks(size, kThreads), kThreads, 0, stream, SplitKernel, master, weights, remainder, size);
}

std::int64_t SquarePartials(std::int64_t size) { return (size + kPiece - 1) / kPiece; }

template <class G>
void SumOfSquares(const G* gradient, std::int64_t size, double* partials, double* total, Stream stream) {
  const std::int64_t count = SquarePartials(size);
  const auto kernel = Packs(gradient) ? SquaresKernel<G, true> : SquaresKernel<G, false>;
  Launch("squares", static_cast<unsigned>(count), kThreads, 0, stream, kernel, gradient, size, partials);
  Launch("add_squares", 1, kThreads, 0, stream, AddSquaresKernel, static_cast<const double*>(partials), count, total);
}

#define MC_INSTANTIATE(G)                                                               \
  template void Nesterov(const G*, float*, float*, float, float, std::int64_t, Stream); \
  template void SumOfSquares(const G*, std::int64_t, double*, double*, Stream)
MC_INSTANTIATE(float);
MC_INSTANTIATE(Bf16);

}  // namespace mathcoder::train::cuda
