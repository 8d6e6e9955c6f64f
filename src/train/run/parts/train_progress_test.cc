#include "train/run/parts/train_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "base/unique_fd.h"

namespace mathcoder::train {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TrainStep StepOf(std::int64_t step) {
  TrainStep result;
  result.step = step;
  result.loss = 0.83123;
  result.learning_rate = 1.94e-5;
  result.tokens = 24690;
  result.operations = 8.2e11;
  result.device_bytes = 3'100'000'000;
  return result;
}

TEST(TrainProgress, TheLine) {
  TrainProgressOptions options;
  options.steps = 4000;
  options.peak = 1e12;
  options.quiet = true;
  auto now = TrainProgress::Clock::now();
  TrainProgress progress(options, now);
  EXPECT_FALSE(progress.time_left().has_value());
  for (int step = 1; step <= 120; ++step) progress.Step(StepOf(step), now += milliseconds(2000));
  EXPECT_EQ(progress.Line(), "step 120/4,000  loss 0.8312  lr 1.9e-05  12,345 tok/s  MFU 41%  mem 3.1 GB  2 h 09 min left");
  progress.LeaveOut(now += std::chrono::hours(1));  // an evaluation
  progress.Step(StepOf(121), now += milliseconds(2000));
  EXPECT_NEAR(progress.tokens_per_second(), 12345, 1e-6);
  // Half the speed from here on: the rate follows within some multiples of the smoothing time.
  for (int step = 122; step < 126; ++step) progress.Step(StepOf(step), now += milliseconds(4000));
  EXPECT_GT(progress.tokens_per_second(), 7000);
  EXPECT_LT(progress.tokens_per_second(), 11000);
  for (int step = 126; step < 200; ++step) progress.Step(StepOf(step), now += milliseconds(4000));
  EXPECT_NEAR(progress.tokens_per_second(), 6172.5, 1);
}

TEST(TrainProgress, WithoutPeakOrNumberOfSteps) {
  TrainProgressOptions options;
  options.quiet = true;
  auto now = TrainProgress::Clock::now();
  TrainProgress progress(options, now);
  TrainStep step = StepOf(1234567);
  step.device_bytes = 0;
  step.note = "skipped 1";
  progress.Step(step, now + milliseconds(1000));
  EXPECT_THAT(progress.Line(),
              MatchesRegex("step 1,234,567  loss 0.8312  lr 1.9e-05  24,690 tok/s  mem [0-9]+\\.[0-9] GB  skipped 1"));
}

TEST(TrainProgress, PlainLinesWhereThereIsNoTerminal) {
  std::FILE* file = std::tmpfile();
  TrainProgressOptions options;
  options.out = file;
  options.steps = 10;
  {
    TrainProgress progress(options);
    for (int step = 1; step <= 10; ++step) progress.Step(StepOf(step));
  }  // too short for a line but the last
  std::rewind(file);
  std::vector<char> text(1000);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  const std::string content(text.begin(), text.end());
  EXPECT_EQ(std::count(content.begin(), content.end(), '\n'), 1);
  EXPECT_THAT(content, HasSubstr("step 10/10  loss 0.8312"));
  EXPECT_EQ(content.find('\r'), std::string::npos);
}

TEST(TrainProgress, InPlaceOnATerminalAndCutToItsWidth) {
  int master = -1, slave = -1;
  winsize size{};
  size.ws_row = 24;
  size.ws_col = 40;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
  base::UniqueFd owner(master);
  std::FILE* out = ::fdopen(slave, "w");
  TrainProgressOptions options;
  options.out = out;
  {
    TrainProgress progress(options);
    progress.Step(StepOf(1));
    progress.Interrupt([&] { std::fputs("note\n", out); });
  }
  std::fflush(out);
  // A terminal hands on what was written when it likes: read until both lines have ended.
  std::string content;
  while (std::count(content.begin(), content.end(), '\n') < 2) {
    char buffer[1000];
    const ssize_t n = ::read(master, buffer, sizeof buffer);
    ASSERT_GT(n, 0) << content;
    content.append(buffer, static_cast<std::size_t>(n));
  }
  std::fclose(out);
  const std::string line = "\r\033[K" + std::string("step 1  loss 0.8312  lr 1.9e-05  24,690").substr(0, 35);
  EXPECT_THAT(content, ::testing::StartsWith(line.substr(0, 30)));
  EXPECT_THAT(content, HasSubstr("\r\033[Knote\r\n"));
  for (std::size_t at = 0; (at = content.find("\033[K", at)) != std::string::npos; ++at) {
    EXPECT_LE(content.find_first_of("\r\n", at) - at, 3U + 39U);
  }
}

TEST(TrainProgress, NumbersAndMemory) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1000), "1,000");
  EXPECT_EQ(WithCommas(-1234567), "-1,234,567");
  const std::int64_t before = ResidentBytes();
  const std::vector<char> memory(std::size_t{64} << 20, 'x');
  EXPECT_GT(ResidentBytes(), before + (std::int64_t{40} << 20));
  EXPECT_GE(PeakResidentBytes(), ResidentBytes());
}

TEST(TrainProgress, PeaksOfGpus) {
  EXPECT_EQ(GpuPeak("NVIDIA H100 80GB HBM3"), 989.4e12);
  EXPECT_EQ(GpuPeak("NVIDIA H100 PCIe"), 756e12);
  EXPECT_EQ(GpuPeak("NVIDIA H200"), 989.4e12);
  EXPECT_EQ(GpuPeak("NVIDIA A100-SXM4-80GB"), 312e12);
  EXPECT_EQ(GpuPeak("NVIDIA A10"), 125e12);
  EXPECT_EQ(GpuPeak("NVIDIA A10G"), 0);
  EXPECT_EQ(GpuPeak("NVIDIA L40S"), 362e12);
  EXPECT_EQ(GpuPeak("NVIDIA GeForce RTX 4090"), 165.2e12);
  EXPECT_EQ(GpuPeak("Voodoo 2"), 0);
}

}  // namespace
}  // namespace mathcoder::train
