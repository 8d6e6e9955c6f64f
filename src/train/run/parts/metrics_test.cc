#include "train/run/parts/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "base/checksum.h"
#include "base/error.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MetricsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "mathcoder-metrics-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    run_ = pattern;
  }
  void TearDown() override { fs::remove_all(run_); }
  std::vector<std::int64_t> Steps() const {
    std::vector<std::int64_t> steps;
    std::ifstream in(run_ / "metrics.jsonl");
    for (std::string line; std::getline(in, line);) steps.push_back(base::Json::parse(line).at("step"));
    return steps;
  }
  std::vector<fs::path> EventFiles() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(run_ / "tensorboard")) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
  }
  fs::path run_;
};

TEST_F(MetricsTest, EachStepIsThereOnceHoweverOftenTheRunIsKilled) {
  {
    Metrics metrics(run_, std::nullopt, false);
    metrics.Append(0, {{"held_out", {{"loss", 3}}}});
    for (int step = 1; step <= 5; ++step) metrics.Append(step, {{"loss", 1.0 / step}, {"lr", NAN}});
    EXPECT_THROW(Metrics(run_, 5, false), base::Error);  // two runs at once
  }
  std::ofstream(run_ / "metrics.jsonl", std::ios::app) << "{\"step\":6,\"lo";  // a kill within a record
  {
    Metrics metrics(run_, 3, false);
    metrics.Append(4, {{"loss", 0.25}, {"note", "again"}});
    EXPECT_THAT(Steps(), ElementsAre(0, 1, 2, 3, 4));
    metrics.Append(5, {{"loss", 0.2}});
    metrics.Append(5, {{"held_out", {{"loss", 0.3}}}});
    metrics.GoBackTo(4);
    EXPECT_THAT(Steps(), ElementsAre(0, 1, 2, 3, 4));
    metrics.Append(5, {{"loss", 0.21}});
  }
  EXPECT_THAT(base::ReadFile(run_ / "metrics.jsonl"),
              HasSubstr("{\"step\":3,\"loss\":0.3333333333333333,\"lr\":null}\n"
                        "{\"step\":4,\"loss\":0.25,\"note\":\"again\"}\n{\"step\":5,\"loss\":0.21}\n"));
  { Metrics metrics(run_, 100, false); }
  EXPECT_THAT(Steps(), ElementsAre(0, 1, 2, 3, 4, 5));
  { Metrics metrics(run_, std::nullopt, false); }
  EXPECT_THAT(Steps(), ElementsAre());
  std::ofstream(run_ / "metrics.jsonl") << "[1]\n";
  EXPECT_THROW(Metrics(run_, 3, false), base::Error);
}

// Frames as a reader sees them: both checksums hold.
std::vector<std::string> Records(const std::string& content) {
  const auto word = [&](std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, content.data() + at, 4);
    return value;
  };
  const auto unmask = [](std::uint32_t crc) {
    crc -= 0xA282EAD8U;
    return crc >> 17 | crc << 15;
  };
  std::vector<std::string> records;
  for (std::size_t at = 0; at < content.size();) {
    std::uint64_t size = 0;
    std::memcpy(&size, content.data() + at, 8);
    EXPECT_EQ(unmask(word(at + 8)), base::Crc32c(std::string_view(content).substr(at, 8)));
    records.push_back(content.substr(at + 12, size));
    EXPECT_EQ(unmask(word(at + 12 + size)), base::Crc32c(records.back()));
    at += 16 + size;
  }
  return records;
}

TEST_F(MetricsTest, EventFilesAreNewAtEachStartAndSortInOrder) {
  for (int start = 0; start < 3; ++start) {
    Metrics metrics(run_, start == 0 ? std::nullopt : std::optional<std::int64_t>(start), true);
    metrics.Append(start + 1, {{"loss", 1.5}, {"held_out", {{"code", 0.25}}}, {"note", "no scalar"}});
  }
  const auto files = EventFiles();
  ASSERT_EQ(files.size(), 3U);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto records = Records(base::ReadFile(files[i]));
    ASSERT_EQ(records.size(), i == 0 ? 2U : 3U);
    EXPECT_THAT(records[0], HasSubstr("brain.Event:2"));
    if (i > 0) {
      EXPECT_THAT(records[1], ::testing::EndsWith(std::string("\x10") + static_cast<char>(i + 1) + "\x3A\x02\x08\x01"));
    }
    EXPECT_THAT(records.back(), HasSubstr("held_out/code"));
  }
}

TEST_F(MetricsTest, AFullDiskLeavesWholeEvents) {
  ::signal(SIGXFSZ, SIG_IGN);
  EventFile file(run_, std::nullopt);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit limit = before;
  limit.rlim_cur = 150;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const std::pair<std::string, double> values[] = {{"loss", 1}};
  int written = 0;
  EXPECT_THROW(
      while (true) {
        file.Scalars(1, values);
        ++written;
      },
      base::Error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(Records(base::ReadFile(file.path())).size(), static_cast<std::size_t>(written) + 1);
  file.Scalars(2, values);
  EXPECT_EQ(Records(base::ReadFile(file.path())).size(), static_cast<std::size_t>(written) + 2);
}

}  // namespace
}  // namespace mathcoder::train
