// A blocking queue: many producers, one consumer. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace mathcoder::base {

template <typename T>
class EventQueue {
 public:
  void Push(T item) {
    std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
    ready_.notify_one();  // under the lock: the consumer may destroy the queue as soon as it has the item
  }

  // Everything that is there; waits up to `timeout` for the first item. Empty after a timeout.
  std::vector<T> PopAll(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    ready_.wait_for(lock, timeout, [this] { return !items_.empty(); });
    return std::exchange(items_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<T> items_;
};

}  // namespace mathcoder::base
