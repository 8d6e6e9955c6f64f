// What launches the kernels of operations: pointers on the device, sizes, a stream. Contracts: ops.h; checks of shapes are the
// caller's. Each is instantiated for float, double and Bf16. Launches are asynchronous. Throw std::runtime_error where CUDA refuses
// a launch. Results depend on the input alone: every sum has one order, nothing is added atomically.
#pragma once

#include "train/ops/cuda/kernels/types.h"

namespace mathcoder::train::cuda {

template <class T>
struct RmsNormArgs {
  Rows<T> x;            // with delta: the residual stream, updated
  Rows<const T> delta;  // null: none
  const T* weight;
  Rows<T> y;
  Accumulator<T>* inverse_rms;
  double eps;
  bool again;  // inverse_rms is given
  std::int64_t rows, hidden;
};
template <class T>
void RmsNorm(const RmsNormArgs<T>& args, Stream stream);

template <class T>
struct RmsNormBackwardArgs {
  Rows<const T> dy, x;
  const T* weight;
  const Accumulator<T>* inverse_rms;
  Rows<T> dx;                // added to
  Accumulator<T>* partials;  // [RmsNormPartials(rows), hidden]: sums of the weight's gradient, to be added up; null: none
  std::int64_t rows, hidden;
};
std::int64_t RmsNormPartials(std::int64_t rows);
template <class T>
void RmsNormBackward(const RmsNormBackwardArgs<T>& args, Stream stream);

// partials [ColumnPartials(rows), width] = sums of the columns of x, each of some rows.
std::int64_t ColumnPartials(std::int64_t rows);
template <class T>
void SumColumns(Rows<const T> x, std::int64_t rows, std::int64_t width, Accumulator<T>* partials, Stream stream);
// out [width] += scale * the sum over partials [count, width], in order. G: T, or the type of sums.
template <class G>
void AddPartials(const Accumulator<G>* partials, std::int64_t count, std::int64_t width, double scale, G* out, Stream stream);

template <class T>
struct RopeArgs {
  T* x;
  std::int64_t tokens, heads, head_dim, token_stride, head_stride;
  const std::int32_t* positions;
  const Accumulator<T>*cos, *sin;  // rows of head_dim / 2
  bool back;
};
template <class T>
void Rope(const RopeArgs<T>& args, Stream stream);

template <class T>
struct SwiGluArgs {
  Rows<T> gate_up;  // the backward writes it
  Rows<const T> dout;
  Rows<T> out;  // the backward's: may be null
  std::int64_t rows, width;
};
template <class T>
void SwiGlu(const SwiGluArgs<T>& args, Stream stream);
template <class T>
void SwiGluBackward(const SwiGluArgs<T>& args, Stream stream);

template <class T>
void Embedding(const std::int32_t* ids, Rows<const T> weight, std::int64_t vocabulary, Rows<T> out, std::int64_t tokens,
               std::int64_t width, Stream stream);
// ids, sorted, and the token that each came from, in the order of tokens where ids are equal. G: T, or the type of sums.
template <class T, class G>
void EmbeddingBackward(const std::int32_t* sorted_ids, const std::int64_t* token_of, Rows<const T> dout, Rows<G> dweight,
                       std::int64_t vocabulary, std::int64_t tokens, std::int64_t width, Stream stream);

template <class T>
struct CrossEntropyArgs {
  Rows<T> logits;  // becomes the gradient where `gradient`
  const std::int32_t* targets;
  const float* weights;
  double gradient_scale;
  Accumulator<T>* loss;
  bool gradient;
  std::int64_t rows, vocabulary;
};
template <class T>
void CrossEntropy(const CrossEntropyArgs<T>& args, Stream stream);

// x [rows, width] += bias [width].
template <class T>
void AddBias(Rows<T> x, const T* bias, std::int64_t rows, std::int64_t width, Stream stream);

// Attention of any type and head size: the way for f32 and f64, and for head sizes that the fast one does not take
// (attention_cuda.cc).
template <class T>
struct AttentionArgs {
  const T *q, *k, *v;
  std::int64_t q_token, q_head, k_token, k_head, v_token, v_head;  // strides
  const T *out, *dout;                                             // of the backward
  std::int64_t out_token, out_head, dout_token, dout_head;
  Accumulator<T>* log_sum_exp;  // [heads, tokens]
  Accumulator<T>* products;     // [heads, tokens], scratch of the backward: dout . out
  const std::int32_t* positions;
  std::int64_t tokens, heads, kv_heads, head_dim, window;
  double scale;
  T *out_written, *dq, *dk, *dv;
  std::int64_t dq_token, dq_head, dk_token, dk_head, dv_token, dv_head;
};
template <class T>
void Attention(const AttentionArgs<T>& args, Stream stream);
template <class T>
void AttentionBackward(const AttentionArgs<T>& args, Stream stream);

}  // namespace mathcoder::train::cuda
