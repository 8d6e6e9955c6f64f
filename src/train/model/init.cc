#include "train/model/init.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <numbers>
#include <string_view>

#include "base/check.h"
#include "train/model/philox.h"

namespace mathcoder::train {
namespace {

constexpr double kDeviation = 0.02;

std::uint64_t Fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// In (0, 1): the middle of one of 2^32 intervals, so never 0.
double Unit(std::uint32_t bits) { return (static_cast<double>(bits) + 0.5) * 0x1p-32; }

// Calls value(four uniform bits) -> four floats for every group of four elements.
template <typename Four>
at::Tensor Fill(const Parameter& parameter, std::uint64_t seed, const Four& four) {
  at::Tensor out = at::empty(parameter.shape, at::kFloat);
  float* data = out.mutable_data_ptr<float>();
  const std::uint64_t stream = Fnv1a(parameter.name);
  const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  const std::int64_t size = out.numel();
  at::parallel_for(0, (size + 3) / 4, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::array<std::uint32_t, 4> counter = {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32),
                                                    static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)};
      const std::array<double, 4> values = four(Philox(counter, key));
      for (std::int64_t j = 0; j < 4 && 4 * i + j < size; ++j)
        data[4 * i + j] = static_cast<float>(values[static_cast<std::size_t>(j)]);
    }
  });
  return out;
}

at::Tensor Normal(const Parameter& parameter, std::uint64_t seed, double deviation) {
  return Fill(parameter, seed, [deviation](const std::array<std::uint32_t, 4>& bits) {  // Box and Muller, twice
    std::array<double, 4> out{};
    for (std::size_t pair = 0; pair < 4; pair += 2) {
      const double radius = deviation * std::sqrt(-2 * std::log(Unit(bits[pair])));
      const double angle = 2 * std::numbers::pi * Unit(bits[pair + 1]);
      out[pair] = radius * std::cos(angle);
      out[pair + 1] = radius * std::sin(angle);
    }
    return out;
  });
}

at::Tensor Uniform(const Parameter& parameter, std::uint64_t seed, double bound) {
  return Fill(parameter, seed, [bound](const std::array<std::uint32_t, 4>& bits) {
    std::array<double, 4> out{};
    for (std::size_t i = 0; i < 4; ++i) out[i] = bound * (2 * Unit(bits[i]) - 1);
    return out;
  });
}

}  // namespace

at::Tensor InitialValue(const Parameter& parameter, const weights::ModelConfig& config, std::uint64_t seed) {
  const std::string& name = parameter.name;
  if (name.ends_with(".lora_B.weight")) return at::zeros(parameter.shape, at::kFloat);
  if (name.ends_with(".lora_A.weight")) return Uniform(parameter, seed, 1 / std::sqrt(static_cast<double>(parameter.shape[1])));
  if (name.ends_with(".bias")) return at::zeros(parameter.shape, at::kFloat);
  if (parameter.shape.size() == 1) return at::full(parameter.shape, 1, at::kFloat);
  const bool adds = name.ends_with(".o_proj.weight") || name.ends_with(".down_proj.weight");
  return Normal(parameter, seed, adds ? kDeviation / std::sqrt(2 * static_cast<double>(config.num_hidden_layers)) : kDeviation);
}

at::Tensor GrowRows(const at::Tensor& matrix, std::int64_t rows) {
  const std::int64_t old = matrix.size(0);
  MC_CHECK(old > 0 && rows >= old);
  at::Tensor out = at::empty({rows, matrix.size(1)}, matrix.options());
  out.narrow(0, 0, old).copy_(matrix);
  if (rows > old) out.narrow(0, old, rows - old).copy_(matrix.mean(0, true, at::kDouble).expand({rows - old, -1}));
  return out;
}

}  // namespace mathcoder::train
