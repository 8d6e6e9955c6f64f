#include "engine/endpoint_sse.h"

#include <utility>

namespace mathcoder::engine {

std::vector<SseParser::Event> SseParser::Feed(std::string_view bytes) {
  std::vector<Event> events;
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (std::exchange(after_cr_, false) && bytes[at] == '\n') {
      ++at;
      continue;
    }
    const std::size_t end = bytes.find_first_of("\r\n", at);
    const std::string_view piece = bytes.substr(at, end == std::string_view::npos ? end : end - at);
    if (line_.size() + piece.size() > kMaxLine) {
      broken_ = true;
      return events;
    }
    line_ += piece;
    if (end == std::string_view::npos) break;
    after_cr_ = bytes[end] == '\r';
    at = end + 1;
    Line(events);
  }
  return events;
}

std::optional<SseParser::Event> SseParser::Finish() {
  std::vector<Event> events;
  if (!line_.empty()) Line(events);
  Line(events);  // as if the blank line had come
  if (events.empty()) return std::nullopt;
  return std::move(events.front());
}

void SseParser::Line(std::vector<Event>& events) {
  std::string line = std::exchange(line_, {});
  if (std::exchange(first_line_, false) && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
  if (line.empty()) {
    if (std::exchange(has_data_, false)) events.push_back(std::exchange(event_, {}));
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return;  // a comment: a ping
  const std::string field = line.substr(0, colon);
  if (field != "data" && field != "error") return;
  std::string value = colon == std::string::npos ? std::string() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.erase(0, 1);
  if (has_data_) {
    event_.data += '\n';
  } else {
    event_.field = field;
  }
  event_.data += value;
  has_data_ = true;
}

}  // namespace mathcoder::engine
