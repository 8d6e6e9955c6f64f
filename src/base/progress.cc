#include "base/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace mathcoder::base {
namespace {

std::size_t TerminalWidth(std::FILE* out) {
  winsize size{};
  return ::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string Format(const char* format, double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

}  // namespace

StatusLine::StatusLine(std::FILE* out, bool quiet) : out_(out), quiet_(quiet), terminal_(::isatty(::fileno(out)) != 0) {}

bool StatusLine::Due() const {
  if (quiet_) return false;
  if (terminal_) return !drawn_ || std::chrono::steady_clock::now() - last_draw_ >= std::chrono::milliseconds(100);
  return std::chrono::steady_clock::now() - last_draw_ >= std::chrono::seconds(10);
}

void StatusLine::Draw(std::string_view line) {
  if (quiet_) return;
  last_draw_ = std::chrono::steady_clock::now();
  drawn_ = true;
  if (terminal_) {
    line = line.substr(0, TerminalWidth(out_) - 1);
    std::fprintf(out_, "\r\033[K%.*s", static_cast<int>(line.size()), line.data());
  } else {
    std::fprintf(out_, "%.*s\n", static_cast<int>(line.size()), line.data());
  }
  std::fflush(out_);
}

void StatusLine::Clear() {
  if (drawn_ && terminal_) std::fputs("\r\033[K", out_);
}

void StatusLine::End() {
  if (drawn_ && terminal_) std::fputc('\n', out_);
  drawn_ = false;
}

Progress::Progress(ProgressOptions options)
    : options_(std::move(options)), line_(options_.out, options_.quiet), done_(options_.done) {}

Progress::~Progress() { Finish(); }

std::string Progress::Duration(std::chrono::duration<double> time) {
  const double seconds = time.count();
  const auto whole = std::llround(seconds);
  char buffer[48];
  if (whole >= 3600) {
    std::snprintf(buffer, sizeof buffer, "%lld h %02lld min", whole / 3600, whole % 3600 / 60);
  } else if (whole >= 60) {
    std::snprintf(buffer, sizeof buffer, "%lld min %02lld s", whole / 60, whole % 60);
  } else {
    std::snprintf(buffer, sizeof buffer, "%.1f s", seconds);
  }
  return buffer;
}

void Progress::Set(std::size_t done, const std::string& note) {
  std::lock_guard lock(mutex_);
  done_ = done;
  note_ = note;
  Draw(false);
}

void Progress::Finish() {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  Draw(true);
  line_.End();
  finished_ = true;
}

void Progress::Draw(bool force) {
  if (options_.quiet || finished_ || (!force && !line_.Due())) return;
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::duration<double> elapsed = now - start_;
  const double rate = elapsed.count() > 0 ? static_cast<double>(done_ - options_.done) / elapsed.count() : 0;
  std::string line = options_.label + " ";
  if (options_.total > 0) {
    if (line_.terminal()) {
      constexpr std::size_t kCells = 24;
      const std::size_t full = std::min(kCells, done_ * kCells / options_.total);
      line += "[" + std::string(full, '=') + std::string(kCells - full, ' ') + "] ";
    }
    line += std::to_string(done_) + "/" + std::to_string(options_.total);
  } else {
    line += std::to_string(done_);
  }
  line += " " + options_.unit + ", " + Format(rate < 10 ? "%.2f" : "%.1f", rate) + "/s";
  if (options_.total > done_ && rate > 0) {
    line += ", " + Duration(std::chrono::duration<double>(static_cast<double>(options_.total - done_) / rate)) + " left";
  } else {
    line += ", " + Duration(elapsed);
  }
  if (!note_.empty()) line += " (" + note_ + ")";
  line_.Draw(line);
}

}  // namespace mathcoder::base
