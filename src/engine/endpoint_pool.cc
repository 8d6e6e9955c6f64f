#include "engine/endpoint_pool.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace mathcoder::engine {

EndpointPool::EndpointPool(std::size_t endpoints) : endpoints_(endpoints) { MC_CHECK(endpoints > 0); }

void EndpointPool::AddUser(const std::string& affinity) { ++users_[affinity].sequences; }

void EndpointPool::RemoveUser(const std::string& affinity) {
  const auto found = users_.find(affinity);
  MC_CHECK(found != users_.end());
  if (--found->second.sequences > 0) return;
  Assign(found->second, kNone);
  users_.erase(found);
}

void EndpointPool::Assign(User& user, std::size_t endpoint) {
  if (user.endpoint != kNone) --endpoints_[user.endpoint].assigned;
  user.endpoint = endpoint;
  if (endpoint != kNone) ++endpoints_[endpoint].assigned;
}

EndpointPool::Choice EndpointPool::Choose(const std::string& affinity, Time now) {
  const auto found = users_.find(affinity);
  MC_CHECK(found != users_.end());
  User& user = found->second;
  if (user.endpoint != kNone && endpoints_[user.endpoint].avoid_until <= now) return {user.endpoint, now};
  const auto rank = [now](const Endpoint& endpoint) {
    return std::tuple(std::max(endpoint.avoid_until, now), endpoint.active, endpoint.assigned);
  };
  const auto best = std::ranges::min_element(endpoints_, {}, rank);
  const auto index = static_cast<std::size_t>(best - endpoints_.begin());
  Assign(user, index);
  return {index, std::max(best->avoid_until, now)};
}

void EndpointPool::Avoid(std::size_t endpoint, Time until) {
  endpoints_[endpoint].avoid_until = std::max(endpoints_[endpoint].avoid_until, until);
}

}  // namespace mathcoder::engine
