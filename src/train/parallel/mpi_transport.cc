// The only file that includes mpi.h.
#define OMPI_SKIP_MPICXX 1  // the bindings for C++ of MPI 2, whose library is not linked
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <sched.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/check.h"
#include "base/error.h"
#include "train/parallel/transport.h"

namespace mathcoder::train {
namespace {

using Clock = std::chrono::steady_clock;

std::string ErrorText(int code) {
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  return std::string(text, static_cast<std::size_t>(length));
}

void Check(int code, const char* what) {
  if (code != MPI_SUCCESS)
    throw base::Error(std::string("MPI: ") + what + " failed: " + ErrorText(code), base::ExitCode::kUnavailable);
}

// Waits for requests without burning the core that the kernels of this machine's other processes want: a blocking call of MPI
// spins. A transfer between processes of one machine moves only while somebody asks, so nobody sleeps soon after something moved.
void WaitForAll(std::vector<MPI_Request>& requests) {
  constexpr auto kEager = std::chrono::microseconds(300);
  constexpr auto kNap = std::chrono::microseconds(50);
  std::vector<int> indices(requests.size());
  auto last_move = Clock::now();
  while (true) {
    int completed = 0;
    Check(MPI_Testsome(static_cast<int>(requests.size()), requests.data(), &completed, indices.data(), MPI_STATUSES_IGNORE),
          "a transfer");
    if (completed == MPI_UNDEFINED) return;  // none is left
    if (completed > 0) {
      last_move = Clock::now();
    } else if (Clock::now() - last_move < kEager) {
      sched_yield();
    } else {
      std::this_thread::sleep_for(kNap);
    }
  }
}

// Runs when the program exits. All exit together, whatever their code: MPI ends quietly. One that failed while others work on must
// not wait for them in MPI_Finalize, nor they for it in a sum.
void EndMpi(int status, void* /*unused*/) {
  int ended = 0;
  MPI_Finalized(&ended);
  if (ended != 0) return;
  if (status != 0) {
    MPI_Request request;
    int all = 0;
    if (MPI_Ibarrier(MPI_COMM_WORLD, &request) == MPI_SUCCESS) {
      for (const auto start = Clock::now(); all == 0 && Clock::now() - start < std::chrono::seconds(1);) {
        MPI_Test(&request, &all, MPI_STATUS_IGNORE);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    if (all == 0) {
      std::fflush(nullptr);
      MPI_Abort(MPI_COMM_WORLD, status);
    }
  }
  MPI_Finalize();
}

class MpiExchange : public Transport::Exchange {
 public:
  explicit MpiExchange(std::vector<MPI_Request> requests) : requests_(std::move(requests)) {}
  void Wait() override { WaitForAll(requests_); }

 private:
  std::vector<MPI_Request> requests_;
};

class MpiTransport : public Transport {
 public:
  MpiTransport() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    MPI_Get_library_version(version, &length);
    std::string text(version, static_cast<std::size_t>(length));  // "Open MPI v4.1.4, package: Debian OpenMPI, ident: ..."
    text = text.substr(0, text.find_first_of(",\n"));
    if (auto v = text.find(" v"); v != std::string::npos) text.erase(v + 1, 1);
    name_ = "MPI (" + text + ")";
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string name() const override { return name_; }

  std::unique_ptr<Exchange> Start(const std::vector<Message>& sends, const std::vector<Message>& receives) override {
    std::vector<MPI_Request> requests(sends.size() + receives.size(), MPI_REQUEST_NULL);
    std::size_t next = 0;
    for (const Message& message : receives) {
      MC_CHECK(message.bytes < (std::size_t{1} << 31));
      Check(MPI_Irecv(message.data, static_cast<int>(message.bytes), MPI_BYTE, message.peer, 0, MPI_COMM_WORLD, &requests[next++]),
            "receiving");
    }
    for (const Message& message : sends) {
      MC_CHECK(message.bytes < (std::size_t{1} << 31));
      Check(MPI_Isend(message.data, static_cast<int>(message.bytes), MPI_BYTE, message.peer, 0, MPI_COMM_WORLD, &requests[next++]),
            "sending");
    }
    return std::make_unique<MpiExchange>(std::move(requests));
  }

 private:
  int rank_ = 0, size_ = 1;
  std::string name_;
};

}  // namespace

std::unique_ptr<Transport> StartMpi(const Launch& launch) {
  int started = 0;
  MPI_Initialized(&started);
  if (started == 0) {
    // This thread begins and ends MPI; in between one thread at a time uses it, the communicator's.
    int provided = MPI_THREAD_SINGLE;
    Check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided), "starting");
    if (provided < MPI_THREAD_SERIALIZED) {
      throw base::Unavailable("this MPI library may be used by one thread only; MPI_THREAD_SERIALIZED is needed");
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MC_CHECK(on_exit(EndMpi, nullptr) == 0);
  }
  auto transport = std::make_unique<MpiTransport>();
  if (launch.size > 0 && transport->size() != launch.size) {
    throw base::Unavailable("started as one of several processes (" + launch.evidence + "), but " + transport->name() + " sees " +
                            std::to_string(transport->size()) + ": start them by the mpirun of the same MPI, or srun --mpi=pmix");
  }
  return transport;
}

}  // namespace mathcoder::train
