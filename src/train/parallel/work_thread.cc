#include "train/parallel/work_thread.h"

#include <chrono>

namespace mathcoder::train {
namespace {

class FutureWork : public Communicator::Work {
 public:
  explicit FutureWork(std::future<void> future) : future_(std::move(future)) {}
  ~FutureWork() override {
    if (future_.valid()) future_.wait();
  }
  void Wait() override {
    if (future_.valid()) future_.get();
  }

 private:
  std::future<void> future_;
};

}  // namespace

WorkThread::WorkThread() : thread_([this] { Loop(); }) {}

WorkThread::~WorkThread() {
  queue_.Push({});
  thread_.join();
}

std::unique_ptr<Communicator::Work> WorkThread::Run(std::function<void()> job) {
  std::packaged_task<void()> task([this, job = std::move(job)] {
    if (failure_) std::rethrow_exception(failure_);
    try {
      job();
    } catch (...) {
      failure_ = std::current_exception();
      throw;
    }
  });
  auto work = std::make_unique<FutureWork>(task.get_future());
  queue_.Push(std::move(task));
  return work;
}

void WorkThread::Loop() {
  while (true) {
    for (auto& task : queue_.PopAll(std::chrono::hours(1))) {
      if (!task.valid()) return;
      task();
    }
  }
}

}  // namespace mathcoder::train
