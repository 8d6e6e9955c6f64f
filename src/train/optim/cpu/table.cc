// The optimizers' kernels of one instruction set (MC_ISA).
#include "train/optim/cpu/moments.h"

#define MC_NAME_(x) #x
#define MC_NAME(x) MC_NAME_(x)

namespace mathcoder::train::ops::cpu::MC_ISA {
namespace {

namespace optim = mathcoder::train::optim_cpu;
using optim::AdamWArgs;
using optim::kMomentBlock;

MC_INLINE F32 LoadEither(const float* f32, const Bf16* bf16, std::int64_t i, int count) {
  return f32 != nullptr ? Load(f32 + i, count) : Load(bf16 + i, count);
}

// Both moments move, and what the weight loses by them.
MC_INLINE F32 Moments(const AdamWArgs& args, F32 gradient, F32& first, F32& second) {
  first = first * args.beta1 + gradient * args.one_minus_beta1;
  second = second * args.beta2 + gradient * gradient * args.one_minus_beta2;
  F32 root;
  for (int lane = 0; lane < kLanes<float>; ++lane) root[lane] = Sqrt(second[lane]);
  return first / (root * args.second_correction + args.epsilon) * args.step_size;
}

MC_INLINE void MoveWeights(const AdamWArgs& args, std::int64_t i, int count, F32 loss) {
  if (args.weights_f32 != nullptr) {
    Store(args.weights_f32 + i, Load(args.weights_f32 + i, count) * args.keep - loss, count);
  } else {
    const F32 master = LoadMaster(args.weights_bf16 + i, args.remainder + i, count) * args.keep - loss;
    StoreMaster(master, args.weights_bf16 + i, args.remainder + i, count);
  }
}

void AdamWF32(const AdamWArgs& args, std::int64_t begin, std::int64_t end) {
  ForVectors<float>(
      end - begin, [&](std::int64_t j, int count) __attribute__((always_inline)) {
        const std::int64_t i = begin + j;
        const F32 gradient = LoadEither(args.gradient_f32, args.gradient_bf16, i, count) * args.gradient_scale;
        F32 first = Load(args.first_f32 + i, count), second = Load(args.second_f32 + i, count);
        MoveWeights(args, i, count, Moments(args, gradient, first, second));
        Store(args.first_f32 + i, first, count);
        Store(args.second_f32 + i, second, count);
      });
}

void AdamWBf16(const AdamWArgs& args, std::int64_t begin, std::int64_t end) {
  Bits lane;
  for (int i = 0; i < kLanes<float>; ++i) lane[i] = static_cast<std::uint32_t>(i);
  ForVectors<float>(
      end - begin, [&](std::int64_t j, int count) __attribute__((always_inline)) {
        const std::int64_t i = begin + j;
        const F32 gradient = LoadEither(args.gradient_f32, args.gradient_bf16, i, count) * args.gradient_scale;
        F32 first = Load(args.first_bf16 + i, count), second = Load(args.second_bf16 + i, count);
        MoveWeights(args, i, count, Moments(args, gradient, first, second));
        // The index is of 64 bits: its high half joins by its own multiplication, with the carry inside this vector.
        const std::uint64_t index = static_cast<std::uint64_t>(args.index + i);
        const std::uint32_t low = static_cast<std::uint32_t>(index), high = static_cast<std::uint32_t>(index >> 32);
        const Bits low_lanes = lane + low;
        const Bits high_lanes = (Bits)(low_lanes < low) * 0xffffffffu + high;  // true is -1
        const Bits mixed = low_lanes ^ high_lanes * 0x85ebca77u;
        StoreStochastic(first, args.first_bf16 + i, Hash(static_cast<std::uint32_t>(args.hash_seed), mixed), count);
        StoreStochastic(second, args.second_bf16 + i, Hash(static_cast<std::uint32_t>(args.hash_seed >> 32), mixed), count);
      });
}

void AdamWInt8(const AdamWArgs& args, std::int64_t begin, std::int64_t end) {
  const std::int64_t first_block = args.index / kMomentBlock;
  while (begin < end) {
    const std::int64_t block = (args.index + begin) / kMomentBlock - first_block;
    const std::int64_t stop = Smaller(end, (block + first_block + 1) * kMomentBlock - args.index);
    float first[kMomentBlock], second[kMomentBlock];
    F32 most_first{}, most_second{};
    const float first_scale = args.first_scale[block], second_scale = args.second_scale[block];
    for (std::int64_t i = begin; i < stop; ++i) {
      first[i - begin] = kMomentCodes.signed_value[args.first_code[i]] * first_scale;
      second[i - begin] = kMomentCodes.unsigned_value[args.second_code[i]] * second_scale;
    }
    ForVectors<float>(
        stop - begin, [&](std::int64_t j, int count) __attribute__((always_inline)) {
          const F32 gradient = LoadEither(args.gradient_f32, args.gradient_bf16, begin + j, count) * args.gradient_scale;
          F32 m = Load(first + j, count), v = Load(second + j, count);
          MoveWeights(args, begin + j, count, Moments(args, gradient, m, v));
          Store(first + j, m, count);
          Store(second + j, v, count);
          most_first = Max((F32)((Bits)m & 0x7fffffffu), most_first);
          most_second = Max(v, most_second);
        });
    const float top_first = MaxLanes(most_first), top_second = MaxLanes(most_second);
    args.first_scale[block] = top_first;
    args.second_scale[block] = top_second;
    // Of a block of zeros every code is zero.
    const float inverse_first = top_first > 0 ? 1 / top_first : 0, inverse_second = top_second > 0 ? 1 / top_second : 0;
    ForVectors<float>(
        stop - begin, [&](std::int64_t j, int count) __attribute__((always_inline)) {
          typedef std::uint8_t Codes __attribute__((vector_size(kVectorBytes / 4)));
          const Codes a = __builtin_convertvector(SignedCode(Load(first + j, count), inverse_first), Codes);
          const Codes b = __builtin_convertvector(UnsignedCode(Load(second + j, count), inverse_second), Codes);
          for (int i = 0; i < count; ++i) {
            args.first_code[begin + j + i] = a[i];
            args.second_code[begin + j + i] = b[i];
          }
        });
    begin = stop;
  }
}

void AdamW(const AdamWArgs& args, std::int64_t begin, std::int64_t end) {
  if (args.first_f32 != nullptr) return AdamWF32(args, begin, end);
  if (args.first_bf16 != nullptr) return AdamWBf16(args, begin, end);
  AdamWInt8(args, begin, end);
}

void Apply(float* weights_f32, Bf16* weights_bf16, std::int16_t* remainder, const float* update, float keep, float rate,
           std::int64_t n) {
  ForVectors<float>(
      n, [&](std::int64_t i, int count) __attribute__((always_inline)) {
        const F32 loss = Load(update + i, count) * rate;
        if (weights_f32 != nullptr) {
          Store(weights_f32 + i, Load(weights_f32 + i, count) * keep - loss, count);
        } else {
          StoreMaster(LoadMaster(weights_bf16 + i, remainder + i, count) * keep - loss, weights_bf16 + i, remainder + i, count);
        }
      });
}

void Nesterov(const float* gradient_f32, const Bf16* gradient_bf16, float* momentum, float* out, float factor, float scale,
              std::int64_t n) {
  ForVectors<float>(
      n, [&](std::int64_t i, int count) __attribute__((always_inline)) {
        const F32 gradient = LoadEither(gradient_f32, gradient_bf16, i, count) * scale;
        const F32 moved = Load(momentum + i, count) * factor + gradient;
        Store(momentum + i, moved, count);
        Store(out + i, moved * factor + gradient, count);
      });
}

void Join(const Bf16* weights, const std::int16_t* remainder, float* master, std::int64_t n) {
  ForVectors<float>(
      n, [&](std::int64_t i, int count)
             __attribute__((always_inline)) { Store(master + i, LoadMaster(weights + i, remainder + i, count), count); });
}

void Split(const float* master, Bf16* weights, std::int16_t* remainder, std::int64_t n) {
  ForVectors<float>(
      n, [&](std::int64_t i, int count)
             __attribute__((always_inline)) { StoreMaster(Load(master + i, count), weights + i, remainder + i, count); });
}

// Eight sums whatever the vectors are: the same bits on every instruction set (a product of two f32 is exact in f64).
double SumOfSquares(const float* f32, const Bf16* bf16, std::int64_t n) {
  double sums[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    float values[8];
    for (int lane = 0; lane < 8; ++lane) {
      if (f32 != nullptr) {
        values[lane] = f32[i + lane];
      } else {
        const std::uint32_t bits = static_cast<std::uint32_t>(bf16[i + lane].bits) << 16;
        __builtin_memcpy(&values[lane], &bits, 4);
      }
    }
    for (int lane = 0; lane < 8; ++lane) sums[lane] += static_cast<double>(values[lane]) * values[lane];
  }
  for (; i < n; ++i) {
    const double value = LoadEither(f32, bf16, i, 1)[0];
    sums[i % 8] += value * value;
  }
  for (int width = 4; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  }
  return sums[0];
}

}  // namespace

extern const optim::Kernels kOptimKernels;
const optim::Kernels kOptimKernels = {MC_NAME(MC_ISA), AdamW, Apply, Nesterov, Join, Split, SumOfSquares};

}  // namespace mathcoder::train::ops::cpu::MC_ISA
