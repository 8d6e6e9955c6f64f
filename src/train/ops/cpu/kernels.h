// The table of kernels of one instruction set: plain functions over raw pointers, each for a range of rows, so that the caller
// decides how many threads share the work. Kernels are compiled once for each set (ops/cpu/CMakeLists.txt); select.h gives the
// table to use. Rows are strided, elements of a row contiguous; strides count elements. No kernel allocates, locks or throws.
#pragma once

#include <cstdint>

namespace mathcoder::train::ops::cpu {

struct Bf16 {
  std::uint16_t bits;
};

// The type of sums and statistics.
template <class T>
struct AccumulatorOf {
  using type = float;
};
template <>
struct AccumulatorOf<double> {
  using type = double;
};
template <class T>
using Accumulator = typename AccumulatorOf<T>::type;

template <class T>
struct Rows {
  T* data = nullptr;
  std::int64_t stride = 0;
};

template <class T>
struct RmsNormArgs {
  Rows<T> x;            // with delta: the residual stream, updated
  Rows<const T> delta;  // null: none
  const T* weight;
  Rows<T> y;
  Accumulator<T>* inverse_rms;
  double eps;
  bool again;  // inverse_rms is given
  std::int64_t hidden;
};

template <class T>
struct RmsNormBackwardArgs {
  Rows<const T> dy, x;
  const T* weight;
  const Accumulator<T>* inverse_rms;
  Rows<T> dx;
  std::int64_t hidden;
};

template <class T>
struct RopeArgs {
  T* x;
  std::int64_t token_stride, head_stride, heads, head_dim;
  const std::int32_t* positions;
  const Accumulator<T>*cos, *sin;  // rows of head_dim / 2
  bool back;
};

template <class T>
struct SwiGluArgs {
  Rows<T> gate_up;  // the backward writes it
  Rows<const T> dout;
  Rows<T> out;
  std::int64_t width;
};

template <class T>
struct CrossEntropyArgs {
  Rows<T> logits;  // becomes the gradient where `gradient`
  const std::int32_t* targets;
  const float* weights;
  double gradient_scale;
  Accumulator<T>* loss;
  bool gradient;
  std::int64_t vocabulary;
};

// One attention: see ops/cpu/attention.cc for who calls what.
template <class T>
struct AttentionArgs {
  const T *q, *k, *v, *out, *dout;
  std::int64_t q_token, q_head, k_token, k_head, v_token, v_head, out_token, out_head, dout_token, dout_head;  // strides
  Accumulator<T>* log_sum_exp;                                                                                 // [heads, tokens]
  std::int64_t tokens, heads, kv_heads, head_dim, window;
  double scale;
  T *out_written, *dq, *dk, *dv;
  std::int64_t dq_token, dq_head, dk_token, dk_head, dv_token, dv_head;
};

// Sizes of what the caller provides, aligned to 64 bytes.
struct AttentionSizes {
  std::int64_t packed_bytes;  // keys and values of a sequence of `length` tokens and one kv head, for the forward
  std::int64_t thread_bytes;  // scratch of a thread, forward or backward
  std::int64_t padded_dim;    // head_dim rounded up to whole vectors: the stride of dk's and dv's sums
};

template <class T>
struct TypeKernels {
  using A = Accumulator<T>;

  void (*rms_norm)(const RmsNormArgs<T>&, std::int64_t begin, std::int64_t end);
  // weight_sums [hidden], where not null, receives sum over the rows of dy * x * inverse_rms.
  void (*rms_norm_backward)(const RmsNormBackwardArgs<T>&, std::int64_t begin, std::int64_t end, A* weight_sums);
  void (*rope)(const RopeArgs<T>&, std::int64_t begin, std::int64_t end);
  void (*swiglu)(const SwiGluArgs<T>&, std::int64_t begin, std::int64_t end);
  void (*swiglu_backward)(const SwiGluArgs<T>&, std::int64_t begin, std::int64_t end);
  // sums[c] = sum over rows [begin, end) of x[row][c], c < width.
  void (*column_sums)(Rows<const T> x, std::int64_t width, std::int64_t begin, std::int64_t end, A* sums);
  void (*cross_entropy)(const CrossEntropyArgs<T>&, std::int64_t begin, std::int64_t end);
  // y += scale * x, n elements: from sums to a gradient of type T, from T to sums, from T to T.
  void (*add_sums)(const A* x, A scale, T* y, std::int64_t n);
  void (*add_to_sums)(const T* x, A scale, A* y, std::int64_t n);
  void (*add)(const T* x, A scale, T* y, std::int64_t n);

  AttentionSizes (*attention_sizes)(std::int64_t head_dim, std::int64_t length);
  // Forward of one sequence, tokens [begin, end): pack the keys and values of a kv head, then one tile of queries of a head at a
  // time.
  void (*attention_pack)(const AttentionArgs<T>&, std::int64_t begin, std::int64_t end, std::int64_t kv_head, void* packed);
  void (*attention_tile)(const AttentionArgs<T>&, std::int64_t begin, std::int64_t end, std::int64_t head, std::int64_t tile,
                         const void* packed, void* scratch);
  // Backward of one head of one sequence: writes dq; dk and dv [end - begin, padded_dim] are written, or added to where `add`.
  void (*attention_backward)(const AttentionArgs<T>&, std::int64_t begin, std::int64_t end, std::int64_t head, A* dk, A* dv,
                             bool add, void* scratch);
  // y = the sum of `count` vectors of n elements that lie `stride` apart, in order.
  void (*sum_vectors)(const A* x, std::int64_t count, std::int64_t stride, T* y, std::int64_t n);
};

inline constexpr std::int64_t kAttentionTile = 64;  // queries and keys of a tile

struct GemmKernels;  // gemm_kernels.h

struct Kernels {
  const char* name;
  const GemmKernels* gemm;
  TypeKernels<float> f32;
  TypeKernels<double> f64;
  TypeKernels<Bf16> bf16;

  template <class T>
  const TypeKernels<T>& Of() const;
};
template <>
inline const TypeKernels<float>& Kernels::Of<float>() const {
  return f32;
}
template <>
inline const TypeKernels<double>& Kernels::Of<double>() const {
  return f64;
}
template <>
inline const TypeKernels<Bf16>& Kernels::Of<Bf16>() const {
  return bf16;
}

}  // namespace mathcoder::train::ops::cpu
