#include "train/parallel/transport_communicator.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>
#include <deque>

#include "base/check.h"
#include "train/parallel/ordered_sum.h"

namespace mathcoder::train {
namespace {

std::byte* Bytes(const at::Tensor& tensor) { return static_cast<std::byte*>(tensor.data_ptr()); }

void CheckTensor(const at::Tensor& tensor) { MC_CHECK(tensor.is_contiguous() && tensor.device().is_cpu()); }

std::int64_t ChunkBytes(int size) { return std::clamp<std::int64_t>((std::int64_t{8} << 20) / size, 64 << 10, 2 << 20); }

}  // namespace

// A tensor of `count` elements cut into one piece a process, `piece` elements each; the last ones may be shorter, or empty.
struct TransportCommunicator::Pieces {
  std::int64_t count = 0, piece = 0, element = 0;  // element: bytes
  std::int64_t chunk = 1;                          // elements of a message at most

  std::int64_t Begin(int p) const { return std::min(count, p * piece); }
  std::int64_t Length(int p) const { return std::min(count, (p + 1) * piece) - Begin(p); }
  // Of the chunk that begins at element `at` of piece p.
  std::int64_t Length(int p, std::int64_t at) const { return std::clamp<std::int64_t>(Length(p) - at, 0, chunk); }
  std::size_t ChunkSize(int p, std::int64_t at) const { return static_cast<std::size_t>(Length(p, at) * element); }
  std::byte* Chunk(std::byte* whole, int p, std::int64_t at) const { return whole + (Begin(p) + at) * element; }
};

TransportCommunicator::TransportCommunicator(std::unique_ptr<Transport> transport, std::int64_t chunk_bytes)
    : transport_(std::move(transport)),
      rank_(transport_->rank()),
      size_(transport_->size()),
      chunk_bytes_(chunk_bytes > 0 ? chunk_bytes : ChunkBytes(size_)) {}

TransportCommunicator::~TransportCommunicator() = default;

std::byte* TransportCommunicator::Buffer(std::int64_t bytes) {
  if (bytes > buffer_bytes_) {
    buffer_ = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(bytes));
    buffer_bytes_ = bytes;
  }
  return buffer_.get();
}

// whole -> the sum of the pieces number rank, at `part` (which may lie in `whole`).
void TransportCommunicator::Reduce(const Pieces& pieces, c10::ScalarType type, std::byte* whole, std::byte* part) {
  const std::int64_t chunk_bytes = std::min(pieces.chunk, pieces.piece) * pieces.element;
  std::byte* const buffer = Buffer(2 * size_ * chunk_bytes);
  const auto received = [&](std::int64_t chunk, int from) { return buffer + ((chunk % 2) * size_ + from) * chunk_bytes; };
  const auto start = [&](std::int64_t at) {
    std::vector<Transport::Message> sends, receives;
    for (int step = 1; step < size_; ++step) {  // everybody begins with another peer
      const int to = (rank_ + step) % size_, from = (rank_ + size_ - step) % size_;
      if (std::size_t bytes = pieces.ChunkSize(to, at); bytes > 0) sends.push_back({to, pieces.Chunk(whole, to, at), bytes});
      if (std::size_t bytes = pieces.ChunkSize(rank_, at); bytes > 0)
        receives.push_back({from, received(at / pieces.chunk, from), bytes});
    }
    return transport_->Start(sends, receives);
  };
  std::unique_ptr<Transport::Exchange> current;
  if (pieces.piece > 0) current = start(0);
  for (std::int64_t at = 0; at < pieces.piece; at += pieces.chunk) {
    std::unique_ptr<Transport::Exchange> next;
    if (at + pieces.chunk < pieces.piece) next = start(at + pieces.chunk);
    current->Wait();
    std::vector<const void*> sources;
    for (int from = 0; from < size_; ++from) {
      sources.push_back(from == rank_ ? pieces.Chunk(whole, rank_, at) : received(at / pieces.chunk, from));
    }
    if (const std::int64_t length = pieces.Length(rank_, at); length > 0)
      OrderedSum(type, sources, part + at * pieces.element, length);
    current = std::move(next);
  }
}

