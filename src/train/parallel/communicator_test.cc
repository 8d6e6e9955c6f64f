#include "train/parallel/communicator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "base/error.h"
#include "train/parallel/collectives_check.h"
#include "train/parallel/launch.h"
#include "train/parallel/nccl_communicator.h"
#include "train/parallel/self_communicator.h"
#include "train/parallel/thread_transport.h"

namespace mathcoder::train {
namespace {

TEST(Communicator, CollectivesOfEverySizeAndTypeAreTheSumsInTheOrderOfRanks) {
  for (int size : {1, 2, 3, 4, 7}) {
    for (std::int64_t chunk : {std::int64_t{64}, std::int64_t{1000}, std::int64_t{0}}) {  // one message, and many
      std::mutex mutex;
      std::string wrong;
      RunRanks(
          size,
          [&](Communicator& communicator) {
            for (std::int64_t count : {0, 1, 2, 3, 31, 257, 4099}) {
              std::uint64_t digest = 0;
              const std::string found = CheckCollectives(communicator, count, static_cast<std::uint64_t>(count) + 5, digest);
              std::lock_guard lock(mutex);
              wrong += found;
            }
          },
          chunk);
      EXPECT_EQ(wrong, "") << size << " ranks, chunks of " << chunk;
    }
  }
}

TEST(Communicator, OneProcessNeedsNobody) {
  SelfCommunicator self;
  std::uint64_t digest = 0;
  EXPECT_EQ(CheckCollectives(self, 17, 3, digest), "");
  EXPECT_EQ(self.name(), "one process");
}

TEST(Communicator, WhatAJobThrowsComesOutOfWaitAndOfEveryJobBehindIt) {
  WorkThread thread;
  std::atomic<int> ran = 0;
  auto good = thread.Run([&] { ++ran; });
  auto bad = thread.Run([] { throw base::Error("the wire is cut"); });
  auto behind = thread.Run([&] { ++ran; });
  EXPECT_NO_THROW(good->Wait());
  EXPECT_THROW(bad->Wait(), base::Error);
  EXPECT_THROW(behind->Wait(), base::Error);
  EXPECT_EQ(ran, 1);
}

class LaunchTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kVariables) unsetenv(name);
  }
  void TearDown() override { SetUp(); }
  static constexpr const char* kVariables[] = {
      "OMPI_COMM_WORLD_SIZE",       "PMI_SIZE",        "PMIX_RANK",    "SLURM_NTASKS", "SLURM_STEP_NUM_TASKS",
      "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"};
};

TEST_F(LaunchTest, ReadsWhoStartedTheProcess) {
  EXPECT_EQ(ReadLaunch().size, 1);
  EXPECT_EQ(ReadLaunch().evidence, "");
  setenv("SLURM_NTASKS", "8", 1);  // a batch script's own command
  EXPECT_EQ(ReadLaunch().size, 1);
  setenv("PMIX_RANK", "3", 1);  // srun --mpi=pmix
  setenv("SLURM_LOCALID", "3", 1);
  EXPECT_EQ(ReadLaunch().size, 8);
  EXPECT_EQ(LocalRank(), 3);
  unsetenv("SLURM_NTASKS");
  EXPECT_EQ(ReadLaunch().size, 0);
  setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
  EXPECT_EQ(ReadLaunch().size, 4);
  EXPECT_EQ(ReadLaunch().evidence, "OMPI_COMM_WORLD_SIZE=4");
  setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
  EXPECT_EQ(StartCommunicator(at::kCPU)->name(), "one process");
}

TEST(Nccl, SaysWhatIsMissing) {
  if (c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA)) GTEST_SKIP() << "this libtorch has CUDA";
  try {
    StartNccl(std::make_unique<SelfCommunicator>(), at::Device(at::kCUDA));
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ExitCode::kUnavailable);
    EXPECT_STREQ(error.what(), "the device is cuda, but this libtorch was built without CUDA");
  }
}

}  // namespace
}  // namespace mathcoder::train
