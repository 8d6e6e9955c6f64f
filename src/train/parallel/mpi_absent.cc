// In the place of mpi_transport.cc where the program was built without MPI.
#include "base/error.h"
#include "train/parallel/transport.h"

namespace mathcoder::train {

std::unique_ptr<Transport> StartMpi(const Launch& launch) {
  throw base::Unavailable(
      "started as one of several processes (" + launch.evidence +
      "), but this program was built without MPI: install libopenmpi-dev and build it again, or start one process");
}

}  // namespace mathcoder::train
