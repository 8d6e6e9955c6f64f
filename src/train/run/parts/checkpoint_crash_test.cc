// kill -9 at random moments and at every system call: what is found afterwards is a whole checkpoint of one of the saved versions.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <random>

#include "base/error.h"
#include "train/run/parts/checkpoint.h"
#include "train/run/parts/checkpoint_testing.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;

// What the children tell: it outlives them.
struct Shared {
  std::atomic<std::int64_t> started{0}, finished{0};
  std::atomic<unsigned> microseconds{0};  // of the last Save that came to its end
};

// A slow disk, so that most of a child's time is within a Save.
struct SlowIo : CheckpointIo {
  ssize_t Write(int fd, const void* data, std::size_t size) override {
    ::usleep(20);
    return CheckpointIo::Write(fd, data, std::min<std::size_t>(size, 4000));
  }
};

class CrashTest : public CheckpointTest {
 protected:
  void SetUp() override {
    CheckpointTest::SetUp();
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    shared_ = new (memory) Shared;
  }
  void TearDown() override {
    ::munmap(shared_, sizeof(Shared));
    CheckpointTest::TearDown();
  }

  // A child that saves step after step, from the newest on, until it is killed.
  void SaveForEver(int rank, int world_size, const std::string& attempt, std::int64_t step) {
    CheckpointStoreOptions options = Options(rank, world_size);
    options.attempt = attempt;
    options.keep_newest = 2;
    SlowIo io;
    options.io = &io;
    CheckpointStore store(options);
    for (;; ++step) {
      const TestState state(step, rank, world_size, kFactor);
      if (rank == 0) shared_->started = step;
      const auto start = std::chrono::steady_clock::now();
      store.Save(step, state.parts, Run(step));
      store.Wait();
      if (rank == 0) shared_->finished = step;
      const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
      if (rank == 0) shared_->microseconds = static_cast<unsigned>(took.count());
    }
  }

  // Until process 0 saves, then a random while within about three Saves, however slow the machine or the sanitizer is. In the first
  // round until the first Save is through.
  void WaitARandomWhile(std::int64_t last, std::mt19937& random) {
    while (shared_->started <= last || shared_->microseconds == 0) ::usleep(100);
    ::usleep(static_cast<unsigned>(random() % (3 * std::uint64_t{shared_->microseconds} + 1)));
  }

  // The step that is found; fails the test where it is none of those that may be.
  std::int64_t Found(const std::string& where) {
    OpenOptions options;
    options.fall_back = false;
    std::unique_ptr<Checkpoint> checkpoint;
    try {
      checkpoint = OpenNewest(folder_, options);
    } catch (const base::Error& error) {
      ADD_FAILURE() << where << ": " << error.what();
    }
    if (checkpoint == nullptr) {
      EXPECT_EQ(shared_->finished, 0) << where;
      return 0;
    }
    EXPECT_TRUE(HoldsItsStep(*checkpoint, 2, kFactor)) << where;
    EXPECT_GE(checkpoint->step(), shared_->finished) << where;
    EXPECT_LE(checkpoint->step(), shared_->started) << where;
    return checkpoint->step();
  }

  static constexpr std::int64_t kFactor = 8;  // about 150 kB
  Shared* shared_ = nullptr;
};

TEST_F(CrashTest, KilledAtRandomMomentsItHoldsOneOfTheSavedVersions) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  std::int64_t last = 0;
  int unfinished = 0;
  for (int round = 0; round < 60; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      SaveForEver(0, 1, "attempt " + std::to_string(round), last + 1);
      ::_exit(0);
    }
    WaitARandomWhile(last, random);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (const std::string& name : Names()) unfinished += StepOfFolder(name) ? 0 : 1;
    const std::int64_t found = Found("round " + std::to_string(round) + ", seed " + std::to_string(seed));
    EXPECT_GE(found, last);
    last = found;
  }
  EXPECT_GT(unfinished, 0) << "no kill came within a Save";
  EXPECT_GT(last, 3);
  std::printf("seed %u: %lld checkpoints, %d kills within a Save\n", seed, static_cast<long long>(last), unfinished);
}

