// Which endpoint serves which sequence: the one that has its prefix cached while that one is well, else the least loaded. Pure
// bookkeeping over the time that is passed in. Not thread-safe: one owner.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace mathcoder::engine {

class EndpointPool {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Choice {
    std::size_t endpoint = 0;
    Time when;  // not before
  };

  explicit EndpointPool(std::size_t endpoints);

  // A sequence that will call Choose with this affinity; RemoveUser when it is closed.
  void AddUser(const std::string& affinity);
  void RemoveUser(const std::string& affinity);

  // The endpoint of this affinity from now on. Where all are to be avoided: the one whose pause ends first.
  Choice Choose(const std::string& affinity, Time now);
  void Started(std::size_t endpoint) { ++endpoints_[endpoint].active; }
  void Ended(std::size_t endpoint) { --endpoints_[endpoint].active; }
  // It failed, or asked for a pause.
  void Avoid(std::size_t endpoint, Time until);

 private:
  struct Endpoint {
    std::size_t active = 0;    // transfers
    std::size_t assigned = 0;  // affinities: their sequences come back after their code has run
    Time avoid_until{};
  };
  struct User {
    std::size_t sequences = 0;
    std::size_t endpoint = kNone;
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  void Assign(User& user, std::size_t endpoint);

  std::vector<Endpoint> endpoints_;
  std::map<std::string, User> users_;
};

}  // namespace mathcoder::engine
