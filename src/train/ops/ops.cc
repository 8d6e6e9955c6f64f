// Each operation: the shapes, then the device. On the CPU ops/cpu/, on CUDA ops/cuda/.
#include "train/ops/ops.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "train/ops/cpu/cpu_ops.h"
#ifdef MATHCODER_TRAIN_CUDA
#include "train/ops/cuda/cuda_ops.h"
#endif

namespace mathcoder::train {
namespace {

[[maybe_unused]] base::Error NoKernels(const at::Tensor& x) {
  return base::Unavailable("training on " + x.device().str() +
                           ": this build has kernels for the CPU alone; train on cpu, or build with CUDA");
}

}  // namespace

// The one place where a device is chosen.
#ifdef MATHCODER_TRAIN_CUDA
#define MC_ON_DEVICE(x, call)             \
  do {                                    \
    if ((x).is_cpu()) return cpu::call;   \
    if ((x).is_cuda()) return cuda::call; \
    throw NoKernels(x);                   \
  } while (false)
#else
#define MC_ON_DEVICE(x, call)           \
  do {                                  \
    if ((x).is_cpu()) return cpu::call; \
    throw NoKernels(x);                 \
  } while (false)
#endif

Sequences MakeSequences(std::vector<std::int32_t> borders, at::Device device) {
  MC_CHECK(!borders.empty() && borders.front() == 0);
  Sequences sequences;
  const std::int64_t tokens = borders.back();
  at::Tensor positions = at::empty({tokens}, at::kInt);
  auto* position = positions.mutable_data_ptr<std::int32_t>();
  for (std::size_t i = 0; i + 1 < borders.size(); ++i) {
    MC_CHECK(borders[i] < borders[i + 1]);
    sequences.longest = std::max(sequences.longest, borders[i + 1] - borders[i]);
    for (std::int32_t token = borders[i]; token < borders[i + 1]; ++token) position[token] = token - borders[i];
  }
  at::Tensor ends = at::empty({static_cast<std::int64_t>(borders.size())}, at::kInt);
  std::memcpy(ends.mutable_data_ptr<std::int32_t>(), borders.data(), borders.size() * sizeof(std::int32_t));
  sequences.borders = ends.to(device);
  sequences.positions = positions.to(device);
  sequences.host_borders = std::move(borders);
  return sequences;
}

namespace ops {
namespace {

at::ScalarType AccumulatorType(const at::Tensor& x) { return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat; }

void CheckRows(const at::Tensor& x, at::ScalarType type, std::initializer_list<std::int64_t> sizes) {
  MC_CHECK(x.defined() && x.scalar_type() == type);
  MC_CHECK(x.sizes() == at::IntArrayRef(sizes));
  MC_CHECK(x.numel() == 0 || x.size(-1) == 1 || x.stride(-1) == 1);
}
// Of the gradient's type: that of x, or its accumulator's.
void CheckGradient(const at::Tensor& gradient, const at::Tensor& x, std::initializer_list<std::int64_t> sizes) {
  MC_CHECK(gradient.scalar_type() == x.scalar_type() || gradient.scalar_type() == AccumulatorType(x));
  CheckRows(gradient, gradient.scalar_type(), sizes);
}
void CheckDense(const at::Tensor& x, at::ScalarType type, std::initializer_list<std::int64_t> sizes) {
  CheckRows(x, type, sizes);
  MC_CHECK(x.is_contiguous());
}

void Norm(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight, double eps, bool again, const at::Tensor& y,
          const at::Tensor& inverse_rms) {
  MC_CHECK(x.dim() == 2);
  CheckRows(x, x.scalar_type(), {x.size(0), x.size(1)});
  if (delta.defined()) CheckRows(delta, x.scalar_type(), {x.size(0), x.size(1)});
  CheckDense(weight, x.scalar_type(), {x.size(1)});
  CheckRows(y, x.scalar_type(), {x.size(0), x.size(1)});
  CheckDense(inverse_rms, AccumulatorType(x), {x.size(0)});
  MC_ON_DEVICE(x, RmsNorm(x, delta, weight, eps, again, y, inverse_rms));
}

void CheckRope(const at::Tensor& x, const at::Tensor& positions, const RopeTable& table) {
  MC_CHECK(x.dim() == 3 && x.size(2) % 2 == 0);
  CheckRows(x, x.scalar_type(), {x.size(0), x.size(1), x.size(2)});
  CheckDense(positions, at::kInt, {x.size(0)});
  CheckDense(table.cos, AccumulatorType(x), {table.cos.size(0), x.size(2) / 2});
  CheckDense(table.sin, AccumulatorType(x), {table.cos.size(0), x.size(2) / 2});
}

void CheckAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sequences& sequences,
                    const at::Tensor& out, const at::Tensor& log_sum_exp) {
  MC_CHECK(q.dim() == 3 && k.dim() == 3);
  const std::int64_t tokens = q.size(0), heads = q.size(1), kv_heads = k.size(1), dim = q.size(2);
  MC_CHECK(kv_heads > 0 && heads % kv_heads == 0 && sequences.host_borders.back() == tokens);
  CheckRows(q, q.scalar_type(), {tokens, heads, dim});
  CheckRows(k, q.scalar_type(), {tokens, kv_heads, dim});
  CheckRows(v, q.scalar_type(), {tokens, kv_heads, dim});
  CheckRows(out, q.scalar_type(), {tokens, heads, dim});
  CheckDense(log_sum_exp, AccumulatorType(q), {heads, tokens});
}

}  // namespace

void RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps, at::Tensor& y, at::Tensor& inverse_rms) {
  Norm(x, {}, weight, eps, false, y, inverse_rms);
}

