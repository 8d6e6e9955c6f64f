// Kernels that go over rows once or twice: norms, rotations, SwiGLU, the loss, sums. Formulas: docs/training-ops.md.
#pragma once

#include "train/ops/cpu/simd.h"

namespace mathcoder::train::ops::cpu::MC_ISA {

template <class T>
void RmsNorm(const RmsNormArgs<T>& args, std::int64_t begin, std::int64_t end) {
  using A = Accumulator<T>;
  using V = Vec<A>;
  for (std::int64_t row = begin; row < end; ++row) {
    T* x = args.x.data + row * args.x.stride;
    T* y = args.y.data + row * args.y.stride;
    if (!args.again) {
      V sum{};
      if (args.delta.data != nullptr) {
        const T* delta = args.delta.data + row * args.delta.stride;
        ForVectors<A>(
            args.hidden, [&](std::int64_t i, int count) __attribute__((always_inline)) {
              Store(x + i, Load(x + i, count) + Load(delta + i, count), count);
              const V stored = Load(x + i, count);  // as the backward pass will see it
              sum += stored * stored;
            });
      } else {
        ForVectors<A>(
            args.hidden, [&](std::int64_t i, int count) __attribute__((always_inline)) {
              const V v = Load(x + i, count);
              sum += v * v;
            });
      }
      args.inverse_rms[row] = A(1) / Sqrt(SumLanes(sum) / static_cast<A>(args.hidden) + static_cast<A>(args.eps));
    }
    const V scale = Splat(args.inverse_rms[row]);
    ForVectors<A>(
        args.hidden, [&](std::int64_t i, int count) __attribute__((always_inline)) {
          Store(y + i, Load(x + i, count) * scale * Load(args.weight + i, count), count);
        });
  }
}

template <class T>
void RmsNormBackward(const RmsNormBackwardArgs<T>& args, std::int64_t begin, std::int64_t end, Accumulator<T>* weight_sums) {
  using A = Accumulator<T>;
  using V = Vec<A>;
  if (weight_sums != nullptr) {
    for (std::int64_t i = 0; i < args.hidden; ++i) weight_sums[i] = 0;
  }
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = args.x.data + row * args.x.stride;
    const T* dy = args.dy.data + row * args.dy.stride;
    T* dx = args.dx.data + row * args.dx.stride;
    const V inverse = Splat(args.inverse_rms[row]);
    V sum{};
    ForVectors<A>(
        args.hidden, [&](std::int64_t i, int count) __attribute__((always_inline)) {
          const V product = Load(x + i, count) * Load(dy + i, count);
          sum += product * Load(args.weight + i, count);
          if (weight_sums != nullptr) Store(weight_sums + i, Load(weight_sums + i, count) + product * inverse, count);
        });
    const A mean = SumLanes(sum) / static_cast<A>(args.hidden);
    const V along = Splat(mean * args.inverse_rms[row] * args.inverse_rms[row] * args.inverse_rms[row]);
    ForVectors<A>(
        args.hidden, [&](std::int64_t i, int count) __attribute__((always_inline)) {
          const V gradient = Load(dy + i, count) * Load(args.weight + i, count) * inverse - Load(x + i, count) * along;
          Store(dx + i, Load(dx + i, count) + gradient, count);
        });
  }
}

template <class T>
void Rope(const RopeArgs<T>& args, std::int64_t begin, std::int64_t end) {
  using A = Accumulator<T>;
  const std::int64_t half = args.head_dim / 2;
  const A sign = args.back ? A(-1) : A(1);
  for (std::int64_t token = begin; token < end; ++token) {
    const A* cos = args.cos + args.positions[token] * half;
    const A* sin = args.sin + args.positions[token] * half;
    for (std::int64_t head = 0; head < args.heads; ++head) {
      T* low = args.x + token * args.token_stride + head * args.head_stride;
      T* high = low + half;
      ForVectors<A>(
          half, [&](std::int64_t i, int count) __attribute__((always_inline)) {
            const Vec<A> c = Load(cos + i, count), s = Load(sin + i, count) * sign;
            const Vec<A> a = Load(low + i, count), b = Load(high + i, count);
            Store(low + i, a * c - b * s, count);
            Store(high + i, b * c + a * s, count);
          });
    }
  }
}

template <class T>
void SwiGlu(const SwiGluArgs<T>& args, std::int64_t begin, std::int64_t end) {
  using A = Accumulator<T>;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* gate = args.gate_up.data + row * args.gate_up.stride;
    const T* up = gate + args.width;
    T* out = args.out.data + row * args.out.stride;
    ForVectors<A>(
        args.width, [&](std::int64_t i, int count) __attribute__((always_inline)) {
          const Vec<A> g = Load(gate + i, count);
          // In the order of the backward pass, whose out_again is the same to the bit.
          Store(out + i, g * (A(1) / (Exp(-g) + A(1))) * Load(up + i, count), count);
        });
  }
}

