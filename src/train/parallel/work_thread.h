// One thread that runs what it is given, in order. The caller goes on and asks for the end by Work::Wait.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "base/queue.h"
#include "train/parallel/communicator.h"

namespace mathcoder::train {

class WorkThread {
 public:
  WorkThread();
  ~WorkThread();  // what was given is still run
  WorkThread(const WorkThread&) = delete;
  WorkThread& operator=(const WorkThread&) = delete;

  // What `job` throws comes out of Wait. After the first failure the jobs behind it are not run: they fail with the same exception,
  // for processes that no longer agree on what they have done would wait for each other.
  std::unique_ptr<Communicator::Work> Run(std::function<void()> job);

 private:
  void Loop();

  base::EventQueue<std::packaged_task<void()>> queue_;  // a task without a state ends the thread
  std::exception_ptr failure_;                          // of the thread
  std::thread thread_;
};

}  // namespace mathcoder::train
