// epoll and timers for one thread.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/unique_fd.h"

namespace mathcoder::sandbox {

class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using TimerId = std::pair<Clock::time_point, std::uint64_t>;

  EventLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

  // `handler` gets the epoll events. A descriptor must be removed before it is closed.
  void Add(int fd, std::uint32_t events, std::function<void(std::uint32_t)> handler) {
    epoll_event event = {};
    event.events = events;
    const std::uint64_t key = static_cast<std::uint64_t>(fd) | ++generation_ << 32;
    event.data.u64 = key;
    handlers_[fd] = {key, std::make_shared<std::function<void(std::uint32_t)>>(std::move(handler))};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }
  void Change(int fd, std::uint32_t events) {
    const auto found = handlers_.find(fd);
    if (found == handlers_.end()) return;
    epoll_event event = {};
    event.events = events;
    event.data.u64 = found->second.first;
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
  }
  void Remove(int fd) {
    if (handlers_.erase(fd) != 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }

  TimerId At(Clock::time_point when, std::function<void()> action) {
    const TimerId id{when, ++timers_made_};
    timers_[id] = std::move(action);
    return id;
  }
  TimerId After(std::chrono::milliseconds delay, std::function<void()> action) {
    return At(Clock::now() + delay, std::move(action));
  }
  void Cancel(TimerId id) { timers_.erase(id); }

  void Stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

  // Waits for events once and handles them.
  void Step() {
    int timeout = -1;
    if (!timers_.empty()) {
      const auto left = timers_.begin()->first.first - Clock::now();
      timeout = left.count() <= 0 ? 0 : static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
    }
    epoll_event events[64];
    const int n = epoll_wait(epoll_.get(), events, 64, timeout);
    for (int i = 0; i < n && !stopped_; ++i) {
      // A handler may have removed a later descriptor of this batch, or reused its number.
      const std::uint64_t key = events[i].data.u64;
      const auto found = handlers_.find(static_cast<int>(key & 0xffffffffU));
      if (found == handlers_.end() || found->second.first != key) continue;
      const auto handler = found->second.second;
      (*handler)(events[i].events);
    }
    const auto now = Clock::now();
    while (!timers_.empty() && timers_.begin()->first.first <= now && !stopped_) {
      auto node = timers_.extract(timers_.begin());
      node.mapped()();
    }
  }

 private:
  base::UniqueFd epoll_;
  std::unordered_map<int, std::pair<std::uint64_t, std::shared_ptr<std::function<void(std::uint32_t)>>>> handlers_;
  std::map<TimerId, std::function<void()>> timers_;
  std::uint64_t generation_ = 0;
  std::uint64_t timers_made_ = 0;
  bool stopped_ = false;
};

}  // namespace mathcoder::sandbox
