// For tests: the processes of a run as threads of one, so that many sizes are quick to try and sanitizers see all of them.
#pragma once

#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/check.h"
#include "train/parallel/transport.h"
#include "train/parallel/transport_communicator.h"

namespace mathcoder::train {

class ThreadWorld {
 public:
  explicit ThreadWorld(int size) : size_(size) {}
  int size() const { return size_; }
  std::unique_ptr<Transport> Join(int rank) { return std::make_unique<Member>(*this, rank); }

 private:
  class Member : public Transport {
   public:
    Member(ThreadWorld& world, int rank) : world_(world), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return world_.size_; }
    std::string name() const override { return "threads"; }

    std::unique_ptr<Exchange> Start(const std::vector<Message>& sends, const std::vector<Message>& receives) override {
      for (const Message& message : sends) {
        const auto* data = static_cast<const std::byte*>(message.data);
        std::lock_guard lock(world_.mutex_);
        world_.mail_[{rank_, message.peer}].emplace_back(data, data + message.bytes);
        world_.arrived_.notify_all();
      }
      return std::make_unique<Receipt>(world_, rank_, receives);
    }

   private:
    ThreadWorld& world_;
    int rank_;
  };

  class Receipt : public Transport::Exchange {
   public:
    Receipt(ThreadWorld& world, int rank, std::vector<Transport::Message> receives)
        : world_(world), rank_(rank), receives_(std::move(receives)) {}
    void Wait() override {
      for (const Transport::Message& message : receives_) {
        std::unique_lock lock(world_.mutex_);
        auto& box = world_.mail_[{message.peer, rank_}];
        world_.arrived_.wait(lock, [&] { return !box.empty(); });
        MC_CHECK(box.front().size() == message.bytes);
        if (message.bytes > 0) std::memcpy(message.data, box.front().data(), message.bytes);
        box.pop_front();
      }
      receives_.clear();
    }

   private:
    ThreadWorld& world_;
    int rank_;
    std::vector<Transport::Message> receives_;
  };

  const int size_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<std::pair<int, int>, std::deque<std::vector<std::byte>>> mail_;
};

// Runs `body` once a rank, each in a thread, as the processes of a run.
inline void RunRanks(int size, const std::function<void(Communicator&)>& body, std::int64_t chunk_bytes = 0) {
  ThreadWorld world(size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      TransportCommunicator communicator(world.Join(rank), chunk_bytes);
      body(communicator);
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace mathcoder::train
