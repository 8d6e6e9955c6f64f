// For tests: an HTTP/1.1 server on a loopback port of the system's choice that answers as a test tells it to, and badly if it is
// told so.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace mathcoder::engine {

class FaultServer {
 public:
  struct Request {
    std::string method, path, body;
    std::map<std::string, std::string> headers;  // names in lower case
    std::chrono::steady_clock::time_point at;
    std::size_t connection = 0;  // which of the server's connections, from 0
  };

  class Connection {
   public:
    Connection(int fd, SSL* ssl, const std::atomic<bool>& closing) : fd_(fd), ssl_(ssl), closing_(closing) {}
    void Send(std::string_view bytes);
    // A whole answer. `headers` are lines with CRLF.
    void Answer(int status, std::string_view body, std::string_view headers = "Content-Type: application/json\r\n");
    void StartStream();                  // headers of an event stream in chunked coding
    void Chunk(std::string_view bytes);  // bytes of the stream, as they are
    void Event(std::string_view text, std::string_view finish_reason = "",
               std::string_view more = "");  // "more": JSON members of the choice
    void EndStream();                        // [DONE] and the end of the chunked coding
    void Reset();                            // RST
    bool WaitForClose(
        std::chrono::milliseconds timeout);  // true when the client hung up; false after the timeout or at the server's end
    bool open() const { return open_; }

   private:
    friend class FaultServer;
    int fd_;
    SSL* ssl_;
    const std::atomic<bool>& closing_;
    bool open_ = true;
  };
  using Handler = std::function<void(const Request&, Connection&)>;

  struct Options {
    std::string models = R"({"object":"list","data":[{"id":"tiny","object":"model","owned_by":"vllm","max_model_len":2048}]})";
    int models_status = 200;
    std::string certificate, key;  // PEM files: TLS
  };

  // `completions` handles every POST /v1/completions, on the connection's own thread.
  FaultServer(Handler completions, Options options);
  explicit FaultServer(Handler completions) : FaultServer(std::move(completions), Options()) {}
  ~FaultServer();

  std::string url() const;
  int port() const { return port_; }
  std::vector<Request> requests() const;  // to /completions, in order

 private:
  void Accept();
  void Serve(int fd, std::size_t index);
  bool ReadRequest(Connection& connection, std::string& buffer, Request& request);

  const Handler handler_;
  const Options options_;
  SSL_CTX* tls_ = nullptr;
  base::UniqueFd listener_;
  int port_ = 0;
  std::atomic<bool> closing_{false};
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::vector<int> open_fds_;
  std::list<std::thread> connections_;
  std::thread acceptor_;
};

}  // namespace mathcoder::engine
