// Matrix products on CUDA (cuBLAS's, through libtorch), and the loss over blocks of logits.
#include <ATen/Context.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>

#include "train/ops/cuda/cuda_ops.h"
#include "train/ops/cuda/device.h"
#include "train/ops/cuda/kernels/kernels.h"
#include "train/ops/cuda/sums.h"
#include "train/ops/cuda/tensors.h"

namespace mathcoder::train::ops::cuda {

using train::cuda::Accumulator;
using train::cuda::Data;
using train::cuda::OnDeviceOf;
using train::cuda::RowsOf;
using train::cuda::WithType;

namespace {

// Logits held at a time: many rows make the products large, which a GPU wants; they are still few beside a layer's activations.
constexpr std::int64_t kBlockBytes = std::int64_t{256} << 20;

// The contract's "sums in f32": cuBLAS may otherwise add pieces of a bf16 product in bf16.
void SumInF32() {
  static const bool once = [] {
    at::globalContext().setAllowBF16ReductionCuBLAS(false);
    return true;
  }();
  static_cast<void>(once);
}

void Product(const at::Tensor& a, const at::Tensor& b, at::Tensor out, bool add) {
  SumInF32();
  if (add) {
    at::addmm_out(out, out, a, b);
  } else {
    at::mm_out(out, a, b);
  }
}

void AddWeightGradient(const at::Tensor& dy, const at::Tensor& x, at::Tensor dweight, double scale) {
  SumInF32();
  if (dweight.scalar_type() == x.scalar_type()) {
    at::addmm_out(dweight, dweight, dy.t(), x, 1, scale);
  } else {
    train::cuda::AddProductF32(dy.t(), x, scale, dweight);
  }
}

}  // namespace

void Linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& y, bool add) {
  const OnDeviceOf device(x);
  Product(x, weight.t(), y, add);
  if (!bias.defined()) return;
  WithType(x, [&](auto type) {
    using T = decltype(type);
    train::cuda::AddBias<T>(RowsOf<T>(y), Data<const T>(bias), y.size(0), y.size(1), device.stream());
  });
}

void LinearBackwardInput(const at::Tensor& dy, const at::Tensor& weight, const at::Tensor& dx, bool add) {
  const OnDeviceOf device(dy);
  Product(dy, weight, dx, add);
}

void LinearBackwardWeight(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& dweight, const at::Tensor& dbias,
                          double scale) {
  const OnDeviceOf device(dy);
  AddWeightGradient(dy, x, dweight, scale);
  if (!dbias.defined() || dy.size(0) == 0) return;
  const at::Tensor partials = at::empty({train::cuda::ColumnPartials(dy.size(0)), dy.size(1)}, train::cuda::Sums(dy));
  WithType(dy, [&](auto type) {
    using T = decltype(type);
    train::cuda::SumColumns<T>(RowsOf<const T>(dy), dy.size(0), dy.size(1), Data<Accumulator<T>>(partials), device.stream());
  });
  train::cuda::AddPartials(partials, scale, dbias, device.stream());
}

void CrossEntropy(const at::Tensor& h, const at::Tensor& weight, const at::Tensor& targets, const at::Tensor& weights,
                  const CrossEntropyOptions& options, const at::Tensor& loss, const at::Tensor& dh, const at::Tensor& dweight) {
  const std::int64_t rows = h.size(0), vocabulary = weight.size(0);
  if (rows == 0) return;
  const OnDeviceOf device(h);
  const std::int64_t stride = (vocabulary + 15) / 16 * 16;  // rows of logits begin at whole 16 bytes
  std::int64_t block = options.block_rows;
  if (block == 0) block = std::max<std::int64_t>(128, kBlockBytes / (stride * h.element_size()) / 128 * 128);
  block = std::min(block, rows);
  const at::Tensor memory = at::empty({block, stride}, h.options());
  for (std::int64_t begin = 0; begin < rows; begin += block) {
    const std::int64_t count = std::min(block, rows - begin);
    const at::Tensor part = h.narrow(0, begin, count);
    const at::Tensor logits = memory.narrow(0, 0, count).narrow(1, 0, vocabulary);
    Product(part, weight.t(), logits, false);
    WithType(h, [&](auto type) {
      using T = decltype(type);
      const train::cuda::CrossEntropyArgs<T> args{RowsOf<T>(logits),
                                                  Data<const std::int32_t>(targets) + begin,
                                                  Data<const float>(weights) + begin,
                                                  options.gradient_scale,
                                                  Data<Accumulator<T>>(loss) + begin,
                                                  dh.defined() || dweight.defined(),
                                                  count,
                                                  vocabulary};
      train::cuda::CrossEntropy(args, device.stream());
    });
    if (dh.defined()) Product(logits, weight, dh.narrow(0, begin, count), false);
    if (dweight.defined()) AddWeightGradient(logits, part, dweight, 1);
  }
}

}  // namespace mathcoder::train::ops::cuda
