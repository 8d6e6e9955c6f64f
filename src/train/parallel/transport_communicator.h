// Collectives over a Transport. Who owns a piece of a sum receives the summands of all processes and adds them in the order of
// ranks: each process sends and receives (size - 1) / size of a tensor, as a ring does, and the order of the sum is the same
// everywhere. Tensors travel in chunks; while one is added the next is on its way.
#pragma once

#include <memory>

#include "train/parallel/communicator.h"
#include "train/parallel/transport.h"
#include "train/parallel/work_thread.h"

namespace mathcoder::train {

class TransportCommunicator : public Communicator {
 public:
  // The transport is used by this object's thread alone. chunk_bytes: of a message at most; 0: as many as suit size().
  explicit TransportCommunicator(std::unique_ptr<Transport> transport, std::int64_t chunk_bytes = 0);
  ~TransportCommunicator() override;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string name() const override { return transport_->name(); }

  std::unique_ptr<Work> AllReduceSum(at::Tensor data) override;
  std::unique_ptr<Work> ReduceScatterSum(at::Tensor whole, at::Tensor part) override;
  std::unique_ptr<Work> AllGather(at::Tensor part, at::Tensor whole) override;
  std::unique_ptr<Work> Broadcast(at::Tensor data, int root) override;
  void Barrier() override;

 private:
  struct Pieces;
  std::byte* Buffer(std::int64_t bytes);
  void Reduce(const Pieces& pieces, c10::ScalarType type, std::byte* whole, std::byte* part);
  void Gather(const Pieces& pieces, std::byte* whole);
  void Spread(std::byte* data, std::int64_t bytes, int root);

  std::unique_ptr<Transport> transport_;
  const int rank_, size_;
  const std::int64_t chunk_bytes_;
  std::unique_ptr<std::byte[]>
      buffer_;  // the thread's: two chunks from every other process; grows to what the largest tensor needs
  std::int64_t buffer_bytes_ = 0;
  WorkThread thread_;  // last: it ends before what it uses
};

}  // namespace mathcoder::train
