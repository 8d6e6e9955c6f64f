#include "train/run/parts/checkpoint.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>

#include <cerrno>
#include <fstream>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "train/run/parts/checkpoint_testing.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string MessageOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "(nothing thrown)";
}

TEST_F(CheckpointTest, WhatIsSavedIsReadBackByOneOrByMany) {
  CheckpointStore store(Options());
  EXPECT_EQ(OpenNewest(folder_), nullptr);
  TestState state(1200);
  store.Save(1200, state.parts, Run(1200));
  for (auto& bytes : state.memory) std::fill(bytes.begin(), bytes.end(), std::byte{0});  // the copy was taken
  store.Wait();
  EXPECT_THAT(Names(), ElementsAre("step-00001200"));
  const auto checkpoint = OpenNewest(folder_);
  ASSERT_NE(checkpoint, nullptr);
  EXPECT_EQ(checkpoint->step(), 1200);
  EXPECT_EQ(checkpoint->run(), Run(1200));
  for (const int readers : {1, 2, 3, 7}) EXPECT_TRUE(HoldsItsStep(*checkpoint, readers)) << readers;
  EXPECT_EQ(store.last_save().step, 1200);
  EXPECT_EQ(store.last_save().bytes,
            static_cast<std::int64_t>(fs::file_size(folder_ / "step-00001200" / "rank-0000-of-0001.safetensors")));
}

TEST_F(CheckpointTest, WithoutACopyAndWithAFillingFunction) {
  CheckpointStoreOptions options = Options();
  options.asynchronous = false;
  for (const bool asynchronous : {false, true}) {
    options.asynchronous = asynchronous;
    CheckpointStore store(options);
    TestState state(7);
    std::vector<PartToSave> parts = state.parts;
    for (std::size_t i = 0; i < parts.size(); i += 2) {
      parts[i].bytes = {};
      parts[i].copy = [&memory = state.memory[i]](std::span<std::byte> into) {
        std::copy(memory.begin(), memory.end(), into.begin());
      };
    }
    store.Save(7, parts, Run(7));
    store.Wait();
    EXPECT_TRUE(HoldsItsStep(*OpenNewest(folder_), 2));
  }
}

// Four processes as threads, each with its store; then the world changes its size.
TEST_F(CheckpointTest, ManyProcessesWriteAndAnotherNumberReads) {
  for (const int world_size : {4, 2, 3}) {
    const std::int64_t step = 100 + world_size;
    std::vector<std::unique_ptr<CheckpointStore>> stores;
    for (int rank = 0; rank < world_size; ++rank) stores.push_back(std::make_unique<CheckpointStore>(Options(rank, world_size)));
    for (int round = 0; round < 2; ++round) {  // the second replaces the first
      std::vector<TestState> states;
      for (int rank = 0; rank < world_size; ++rank) states.emplace_back(step, rank, world_size);
      for (int rank = world_size - 1; rank >= 0; --rank) {
        stores[static_cast<std::size_t>(rank)]->Save(step, states[static_cast<std::size_t>(rank)].parts,
                                                     rank == 0 ? Run(step) : base::Json());
      }
      for (auto& store : stores) store->Wait();
    }
    const auto checkpoint = Checkpoint::Open(folder_ / StepFolder(step));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.error();
    EXPECT_EQ((*checkpoint)->world_size(), world_size);
    for (const int readers : {1, 2, 5}) {
      EXPECT_TRUE(HoldsItsStep(**checkpoint, readers));
      for (int reader = 0; reader < readers; ++reader) EXPECT_THAT((*checkpoint)->Verify(reader, readers), ElementsAre());
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / StepFolder(step)), fs::directory_iterator()), world_size + 1);
  }
}

