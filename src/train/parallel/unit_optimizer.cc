#include "train/parallel/unit_optimizer.h"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "base/check.h"

namespace mathcoder::train {
namespace {

at::ScalarType TypeOf(MomentType type) {
  switch (type) {
    case MomentType::kF32:
      return at::kFloat;
    case MomentType::kBf16:
      return at::kBFloat16;
    case MomentType::kInt8:
      return at::kByte;
  }
  MC_CHECK(false);
}

}  // namespace

UnitOptimizer::UnitOptimizer(const UnitCut& cut, Range stepped, Range own, int rank, const AdamWOptions& options,
                             at::ScalarType compute, at::Device device)
    : cut_(cut),
      stepped_(stepped),
      own_(own),
      rank_(rank),
      options_(options),
      slices_(cut.Within(stepped)),
      momenta_(cut.muon.size()) {
  const at::TensorOptions on(device);
  if (compute == at::kBFloat16) remainder_ = at::zeros({stepped.size()}, on.dtype(at::kShort));
  std::int64_t elements = 0, scales = 0;
  for (const AdamSlice& slice : slices_) {
    elements += slice.size;
    scales += slice.scales;
  }
  if (!slices_.empty()) {
    compact_ = slices_.front().compact;
    scale_ = slices_.front().scale;
  }
  first_ = at::zeros({elements}, on.dtype(TypeOf(options.moments)));
  second_ = at::zeros_like(first_);
  if (options.moments == MomentType::kInt8) {
    first_scale_ = at::zeros({scales}, on.dtype(at::kFloat));
    second_scale_ = at::zeros_like(first_scale_);
  }
  for (std::size_t i = 0; i < cut.muon.size(); ++i) {
    if (owns(i)) momenta_[i] = at::zeros(cut.muon[i].shape, on.dtype(at::kFloat));
  }
}

void UnitOptimizer::StepAdam(const at::Tensor& weights, const at::Tensor& gradient, double learning_rate, std::int64_t step,
                             double gradient_scale) {
  for (const AdamSlice& slice : slices_) {
    const std::int64_t end = slice.begin + slice.size, block = slice.begin / UnitCut::kBlock * UnitCut::kBlock;
    if (options_.moments == MomentType::kInt8 && slice.begin != block) {
      // Blocks of 8-bit moments are counted from a slice's beginning: what there is of the first one is stepped alone.
      const std::int64_t middle = std::min(end, block + UnitCut::kBlock);
      StepPiece(slice, slice.begin, middle, block, weights, gradient, learning_rate, step, gradient_scale);
      if (middle < end) StepPiece(slice, middle, end, middle, weights, gradient, learning_rate, step, gradient_scale);
    } else {
      StepPiece(slice, slice.begin, end, slice.begin, weights, gradient, learning_rate, step, gradient_scale);
    }
  }
}

// Elements [begin, end) of the slice; `index`: of the first, for rounding and blocks.
void UnitOptimizer::StepPiece(const AdamSlice& slice, std::int64_t begin, std::int64_t end, std::int64_t index,
                              const at::Tensor& weights, const at::Tensor& gradient, double learning_rate, std::int64_t step,
                              double gradient_scale) {
  const std::int64_t at = begin - stepped_.begin, size = end - begin, moment = slice.compact + begin - slice.begin - compact_;
  AdamWSlice adam;
  adam.weights = weights.narrow(0, at, size);
  if (remainder_.defined()) adam.remainder = remainder_.narrow(0, at, size);
  adam.gradient = gradient.narrow(0, at, size);
  adam.first = first_.narrow(0, moment, size);
  adam.second = second_.narrow(0, moment, size);
  if (first_scale_.defined()) {
    const std::int64_t block = begin / UnitCut::kBlock, scale = slice.scale + block - slice.begin / UnitCut::kBlock - scale_;
    const std::int64_t scales = (end - 1) / UnitCut::kBlock - block + 1;
    adam.first_scale = first_scale_.narrow(0, scale, scales);
    adam.second_scale = second_scale_.narrow(0, scale, scales);
  }
  adam.begin = index;
  adam.decay = slice.decay;
  AdamWStep(adam, options_, learning_rate, step, gradient_scale);
}

at::Tensor UnitOptimizer::UpdateOf(std::size_t matrix, const at::Tensor& gradient, const MuonOptions& options,
                                   double gradient_scale) {
  MC_CHECK(owns(matrix));
  return MuonUpdate(gradient, momenta_[matrix], options, gradient_scale);
}

void UnitOptimizer::ApplyMuon(const at::Tensor& weights, const at::Tensor& updates, std::int64_t updates_begin,
                              double learning_rate, double weight_decay) {
  for (const MuonMatrix& matrix : cut_.muon) {
    const std::int64_t begin = std::max(matrix.begin, stepped_.begin),
                       size = std::min(matrix.begin + matrix.size, stepped_.end) - begin;
    if (size <= 0) continue;
    at::Tensor slice = weights.narrow(0, begin - stepped_.begin, size), remainder;
    if (remainder_.defined()) remainder = remainder_.narrow(0, begin - stepped_.begin, size);
    ApplyUpdate(slice, remainder, updates.narrow(0, begin - updates_begin, size), learning_rate, matrix.decay ? weight_decay : 0);
  }
}

void UnitOptimizer::ApplyMuon(std::size_t matrix, const at::Tensor& weights, const at::Tensor& update, double learning_rate,
                              double weight_decay) {
  const MuonMatrix& place = cut_.muon[matrix];
  MC_CHECK(stepped_.begin == 0 && stepped_.end == cut_.size);
  at::Tensor slice = weights.narrow(0, place.begin, place.size), remainder;
  if (remainder_.defined()) remainder = remainder_.narrow(0, place.begin, place.size);
  ApplyUpdate(slice, remainder, update.reshape({-1}), learning_rate, place.decay ? weight_decay : 0);
}

std::vector<UnitOptimizer::Part> UnitOptimizer::Parts(Share share) const {
  std::vector<Part> parts;
  const Range range = share == Share::kOwn ? own_ : stepped_;
  const auto add = [&](const char* name, const at::Tensor& data, std::int64_t data_begin, std::int64_t begin, std::int64_t count,
                       std::int64_t size) {
    if (data.defined() && count > 0) parts.push_back({name, begin, size, data.narrow(0, begin - data_begin, count)});
  };
  add("remainder", remainder_, stepped_.begin, range.begin, range.size(), cut_.size);
  if (const std::vector<AdamSlice> slices = cut_.Within(range); !slices.empty()) {
    std::int64_t elements = 0, scales = 0;
    for (const AdamSlice& slice : slices) {
      elements += slice.size;
      scales += slice.scales;
    }
    add("first", first_, compact_, slices.front().compact, elements, cut_.adam_size);
    add("second", second_, compact_, slices.front().compact, elements, cut_.adam_size);
    add("first_scale", first_scale_, scale_, slices.front().scale, scales, cut_.scales);
    add("second_scale", second_scale_, scale_, slices.front().scale, scales, cut_.scales);
  }
  for (std::size_t i = 0; i < momenta_.size(); ++i) {
    if (momenta_[i].defined()) parts.push_back({"momentum", cut_.muon[i].compact, cut_.muon_size, momenta_[i].view({-1})});
  }
  return parts;
}

std::int64_t UnitOptimizer::bytes() const {
  std::int64_t bytes = 0;
  const auto add = [&](const at::Tensor& tensor) {
    if (tensor.defined()) bytes += tensor.numel() * static_cast<std::int64_t>(tensor.element_size());
  };
  for (const at::Tensor* tensor : {&remainder_, &first_, &second_, &first_scale_, &second_scale_}) add(*tensor);
  for (const at::Tensor& momentum : momenta_) add(momentum);
  return bytes;
}

}  // namespace mathcoder::train
