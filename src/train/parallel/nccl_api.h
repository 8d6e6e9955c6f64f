// NCCL's C interface, found when the program runs: libnccl.so.2 comes with libtorch's CUDA packages or the distribution, and
// nothing is linked against it. The prototypes are those of its documentation ("NCCL API"); they have been stable since 2.10, where
// bf16 came.
#pragma once

#include <cstddef>
#include <string>

namespace mathcoder::train::nccl {

struct UniqueId {
  char internal[128];
};
using Comm = struct Opaque*;
using Stream = void*;  // cudaStream_t
enum Result : int { kSuccess = 0, kInProgress = 7 };
enum DataType : int { kUint8 = 1, kInt64 = 4, kFloat32 = 7, kFloat64 = 8 };
enum RedOp : int { kSum = 0 };

struct Api {
  Result (*GetVersion)(int* version);
  Result (*GetUniqueId)(UniqueId* id);
  Result (*CommInitRank)(Comm* comm, int ranks, UniqueId id, int rank);
  Result (*CommDestroy)(Comm comm);
  Result (*CommAbort)(Comm comm);
  Result (*CommGetAsyncError)(Comm comm, Result* error);
  const char* (*GetErrorString)(Result result);
  Result (*AllReduce)(const void* send, void* receive, std::size_t count, DataType type, RedOp op, Comm comm, Stream stream);
  Result (*ReduceScatter)(const void* send, void* receive, std::size_t receive_count, DataType type, RedOp op, Comm comm,
                          Stream stream);
  Result (*AllGather)(const void* send, void* receive, std::size_t send_count, DataType type, Comm comm, Stream stream);
  Result (*Broadcast)(const void* send, void* receive, std::size_t count, DataType type, int root, Comm comm, Stream stream);
};

// Loads the library once. Throws base::Unavailable: where it was looked for, which function is missing.
const Api& Load();
// Throws base::Error with NCCL's text.
void Check(Result result, const char* what);
std::string VersionText();  // "2.27"

}  // namespace mathcoder::train::nccl
