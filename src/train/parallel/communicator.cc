#include "train/parallel/communicator.h"

#include "base/error.h"
#include "train/parallel/launch.h"
#include "train/parallel/nccl_communicator.h"
#include "train/parallel/self_communicator.h"
#include "train/parallel/transport.h"
#include "train/parallel/transport_communicator.h"

namespace mathcoder::train {

std::unique_ptr<Communicator> StartCommunicator(at::Device device) {
  const Launch launch = ReadLaunch();
  if (launch.size == 1) return std::make_unique<SelfCommunicator>();
  std::unique_ptr<Transport> transport = StartMpi(launch);
  if (transport->size() == 1) return std::make_unique<SelfCommunicator>();
  auto mpi = std::make_unique<TransportCommunicator>(std::move(transport));
  if (device.is_cpu()) return mpi;
  return StartNccl(std::move(mpi), device);
}

}  // namespace mathcoder::train
