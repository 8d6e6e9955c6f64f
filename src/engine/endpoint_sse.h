// Server-sent events (the WHATWG format) as the completion endpoints stream them: `data:` lines, comments, blank lines between
// events; LF, CRLF or CR at line ends. One stream a parser; not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mathcoder::engine {

class SseParser {
 public:
  struct Event {
    std::string field;  // "data"; "error" where a server names its error so
    std::string data;   // several lines of one event are joined by newlines
  };

  // The next bytes, cut anywhere, also inside a character. Returns the events that are complete now.
  std::vector<Event> Feed(std::string_view bytes);
  // The stream ended: an event whose blank line never came is whole all the same if its line is.
  std::optional<Event> Finish();

  // A line longer than this is no completion stream; what is beyond is dropped and broken() is true.
  static constexpr std::size_t kMaxLine = std::size_t{16} << 20;
  bool broken() const { return broken_; }

 private:
  void Line(std::vector<Event>& events);

  std::string line_;
  Event event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool first_line_ = true;
  bool broken_ = false;
};

}  // namespace mathcoder::engine