void AddRmsNorm(at::Tensor& h, const at::Tensor& delta, const at::Tensor& weight, double eps, at::Tensor& y,
                at::Tensor& inverse_rms) {
  MC_CHECK(delta.defined());
  Norm(h, delta, weight, eps, false, y, inverse_rms);
}

void RmsNormAgain(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms, at::Tensor& y) {
  Norm(x, {}, weight, 0, true, y, inverse_rms);
}

void RmsNormBackward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms,
                     at::Tensor& dx, at::Tensor dweight) {
  MC_CHECK(x.dim() == 2);
  CheckRows(x, x.scalar_type(), {x.size(0), x.size(1)});
  CheckRows(dy, x.scalar_type(), {x.size(0), x.size(1)});
  CheckRows(dx, x.scalar_type(), {x.size(0), x.size(1)});
  CheckDense(weight, x.scalar_type(), {x.size(1)});
  CheckDense(inverse_rms, AccumulatorType(x), {x.size(0)});
  if (dweight.defined()) CheckGradient(dweight, x, {x.size(1)});
  MC_ON_DEVICE(x, RmsNormBackward(dy, x, weight, inverse_rms, dx, dweight));
}

void Rope(at::Tensor& x, const at::Tensor& positions, const RopeTable& table) {
  CheckRope(x, positions, table);
  MC_ON_DEVICE(x, Rope(x, positions, table, false));
}

void RopeBackward(at::Tensor& dx, const at::Tensor& positions, const RopeTable& table) {
  CheckRope(dx, positions, table);
  MC_ON_DEVICE(dx, Rope(dx, positions, table, true));
}

void SwiGlu(const at::Tensor& gate_up, at::Tensor& out) {
  MC_CHECK(out.dim() == 2);
  CheckRows(out, out.scalar_type(), {out.size(0), out.size(1)});
  CheckRows(gate_up, out.scalar_type(), {out.size(0), 2 * out.size(1)});
  MC_ON_DEVICE(out, SwiGlu(gate_up, out));
}

void SwiGluBackward(const at::Tensor& dout, at::Tensor& gate_up, at::Tensor out_again) {
  MC_CHECK(dout.dim() == 2);
  CheckRows(dout, dout.scalar_type(), {dout.size(0), dout.size(1)});
  CheckRows(gate_up, dout.scalar_type(), {dout.size(0), 2 * dout.size(1)});
  if (out_again.defined()) CheckRows(out_again, dout.scalar_type(), {dout.size(0), dout.size(1)});
  MC_ON_DEVICE(dout, SwiGluBackward(dout, gate_up, out_again));
}

void Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sequences& sequences, double scale,
               std::int64_t window, at::Tensor& out, at::Tensor& log_sum_exp) {
  CheckAttention(q, k, v, sequences, out, log_sum_exp);
  MC_ON_DEVICE(q, Attention(q, k, v, sequences, scale, window, out, log_sum_exp));
}

void AttentionBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                       const at::Tensor& log_sum_exp, const Sequences& sequences, double scale, std::int64_t window, at::Tensor& dq,
                       at::Tensor& dk, at::Tensor& dv) {
  CheckAttention(q, k, v, sequences, out, log_sum_exp);
  CheckAttention(dq, dk, dv, sequences, dout, log_sum_exp);
  MC_CHECK(dq.sizes() == q.sizes() && dk.sizes() == k.sizes() && dq.scalar_type() == q.scalar_type());
  MC_ON_DEVICE(q, AttentionBackward(dout, q, k, v, out, log_sum_exp, sequences, scale, window, dq, dk, dv));
}

void Embedding(const at::Tensor& ids, const at::Tensor& weight, at::Tensor& out) {
  MC_CHECK(weight.dim() == 2);
  CheckDense(ids, at::kInt, {ids.numel()});
  CheckRows(weight, weight.scalar_type(), {weight.size(0), weight.size(1)});
  CheckRows(out, weight.scalar_type(), {ids.numel(), weight.size(1)});
  MC_ON_DEVICE(weight, Embedding(ids, weight, out));
}

void EmbeddingBackward(const at::Tensor& ids, const at::Tensor& dout, at::Tensor& dweight) {
  MC_CHECK(dweight.dim() == 2);
  CheckDense(ids, at::kInt, {ids.numel()});
  CheckRows(dout, dout.scalar_type(), {ids.numel(), dweight.size(1)});
  CheckGradient(dweight, dout, {dweight.size(0), dweight.size(1)});
  MC_ON_DEVICE(dweight, EmbeddingBackward(ids, dout, dweight));
}

void Linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias_or_undefined, at::Tensor& y, bool add) {
  MC_CHECK(x.dim() == 2 && weight.dim() == 2);
  CheckRows(x, x.scalar_type(), {x.size(0), weight.size(1)});
  CheckRows(weight, x.scalar_type(), {weight.size(0), weight.size(1)});
  CheckRows(y, x.scalar_type(), {x.size(0), weight.size(0)});
  if (bias_or_undefined.defined()) CheckDense(bias_or_undefined, x.scalar_type(), {weight.size(0)});
  MC_ON_DEVICE(x, Linear(x, weight, bias_or_undefined, y, add));
}

void LinearBackwardInput(const at::Tensor& dy, const at::Tensor& weight, at::Tensor& dx, bool add) {
  MC_CHECK(dy.dim() == 2 && weight.dim() == 2);
  CheckRows(dy, dy.scalar_type(), {dy.size(0), weight.size(0)});
  CheckRows(weight, dy.scalar_type(), {weight.size(0), weight.size(1)});
  CheckRows(dx, dy.scalar_type(), {dy.size(0), weight.size(1)});
  MC_ON_DEVICE(dy, LinearBackwardInput(dy, weight, dx, add));
}

void LinearBackwardWeight(const at::Tensor& dy, const at::Tensor& x, at::Tensor& dweight, at::Tensor dbias, double scale) {
  MC_CHECK(dy.dim() == 2 && x.dim() == 2);
  CheckRows(dy, x.scalar_type(), {x.size(0), dy.size(1)});
  CheckRows(x, x.scalar_type(), {x.size(0), x.size(1)});
  CheckGradient(dweight, x, {dy.size(1), x.size(1)});
  if (dbias.defined()) CheckGradient(dbias, x, {dy.size(1)});
  MC_ON_DEVICE(dy, LinearBackwardWeight(dy, x, dweight, dbias, scale));
}

void CrossEntropy(const at::Tensor& h, const at::Tensor& weight, const at::Tensor& targets, const at::Tensor& weights,
                  const CrossEntropyOptions& options, at::Tensor& loss, at::Tensor dh, at::Tensor dweight) {
  MC_CHECK(h.dim() == 2 && weight.dim() == 2);
  CheckRows(h, h.scalar_type(), {h.size(0), weight.size(1)});
  CheckRows(weight, h.scalar_type(), {weight.size(0), weight.size(1)});
  CheckDense(targets, at::kInt, {h.size(0)});
  CheckDense(weights, at::kFloat, {h.size(0)});
  CheckDense(loss, AccumulatorType(h), {h.size(0)});
  if (dh.defined()) CheckRows(dh, h.scalar_type(), {h.size(0), h.size(1)});
  if (dweight.defined()) CheckGradient(dweight, h, {weight.size(0), weight.size(1)});
  MC_ON_DEVICE(h, CrossEntropy(h, weight, targets, weights, options, loss, dh, dweight));
}

}  // namespace ops
}  // namespace mathcoder::train
