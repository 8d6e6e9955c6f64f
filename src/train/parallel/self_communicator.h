// One process: sums of one summand, gathers of one piece.
#pragma once

#include "train/parallel/communicator.h"

namespace mathcoder::train {

class SelfCommunicator : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string name() const override { return "one process"; }

  std::unique_ptr<Work> AllReduceSum(at::Tensor data) override;
  std::unique_ptr<Work> ReduceScatterSum(at::Tensor whole, at::Tensor part) override;
  std::unique_ptr<Work> AllGather(at::Tensor part, at::Tensor whole) override;
  std::unique_ptr<Work> Broadcast(at::Tensor data, int root) override;
  void Barrier() override {}
};

}  // namespace mathcoder::train
