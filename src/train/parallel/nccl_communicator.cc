#include "train/parallel/nccl_communicator.h"

#include <ATen/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <thread>

#include "base/check.h"
#include "base/error.h"
#include "train/parallel/nccl_api.h"

namespace mathcoder::train {
namespace {

nccl::DataType TypeOf(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return nccl::kFloat32;
    case at::kDouble:
      return nccl::kFloat64;
    case at::kLong:
      return nccl::kInt64;
    case at::kByte:
      return nccl::kUint8;
    default:
      MC_CHECK(false && "a type that is not summed");
  }
}

class StreamWork : public Communicator::Work {
 public:
  StreamWork(const c10::impl::VirtualGuardImpl& guard, c10::Stream stream)
      : guard_(guard), device_(stream.device()), done_(device_.type()) {
    done_.record(stream);
  }
  ~StreamWork() override { Wait(); }
  void Wait() override {
    if (waited_) return;
    waited_ = true;
    done_.block(guard_.getStream(device_));
  }

 private:
  c10::impl::VirtualGuardImpl guard_;
  c10::Device device_;
  c10::Event done_;
  bool waited_ = false;
};

class NcclCommunicator : public Communicator {
 public:
  NcclCommunicator(std::unique_ptr<Communicator> control, at::Device device)
      : api_(nccl::Load()),
        control_(std::move(control)),
        guard_(device.type()),
        stream_(guard_.getStreamFromGlobalPool(device, /*isHighPriority=*/true)) {
    guard_.setDevice(device);
    nccl::UniqueId id{};
    if (rank() == 0) nccl::Check(api_.GetUniqueId(&id), "making an id");
    control_->Broadcast(at::from_blob(id.internal, {std::int64_t{sizeof(id.internal)}}, at::kByte), 0)->Wait();
    nccl::Check(api_.CommInitRank(&comm_, size(), id, rank()), "joining the other processes");
    watchdog_ = std::thread([this] { Watch(); });
  }

  ~NcclCommunicator() override {
    ended_ = true;
    watchdog_.join();
    if (std::uncaught_exceptions() > 0) {
      api_.CommAbort(comm_);
    } else {
      api_.CommDestroy(comm_);
    }
  }

  int rank() const override { return control_->rank(); }
  int size() const override { return control_->size(); }
  std::string name() const override { return "NCCL " + nccl::VersionText(); }

  std::unique_ptr<Work> AllReduceSum(at::Tensor data) override {
    return Enqueue([&] {
      if (data.scalar_type() == at::kBFloat16) {
        at::Tensor flat = data.view({-1});
        for (std::int64_t begin = 0; begin < flat.numel(); begin += kStaging) {
          at::Tensor part = flat.slice(0, begin, std::min(flat.numel(), begin + kStaging));
          at::Tensor sum = part.to(at::kFloat);
          nccl::Check(api_.AllReduce(sum.data_ptr(), sum.data_ptr(), Count(sum), nccl::kFloat32, nccl::kSum, comm_, Handle()),
                      "a sum");
          part.copy_(sum);
        }
        return;
      }
      nccl::Check(
          api_.AllReduce(data.data_ptr(), data.data_ptr(), Count(data), TypeOf(data.scalar_type()), nccl::kSum, comm_, Handle()),
          "a sum");
    });
  }

  std::unique_ptr<Work> ReduceScatterSum(at::Tensor whole, at::Tensor part) override {
    MC_CHECK(whole.numel() == part.numel() * size());
    return Enqueue([&] {
      if (whole.scalar_type() == at::kBFloat16) {
        const std::int64_t columns = std::max<std::int64_t>(1, kStaging / size());
        at::Tensor pieces = whole.view({size(), part.numel()}), flat = part.view({-1});
        for (std::int64_t begin = 0; begin < flat.numel(); begin += columns) {
          const std::int64_t end = std::min(flat.numel(), begin + columns);
          at::Tensor summands = pieces.slice(1, begin, end).to(at::kFloat).contiguous();
          at::Tensor sum = summands.select(0, rank());
          nccl::Check(
              api_.ReduceScatter(summands.data_ptr(), sum.data_ptr(), Count(sum), nccl::kFloat32, nccl::kSum, comm_, Handle()),
              "a sum");
          flat.slice(0, begin, end).copy_(sum);
        }
        return;
      }
      nccl::Check(api_.ReduceScatter(whole.data_ptr(), part.data_ptr(), Count(part), TypeOf(whole.scalar_type()), nccl::kSum, comm_,
                                     Handle()),
                  "a sum");
    });
  }

  std::unique_ptr<Work> AllGather(at::Tensor part, at::Tensor whole) override {
    MC_CHECK(whole.numel() == part.numel() * size() && whole.scalar_type() == part.scalar_type());
    return Enqueue([&] {
      nccl::Check(api_.AllGather(part.data_ptr(), whole.data_ptr(), part.nbytes(), nccl::kUint8, comm_, Handle()), "a gather");
    });
  }

  std::unique_ptr<Work> Broadcast(at::Tensor data, int root) override {
    return Enqueue([&] {
      nccl::Check(api_.Broadcast(data.data_ptr(), data.data_ptr(), data.nbytes(), nccl::kUint8, root, comm_, Handle()),
                  "a broadcast");
    });
  }

  void Barrier() override {
    guard_.synchronizeStream(stream_);
    guard_.synchronizeStream(guard_.getStream(stream_.device()));
    control_->Barrier();
  }

 private:
  static constexpr std::int64_t kStaging = std::int64_t{16} << 20;  // elements of bf16 that are widened at once

  static std::size_t Count(const at::Tensor& tensor) { return static_cast<std::size_t>(tensor.numel()); }
  nccl::Stream Handle() const { return guard_.getStreamNativeHandle(stream_); }

  // Behind what the current stream does so far; beside what it does from now on.
  std::unique_ptr<Work> Enqueue(const std::function<void()>& enqueue) {
    c10::Event ready(stream_.device_type());
    ready.record(guard_.getStream(stream_.device()));
    ready.block(stream_);
    {
      c10::StreamGuard use(stream_);  // conversions, and the memory that they need
      enqueue();
    }
    return std::make_unique<StreamWork>(guard_, stream_);
  }

  // A peer that is lost shows as an asynchronous error, or not at all: then mpirun ends this process.
  void Watch() {
    while (!ended_) {
      nccl::Result error = nccl::kSuccess;
      if (api_.CommGetAsyncError(comm_, &error) != nccl::kSuccess || (error != nccl::kSuccess && error != nccl::kInProgress)) {
        std::fprintf(stderr, "mathcoder: rank %d: NCCL: %s\n", rank(), api_.GetErrorString(error));
        std::_Exit(static_cast<int>(base::ExitCode::kUnavailable));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }

  const nccl::Api& api_;
  std::unique_ptr<Communicator> control_;
  c10::impl::VirtualGuardImpl guard_;
  c10::Stream stream_;
  nccl::Comm comm_ = nullptr;
  std::atomic<bool> ended_ = false;
  std::thread watchdog_;
};

}  // namespace

std::unique_ptr<Communicator> StartNccl(std::unique_ptr<Communicator> control, at::Device device) {
  if (!c10::impl::hasDeviceGuardImpl(device.type())) {
    throw base::Unavailable("the device is " + device.str() + ", but this libtorch was built without CUDA");
  }
  if (!device.has_index()) device = at::Device(device.type(), static_cast<at::DeviceIndex>(LocalRank()));
  return std::make_unique<NcclCommunicator>(std::move(control), device);
}

}  // namespace mathcoder::train
