// Collectives of NCCL on a stream of their own. libtorch's streams and events are used through its interface for any device, so
// this compiles where there is no CUDA, and needs no header of CUDA's.
#pragma once

#include <memory>

#include "train/parallel/communicator.h"

namespace mathcoder::train {

// One process a GPU: `device`. `control` carries the unique id and barriers. Throws base::Unavailable where NCCL is not found.
std::unique_ptr<Communicator> StartNccl(std::unique_ptr<Communicator> control, at::Device device);

}  // namespace mathcoder::train