// Every process's piece of `whole` to all others.
void TransportCommunicator::Gather(const Pieces& pieces, std::byte* whole) {
  std::deque<std::unique_ptr<Transport::Exchange>> moving;
  for (std::int64_t at = 0; at < pieces.piece; at += pieces.chunk) {
    std::vector<Transport::Message> sends, receives;
    for (int step = 1; step < size_; ++step) {
      const int to = (rank_ + step) % size_, from = (rank_ + size_ - step) % size_;
      if (std::size_t bytes = pieces.ChunkSize(rank_, at); bytes > 0) sends.push_back({to, pieces.Chunk(whole, rank_, at), bytes});
      if (std::size_t bytes = pieces.ChunkSize(from, at); bytes > 0)
        receives.push_back({from, pieces.Chunk(whole, from, at), bytes});
    }
    moving.push_back(transport_->Start(sends, receives));
    if (moving.size() > 2) {
      moving.front()->Wait();
      moving.pop_front();
    }
  }
  for (auto& exchange : moving) exchange->Wait();
}

// From the root along a binomial tree: who has the data at distance 2^k from the root sends it to distance 2^k + 2^(k+1)...
void TransportCommunicator::Spread(std::byte* data, std::int64_t bytes, int root) {
  const int distance = (rank_ - root + size_) % size_;
  for (std::int64_t at = 0; at < bytes; at += chunk_bytes_) {
    const auto length = static_cast<std::size_t>(std::min(chunk_bytes_, bytes - at));
    for (int reach = 1; reach < size_; reach *= 2) {
      if (distance < reach) {
        if (const int to = distance + reach; to < size_) transport_->Start({{(to + root) % size_, data + at, length}}, {})->Wait();
      } else if (distance < 2 * reach) {
        transport_->Start({}, {{(distance - reach + root) % size_, data + at, length}})->Wait();
      }
    }
  }
}

std::unique_ptr<Communicator::Work> TransportCommunicator::AllReduceSum(at::Tensor data) {
  CheckTensor(data);
  const std::int64_t element = data.element_size(), count = data.numel();
  const Pieces pieces{count, (count + size_ - 1) / size_, element, std::max<std::int64_t>(1, chunk_bytes_ / element)};
  return thread_.Run([this, data, pieces] {
    Reduce(pieces, data.scalar_type(), Bytes(data), pieces.Chunk(Bytes(data), rank_, 0));
    Gather(pieces, Bytes(data));
  });
}

std::unique_ptr<Communicator::Work> TransportCommunicator::ReduceScatterSum(at::Tensor whole, at::Tensor part) {
  CheckTensor(whole);
  CheckTensor(part);
  MC_CHECK(whole.numel() == part.numel() * size_ && whole.scalar_type() == part.scalar_type());
  const std::int64_t element = whole.element_size();
  const Pieces pieces{whole.numel(), part.numel(), element, std::max<std::int64_t>(1, chunk_bytes_ / element)};
  return thread_.Run([this, whole, part, pieces] { Reduce(pieces, whole.scalar_type(), Bytes(whole), Bytes(part)); });
}

std::unique_ptr<Communicator::Work> TransportCommunicator::AllGather(at::Tensor part, at::Tensor whole) {
  CheckTensor(whole);
  CheckTensor(part);
  MC_CHECK(whole.numel() == part.numel() * size_ && whole.scalar_type() == part.scalar_type());
  const std::int64_t element = whole.element_size();
  const Pieces pieces{whole.numel(), part.numel(), element, std::max<std::int64_t>(1, chunk_bytes_ / element)};
  return thread_.Run([this, whole, part, pieces] {
    std::byte* own = pieces.Chunk(Bytes(whole), rank_, 0);
    if (part.numel() > 0 && own != Bytes(part)) std::memcpy(own, Bytes(part), static_cast<std::size_t>(part.nbytes()));
    Gather(pieces, Bytes(whole));
  });
}

std::unique_ptr<Communicator::Work> TransportCommunicator::Broadcast(at::Tensor data, int root) {
  CheckTensor(data);
  MC_CHECK(root >= 0 && root < size_);
  return thread_.Run([this, data, root] { Spread(Bytes(data), static_cast<std::int64_t>(data.nbytes()), root); });
}

// A sum of nothing much: nobody has it before everybody gave a summand.
void TransportCommunicator::Barrier() { AllReduceSum(at::zeros({size_}, at::kByte))->Wait(); }

}  // namespace mathcoder::train
