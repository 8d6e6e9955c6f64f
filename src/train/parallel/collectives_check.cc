#include "train/parallel/collectives_check.h"

#include <ATen/ATen.h>

#include <random>

namespace mathcoder::train {
namespace {

// What rank `rank` contributes. Of very different sizes, so that the order of a sum shows.
at::Tensor Summand(at::ScalarType type, std::int64_t count, int rank, std::uint64_t seed) {
  std::mt19937_64 random(seed * 1000003 + static_cast<std::uint64_t>(rank) * 7919 + static_cast<std::uint64_t>(type));
  std::vector<double> values(static_cast<std::size_t>(count));
  for (double& value : values) {
    const double unit = static_cast<double>(random() >> 11) * 0x1p-53 * 2 - 1;
    value = c10::isFloatingType(type) ? std::ldexp(unit, static_cast<int>(random() % 24)) : std::floor(unit * 1000);
    if (type == at::kByte) value = static_cast<double>(random() % 256);
  }
  return at::tensor(values, at::kDouble).to(type);
}

at::Tensor Sum(at::ScalarType type, std::int64_t count, int size, std::uint64_t seed) {
  const at::ScalarType wide = type == at::kBFloat16 ? at::kFloat : type;
  at::Tensor sum = Summand(type, count, 0, seed).to(wide);
  for (int rank = 1; rank < size; ++rank) sum = sum + Summand(type, count, rank, seed).to(wide);
  return sum.to(type);
}

void Digest(const at::Tensor& tensor, std::uint64_t& digest) {
  const auto* bytes = static_cast<const unsigned char*>(tensor.data_ptr());
  for (std::size_t i = 0; i < tensor.nbytes(); ++i) digest = (digest ^ bytes[i]) * 1099511628211u;
}

}  // namespace

std::string CheckCollectives(Communicator& communicator, std::int64_t count, std::uint64_t seed, std::uint64_t& digest) {
  const int rank = communicator.rank(), size = communicator.size();
  std::string wrong;
  const auto expect = [&](const at::Tensor& found, const at::Tensor& wanted, const std::string& what, at::ScalarType type) {
    Digest(found, digest);
    if (!at::equal(found, wanted)) wrong += what + " of " + std::to_string(count) + " " + c10::toString(type) + "; ";
  };
  for (at::ScalarType type : {at::kFloat, at::kBFloat16, at::kDouble, at::kLong, at::kByte}) {
    at::Tensor data = Summand(type, count, rank, seed);
    auto reduced = communicator.AllReduceSum(data);
    at::Tensor whole = Summand(type, count * size, rank, seed + 1), part = at::zeros({count}, type);
    at::Tensor in_place = whole.clone(), own = in_place.narrow(0, rank * count, count);
    auto scattered = communicator.ReduceScatterSum(whole, part);
    auto scattered_in_place = communicator.ReduceScatterSum(in_place, own);
    at::Tensor mine = Summand(type, count, rank, seed + 2), all = at::zeros({count * size}, type);
    auto gathered = communicator.AllGather(mine, all);
    at::Tensor gathered_whole = at::zeros({count * size}, type);
    gathered_whole.narrow(0, rank * count, count).copy_(mine);
    auto gathered_in_place = communicator.AllGather(gathered_whole.narrow(0, rank * count, count), gathered_whole);
    const int root = static_cast<int>(seed) % size;
    at::Tensor sent = rank == root ? Summand(type, count, root, seed + 3) : at::zeros({count}, type);
    communicator.Broadcast(sent, root)->Wait();
    gathered_in_place->Wait();
    gathered->Wait();
    scattered_in_place->Wait();
    scattered->Wait();
    reduced->Wait();

    expect(data, Sum(type, count, size, seed), "all-reduce", type);
    const at::Tensor piece = Sum(type, count * size, size, seed + 1).narrow(0, rank * count, count);
    expect(part, piece, "reduce-scatter", type);
    expect(own, piece, "reduce-scatter in place", type);
    if (!at::equal(whole, Summand(type, count * size, rank, seed + 1))) wrong += "reduce-scatter changed its input; ";
    std::vector<at::Tensor> pieces;
    for (int r = 0; r < size; ++r) pieces.push_back(Summand(type, count, r, seed + 2));
    expect(all, at::cat(pieces), "all-gather", type);
    expect(gathered_whole, at::cat(pieces), "all-gather in place", type);
    expect(sent, Summand(type, count, root, seed + 3), "broadcast", type);
  }
  communicator.Barrier();
  return wrong;
}

}  // namespace mathcoder::train
