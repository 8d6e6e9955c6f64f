// For the tests of ops/: random tensors, instruction sets one by one, finite differences, and attention spelt out as the oracle.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "train/ops/cpu/select.h"
#include "train/ops/ops.h"

namespace mathcoder::train {

// Runs the test once for each instruction set that this CPU has.
class EachKernels : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ops::cpu::UseKernels(GetParam()));
    seed_ = std::random_device{}();
    generator_.seed(seed_);
    trace_ = std::make_unique<testing::ScopedTrace>(__FILE__, __LINE__, "seed " + std::to_string(seed_));
  }
  void TearDown() override { ops::cpu::UseKernels(""); }

  at::Tensor Random(at::IntArrayRef sizes, at::ScalarType type = at::kDouble) {
    at::Tensor x = at::empty(sizes, at::kDouble);
    std::normal_distribution<double> normal;
    auto* p = x.mutable_data_ptr<double>();
    for (std::int64_t i = 0; i < x.numel(); ++i) p[i] = normal(generator_);
    return x.to(type);
  }
  // The same shape inside a wider tensor: rows are strided.
  at::Tensor Strided(at::IntArrayRef sizes, at::ScalarType type = at::kDouble) {
    std::vector<std::int64_t> wide = sizes.vec();
    wide.back() += 3;
    return Random(wide, type).narrow(-1, 0, sizes.back());
  }
  std::int64_t Uniform(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(generator_);
  }
  at::Tensor Ids(std::int64_t n, std::int64_t vocabulary) {
    at::Tensor ids = at::empty({n}, at::kInt);
    for (std::int64_t i = 0; i < n; ++i) ids.mutable_data_ptr<int>()[i] = static_cast<int>(Uniform(0, vocabulary - 1));
    return ids;
  }
  std::vector<std::int32_t> Borders(const std::vector<int>& lengths) {
    std::vector<std::int32_t> borders = {0};
    for (const int length : lengths) borders.push_back(borders.back() + length);
    return borders;
  }

  // d f / d x against central differences at up to `count` random elements.
  void ExpectGradient(const char* what, const std::function<double()>& f, at::Tensor x, const at::Tensor& gradient,
                      int count = 40) {
    const double scale = gradient.abs().max().item<double>() + 1e-3;
    std::vector<std::int64_t> index(static_cast<std::size_t>(x.dim()));
    for (int i = 0; i < count; ++i) {
      at::Tensor element = x, analytic = gradient;
      for (std::int64_t d = 0; d < x.dim(); ++d) {
        const std::int64_t at = Uniform(0, x.size(d) - 1);
        element = element.select(0, at), analytic = analytic.select(0, at);
      }
      const double before = element.item<double>(), step = 1e-5 * std::max(1.0, std::abs(before));
      element.fill_(before + step);
      const double above = f();
      element.fill_(before - step);
      const double below = f();
      element.fill_(before);
      ASSERT_NEAR((above - below) / (2 * step), analytic.item<double>(), 1e-6 * scale) << what;
    }
    f();  // what it writes is again that of x
  }

  std::uint32_t seed_ = 0;
  std::mt19937_64 generator_;
  std::unique_ptr<testing::ScopedTrace> trace_;
};

inline std::vector<std::string> KernelNames() {
  std::vector<std::string> names;
  for (const auto* kernels : ops::cpu::SupportedKernels()) names.emplace_back(kernels->name);
  return names;
}
inline std::string KernelName(const testing::TestParamInfo<std::string>& info) { return info.param; }

// |a - b| <= tolerance * (largest |b|, or 0.5 where that is less), everywhere.
inline void ExpectClose(const at::Tensor& a, const at::Tensor& b, double tolerance, const char* what) {
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  ASSERT_EQ(x.sizes(), y.sizes()) << what;
  ASSERT_TRUE(x.isfinite().all().item<bool>()) << what;
  EXPECT_LE((x - y).abs().max().item<double>(), tolerance * std::max(0.5, y.abs().max().item<double>())) << what;
}

// Attention with [tokens, tokens] in f64.
inline void PlainAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const std::vector<std::int32_t>& borders,
                           double scale, std::int64_t window, at::Tensor& out, at::Tensor& log_sum_exp) {
  const std::int64_t group = q.size(1) / k.size(1), tokens = q.size(0);
  out = at::zeros({tokens, q.size(1), q.size(2)}, at::kDouble);
  log_sum_exp = at::zeros({q.size(1), tokens}, at::kDouble);
  for (std::size_t s = 0; s + 1 < borders.size(); ++s) {
    const std::int64_t n = borders[s + 1] - borders[s];
    const at::Tensor distance = at::arange(n).unsqueeze(1) - at::arange(n).unsqueeze(0);
    at::Tensor hidden = distance < 0;
    if (window > 0) hidden = hidden.logical_or(distance >= window);
    for (std::int64_t head = 0; head < q.size(1); ++head) {
      const auto rows = [&](const at::Tensor& x, std::int64_t h) {
        return x.to(at::kDouble).narrow(0, borders[s], n).select(1, h);
      };
      const at::Tensor scores = (at::mm(rows(q, head), rows(k, head / group).t()) * scale).masked_fill(hidden, -INFINITY);
      out.narrow(0, borders[s], n).select(1, head).copy_(at::mm(scores.softmax(1), rows(v, head / group)));
      log_sum_exp.select(0, head).narrow(0, borders[s], n).copy_(scores.logsumexp(1));
    }
  }
}

struct AttentionShape {
  std::vector<int> lengths;
  int heads, kv_heads, head_dim, window;
};
inline const std::vector<AttentionShape> kAttentionShapes = {
    {{1}, 1, 1, 4, 0},         {{1, 2, 1, 5}, 2, 1, 3, 0}, {{7, 64, 1}, 4, 2, 16, 0},
    {{65, 130}, 6, 2, 8, 0},   {{3, 150}, 3, 1, 64, 0},    {{129}, 2, 2, 20, 0},
    {{200, 33}, 2, 1, 80, 70}, {{90}, 4, 4, 5, 1},         {{100, 64, 64}, 2, 1, 7, 33},
    {{257}, 2, 1, 128, 128},
};

}  // namespace mathcoder::train
