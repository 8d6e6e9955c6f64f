// For tests of CUDA's code beside the CPU's: one set of tests, run on a GPU (label gpu) and, where none is, by the emulation (label
// unit, MATHCODER_CUDA_EMULATED).
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#ifdef MATHCODER_CUDA_EMULATED
#include "train/ops/cuda/kernels/emulation.h"
#endif

namespace mathcoder::train {

class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
#ifndef MATHCODER_CUDA_EMULATED
    if (!at::hasCUDA() || at::getNumGPUs() == 0) GTEST_SKIP() << "SKIPPED: no GPU here; CUDA's code is not run";
#endif
    seed_ = std::random_device{}();
    generator_.seed(seed_);
    trace_ = std::make_unique<testing::ScopedTrace>(__FILE__, __LINE__, "seed " + std::to_string(seed_));
  }

  at::Tensor Random(at::IntArrayRef sizes, at::ScalarType type) {
    at::Tensor x = at::empty(sizes, at::kDouble);
    std::normal_distribution<double> normal;
    for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data_ptr<double>()[i] = normal(generator_);
    return x.to(type);
  }
  // Inside a tensor whose rows are `more` wider: multiples of 8 keep whole 16 bytes, others take the kernels' way of single
  // elements.
  at::Tensor Strided(at::IntArrayRef sizes, at::ScalarType type, std::int64_t more) {
    std::vector<std::int64_t> wide = sizes.vec();
    wide.back() += more;
    return Random(wide, type).narrow(-1, 0, sizes.back());
  }
  at::Tensor Integers(std::int64_t n, std::int64_t below) {
    at::Tensor x = at::empty({n}, at::kInt);
    for (std::int64_t i = 0; i < n; ++i) {
      x.mutable_data_ptr<std::int32_t>()[i] =
          std::uniform_int_distribution<std::int32_t>(0, static_cast<std::int32_t>(below) - 1)(generator_);
    }
    return x;
  }

  // A copy, with the same strides, on the device under test.
  static at::Tensor Place(const at::Tensor& x) {
#ifdef MATHCODER_CUDA_EMULATED
    return Copy(x, at::kCPU);
#else
    return Copy(x, at::kCUDA);
#endif
  }
  static at::Tensor Copy(const at::Tensor& x, at::Device device = at::kCPU) {
    if (!x.defined()) return x;
    at::Tensor copy = at::empty_strided(x.sizes(), x.strides(), x.options().device(device));
    copy.copy_(x);
    return copy;
  }

  // What f gives, on the CPU; f is run twice (in emulation with the threads in another order): the bits have to be the same.
  static std::vector<at::Tensor> Twice(const std::function<std::vector<at::Tensor>()>& f) {
    std::vector<std::vector<at::Tensor>> results;
    for (const bool backward : {false, true}) {
      static_cast<void>(backward);
#ifdef MATHCODER_CUDA_EMULATED
      cuda::emulation::SetOrder(backward ? cuda::emulation::Order::kBackward : cuda::emulation::Order::kForward);
#endif
      results.emplace_back();
      for (const at::Tensor& x : f()) results.back().push_back(x.contiguous().cpu());
    }
    for (std::size_t i = 0; i < results[0].size(); ++i) {
      EXPECT_TRUE(at::equal(results[0][i].view(at::kByte), results[1][i].view(at::kByte)))
          << "output " << i << " differs in a second run";
    }
    return results[0];
  }

  static double Tolerance(at::ScalarType type) { return type == at::kDouble ? 1e-12 : type == at::kFloat ? 1e-5 : 1e-2; }
  // |x - y| <= tolerance * largest |y|; the tolerance of y's type where none is given.
  static void ExpectClose(const at::Tensor& x, const at::Tensor& y, const std::string& what, double tolerance = 0) {
    ASSERT_EQ(x.sizes(), y.sizes()) << what;
    if (tolerance == 0) tolerance = Tolerance(y.scalar_type());
    const at::Tensor a = x.to(at::kDouble), b = y.to(at::kDouble);
    ASSERT_TRUE(a.isfinite().all().item<bool>()) << what;
    EXPECT_LE((a - b).abs().max().item<double>(), tolerance * std::max(1e-30, b.abs().max().item<double>())) << what;
  }

  std::uint32_t seed_ = 0;
  std::mt19937_64 generator_;
  std::unique_ptr<testing::ScopedTrace> trace_;
};

inline const std::vector<at::ScalarType> kTypes = {at::kFloat, at::kBFloat16, at::kDouble};
inline at::ScalarType SumType(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

}  // namespace mathcoder::train
