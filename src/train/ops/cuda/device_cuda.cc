#include <ATen/Context.h>
#include <ATen/ops/addmm.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

#include "train/ops/cuda/device.h"

namespace mathcoder::train::cuda {

OnDeviceOf::OnDeviceOf(const at::Tensor& x)
    : previous_(c10::cuda::ExchangeDevice(x.device().index())),
      stream_(c10::cuda::getCurrentCUDAStream(x.device().index()).stream()) {}
OnDeviceOf::~OnDeviceOf() { c10::cuda::MaybeExchangeDevice(static_cast<c10::DeviceIndex>(previous_)); }

void AddProductF32(const at::Tensor& a, const at::Tensor& b, double scale, at::Tensor sum) {
  at::addmm_out(sum, sum, a, b, at::kFloat, 1, scale);
}

}  // namespace mathcoder::train::cuda