TEST_F(CheckpointTest, AProcessThatFailsOrIsMissingIsNamedInAll) {
  std::vector<std::unique_ptr<CheckpointStore>> stores;
  struct Full : CheckpointIo {
    ssize_t Write(int, const void*, std::size_t) override { return errno = EDQUOT, -1; }
  } full;
  for (int rank = 0; rank < 3; ++rank) {
    CheckpointStoreOptions options = Options(rank, 3);
    options.patience = std::chrono::milliseconds(300);
    stores.push_back(std::make_unique<CheckpointStore>(options));
  }
  const auto save = [&](int rank, std::int64_t step) {
    const TestState state(step, rank, 3);
    stores[static_cast<std::size_t>(rank)]->Save(step, state.parts, Run(step));
  };
  for (int rank = 0; rank < 3; ++rank) save(rank, 10);
  for (auto& store : stores) store->Wait();
  for (const int rank : {0, 1}) save(rank, 20);  // 2 is missing
  for (const int rank : {0, 1}) {
    EXPECT_THAT(MessageOf([&] { stores[static_cast<std::size_t>(rank)]->Wait(); }),
                AllOf(HasSubstr("step-00000020"), HasSubstr("process 2 has not written its part")));
  }
  EXPECT_EQ(OpenNewest(folder_)->step(), 10);
  {
    // A start whose process 1 has no room even for its marker of failure: the others wait, then say whom they miss.
    for (auto& store : stores) store.reset();
    for (int rank = 0; rank < 3; ++rank) {
      CheckpointStoreOptions options = Options(rank, 3);
      options.attempt = "second";
      options.patience = std::chrono::milliseconds(300);
      if (rank == 1) options.io = &full;
      stores[static_cast<std::size_t>(rank)] = std::make_unique<CheckpointStore>(options);
    }
    EXPECT_THAT(Names(), ElementsAre("step-00000010"));
    for (int rank = 0; rank < 3; ++rank) save(rank, 20);
    EXPECT_THAT(MessageOf([&] { stores[1]->Wait(); }), HasSubstr("quota"));
    EXPECT_THAT(MessageOf([&] { stores[0]->Wait(); }), HasSubstr("process 1"));
    EXPECT_THAT(MessageOf([&] { stores[2]->Wait(); }), HasSubstr("process 1"));
    EXPECT_EQ(OpenNewest(folder_)->step(), 10);
  }
}

// A process that fails with room for its marker: the others know the reason at once.
TEST_F(CheckpointTest, TheReasonOfOneProcessReachesAll) {
  struct Broken : CheckpointIo {
    int Fsync(int fd) override { return calls++ == 0 ? (errno = EIO, -1) : CheckpointIo::Fsync(fd); }
    int calls = 0;
  } broken;
  std::vector<std::unique_ptr<CheckpointStore>> stores;
  for (int rank = 0; rank < 3; ++rank) {
    CheckpointStoreOptions options = Options(rank, 3);
    if (rank == 2) options.io = &broken;
    stores.push_back(std::make_unique<CheckpointStore>(options));
  }
  for (int rank = 0; rank < 3; ++rank) {
    const TestState state(20, rank, 3);
    stores[static_cast<std::size_t>(rank)]->Save(20, state.parts, Run(20));
  }
  for (auto& store : stores) {
    EXPECT_THAT(MessageOf([&] { store->Wait(); }),
                AllOf(HasSubstr("rank-0002-of-0003.safetensors"), HasSubstr("Input/output error")));
  }
  EXPECT_EQ(OpenNewest(folder_), nullptr);
}

TEST_F(CheckpointTest, TheNewestAreKept) {
  CheckpointStoreOptions options = Options();
  options.keep_newest = 2;
  options.keep_every = 40;
  CheckpointStore store(options);
  for (std::int64_t step = 10; step <= 100; step += 10) store.Save(step, TestState(step).parts, Run(step));
  store.Wait();
  EXPECT_THAT(Names(), ElementsAre("step-00000040", "step-00000080", "step-00000090", "step-00000100"));
  store.Save(85, TestState(85).parts, Run(85));  // a run that went back: what was after is of another course
  store.Wait();
  EXPECT_THAT(Names(), ElementsAre("step-00000040", "step-00000080", "step-00000085"));
}

TEST_F(CheckpointTest, OneRunAtATimeAndLeftoversGo) {
  fs::create_directories(folder_ / "step-00000010.part");
  fs::create_directories(folder_ / "step-00000020.removing");
  fs::create_directories(folder_ / "step-00000030.replaced");
  std::ofstream(folder_ / "step-00000030.replaced" / "x") << "x";
  std::ofstream(folder_ / "step-00000040.failed") << "x";
  fs::create_directories(folder_ / "mine.part");
  std::ofstream(folder_ / "step-notes") << "x";
  CheckpointStore store(Options());
  EXPECT_THAT(Names(), ElementsAre("mine.part", "step-00000030", "step-notes"));
  EXPECT_TRUE(fs::exists(folder_ / "step-00000030" / "x"));
  EXPECT_THAT(MessageOf([&] { CheckpointStore second(Options()); }), HasSubstr("another run"));
}

