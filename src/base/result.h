// Result<T>: a value or a one-line reason. For one bad item among many (a malformed line of a file that is read on).
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace mathcoder::base {

struct Failure {
  std::string message;  // as in base::Error: one line
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}            // NOLINT(google-explicit-constructor)
  Result(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Precondition of the first four: ok(). Precondition of error(): !ok().
  const T& value() const& { return MC_CHECK(ok()), std::get<0>(state_); }
  T&& value() && { return MC_CHECK(ok()), std::get<0>(std::move(state_)); }
  const T& operator*() const& { return value(); }
  const T* operator->() const { return &value(); }
  const std::string& error() const { return MC_CHECK(!ok()), std::get<1>(state_).message; }

 private:
  std::variant<T, Failure> state_;
};

}  // namespace mathcoder::base
