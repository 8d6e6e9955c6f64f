// Bytes between processes: what the collectives of TransportCommunicator need of MPI, and what tests replace by threads of one
// process.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "train/parallel/launch.h"

namespace mathcoder::train {

class Transport {
 public:
  struct Message {
    int peer = 0;
    void* data = nullptr;
    std::size_t bytes = 0;  // below 2^31
  };
  // Messages on their way. Wait returns when all have been sent and received, and throws base::Error where that cannot be. It must
  // be called; buffers must live until then.
  class Exchange {
   public:
    virtual ~Exchange() = default;
    virtual void Wait() = 0;
  };

  virtual ~Transport() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string name() const = 0;
  // Two processes' messages arrive in the order in which they were sent, and a receiver knows their lengths: what is sent is
  // received by as many messages of the same bytes. One thread at a time.
  virtual std::unique_ptr<Exchange> Start(const std::vector<Message>& sends, const std::vector<Message>& receives) = 0;
};

// Joins the other processes through MPI. Where the program was built without it: base::Unavailable, which names `launch`'s
// evidence.
std::unique_ptr<Transport> StartMpi(const Launch& launch);

}  // namespace mathcoder::train