TEST_F(CrashTest, KilledWithSeveralProcesses) {
  constexpr int kWorld = 3;
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  std::int64_t last = 0;
  for (int round = 0; round < 20; ++round) {
    { CheckpointStore first(Options()); }  // what process 0 does before the others save
    std::vector<pid_t> children;
    for (int rank = 0; rank < kWorld; ++rank) {
      children.push_back(::fork());
      if (children.back() == 0) {
        SaveForEver(rank, kWorld, "attempt " + std::to_string(round), last + 1);
        ::_exit(0);
      }
      // Each starts saving after process 0 has cleaned the folder up, as behind a barrier.
      while (rank == 0 && shared_->started < last + 1) ::usleep(200);
    }
    WaitARandomWhile(last, random);
    std::shuffle(children.begin(), children.end(), random);
    for (const pid_t child : children) {
      ::kill(child, SIGKILL);
      ::usleep(random() % 3000);
    }
    for (const pid_t child : children) ::waitpid(child, nullptr, 0);
    last = Found("round " + std::to_string(round) + ", seed " + std::to_string(seed));
    shared_->started = last;
    shared_->finished = last;
  }
  EXPECT_GT(last, 2) << seed;
}

// Dies at call number `die_at`, as by kill -9.
struct DyingIo : CheckpointIo {
  int die_at = -1, calls = 0;
  void Die() {
    if (calls++ == die_at) ::_exit(9);
  }
  int Open(const std::string& path, int flags) override { return Die(), CheckpointIo::Open(path, flags); }
  ssize_t Write(int fd, const void* data, std::size_t size) override {
    if (calls == die_at) (void)!::write(fd, data, size / 2);
    return Die(), CheckpointIo::Write(fd, data, size);
  }
  int Fsync(int fd) override { return Die(), CheckpointIo::Fsync(fd); }
  int Mkdir(const std::string& path) override { return Die(), CheckpointIo::Mkdir(path); }
  int Rename(const std::string& from, const std::string& to) override { return Die(), CheckpointIo::Rename(from, to); }
  int Exchange(const std::string& one, const std::string& other) override {
    Die();
    return exchange_works ? CheckpointIo::Exchange(one, other) : (errno = EINVAL, -1);
  }
  bool exchange_works = true;
};

TEST_F(CrashTest, KilledAtEverySystemCall) {
  for (const bool exchange_works : {true, false}) {
    for (const std::int64_t second : {1, 2}) {  // the second Save replaces the first, or is a new one
      for (int die_at = 0;; ++die_at) {
        fs::remove_all(folder_);
        shared_->started = shared_->finished = 1;
        const pid_t child = ::fork();
        if (child == 0) {
          DyingIo io;
          io.exchange_works = exchange_works;
          CheckpointStoreOptions options = Options();
          options.keep_newest = 1;
          options.io = &io;
          CheckpointStore store(options);
          store.Save(1, TestState(1, 0, 1, kFactor).parts, Run(1));
          store.Wait();
          shared_->started = second;
          io.calls = 0;
          io.die_at = die_at;
          store.Save(second, TestState(second, 0, 1, kFactor).parts, Run(second));
          store.Wait();
          shared_->finished = second;
          ::_exit(0);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFEXITED(status));
        { CheckpointStore next(Options()); }  // the next start cleans up
        EXPECT_GT(Found("call " + std::to_string(die_at)), 0) << die_at;
        for (const std::string& name : Names()) EXPECT_TRUE(StepOfFolder(name)) << name;
        if (WEXITSTATUS(status) == 0) {
          EXPECT_GT(die_at, 10);
          break;
        }
      }
    }
  }
}

}  // namespace
}  // namespace mathcoder::train
