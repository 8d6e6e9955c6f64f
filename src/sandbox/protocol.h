// What the client library and sandboxd say to each other over a stream socket: frames of a length, a kind and a payload. Both ends
// are ours and of one build; a frame that does not parse is a bug or a dead peer, never something to recover from.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace mathcoder::sandbox {

enum class FrameKind : std::uint8_t {
  // client -> sandboxd
  kStart = 1,      // JSON: options and the Python layout
  kOpen = 2,       // u64 session
  kRun = 3,        // u64 session, u32 timeout ms, u32 grace ms, code
  kInterrupt = 4,  // u64 session
  kClose = 5,      // u64 session
  // sandboxd -> client
  kStarted = 16,  // JSON: the tier report
  kRefused = 17,  // JSON: {"message", "report"}
  kResult = 18,   // u64 session, u8 status, u8 truncated, strings: output, stdout, stderr, value, traceback, exception, cause
};

constexpr std::size_t kMaxFrame = std::size_t{256} << 20;

struct Frame {
  FrameKind kind;
  std::string payload;
};

// Builds a payload or a frame. Numbers are little-endian machine words, strings carry their length.
class Writer {
 public:
  Writer& U8(std::uint8_t value) { return Raw(&value, sizeof value); }
  Writer& U32(std::uint32_t value) { return Raw(&value, sizeof value); }
  Writer& U64(std::uint64_t value) { return Raw(&value, sizeof value); }
  Writer& String(std::string_view text) {
    U32(static_cast<std::uint32_t>(text.size()));
    return Raw(text.data(), text.size());
  }
  Writer& Rest(std::string_view text) { return Raw(text.data(), text.size()); }

  std::string Framed(FrameKind kind) const {
    std::string frame;
    const auto size = static_cast<std::uint32_t>(data_.size());
    frame.append(reinterpret_cast<const char*>(&size), sizeof size);
    frame.push_back(static_cast<char>(kind));
    return frame += data_;
  }

 private:
  Writer& Raw(const void* data, std::size_t size) {
    data_.append(static_cast<const char*>(data), size);
    return *this;
  }
  std::string data_;
};

// Reads a payload. After a short read ok() is false and every value is zero or empty.
class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  std::uint8_t U8() { return Number<std::uint8_t>(); }
  std::uint32_t U32() { return Number<std::uint32_t>(); }
  std::uint64_t U64() { return Number<std::uint64_t>(); }
  std::string_view String() {
    const std::uint32_t size = U32();
    if (!ok_ || size > data_.size()) return ok_ = false, std::string_view();
    const std::string_view text = data_.substr(0, size);
    data_.remove_prefix(size);
    return text;
  }
  std::string_view Rest() const { return data_; }
  bool ok() const { return ok_; }

 private:
  template <typename T>
  T Number() {
    T value{};
    if (!ok_ || data_.size() < sizeof value) return ok_ = false, T{};
    std::memcpy(&value, data_.data(), sizeof value);
    data_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view data_;
  bool ok_ = true;
};

// Cuts frames out of a stream of bytes.
class FrameBuffer {
 public:
  void Append(const char* data, std::size_t size) { bytes_.append(data, size); }
  // The next whole frame; nullopt: more bytes are needed. `broken()` after a length over kMaxFrame.
  std::optional<Frame> Next() {
    constexpr std::size_t kHead = sizeof(std::uint32_t) + 1;
    if (bytes_.size() - at_ < kHead) return Compact(), std::nullopt;
    std::uint32_t size = 0;
    std::memcpy(&size, bytes_.data() + at_, sizeof size);
    if (size > kMaxFrame) return broken_ = true, std::nullopt;
    if (bytes_.size() - at_ < kHead + size) return Compact(), std::nullopt;
    Frame frame{static_cast<FrameKind>(bytes_[at_ + sizeof size]), bytes_.substr(at_ + kHead, size)};
    at_ += kHead + size;
    return frame;
  }
  bool broken() const { return broken_; }

 private:
  void Compact() {
    if (at_ == 0) return;
    bytes_.erase(0, at_);
    at_ = 0;
  }
  std::string bytes_;
  std::size_t at_ = 0;
  bool broken_ = false;
};

}  // namespace mathcoder::sandbox
