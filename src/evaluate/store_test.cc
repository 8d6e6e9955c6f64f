// The contract of stores, against SQLite and, where MATHCODER_TEST_POSTGRES holds a URL, against PostgreSQL
// (tests/eval_program_test.py starts a server and sets it).
#include "evaluate/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "evaluate/testing.h"

namespace mathcoder::evaluate {
namespace {

using std::chrono::milliseconds;

std::vector<Task> Tasks(std::size_t questions, std::uint32_t samples = 1) {
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < questions; ++i) {
    for (std::uint32_t s = 0; s < samples; ++s) tasks.push_back({"gsm8k", i, s});
  }
  return tasks;
}

std::vector<std::string> Results(Store& store) {
  std::vector<std::string> results;
  store.ForEach([&](const Task& task, std::string_view text, double) {
    results.push_back(std::to_string(task.index) + "=" + std::string(text));
  });
  return results;
}

const char* PostgresUrl() { return std::getenv("MATHCODER_TEST_POSTGRES"); }

// PostgreSQL is among the stores where a server is named: tests/eval_program_test.py starts one and runs these tests with it.
std::vector<std::string> Known(std::vector<std::string> stores) {
  if (PostgresUrl() != nullptr) stores.emplace_back("postgres");
  return stores;
}

class Stores : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    run_ = "test " + std::to_string(std::random_device()()) + std::to_string(std::random_device()());
  }
  std::unique_ptr<Store> Open(const std::string& worker = "one", milliseconds lease = milliseconds(60000)) {
    if (GetParam() == "postgres") return OpenPostgresStore(PostgresUrl(), run_, {.lease = lease, .worker = worker});
    return OpenSqliteStore(folder_.path() / "run.sqlite");
  }
  TemporaryFolder folder_;
  std::string run_;
};

TEST_P(Stores, HandsOutInOrderAndKeepsResults) {
  const auto store = Open();
  store->Prepare("identity", Tasks(2, 2));
  std::vector<Task> given;
  while (const auto task = store->Lease()) given.push_back(*task);
  EXPECT_EQ(given, Tasks(2, 2));
  EXPECT_TRUE(store->Finish({"gsm8k", 1, 0}, "{\"text\": \"b\\u0000 'quoted' \xC3\xA9\"}", false, 1.5));
  EXPECT_TRUE(store->Finish({"gsm8k", 0, 1}, "a", false, 0.5));
  EXPECT_FALSE(store->Finish({"gsm8k", 0, 1}, "late", false, 9)) << "a second result is dropped";
  EXPECT_EQ(store->Counts().total, 4U);
  EXPECT_EQ(store->Counts().done, 2U);
  EXPECT_THAT(Results(*store), ::testing::ElementsAre("0=a", "1={\"text\": \"b\\u0000 'quoted' \xC3\xA9\"}"));
}

TEST_P(Stores, ASecondProgramGoesOn) {
  {
    const auto store = Open();
    store->Prepare("identity", Tasks(3));
    store->Finish(*store->Lease(), "x", false, 0);
    const auto lost = store->Lease();
    EXPECT_EQ(lost->index, 1U);
    if (GetParam() == "postgres") store->GiveBack(*lost, false);  // there a lease outlives its program
  }
  const auto store = Open("two");
  store->Prepare("identity", Tasks(3));
  EXPECT_EQ(store->Counts().done, 1U);
  EXPECT_EQ(store->Lease()->index, 1U);
  EXPECT_EQ(store->Lease()->index, 2U);
  EXPECT_FALSE(store->Lease());
}

TEST_P(Stores, OtherSettingsDoNotMix) {
  const auto store = Open();
  store->Prepare("identity", Tasks(3));
  const auto other = Open("two");
  EXPECT_THROW(other->Prepare("another", Tasks(3)), base::Error);
}

TEST_P(Stores, AFailedAttemptIsCountedAndGivenOutAgain) {
  const auto store = Open();
  store->Prepare("identity", Tasks(1));
  for (int attempt = 1; attempt <= kMaxAttempts; ++attempt) {
    const auto task = store->Lease();
    ASSERT_TRUE(task);
    EXPECT_EQ(store->GiveBack(*task, true), attempt);
  }
  const auto task = store->Lease();
  EXPECT_EQ(store->GiveBack(*task, false), kMaxAttempts) << "what was cancelled is no attempt";
}

