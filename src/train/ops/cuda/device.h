// What only a device has: its stream, its products with sums of another type, its fast attention. device_cuda.cc and
// flash_attention.cc; for tests where no GPU is, device_emulated.cc, with which the rest of ops/cuda/ works on tensors of the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/ops/cuda/kernels/types.h"
#include "train/ops/ops.h"

namespace mathcoder::train::cuda {

// x's device is the current one as long as this lives.
class OnDeviceOf {
 public:
  explicit OnDeviceOf(const at::Tensor& x);
  ~OnDeviceOf();
  OnDeviceOf(const OnDeviceOf&) = delete;
  OnDeviceOf& operator=(const OnDeviceOf&) = delete;
  Stream stream() const { return stream_; }

 private:
  int previous_ = 0;
  Stream stream_ = nullptr;
};

// sum [n, m] f32 += scale * a [n, k] b [k, m], both bf16, in one product: nothing is rounded to bf16 on the way.
void AddProductF32(const at::Tensor& a, const at::Tensor& b, double scale, at::Tensor sum);

// Whether the device has a fast attention for these; if not, kernels/attention.cu does it.
bool HasFastAttention(const at::Tensor& q, const Sequences& sequences);
// As ops::Attention and ops::AttentionBackward. Precondition: HasFastAttention.
void FastAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sequences& sequences, double scale,
                   std::int64_t window, const at::Tensor& out, const at::Tensor& log_sum_exp);
void FastAttentionBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const at::Tensor& out, const at::Tensor& log_sum_exp, const Sequences& sequences, double scale,
                           std::int64_t window, const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv);

}  // namespace mathcoder::train::cuda
