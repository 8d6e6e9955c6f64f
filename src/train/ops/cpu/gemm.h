// Products of bf16 matrices with sums in f32, whose order along k does not depend on threads or on the other dimensions.
#pragma once

#include <ATen/core/Tensor.h>

namespace mathcoder::train::ops::cpu {

// c = scale a b, or c += scale a b. a [m, k], b [k, n], any of them a transposed view; c [m, n] bf16 or f32, rows contiguous.
// False, and nothing done, where libtorch's product is the one to take: other types, CPUs without bf16 dot products or with tiles
// (AMX).
bool Bf16Product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, bool add, double scale);

// Whether bf16 products are faster here than f32 ones, by Bf16Product or by libtorch.
bool HasFastBf16();

}  // namespace mathcoder::train::ops::cpu