TEST_P(Stores, FailuresOfTheInfrastructureAreTriedAgainByTheNextRun) {
  {
    const auto store = Open();
    store->Prepare("identity", Tasks(2));
    store->Finish(*store->Lease(), "failed", true, 0);
    store->Finish(*store->Lease(), "good", false, 0);
    EXPECT_EQ(store->Counts().done, 2U);
  }
  const auto store = Open("two");
  store->Prepare("identity", Tasks(2));
  EXPECT_EQ(store->Counts().done, 1U);
  EXPECT_EQ(store->Lease()->index, 0U);
}

INSTANTIATE_TEST_SUITE_P(All, Stores, ::testing::ValuesIn(Known({"sqlite"})), [](const auto& which) { return which.param; });

TEST(SqliteStore, ASmallerSelectionKeepsWhatIsThere) {
  const TemporaryFolder folder;
  const auto store = OpenSqliteStore(folder.path() / "run.sqlite");
  store->Prepare("identity", Tasks(3));
  while (const auto task = store->Lease()) store->Finish(*task, "x", false, 0);
  store->Prepare("identity", Tasks(1));
  EXPECT_EQ(store->Counts().done, 1U);
  EXPECT_EQ(Results(*store).size(), 1U);
  store->Prepare("identity", Tasks(5));
  EXPECT_EQ(store->Counts().done, 3U);
}

TEST(SqliteStore, AFileOfSomethingElse) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "run.sqlite") << std::string(4096, 'x');
  EXPECT_THROW(OpenSqliteStore(folder.path() / "run.sqlite"), base::Error);
}

class Postgres : public Stores {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Postgres);
INSTANTIATE_TEST_SUITE_P(Leases, Postgres, ::testing::ValuesIn(Known({})), [](const auto& which) { return which.param; });

TEST_P(Postgres, ALeaseThatIsNotRenewedExpires) {
  const auto dead = Open("dead", milliseconds(300));
  const auto living = Open("living", milliseconds(300));
  dead->Prepare("identity", Tasks(1));
  living->Prepare("identity", Tasks(1));
  ASSERT_TRUE(dead->Lease());
  EXPECT_FALSE(living->Lease()) << "one lease a task";
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(milliseconds(100));
    dead->Heartbeat();
    EXPECT_FALSE(living->Lease()) << "renewed";
  }
  std::this_thread::sleep_for(milliseconds(500));
  const auto taken = living->Lease();
  ASSERT_TRUE(taken);
  EXPECT_EQ(dead->GiveBack(*taken, false), 0) << "it is not the dead one's any more";
  EXPECT_FALSE(Open("third")->Lease());
  EXPECT_TRUE(dead->Finish(*taken, "first", false, 0)) << "whoever is first";
  EXPECT_FALSE(living->Finish(*taken, "second", false, 0));
  EXPECT_THAT(Results(*living), ::testing::ElementsAre("0=first"));
}

TEST_P(Postgres, ManyWorkersAtOnceGetEachTaskOnce) {
  constexpr std::size_t kTasks = 200;
  Open()->Prepare("identity", Tasks(kTasks));
  std::vector<std::vector<Task>> got(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t w = 0; w < got.size(); ++w) {
      threads.emplace_back([&, w] {
        const auto store = Open("worker " + std::to_string(w));
        store->Prepare("identity", Tasks(kTasks));
        while (const auto task = store->Lease()) {
          got[w].push_back(*task);
          EXPECT_TRUE(store->Finish(*task, "x", false, 0));
        }
      });
    }
  }
  std::set<Task> all;
  std::size_t sum = 0;
  for (const auto& part : got) {
    all.insert(part.begin(), part.end());
    sum += part.size();
  }
  EXPECT_EQ(sum, kTasks);
  EXPECT_EQ(all.size(), kTasks);
}

}  // namespace
}  // namespace mathcoder::evaluate
