// From tensors to what kernels take. For ops/cuda/ and optim/cuda/.
#pragma once

#include <ATen/core/Tensor.h>

#include "base/check.h"
#include "train/ops/cuda/kernels/types.h"

namespace mathcoder::train::cuda {

// f(T{}) with the element type of x.
template <class F>
void WithType(const at::Tensor& x, F&& f) {
  switch (x.scalar_type()) {
    case at::kFloat:
      return f(float{});
    case at::kDouble:
      return f(double{});
    default:
      MC_CHECK(x.scalar_type() == at::kBFloat16);
      return f(Bf16{});
  }
}

template <class T>
T* Data(const at::Tensor& x) {
  return x.defined() ? static_cast<T*>(x.data_ptr()) : nullptr;
}
template <class T>
Rows<T> RowsOf(const at::Tensor& x) {
  return x.defined() ? Rows<T>{Data<T>(x), x.stride(0)} : Rows<T>{};
}

inline at::TensorOptions Sums(const at::Tensor& x) {
  return x.options().dtype(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

}  // namespace mathcoder::train::cuda