TEST_F(CheckpointTest, EveryFlippedBitIsFound) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  CheckpointStore store(Options());
  for (const std::int64_t step : {1, 2}) store.Save(step, TestState(step).parts, Run(step));
  store.Wait();
  const fs::path newest = folder_ / "step-00000002";
  for (const std::string name : {"manifest.json", "rank-0000-of-0001.safetensors"}) {
    const std::string content = base::ReadFile(newest / name);
    int silent = 0;
    for (int round = 0; round < 150; ++round) {
      std::string damaged = content;
      const std::size_t bit = random() % (content.size() * 8);
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      std::ofstream(newest / name, std::ios::binary) << damaged;
      std::vector<std::string> lines;
      OpenOptions options;
      options.report = [&](const std::string& line) { lines.push_back(line); };
      const auto checkpoint = OpenNewest(folder_, options);
      ASSERT_TRUE(HoldsItsStep(*checkpoint, 1)) << name << " bit " << bit << " seed " << seed;
      if (checkpoint->step() == 2) {
        ++silent;  // white space of the manifest that became other white space
        ASSERT_EQ(name, "manifest.json");
        continue;
      }
      ASSERT_FALSE(lines.empty());
      EXPECT_THAT(lines[0], AllOf(HasSubstr("step-00000002/" + name), HasSubstr("using step-00000001 instead")));
      options.fall_back = false;
      EXPECT_THAT(MessageOf([&] { OpenNewest(folder_, options); }), HasSubstr("remove that checkpoint"));
    }
    EXPECT_LT(silent, 10);
    std::ofstream(newest / name, std::ios::binary) << content;
  }
  fs::resize_file(newest / "rank-0000-of-0001.safetensors", 100);
  EXPECT_EQ(OpenNewest(folder_)->step(), 1);
  fs::remove(newest / "rank-0000-of-0001.safetensors");
  EXPECT_EQ(OpenNewest(folder_)->step(), 1);
  fs::remove(folder_ / "step-00000001" / "manifest.json");
  EXPECT_THAT(MessageOf([&] { OpenNewest(folder_); }), HasSubstr("no older checkpoint is whole"));
}

TEST_F(CheckpointTest, DamageInAnotherProcessesShareCounts) {
  CheckpointStore store(Options());
  for (const std::int64_t step : {1, 2}) store.Save(step, TestState(step).parts, Run(step));
  store.Wait();
  OpenOptions options;
  options.world_size = 2;
  options.all_agree = [calls = 0](bool mine) mutable { return mine && calls++ > 0; };  // the other one says no, then yes
  EXPECT_EQ(OpenNewest(folder_, options)->step(), 1);
}

TEST_F(CheckpointTest, WhatDoesNotFitIsNamedInOneMessage) {
  CheckpointStore store(Options());
  TestState state(3);
  state.parts[1].size += 10;  // a tensor whose last elements no process wrote
  store.Save(3, state.parts, Run(3));
  store.Wait();
  const auto checkpoint = OpenNewest(folder_);
  std::vector<ExpectedTensor> expected = TestExpected();
  expected[0].size = 17;
  expected[1].size += 10;
  expected[2].dtype = "BF16";
  expected[3].name = "layer 1/scales";
  EXPECT_THAT(
      MessageOf([&] { checkpoint->Require(expected); }),
      AllOf(HasSubstr("embedding/weights has 3001 elements instead of 17"), HasSubstr("layer 0/weights lacks elements from 1024"),
            HasSubstr("layer 0/first is F32 instead of BF16"), HasSubstr("layer 1/scales is missing"),
            HasSubstr("layer 0/scales is not wanted"), HasSubstr("step-00000003: does not fit")));
  std::vector<std::byte> read(8);
  EXPECT_THAT(MessageOf([&] { checkpoint->Read("layer 0/weights", 1022, read); }), HasSubstr("no element 1024 of layer 0/weights"));
  EXPECT_THAT(MessageOf([&] { checkpoint->Read("layer 9/weights", 0, read); }), HasSubstr("holds no layer 9/weights"));
}

