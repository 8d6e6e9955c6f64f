// What the CPU side of an operation needs: the kernels of a tensor's type, its pointers, threads, scratch that stays.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#include "base/check.h"
#include "train/ops/cpu/kernels.h"
#include "train/ops/cpu/select.h"

namespace mathcoder::train::ops::cpu {

// f(T{}, kernels of T).
template <class F>
void WithKernels(const at::Tensor& x, F&& f) {
  const Kernels& kernels = ActiveKernels();
  switch (x.scalar_type()) {
    case at::kFloat:
      return f(float{}, kernels.f32);
    case at::kDouble:
      return f(double{}, kernels.f64);
    default:
      MC_CHECK(x.scalar_type() == at::kBFloat16);
      return f(Bf16{}, kernels.bf16);
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

// body(begin, end) over 0 .. n by libtorch's threads; a piece has at least `grain` items.
template <class F>
void Parallel(std::int64_t n, std::int64_t grain, F&& body) {
  at::parallel_for(0, n, grain, body);
}
// Rows of `width` elements: enough of them that starting a thread pays.
template <class F>
void ParallelRows(std::int64_t rows, std::int64_t width, F&& body) {
  at::parallel_for(0, rows, std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, width)), body);
}

// Memory that grows and stays: a step's scratch is the next step's, without page faults. One for each thread and purpose.
class Scratch {
 public:
  template <class X>
  X* Get(std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(X);
    if (bytes > size_) {
      memory_.reset();  // before the new one
      size_ = (bytes + bytes / 8 + 63) / 64 * 64;
      memory_.reset(std::aligned_alloc(64, size_));
      if (memory_ == nullptr) {
        size_ = 0;
        throw std::bad_alloc();
      }
    }
    return static_cast<X*>(memory_.get());
  }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> memory_;
  std::size_t size_ = 0;
};

}  // namespace mathcoder::train::ops::cpu
