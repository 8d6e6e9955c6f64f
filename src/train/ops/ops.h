// What a transformer computes, forward and backward, each with its gradient written by hand. One row of packed sequences at a time: all
// activations are [tokens, ...] without a batch dimension and without padding; where sequences begin and end is in Sequences.
//
// Conventions
//   - Tensors are on one device, of one floating type ("the compute type": f32, bf16; f64 for checks of gradients), except where a type
//     is named. Sums and statistics are taken in f32 (f64 for f64). The last dimension is contiguous; rows may be strided.
//   - Outputs are given by the caller, with their shapes; nothing is allocated but scratch. "adds to" means accumulation: dx += ...
//   - Gradients of weights add to tensors of the gradient type, which may be f32 while the compute type is bf16.
//   - Results do not depend on the number of threads: every sum has one order. (Needed for runs that resume to the bit.)
//   - Wrong shapes are bugs (MC_CHECK). Not thread-safe with itself on the same tensors; kernels use libtorch's thread pool.
// On the CPU the kernels are ours (ops/cpu/, compiled for several instruction sets and chosen at run time), matrix products libtorch's. On
// CUDA: ops/cuda/.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace mathcoder::train {

// Where the packed sequences of a row lie. Attention never crosses a border, positions restart at each.
struct Sequences {
  at::Tensor borders;                      // i32 [sequences + 1] on the device: 0 = first begin, last = tokens
  at::Tensor positions;                    // i32 [tokens] on the device: 0, 1, ... in each sequence
  std::vector<std::int32_t> host_borders;  // the same as `borders`
  std::int32_t longest = 0;                // tokens of the longest sequence
};
Sequences MakeSequences(std::vector<std::int32_t> borders, at::Device device);

namespace ops {

// y[t] = x[t] / sqrt(mean(x[t]^2) + eps) * weight. x, y [tokens, hidden]; weight [hidden]; inverse_rms f32 [tokens] (f64 for f64).
void RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps, at::Tensor& y, at::Tensor& inverse_rms);
// h += delta, then y = RmsNorm(h): the residual connection and the norm after it in one pass over memory.
void AddRmsNorm(at::Tensor& h, const at::Tensor& delta, const at::Tensor& weight, double eps, at::Tensor& y, at::Tensor& inverse_rms);
// y again from what was kept (selective checkpointing keeps x and inverse_rms, not y).
void RmsNormAgain(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms, at::Tensor& y);
// Adds to dx [tokens, hidden] (the residual stream's gradient, which is there already) and, where defined, to dweight [hidden].
void RmsNormBackward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms, at::Tensor& dx,
                     at::Tensor dweight);

// cos and sin of position * inverse_frequency, f32 [positions, head_dim / 2] each (f64 for f64 models).
struct RopeTable {
  at::Tensor cos, sin;
};
// Rotates x [tokens, heads, head_dim] in place: element i with element i + head_dim / 2 (Hugging Face's order).
void Rope(at::Tensor& x, const at::Tensor& positions, const RopeTable& table);
// The gradient of Rope: the rotation back. In place on dx.
void RopeBackward(at::Tensor& dx, const at::Tensor& positions, const RopeTable& table);

// out [tokens, width] = silu(gate) * up, gate_up [tokens, 2 * width]: gate first.
void SwiGlu(const at::Tensor& gate_up, at::Tensor& out);
// gate_up becomes its own gradient in place. `out_again`, where defined, receives the forward's output (for the gradient of the product
// that follows, when it was not kept).
void SwiGluBackward(const at::Tensor& dout, at::Tensor& gate_up, at::Tensor out_again);

// Causal attention inside each sequence, grouped heads: q [tokens, heads, head_dim], k and v [tokens, kv_heads, head_dim] (views of one
// tensor may be given), out [tokens, heads, head_dim]; log_sum_exp f32 [heads, tokens] (f64 for f64) is kept for the backward.
// window > 0: a token sees itself and the window - 1 tokens before it (Mistral's sliding window); 0: all before it.
// Never holds [tokens, tokens]: memory is O(tokens). FlashAttention (arXiv 2205.14135, 2307.08691).
void Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sequences& sequences, double scale, std::int64_t window,
               at::Tensor& out, at::Tensor& log_sum_exp);
// dq, dk, dv are written (not added to); they may be views of one tensor, and may not overlap q, k, v.
void AttentionBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                       const at::Tensor& log_sum_exp, const Sequences& sequences, double scale, std::int64_t window, at::Tensor& dq,
                       at::Tensor& dk, at::Tensor& dv);

// out[t] = weight[ids[t]]; ids i32 [tokens], weight [vocabulary, hidden].
void Embedding(const at::Tensor& ids, const at::Tensor& weight, at::Tensor& out);
// Adds to dweight [vocabulary, hidden], in the order of tokens.
void EmbeddingBackward(const at::Tensor& ids, const at::Tensor& dout, at::Tensor& dweight);

// y = x W^T (+ bias): x [tokens, in], weight [out, in], y [tokens, out]. `add`: y += instead.
void Linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias_or_undefined, at::Tensor& y, bool add = false);
// dx = dy W, or dx += with `add`.
void LinearBackwardInput(const at::Tensor& dy, const at::Tensor& weight, at::Tensor& dx, bool add = false);
// dweight += scale * dy^T x, and where defined dbias += scale * column sums of dy. dweight and dbias of the gradient type.
void LinearBackwardWeight(const at::Tensor& dy, const at::Tensor& x, at::Tensor& dweight, at::Tensor dbias = {}, double scale = 1);

// The output head and its loss, in blocks of rows: never holds [rows, vocabulary] at once (arXiv 2411.09009 has the idea).
struct CrossEntropyOptions {
  std::int64_t block_rows = 0;  // rows whose logits are held at a time; 0: 512, or more where they fit 16 MiB
  // Where defined, d(sum_i weights[i] * loss[i]) * gradient_scale is written to dh and added to dweight.
  double gradient_scale = 1;
};
// h [rows, hidden], weight [vocabulary, hidden], targets i32 [rows] (each in 0 .. vocabulary-1), weights f32 [rows].
// loss f32 [rows] (f64 for f64): -log softmax(h W^T)[target], not weighted. dh [rows, hidden] is written; dweight [vocabulary, hidden] is
// added to; both may be undefined (evaluation; a frozen head). Rows of weight 0 should be left out by the caller: they cost what others do.
void CrossEntropy(const at::Tensor& h, const at::Tensor& weight, const at::Tensor& targets, const at::Tensor& weights,
                  const CrossEntropyOptions& options, at::Tensor& loss, at::Tensor dh, at::Tensor dweight);

}  // namespace ops
}  // namespace mathcoder::train
