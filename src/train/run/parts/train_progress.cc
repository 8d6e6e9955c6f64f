#include "train/run/parts/train_progress.h"

#include <algorithm>
#include <cmath>
#include <fstream>

namespace mathcoder::train {
namespace {

std::string Format(const char* format, double value) {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

// The number of kB behind `key` of /proc/self/status, in bytes.
std::int64_t StatusBytes(std::string_view key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::strtoll(line.c_str() + key.size(), nullptr, 10) * 1024;
  }
  return 0;
}

}  // namespace

TrainProgress::TrainProgress(TrainProgressOptions options, Clock::time_point now)
    : options_(options), status_(options.out, options.quiet), last_(now) {
  step_.step = options_.done;
}

TrainProgress::~TrainProgress() { Finish(); }

void TrainProgress::Step(const TrainStep& step, Clock::time_point now) {
  const std::chrono::duration<double> took = now - last_;
  last_ = now;
  const double keep = std::exp(-took.count() / options_.smoothing.count());
  seconds_ = seconds_ * keep + took.count();
  tokens_ = tokens_ * keep + static_cast<double>(step.tokens);
  operations_ = operations_ * keep + step.operations;
  steps_ = steps_ * keep + 1;
  step_ = step;
  shown_ = true;
  if (status_.Due()) status_.Draw(Line());
}

void TrainProgress::Finish() {
  if (finished_) return;
  if (shown_) status_.Draw(Line());
  status_.End();
  finished_ = true;
}

std::optional<double> TrainProgress::mfu() const {
  if (options_.peak <= 0) return std::nullopt;
  return seconds_ > 0 ? operations_ / seconds_ / options_.peak : 0;
}

std::optional<std::chrono::duration<double>> TrainProgress::time_left() const {
  if (options_.steps <= 0 || steps_ <= 0) return std::nullopt;
  const auto left = static_cast<double>(std::max<std::int64_t>(0, options_.steps - step_.step));
  return std::chrono::duration<double>(left * seconds_ / steps_);
}

std::string TrainProgress::Line() const {
  std::string line = "step " + WithCommas(step_.step);
  if (options_.steps > 0) line += "/" + WithCommas(options_.steps);
  line += "  loss " + Format("%.4f", step_.loss) + "  lr " + Format("%.1e", step_.learning_rate);
  line += "  " + WithCommas(std::llround(tokens_per_second())) + " tok/s";
  if (const auto share = mfu()) line += "  MFU " + Format("%.0f%%", *share * 100);
  const std::int64_t bytes = step_.device_bytes > 0 ? step_.device_bytes : ResidentBytes();
  line += "  mem " + Format("%.1f GB", static_cast<double>(bytes) / 1e9);
  if (const auto left = time_left()) line += "  " + base::Progress::Duration(*left) + " left";
  if (!step_.note.empty()) line += "  " + step_.note;
  return line;
}

std::string WithCommas(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::int64_t ResidentBytes() { return StatusBytes("VmRSS:"); }
std::int64_t PeakResidentBytes() { return StatusBytes("VmHWM:"); }

double GpuPeak(std::string_view name) {
  // The first that the name holds counts: the narrower names stand first. Data sheets: A100 (2021), A10/A30/A40 (2021), RTX A6000
  // (2021), H100 (2023; SXM, PCIe, NVL), H200 (2024; SXM, NVL), GH200 (2023), H20 (2023), L4/L40/L40S (2023), B200 (2024); GeForce:
  // white papers of the GA102 and AD102 GPUs, with f32 sums.
  static constexpr struct {
    std::string_view name;
    double teraflops;
  } kPeaks[] = {
      {"GH200", 989.4},     {"H200 NVL", 835.5}, {"H200", 989.4},  {"H100 PCIe", 756}, {"H100 NVL", 835.5}, {"H100", 989.4},
      {"H800 PCIe", 756},   {"H800", 989.4},     {"H20", 148},     {"B200", 2250},     {"A100", 312},       {"A800", 312},
      {"RTX A6000", 154.8}, {"A40", 149.7},      {"A30", 165},     {"A10", 125},       {"L40S", 362},       {"L40", 181},
      {"L4", 121},          {"RTX 4090", 165.2}, {"RTX 3090", 71},
  };
  // A whole word, so that A10 is not found in A10G, which is another GPU.
  const auto holds = [&](std::string_view word) {
    const std::size_t at = name.find(word);
    if (at == std::string_view::npos) return false;
    const std::size_t end = at + word.size();
    const auto alnum = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    return (at == 0 || !alnum(name[at - 1])) && (end == name.size() || !alnum(name[end]));
  };
  for (const auto& peak : kPeaks) {
    if (holds(peak.name)) return peak.teraflops * 1e12;
  }
  return 0;
}

}  // namespace mathcoder::train
