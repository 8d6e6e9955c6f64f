// What the optimizers keep of one unit in one process: moments and remainders of the elements that it steps, momenta of the
// matrices that it owns.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "train/optim/muon.h"
#include "train/optim/optimizer.h"
#include "train/parallel/unit_cut.h"

namespace mathcoder::train {

class UnitOptimizer {
 public:
  // `stepped`: the elements of the unit that this process steps; `own`: those that it saves. compute: bf16 weights have a
  // remainder.
  UnitOptimizer(const UnitCut& cut, Range stepped, Range own, int rank, const AdamWOptions& options, at::ScalarType compute,
                at::Device device);

  // weights and gradient: [stepped.size()].
  void StepAdam(const at::Tensor& weights, const at::Tensor& gradient, double learning_rate, std::int64_t step,
                double gradient_scale);
  // The update [out, in] of an owned matrix from its gradient.
  at::Tensor UpdateOf(std::size_t matrix, const at::Tensor& gradient, const MuonOptions& options, double gradient_scale);
  // Subtracts the updates (f32, those of elements `updates_begin`... of the unit's flat tensor) from the matrices' stepped
  // elements.
  void ApplyMuon(const at::Tensor& weights, const at::Tensor& updates, std::int64_t updates_begin, double learning_rate,
                 double weight_decay);
  // The same of one matrix, all of which is stepped here: `update` is [out, in].
  void ApplyMuon(std::size_t matrix, const at::Tensor& weights, const at::Tensor& update, double learning_rate,
                 double weight_decay);

  at::Tensor remainder() const { return remainder_; }  // [stepped.size()] i16; undefined for f32
  bool owns(std::size_t matrix) const { return cut_.muon[matrix].owner == rank_; }

  // What a checkpoint holds of it. kOwn: this process's share; kHeld: all that is here, to be filled.
  enum class Share : std::uint8_t { kOwn, kHeld };
  struct Part {
    std::string name;  // "first", "second", "first_scale", "second_scale", "remainder", "momentum"
    std::int64_t begin = 0, size = 0;
    at::Tensor data;
  };
  std::vector<Part> Parts(Share share) const;

  std::int64_t bytes() const;

 private:
  void StepPiece(const AdamSlice& slice, std::int64_t begin, std::int64_t end, std::int64_t index, const at::Tensor& weights,
                 const at::Tensor& gradient, double learning_rate, std::int64_t step, double gradient_scale);

  const UnitCut& cut_;
  const Range stepped_, own_;
  const int rank_;
  const AdamWOptions options_;
  std::vector<AdamSlice> slices_;         // of stepped_
  std::int64_t compact_ = 0, scale_ = 0;  // where the moments and scales here begin in those of the unit
  at::Tensor remainder_, first_, second_, first_scale_, second_scale_;
  std::vector<at::Tensor> momenta_;  // [out, in] of the matrices that are owned, else undefined
};

}  // namespace mathcoder::train
