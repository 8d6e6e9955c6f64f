// How this process was started: alone, or as one of several by mpirun or srun. Read from the environment, without MPI.
#pragma once

#include <string>

namespace mathcoder::train {

struct Launch {
  int size = 1;          // of processes; 0: several may be there, but only MPI can tell how many
  int local_rank = 0;    // among those of this machine
  std::string evidence;  // "OMPI_COMM_WORLD_SIZE=4", for messages; empty where the process is alone
};

Launch ReadLaunch();

}  // namespace mathcoder::train