// A disk that is full, as the kernel says it: a limit on the size of files makes write(2) fail within the data.
TEST_F(CheckpointTest, AFullDiskLeavesTheLastCheckpointWhole) {
  ::signal(SIGXFSZ, SIG_IGN);
  CheckpointStore store(Options());
  store.Save(1, TestState(1).parts, Run(1));
  store.Wait();
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit limit = before;
  limit.rlim_cur = 9000;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  store.Save(2, TestState(2).parts, Run(2));
  const std::string message = MessageOf([&] { store.Wait(); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(message, AllOf(HasSubstr("step-00000002.part/rank-0000-of-0001.safetensors"), HasSubstr("File too large"),
                             HasSubstr("free space"), HasSubstr("the last whole checkpoint is step-00000001")));
  EXPECT_THAT(Names(), ElementsAre("step-00000001"));
  EXPECT_TRUE(HoldsItsStep(*OpenNewest(folder_), 1));
  store.Save(3, TestState(3).parts, Run(3));  // with room again it goes on
  store.Wait();
  EXPECT_EQ(OpenNewest(folder_)->step(), 3);
}

// Every call fails once, with every reason.
struct FailingIo : CheckpointIo {
  int fail_at = -1, calls = 0, reason = 0;
  std::vector<std::string> trace;
  bool Fails(const std::string& what) {
    trace.push_back(what);
    if (calls++ != fail_at) return false;
    errno = reason;
    return true;
  }
  int Open(const std::string& path, int flags) override { return Fails("open " + path) ? -1 : CheckpointIo::Open(path, flags); }
  ssize_t Write(int fd, const void* data, std::size_t size) override {
    return Fails("write") ? -1 : CheckpointIo::Write(fd, data, std::min<std::size_t>(size, 5000));  // short writes are none
  }
  int Fsync(int fd) override {
    return Fails("fsync " + fs::read_symlink("/proc/self/fd/" + std::to_string(fd)).string()) ? -1 : CheckpointIo::Fsync(fd);
  }
  int Mkdir(const std::string& path) override { return Fails("mkdir " + path) ? -1 : CheckpointIo::Mkdir(path); }
  int Rename(const std::string& from, const std::string& to) override {
    return Fails("rename " + to) ? -1 : CheckpointIo::Rename(from, to);
  }
  int Exchange(const std::string& one, const std::string& other) override {
    return Fails("exchange " + other) ? -1 : CheckpointIo::Exchange(one, other);
  }
};

TEST_F(CheckpointTest, AnErrorOfAnyCallLeavesAWholeCheckpoint) {
  for (const int reason : {ENOSPC, EIO, EDQUOT}) {
    for (const std::int64_t step : {1, 2}) {  // 1 replaces a checkpoint, 2 is new
      bool failed = true;
      for (int fail_at = 0; failed; ++fail_at) {
        fs::remove_all(folder_);
        FailingIo io;
        CheckpointStoreOptions options = Options();
        options.keep_newest = 1;
        options.io = &io;
        {
          CheckpointStore store(options);
          store.Save(1, TestState(1).parts, Run(1));
          store.Wait();
          io.calls = 0;
          io.fail_at = fail_at;
          io.reason = reason;
          store.Save(step, TestState(step).parts, Run(step));
          const std::string message = MessageOf([&] { store.Wait(); });
          failed = io.calls > fail_at;
          if (message != "(nothing thrown)") {
            EXPECT_THAT(message,
                        AllOf(HasSubstr("cannot be written (" + std::string(std::strerror(reason))), HasSubstr(folder_.string())));
          }
          const auto checkpoint = OpenNewest(folder_);
          ASSERT_NE(checkpoint, nullptr) << fail_at;
          EXPECT_TRUE(HoldsItsStep(*checkpoint, 1)) << fail_at;
          EXPECT_TRUE(checkpoint->step() == step || message != "(nothing thrown)") << fail_at;
        }
        options.io = nullptr;
        CheckpointStore next(options);
        EXPECT_TRUE(HoldsItsStep(*OpenNewest(folder_), 1)) << fail_at;
        for (const std::string& name : Names()) EXPECT_TRUE(StepOfFolder(name)) << name;
      }
    }
  }
}

// Power loss: the name comes after everything in the folder is on the disk, the older one goes after the name is.
TEST_F(CheckpointTest, TheOrderOfCallsIsTheOneThatIsSafe) {
  FailingIo io;
  CheckpointStoreOptions options = Options();
  options.keep_newest = 1;
  options.io = &io;
  CheckpointStore store(options);
  store.Save(1, TestState(1).parts, Run(1));
  store.Wait();
  io.trace.clear();
  store.Save(2, TestState(2).parts, Run(2));
  store.Wait();
  std::erase(io.trace, "write");
  const std::string root = folder_.string(), part = root + "/step-00000002.part";
  EXPECT_THAT(io.trace, ElementsAre("mkdir " + part, "open " + part + "/rank-0000-of-0001.safetensors",
                                    "fsync " + part + "/rank-0000-of-0001.safetensors", "open " + part + "/manifest.json.tmp",
                                    "fsync " + part + "/manifest.json.tmp", "rename " + part + "/manifest.json", "open " + part,
                                    "fsync " + part, "rename " + root + "/step-00000002", "open " + root, "fsync " + root,
                                    "rename " + root + "/step-00000001.removing"));
}

}  // namespace
}  // namespace mathcoder::train
