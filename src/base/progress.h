// A progress line on a terminal: bar, count, rate, remaining time, and whatever the caller wants to count. Where the output is
// no terminal, one plain line every ten seconds. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

namespace mathcoder::base {

// One line that is drawn over and over: in place on a terminal, ten times a second at most; as a plain line every ten seconds where
// the output is none. For those who show more than Progress does. One thread at a time.
class StatusLine {
 public:
  StatusLine(std::FILE* out, bool quiet);  // quiet: prints nothing

  bool terminal() const { return terminal_; }
  bool Due() const;                  // whether it is time for Draw: the line need not be made before
  void Draw(std::string_view line);  // cut to the terminal's width
  void Clear();                      // before other output to the same terminal
  void End();                        // leaves what was drawn

 private:
  std::FILE* const out_;
  const bool quiet_, terminal_;
  std::chrono::steady_clock::time_point last_draw_ = std::chrono::steady_clock::now();
  bool drawn_ = false;
};

struct ProgressOptions {
  std::string label;  // "solve"
  std::string unit = "problems";
  std::size_t total = 0;  // 0: unknown
  std::size_t done = 0;   // finished before this run (a resumed one); not in the rate
  std::FILE* out = stderr;
  bool quiet = false;  // prints nothing
};

class Progress {
 public:
  explicit Progress(ProgressOptions options);
  ~Progress();  // Finish

  // `note` is shown behind the numbers: "58 answered, 2 timeouts".
  void Set(std::size_t done, const std::string& note);
  // Clears the line, runs `print`, draws the line again: for output to the same terminal.
  template <typename F>
  void Interrupt(F print) {
    std::lock_guard lock(mutex_);
    line_.Clear();
    print();
    Draw(true);
  }
  void Finish();  // leaves the last state on the terminal

  // "1 h 02 min", "3 min 20 s", "4.2 s".
  static std::string Duration(std::chrono::duration<double> time);

 private:
  void Draw(bool force);

  std::mutex mutex_;
  const ProgressOptions options_;
  StatusLine line_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::size_t done_;
  std::string note_;
  bool finished_ = false;
};

}  // namespace mathcoder::base
