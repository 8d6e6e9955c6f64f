#include "train/parallel/self_communicator.h"

#include "base/check.h"

namespace mathcoder::train {
namespace {

class Done : public Communicator::Work {
 public:
  void Wait() override {}
};

std::unique_ptr<Communicator::Work> Copy(const at::Tensor& from, at::Tensor& to) {
  MC_CHECK(from.numel() == to.numel() && from.scalar_type() == to.scalar_type());
  if (from.data_ptr() != to.data_ptr()) to.copy_(from);
  return std::make_unique<Done>();
}

}  // namespace

std::unique_ptr<Communicator::Work> SelfCommunicator::AllReduceSum(at::Tensor /*data*/) { return std::make_unique<Done>(); }

std::unique_ptr<Communicator::Work> SelfCommunicator::ReduceScatterSum(at::Tensor whole, at::Tensor part) {
  return Copy(whole, part);
}

std::unique_ptr<Communicator::Work> SelfCommunicator::AllGather(at::Tensor part, at::Tensor whole) { return Copy(part, whole); }

std::unique_ptr<Communicator::Work> SelfCommunicator::Broadcast(at::Tensor /*data*/, int root) {
  MC_CHECK(root == 0);
  return std::make_unique<Done>();
}

}  // namespace mathcoder::train
