// Processes that train one model together. Every process calls the same functions in the same order, from one thread.
// Blocking calls and asynchronous ones may be mixed: all of them run in the order of the calls, on one thread of the communicator
// (MPI) or one stream (NCCL). Failures throw base::Error from Wait.
//
// A process that dies ends the others. mpirun sees a signal; a process that exits with another code than 0 while the others go on
// ends them by MPI_Abort. So a program prints its line and returns its code from main, and needs to do nothing else.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

namespace mathcoder::train {

class Communicator {
 public:
  // The result is there after Wait (NCCL: for what the current stream does after it). Destroying without waiting waits.
  class Work {
   public:
    virtual ~Work() = default;
    virtual void Wait() = 0;
  };

  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string name() const = 0;  // "one process", "MPI (Open MPI 4.1.4)", "NCCL 2.27"

  // Contiguous tensors; they must live until Wait. Types that are summed: f32, f64, i64, u8; bf16 is summed in f32 and rounded
  // once. Over MPI element i is ((x0 + x1) + x2) + ..., x_r the element of rank r: an order that depends on size() alone, so that a
  // run repeats to the bit, and the same whether a tensor is all-reduced or scattered. NCCL's order depends on the machines'
  // topology as well.
  virtual std::unique_ptr<Work> AllReduceSum(at::Tensor data) = 0;
  // whole [size() * n] -> part [n]: the sum of every process's piece number rank(). `part` may be that piece of `whole`, which is
  // then overwritten; the other pieces stay as they are.
  virtual std::unique_ptr<Work> ReduceScatterSum(at::Tensor whole, at::Tensor part) = 0;
  // part [n] -> whole [size() * n], of any type. `part` may be piece number rank() of `whole`.
  virtual std::unique_ptr<Work> AllGather(at::Tensor part, at::Tensor whole) = 0;
  virtual std::unique_ptr<Work> Broadcast(at::Tensor data, int root) = 0;
  virtual void Barrier() = 0;
};

// One process where none was started by mpirun or srun (OMPI_COMM_WORLD_SIZE, PMI_SIZE, PMIX_RANK), or only one: MPI is then not
// even initialised. MPI on CPUs; NCCL on GPUs, whose unique id travels by MPI. Throws base::Unavailable with one line.
std::unique_ptr<Communicator> StartCommunicator(at::Device device);

// Which of the processes on this machine this one is, as mpirun or srun say (0 where neither started it): the GPU to use. Needs no
// MPI.
int LocalRank();

}  // namespace mathcoder::train
