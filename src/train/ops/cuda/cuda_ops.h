// The operations of ops.h on CUDA; the same contracts. Shapes have been checked, except that ids and targets beyond the vocabulary
// are found by the kernels, which stop the device. Everything is enqueued on the current stream of the tensors' device; scratch is
// libtorch's caching allocator's. Attention in bf16 is libtorch's FlashAttention, everything else about a token is a kernel of
// kernels/, matrix products are cuBLAS's through libtorch.
#pragma once

#include "train/ops/ops.h"

namespace mathcoder::train::ops::cuda {

// RmsNorm, AddRmsNorm (delta defined) and RmsNormAgain (again) are one.
void RmsNorm(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight, double eps, bool again, const at::Tensor& y,
             const at::Tensor& inverse_rms);
void RmsNormBackward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms,
                     const at::Tensor& dx, const at::Tensor& dweight);
void Rope(const at::Tensor& x, const at::Tensor& positions, const RopeTable& table, bool back);
void SwiGlu(const at::Tensor& gate_up, const at::Tensor& out);
void SwiGluBackward(const at::Tensor& dout, const at::Tensor& gate_up, const at::Tensor& out_again);
void Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sequences& sequences, double scale,
               std::int64_t window, const at::Tensor& out, const at::Tensor& log_sum_exp);
void AttentionBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                       const at::Tensor& log_sum_exp, const Sequences& sequences, double scale, std::int64_t window,
                       const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv);
void Embedding(const at::Tensor& ids, const at::Tensor& weight, const at::Tensor& out);
void EmbeddingBackward(const at::Tensor& ids, const at::Tensor& dout, const at::Tensor& dweight);
void Linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& y, bool add);
void LinearBackwardInput(const at::Tensor& dy, const at::Tensor& weight, const at::Tensor& dx, bool add);
void LinearBackwardWeight(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& dweight, const at::Tensor& dbias,
                          double scale);
void CrossEntropy(const at::Tensor& h, const at::Tensor& weight, const at::Tensor& targets, const at::Tensor& weights,
                  const CrossEntropyOptions& options, const at::Tensor& loss, const at::Tensor& dh, const at::Tensor& dweight);

}  // namespace mathcoder::train::ops::cuda
