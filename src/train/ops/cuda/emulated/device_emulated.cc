// For tests: "the device" is the CPU, kernels run in emulation.
#include <ATen/ops/mm.h>

#include "base/check.h"
#include "train/ops/cuda/device.h"

namespace mathcoder::train::cuda {

OnDeviceOf::OnDeviceOf(const at::Tensor& x) { MC_CHECK(x.is_cpu()); }
OnDeviceOf::~OnDeviceOf() = default;

void AddProductF32(const at::Tensor& a, const at::Tensor& b, double scale, at::Tensor sum) {
  sum.add_(at::mm(a.to(at::kFloat), b.to(at::kFloat)), scale);
}

bool HasFastAttention(const at::Tensor&, const Sequences&) { return false; }
void FastAttention(const at::Tensor&, const at::Tensor&, const at::Tensor&, const Sequences&, double, std::int64_t,
                   const at::Tensor&, const at::Tensor&) {
  MC_CHECK(false);
}
void FastAttentionBackward(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
                           const at::Tensor&, const Sequences&, double, std::int64_t, const at::Tensor&, const at::Tensor&,
                           const at::Tensor&) {
  MC_CHECK(false);
}

}  // namespace mathcoder::train::cuda
