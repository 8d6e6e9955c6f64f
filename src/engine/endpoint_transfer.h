// One HTTP exchange on libcurl: options that are the same for all, and RAII. The only file besides the engine that names curl's
// handles. Not thread-safe.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/endpoint_engine.h"

namespace mathcoder::engine {

class Transfer {
 public:
  using OnData = std::function<bool(std::string_view)>;  // false: give up this exchange

  // POSTs `body` as JSON, or GETs where it is empty.
  Transfer(const EndpointOptions& options, const std::string& url, std::string body, OnData on_data);

  CURL* handle() const { return handle_.get(); }
  long status() const;  // 0 before the headers
  bool is_event_stream() const;
  std::chrono::seconds retry_after() const;  // 0 where the server did not ask
  std::chrono::steady_clock::time_point last_byte() const { return last_byte_; }
  std::string Why(CURLcode code) const;  // one line

 private:
  static std::size_t Write(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t Header(char* data, std::size_t size, std::size_t count, void* self);

  struct FreeHandle {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  const std::string body_;
  OnData on_data_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  char error_[CURL_ERROR_SIZE] = {};
  std::chrono::steady_clock::time_point last_byte_ = std::chrono::steady_clock::now();
  std::unique_ptr<CURL, FreeHandle> handle_;  // last: it borrows the others
};

}  // namespace mathcoder::engine
