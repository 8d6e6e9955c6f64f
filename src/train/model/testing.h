// Shared by the tests of the model: small configurations, random weights and rows.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <random>
#include <string>
#include <vector>

#include "train/model/local_store.h"
#include "train/model/model.h"

namespace mathcoder::train::testing {

inline weights::ModelConfig SmallConfig() {
  weights::ModelConfig config;
  config.vocab_size = 61;
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 8;
  return config;
}

// Every parameter random, norms about 1.
inline void Randomize(LocalStore& store, std::uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  std::vector<std::pair<std::string, at::Tensor>> values;
  store.ForEachParameter([&](const Parameter& parameter, const at::Tensor&) {
    at::Tensor value = at::randn(parameter.shape, generator, at::kDouble).mul_(0.15);
    if (parameter.name.ends_with("norm.weight")) value.add_(1);
    values.emplace_back(parameter.name, value);
  });
  for (const auto& [name, value] : values) store.SetParameter(name, value);
}

// Sequences of random tokens, the weight of about `learned` of the targets not 0.
inline Row RandomRow(const std::vector<std::int32_t>& lengths, std::int64_t vocabulary, std::uint32_t seed, double learned = 0.6) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  Row row;
  row.borders = {0};
  for (const std::int32_t length : lengths) {
    for (std::int32_t i = 0; i < length; ++i) {
      row.ids.push_back(static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(vocabulary)));
      row.positions.push_back(i);
    }
    for (std::int32_t i = 0; i < length; ++i) {
      const bool last = i + 1 == length;
      row.targets.push_back(last ? -1 : row.ids[static_cast<std::size_t>(row.borders.back() + i + 1)]);
      row.weights.push_back(last || unit(random) >= learned ? 0.0F : static_cast<float>(0.5 + unit(random)));
      row.roles.push_back(last ? std::uint8_t{0} : static_cast<std::uint8_t>(random() % 6));
    }
    row.borders.push_back(static_cast<std::int32_t>(row.ids.size()));
  }
  return row;
}

// One example of a row, alone.
inline Row Part(const Row& row, std::size_t sequence) {
  const auto begin = row.borders[sequence], end = row.borders[sequence + 1];
  const auto cut = [&](auto& values) { return std::decay_t<decltype(values)>(values.begin() + begin, values.begin() + end); };
  return {cut(row.ids), cut(row.targets), cut(row.weights), cut(row.roles), cut(row.positions), {0, end - begin}};
}

}  // namespace mathcoder::train::testing
