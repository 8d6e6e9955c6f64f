#include "engine/thread_ladder.h"

#include <gtest/gtest.h>

namespace mathcoder::engine {
namespace {

TEST(ThreadLadder, LeavesCoresToThoseWhoWantThem) {
  const struct {
    int running, machine_cores, cores, most, threads;
  } cases[] = {
      {1, 2, 2, 2, 2},                        // nobody else
      {2, 2, 2, 2, 1},                        // one Python session computes
      {9, 2, 2, 2, 1},                        // many: never none
      {1, 16, 16, 8, 8},                      // physical cores only
      {5, 16, 16, 8, 8},                      // there is room beside
      {13, 16, 16, 8, 4}, {33, 64, 8, 8, 4},  // an eighth of the machine is ours, so an eighth of its 32 others is in our way
      {0, 2, 2, 2, 2},                        // a reading that cannot be
  };
  for (const auto& c : cases) EXPECT_EQ(ThreadLadder::Rule(c.running, c.machine_cores, c.cores, c.most), c.threads) << c.running;
}

TEST(ThreadLadder, ReadsTheMachine) {
  ThreadLadder ladder(4);
  for (int i = 0; i < 100; ++i) {
    const int threads = ladder.Choose();
    ASSERT_GE(threads, 1);
    ASSERT_LE(threads, 4);
  }
  EXPECT_EQ(ThreadLadder(1).Choose(), 1);
}

}  // namespace
}  // namespace mathcoder::engine