template <class T>
void SwiGluBackward(const SwiGluArgs<T>& args, std::int64_t begin, std::int64_t end) {
  using A = Accumulator<T>;
  for (std::int64_t row = begin; row < end; ++row) {
    T* gate = args.gate_up.data + row * args.gate_up.stride;
    T* up = gate + args.width;
    const T* dout = args.dout.data + row * args.dout.stride;
    T* out = args.out.data == nullptr ? nullptr : args.out.data + row * args.out.stride;
    ForVectors<A>(
        args.width, [&](std::int64_t i, int count) __attribute__((always_inline)) {
          const Vec<A> g = Load(gate + i, count), u = Load(up + i, count), d = Load(dout + i, count);
          const Vec<A> sigmoid = A(1) / (Exp(-g) + A(1));
          const Vec<A> silu = g * sigmoid;
          if (out != nullptr) Store(out + i, silu * u, count);
          Store(up + i, d * silu, count);
          Store(gate + i, d * u * (sigmoid + silu * (A(1) - sigmoid)), count);
        });
  }
}

template <class T>
void ColumnSums(Rows<const T> x, std::int64_t width, std::int64_t begin, std::int64_t end, Accumulator<T>* sums) {
  using A = Accumulator<T>;
  for (std::int64_t i = 0; i < width; ++i) sums[i] = 0;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* p = x.data + row * x.stride;
    ForVectors<A>(
        width, [&](std::int64_t i, int count)
                   __attribute__((always_inline)) { Store(sums + i, Load(sums + i, count) + Load(p + i, count), count); });
  }
}

// loss = log sum exp(logits) - logits[target]; the gradient is (softmax - [target]) * weight * scale.
template <class T>
void CrossEntropy(const CrossEntropyArgs<T>& args, std::int64_t begin, std::int64_t end) {
  using A = Accumulator<T>;
  using V = Vec<A>;
  const std::int64_t n = args.vocabulary;
  for (std::int64_t row = begin; row < end; ++row) {
    T* p = args.logits.data + row * args.logits.stride;
    const std::int64_t target = args.targets[row];
    const A own = Load(p + target, 1)[0];
    // A tail's missing lanes are zeros: the maximum may be too large by that, which harms nothing where logits are not all far
    // below zero; so the tail is taken element by element.
    V highest = Splat(own);
    std::int64_t i = 0;
    for (; i + kLanes<A> <= n; i += kLanes<A>) highest = Max(Load(p + i), highest);
    A top = MaxLanes(highest);
    for (; i < n; ++i) top = Larger(Load(p + i, 1)[0], top);
    V sum{};
    for (i = 0; i + kLanes<A> <= n; i += kLanes<A>) sum += Exp(Load(p + i) - top);
    A total = SumLanes(sum);
    for (; i < n; ++i) total += Exp(Load(p + i, 1) - top)[0];
    args.loss[row] = Log(total) + top - own;
    if (!args.gradient) continue;
    const A weight = static_cast<A>(static_cast<double>(args.weights[row]) * args.gradient_scale);
    const A scale = weight / total;
    ForVectors<A>(
        n, [&](std::int64_t j, int count)
               __attribute__((always_inline)) { Store(p + j, Exp(Load(p + j, count) - top) * scale, count); });
    const A probability = Exp(Splat(own - top))[0] / total;
    Store(p + target, Splat((probability - A(1)) * weight), 1);
  }
}

template <class X, class Y>
void Add(const X* x, Accumulator<X> scale, Y* y, std::int64_t n) {
  using A = Accumulator<X>;
  ForVectors<A>(
      n, [&](std::int64_t i, int count)
             __attribute__((always_inline)) { Store(y + i, Load(x + i, count) * scale + Load(y + i, count), count); });
}

template <class T>
void SumVectors(const Accumulator<T>* x, std::int64_t count, std::int64_t stride, T* y, std::int64_t n) {
  using A = Accumulator<T>;
  ForVectors<A>(
      n, [&](std::int64_t i, int lanes) __attribute__((always_inline)) {
        Vec<A> sum = Load(x + i, lanes);
        for (std::int64_t v = 1; v < count; ++v) sum += Load(x + v * stride + i, lanes);
        Store(y + i, sum, lanes);
      });
}

}  // namespace mathcoder::train::ops::cpu::MC_ISA
