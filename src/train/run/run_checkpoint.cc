#include "train/run/run_checkpoint.h"

#include <ATen/ATen.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <random>

#include "base/check.h"
#include "train/run/device.h"
#include "train/run/parts/checkpoint.h"

namespace mathcoder::train {
namespace {

std::string TypeName(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "F32";
    case at::kBFloat16:
      return "BF16";
    case at::kDouble:
      return "F64";
    case at::kShort:
      return "I16";
    case at::kByte:
      return "U8";
    default:
      break;
  }
  MC_CHECK(false && "a type that no state has");
  return "";
}

// One number for all processes of this start of the program, another at every start.
std::string Attempt(Communicator& communicator, at::Device device_of_run) {
  at::Tensor number = at::zeros({1}, at::TensorOptions().dtype(at::kLong).device(device_of_run));
  if (communicator.rank() == 0) {
    std::random_device device;
    number.fill_(static_cast<std::int64_t>((static_cast<std::uint64_t>(device()) << 31) ^ device()));
  }
  communicator.Broadcast(number, 0)->Wait();
  return std::to_string(number.item<std::int64_t>());
}

std::span<std::byte> BytesOf(at::Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.mutable_data_ptr()), static_cast<std::size_t>(tensor.nbytes())};
}

}  // namespace

RunCheckpoint::RunCheckpoint(const Config& config, Communicator& communicator)
    : folder_(std::filesystem::path(config.run) / "checkpoints"), device_(DeviceOf(config)), communicator_(communicator) {
  CheckpointStoreOptions options;
  options.folder = folder_;
  options.rank = communicator.rank();
  options.world_size = communicator.size();
  options.attempt = Attempt(communicator, device_);
  options.keep_newest = static_cast<int>(config.checkpoints.keep);
  options.keep_every = config.checkpoints.keep_every;
  options.asynchronous = config.checkpoints.asynchronous;
  store_ = std::make_unique<CheckpointStore>(options);
  communicator.Barrier();
}

void RunCheckpoint::Save(std::int64_t step, TrainState& state, base::Json run) {
  std::vector<PartToSave> parts;
  for (const StatePart& part : state.Parts()) {
    PartToSave save;
    save.name = part.name;
    save.dtype = TypeName(part.data.scalar_type());
    save.begin = part.begin;
    save.count = part.data.numel();
    save.size = part.size;
    if (part.data.is_cpu()) {
      save.bytes = {static_cast<const std::byte*>(part.data.const_data_ptr()), static_cast<std::size_t>(part.data.nbytes())};
    } else {
      save.copy = [data = part.data](std::span<std::byte> into) {
        const at::Tensor host = data.cpu();
        std::memcpy(into.data(), host.const_data_ptr(), into.size());
      };
    }
    parts.push_back(std::move(save));
  }
  store_->Save(step, parts, std::move(run));
}

std::optional<base::Json> RunCheckpoint::Load(TrainState& state, const std::function<void(const base::Json&)>& check,
                                              const std::function<void(const std::string&)>& say) {
  OpenOptions options;
  options.rank = communicator_.rank();
  options.world_size = communicator_.size();
  options.report = say;
  options.all_agree = [this](bool mine) {
    at::Tensor refusals = at::full({1}, mine ? 0.0 : 1.0, at::TensorOptions().dtype(at::kDouble).device(device_));
    communicator_.AllReduceSum(refusals)->Wait();
    return refusals.item<double>() == 0;
  };
  const auto checkpoint = OpenNewest(folder_, options);
  if (!checkpoint) return std::nullopt;
  check(checkpoint->run());
  std::vector<ExpectedTensor> expected;
  for (const StatePart& part : state.Parts()) expected.push_back({part.name, TypeName(part.data.scalar_type()), part.size});
  if (communicator_.size() == 1) checkpoint->Require(expected);
  state.Load([&](const std::string& name, std::int64_t begin, at::Tensor& into) {
    if (into.is_cpu()) return checkpoint->Read(name, begin, BytesOf(into));
    at::Tensor host = at::empty(into.sizes(), into.options().device(at::kCPU));
    checkpoint->Read(name, begin, BytesOf(host));
    into.copy_(host);
  });
  return checkpoint->run();
}

}  // namespace mathcoder::train
