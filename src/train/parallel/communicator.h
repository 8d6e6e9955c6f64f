// Processes that train one model together. Every process calls the same functions in the same order.
// Blocking calls and asynchronous ones may be mixed: all of them run in the order of the calls, on one thread of the communicator (MPI) or
// one stream (NCCL). Failures throw base::Error; a process that dies ends the others (MPI_Abort, NCCL's watchdog).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

namespace mathcoder::train {

class Communicator {
 public:
  // The result is there after Wait. Destroying without waiting waits.
  class Work {
   public:
    virtual ~Work() = default;
    virtual void Wait() = 0;
  };

  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string name() const = 0;  // "one process", "MPI (Open MPI 4.1.4)", "NCCL 2.27"

  // Contiguous tensors; they must live until Wait. Types: f32, f64, i64, u8; bf16 is summed in f32 and rounded once.
  // The sum's order depends on size() alone, so that a run repeats to the bit.
  virtual std::unique_ptr<Work> AllReduceSum(at::Tensor data) = 0;
  // whole [size() * n] -> part [n]: the sum of every process's piece number rank().
  virtual std::unique_ptr<Work> ReduceScatterSum(at::Tensor whole, at::Tensor part) = 0;
  // part [n] -> whole [size() * n].
  virtual std::unique_ptr<Work> AllGather(at::Tensor part, at::Tensor whole) = 0;
  virtual std::unique_ptr<Work> Broadcast(at::Tensor data, int root) = 0;
  virtual void Barrier() = 0;
};

// One process where none was started by mpirun or srun (OMPI_COMM_WORLD_SIZE, PMI_SIZE, PMIX_RANK, SLURM_NTASKS with a PMI): MPI is then
// not even initialised. MPI on CPUs; NCCL on GPUs, whose unique id travels by MPI. Throws base::Unavailable with one line.
std::unique_ptr<Communicator> StartCommunicator(at::Device device);

}  // namespace mathcoder::train
