#include "engine/endpoint_transfer.h"

#include <strings.h>

#include <utility>

#include "base/check.h"

namespace mathcoder::engine {
namespace {

void InitialiseCurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  MC_CHECK(code == CURLE_OK);
}

bool IsLoopback(const std::string& url) {
  const std::size_t begin = url.find("://") + 3;
  const std::string host = url.substr(begin, url.find_first_of(":/", begin) - begin);
  return host == "localhost" || host.starts_with("127.") || url.compare(begin, 5, "[::1]") == 0;
}

}  // namespace

Transfer::Transfer(const EndpointOptions& options, const std::string& url, std::string body, OnData on_data)
    : body_(std::move(body)), on_data_(std::move(on_data)) {
  InitialiseCurl();
  handle_.reset(curl_easy_init());
  MC_CHECK(handle_ != nullptr);
  CURL* h = handle_.get();
  curl_easy_setopt(h, CURLOPT_URL, url.c_str());
  curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);  // a redirect would carry the key elsewhere
  curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(h, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, &Transfer::Write);
  curl_easy_setopt(h, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, &Transfer::Header);
  curl_easy_setopt(h, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(h, CURLOPT_USERAGENT, "mathcoder");
  if (IsLoopback(url)) curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, options.verify_tls ? 1L : 0L);
  curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, options.verify_tls ? 2L : 0L);
  if (!options.ca_file.empty()) curl_easy_setopt(h, CURLOPT_CAINFO, options.ca_file.c_str());

  const auto add = [this](const std::string& line) {
    curl_slist* grown = curl_slist_append(headers_.get(), line.c_str());
    MC_CHECK(grown != nullptr);
    headers_.release();  // NOLINT(bugprone-unused-return-value): it is the head or the tail of `grown`
    headers_.reset(grown);
  };
  if (!options.api_key.empty()) add("Authorization: Bearer " + options.api_key);
  if (!body_.empty()) {
    add("Content-Type: application/json");
    add("Accept: text/event-stream, application/json");
    add("Expect:");  // no round trip before the body
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, body_.c_str());
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
  }
  curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers_.get());
}

long Transfer::status() const {
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

bool Transfer::is_event_stream() const {
  const char* type = nullptr;
  curl_easy_getinfo(handle_.get(), CURLINFO_CONTENT_TYPE, &type);
  return type != nullptr && strncasecmp(type, "text/event-stream", 17) == 0;
}

std::chrono::seconds Transfer::retry_after() const {
  curl_off_t seconds = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RETRY_AFTER, &seconds);
  return std::chrono::seconds(seconds);
}

std::string Transfer::Why(CURLcode code) const {
  std::string text = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

std::size_t Transfer::Write(char* data, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  transfer->last_byte_ = std::chrono::steady_clock::now();
  // Any other number than what was given aborts the exchange.
  return transfer->on_data_({data, size * count}) ? size * count : (size * count == 0 ? 1 : 0);
}

std::size_t Transfer::Header(char*, std::size_t size, std::size_t count, void* self) {
  static_cast<Transfer*>(self)->last_byte_ = std::chrono::steady_clock::now();
  return size * count;
}

}  // namespace mathcoder::engine
