#include "train/model/row_tensors.h"

#include <ATen/ops/empty.h>

#include <cstring>

#include "base/check.h"

namespace mathcoder::train {
namespace {

template <typename T>
at::Tensor ToDevice(const std::vector<T>& values, at::ScalarType type, at::Device device) {
  at::Tensor host = at::empty({static_cast<std::int64_t>(values.size())}, at::TensorOptions(type));
  if (!values.empty()) std::memcpy(host.data_ptr(), values.data(), values.size() * sizeof(T));
  return host.to(device);
}

}  // namespace

RowTensors MakeRowTensors(const Row& row, Wanted wanted, std::int64_t vocabulary, at::Device device) {
  const std::size_t tokens = row.ids.size();
  MC_CHECK(tokens > 0 && row.targets.size() == tokens && row.weights.size() == tokens && row.borders.size() >= 2);
  MC_CHECK(row.borders.front() == 0 && row.borders.back() == static_cast<std::int32_t>(tokens));
  RowTensors out;
  out.tokens = static_cast<std::int64_t>(tokens);
  std::vector<std::int32_t> targets;
  std::vector<float> weights;
  for (std::size_t i = 0; i < tokens; ++i) {
    MC_CHECK(row.ids[i] >= 0 && row.ids[i] < vocabulary && row.targets[i] < vocabulary);
    const bool target = row.targets[i] >= 0;
    if (wanted != Wanted::kTokens && !(target && (wanted == Wanted::kTargets || row.weights[i] != 0))) continue;
    out.host_wanted.push_back(static_cast<std::int64_t>(i));
    targets.push_back(row.targets[i]);
    weights.push_back(row.weights[i]);
  }
  out.ids = ToDevice(row.ids, at::kInt, device);
  out.sequences = MakeSequences(row.borders, device);
  out.wanted = ToDevice(out.host_wanted, at::kLong, device);
  if (wanted != Wanted::kTokens) {
    out.targets = ToDevice(targets, at::kInt, device);
    out.weights = ToDevice(weights, at::kFloat, device);
  }
  return out;
}

}  // namespace mathcoder::train
