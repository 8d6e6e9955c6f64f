#include "engine/endpoint_fault_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <stdexcept>

#include "base/json.h"

namespace mathcoder::engine {

void FaultServer::Connection::Send(std::string_view bytes) {
  while (open_ && !bytes.empty()) {
    const auto sent = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                      : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      open_ = false;
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void FaultServer::Connection::Answer(int status, std::string_view body, std::string_view headers) {
  Send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
       std::string(headers) + "\r\n" + std::string(body));
}

void FaultServer::Connection::StartStream() {
  Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n");
}

void FaultServer::Connection::Chunk(std::string_view bytes) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  Send(std::string(size) + std::string(bytes) + "\r\n");
}

void FaultServer::Connection::Event(std::string_view text, std::string_view finish_reason, std::string_view more) {
  std::string json = R"({"choices":[{"index":0,"text":)" + base::Dump(base::Json(std::string(text))) + R"(,"finish_reason":)";
  json += finish_reason.empty() ? "null" : "\"" + std::string(finish_reason) + "\"";
  if (!more.empty()) json += "," + std::string(more);
  Chunk("data: " + json + "}]}\n\n");
}

void FaultServer::Connection::EndStream() {
  Chunk("data: [DONE]\n\n");
  Send("0\r\n\r\n");
}

void FaultServer::Connection::Reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  open_ = false;
}

bool FaultServer::Connection::WaitForClose(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (!closing_ && std::chrono::steady_clock::now() < until) {
    pollfd fd{fd_, POLLIN, 0};
    if (::poll(&fd, 1, 20) <= 0) continue;
    char byte = 0;
    if (::recv(fd_, &byte, 1, MSG_PEEK) <= 0) {
      open_ = false;
      return true;
    }
    if (ssl_ != nullptr) return false;
  }
  return false;
}

FaultServer::FaultServer(Handler completions, Options options) : handler_(std::move(completions)), options_(std::move(options)) {
  if (!options_.certificate.empty()) {
    tls_ = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_file(tls_, options_.certificate.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_, options_.key.c_str(), SSL_FILETYPE_PEM) != 1) {
      throw std::runtime_error("fault server: the certificate does not load");
    }
  }
  listener_ = base::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(listener_.get(), 128) != 0 ||
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw std::runtime_error("fault server: no loopback port");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

FaultServer::~FaultServer() {
  closing_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  {
    std::lock_guard lock(mutex_);
    for (const int fd : open_fds_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : connections_) thread.join();
  if (tls_ != nullptr) SSL_CTX_free(tls_);
}

std::string FaultServer::url() const {
  return (tls_ != nullptr ? "https" : "http") + std::string("://127.0.0.1:") + std::to_string(port_) + "/v1";
}

std::vector<FaultServer::Request> FaultServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

void FaultServer::Accept() {
  for (std::size_t index = 0;; ++index) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    std::lock_guard lock(mutex_);
    if (closing_) {
      ::close(fd);
      return;
    }
    open_fds_.push_back(fd);
    connections_.emplace_back([this, fd, index] { Serve(fd, index); });
  }
}

void FaultServer::Serve(int fd, std::size_t index) {
  SSL* ssl = nullptr;
  if (tls_ != nullptr) {
    ssl = SSL_new(tls_);
    SSL_set_fd(ssl, fd);
  }
  if (ssl == nullptr || SSL_accept(ssl) == 1) {
    Connection connection(fd, ssl, closing_);
    std::string buffer;
    Request request;
    while (connection.open() && !closing_ && ReadRequest(connection, buffer, request)) {
      request.connection = index;
      if (request.path == "/v1/models") {
        connection.Answer(options_.models_status, options_.models);
      } else if (request.path == "/v1/completions") {
        {
          std::lock_guard lock(mutex_);
          requests_.push_back(request);
        }
        handler_(request, connection);
      } else {
        connection.Answer(404, "{}");
      }
    }
  }
  if (ssl != nullptr) SSL_free(ssl);
  std::lock_guard lock(mutex_);
  std::erase(open_fds_, fd);
  ::close(fd);
}

bool FaultServer::ReadRequest(Connection& connection, std::string& buffer, Request& request) {
  request = {};
  std::size_t need = std::string::npos;
  std::size_t head = 0;
  while (true) {
    if (need == std::string::npos && (head = buffer.find("\r\n\r\n")) != std::string::npos) {
      std::size_t line = buffer.find("\r\n");
      const std::string first = buffer.substr(0, line);
      request.method = first.substr(0, first.find(' '));
      request.path = first.substr(first.find(' ') + 1, first.rfind(' ') - first.find(' ') - 1);
      while (line < head) {
        const std::size_t end = buffer.find("\r\n", line + 2);
        const std::string header = buffer.substr(line + 2, end - line - 2);
        const std::size_t colon = header.find(':');
        std::string name = header.substr(0, colon);
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        request.headers[name] = colon == std::string::npos ? "" : header.substr(std::min(colon + 2, header.size()));
        line = end;
      }
      need = head + 4 + (request.headers.contains("content-length") ? std::stoul(request.headers["content-length"]) : 0);
    }
    if (need != std::string::npos && buffer.size() >= need) {
      request.body = buffer.substr(head + 4, need - head - 4);
      request.at = std::chrono::steady_clock::now();
      buffer.erase(0, need);
      return true;
    }
    char bytes[16384];
    const auto got = connection.ssl_ != nullptr ? SSL_read(connection.ssl_, bytes, sizeof bytes)
                                                : ::recv(connection.fd_, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    buffer.append(bytes, static_cast<std::size_t>(got));
  }
}

}  // namespace mathcoder::engine
