// Products with weights on the CPU, and the head with its loss.
#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>

#include <algorithm>

#include "train/ops/cpu/cpu_ops.h"
#include "train/ops/cpu/driver.h"
#include "train/ops/cpu/gemm.h"
#include "train/ops/cpu/sums.h"

namespace mathcoder::train::ops::cpu {
namespace {

at::Tensor ScratchTensor(Scratch& scratch, at::IntArrayRef sizes, at::ScalarType type) {
  std::int64_t bytes = static_cast<std::int64_t>(at::elementSize(type));
  for (const std::int64_t size : sizes) bytes *= size;
  return at::from_blob(scratch.Get<char>(bytes), sizes, at::TensorOptions().dtype(type));
}

// c = scale a b, or c += scale a b.
void Product(const at::Tensor& a, const at::Tensor& b, at::Tensor c, bool add, double scale = 1) {
  if (Bf16Product(a, b, c, add, scale)) return;
  if (add || scale != 1) {
    at::addmm_out(c, c, a, b, add ? 1 : 0, scale);
  } else {
    at::mm_out(c, a, b);
  }
}

}  // namespace

void Linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& y, bool add) {
  if (!bias.defined()) return Product(x, weight.t(), y, add);
  at::Tensor to = y;
  if (add) {
    to.add_(bias);
    Product(x, weight.t(), y, true);
  } else {
    to.copy_(bias.expand_as(to));
    Product(x, weight.t(), to, true);
  }
}

void LinearBackwardInput(const at::Tensor& dy, const at::Tensor& weight, const at::Tensor& dx, bool add) {
  Product(dy, weight, dx, add);
}

void LinearBackwardWeight(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& dweight, const at::Tensor& dbias,
                          double scale) {
  if (dweight.scalar_type() == dy.scalar_type()) {
    Product(dy.t(), x, dweight, true, scale);
  } else if (!Bf16Product(dy.t(), x, dweight, true, scale)) {
    thread_local Scratch scratch;
    const at::Tensor product = ScratchTensor(scratch, dweight.sizes(), dy.scalar_type());
    Product(dy.t(), x, product, false);
    WithKernels(dy, [&](auto type, const auto& kernels) {
      using T = decltype(type);
      using A = Accumulator<T>;
      ParallelRows(dweight.size(0), dweight.size(1), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          kernels.add_to_sums(Data<T>(product) + row * product.stride(0), static_cast<A>(scale),
                              Data<A>(dweight) + row * dweight.stride(0), dweight.size(1));
        }
      });
    });
  }
  if (!dbias.defined()) return;
  WithKernels(dy, [&](auto type, const auto& kernels) {
    using T = decltype(type);
    SumOverRows<T>(kernels, dy.size(0), dy.size(1), scale, dbias, [&](std::int64_t begin, std::int64_t end, Accumulator<T>* sums) {
      kernels.column_sums(RowsOf<const T>(dy), dy.size(1), begin, end, sums);
    });
  });
}

void CrossEntropy(const at::Tensor& h, const at::Tensor& weight, const at::Tensor& targets, const at::Tensor& weights,
                  const CrossEntropyOptions& options, const at::Tensor& loss, const at::Tensor& dh, const at::Tensor& dweight) {
  const std::int64_t rows = h.size(0), vocabulary = weight.size(0);
  std::int64_t block = options.block_rows;
  // Each block reads and writes the weight's gradient once: below some 500 rows that costs more than the products save.
  if (block <= 0) block = std::max<std::int64_t>(512, (16 << 20) / (vocabulary * h.element_size()));
  block = std::min(block, rows);
  const bool gradient = dh.defined() || dweight.defined();
  const auto* id = Data<const std::int32_t>(targets);
  for (std::int64_t row = 0; row < rows; ++row) MC_CHECK(id[row] >= 0 && id[row] < vocabulary);
  thread_local Scratch scratch;
  for (std::int64_t begin = 0; begin < rows; begin += block) {
    const std::int64_t count = std::min(block, rows - begin);
    const at::Tensor h_block = h.narrow(0, begin, count);
    const at::Tensor logits = ScratchTensor(scratch, {count, vocabulary}, h.scalar_type());
    Linear(h_block, weight, {}, logits, false);
    WithKernels(h, [&](auto type, const auto& kernels) {
      using T = decltype(type);
      const CrossEntropyArgs<T> args{
          RowsOf<T>(logits), id + begin, Data<float>(weights) + begin, options.gradient_scale, Data<Accumulator<T>>(loss) + begin,
          gradient,          vocabulary};
      Parallel(count, 1, [&](std::int64_t from, std::int64_t to) { kernels.cross_entropy(args, from, to); });
    });
    if (dh.defined()) LinearBackwardInput(logits, weight, dh.narrow(0, begin, count), false);
    if (dweight.defined()) LinearBackwardWeight(logits, h_block, dweight, {}, 1);
  }
}

}  // namespace mathcoder::train::ops::cpu
