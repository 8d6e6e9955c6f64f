// Attention on CUDA: the fast one where the device has it, else kernels/attention.cu.
#include <ATen/ops/empty_like.h>

#include "train/ops/cuda/cuda_ops.h"
#include "train/ops/cuda/device.h"
#include "train/ops/cuda/kernels/kernels.h"
#include "train/ops/cuda/tensors.h"

namespace mathcoder::train::ops::cuda {

using train::cuda::Accumulator;
using train::cuda::Data;
using train::cuda::OnDeviceOf;
using train::cuda::WithType;

namespace {

template <class T>
train::cuda::AttentionArgs<T> ArgsOf(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sequences& sequences,
                                     double scale, std::int64_t window, const at::Tensor& log_sum_exp) {
  train::cuda::AttentionArgs<T> args{};
  args.q = Data<const T>(q), args.q_token = q.stride(0), args.q_head = q.stride(1);
  args.k = Data<const T>(k), args.k_token = k.stride(0), args.k_head = k.stride(1);
  args.v = Data<const T>(v), args.v_token = v.stride(0), args.v_head = v.stride(1);
  args.log_sum_exp = Data<Accumulator<T>>(log_sum_exp);
  args.positions = Data<const std::int32_t>(sequences.positions);
  args.tokens = q.size(0), args.heads = q.size(1), args.kv_heads = k.size(1), args.head_dim = q.size(2);
  args.window = window, args.scale = scale;
  return args;
}

}  // namespace

void Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sequences& sequences, double scale,
               std::int64_t window, const at::Tensor& out, const at::Tensor& log_sum_exp) {
  const OnDeviceOf device(q);
  if (train::cuda::HasFastAttention(q, sequences))
    return train::cuda::FastAttention(q, k, v, sequences, scale, window, out, log_sum_exp);
  WithType(q, [&](auto type) {
    using T = decltype(type);
    auto args = ArgsOf<T>(q, k, v, sequences, scale, window, log_sum_exp);
    args.out_written = Data<T>(out), args.out_token = out.stride(0), args.out_head = out.stride(1);
    train::cuda::Attention(args, device.stream());
  });
}

void AttentionBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                       const at::Tensor& log_sum_exp, const Sequences& sequences, double scale, std::int64_t window,
                       const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv) {
  const OnDeviceOf device(q);
  if (train::cuda::HasFastAttention(q, sequences)) {
    return train::cuda::FastAttentionBackward(dout, q, k, v, out, log_sum_exp, sequences, scale, window, dq, dk, dv);
  }
  const at::Tensor products = at::empty_like(log_sum_exp);
  WithType(q, [&](auto type) {
    using T = decltype(type);
    auto args = ArgsOf<T>(q, k, v, sequences, scale, window, log_sum_exp);
    args.out = Data<const T>(out), args.out_token = out.stride(0), args.out_head = out.stride(1);
    args.dout = Data<const T>(dout), args.dout_token = dout.stride(0), args.dout_head = dout.stride(1);
    args.dq = Data<T>(dq), args.dq_token = dq.stride(0), args.dq_head = dq.stride(1);
    args.dk = Data<T>(dk), args.dk_token = dk.stride(0), args.dk_head = dk.stride(1);
    args.dv = Data<T>(dv), args.dv_token = dv.stride(0), args.dv_head = dv.stride(1);
    args.products = Data<Accumulator<T>>(products);
    train::cuda::AttentionBackward(args, device.stream());
  });
}

}  // namespace mathcoder::train::ops::cuda
