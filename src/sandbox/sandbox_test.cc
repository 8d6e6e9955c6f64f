// The contract of Sandbox: what a notebook shows, verdicts, closing, waiting, the warm pool, tiers.
#include "sandbox/sandbox.h"

#include <atomic>
#include <cstdlib>
#include <future>
#include <string>
#include <vector>

#include "base/error.h"
#include "sandbox/testing/jail_test.h"

namespace mathcoder::sandbox {
namespace {

struct Shown {
  const char* name;
  std::vector<std::string> cells;
  std::string output;  // of the last cell, exactly
};

void PrintTo(const Shown& shown, std::ostream* out) { *out << shown.name; }
std::string ShownName(const testing::TestParamInfo<Shown>& info) { return info.param.name; }

class NotebookTest : public JailTest, public testing::WithParamInterface<Shown> {};

TEST_P(NotebookTest, ShowsWhatANotebookShows) {
  RunResult result;
  for (const std::string& cell : GetParam().cells) result = Run(session_, cell);
  EXPECT_EQ(result.output, GetParam().output);
}

const std::string kDashes(75, '-');
std::string Header(const std::string& type) {
  return kDashes + " " + type + std::string(75 - type.size() - 33, ' ') + "Traceback (most recent call last) ";
}

const std::vector<Shown> kShown = {
    {"value_of_the_last_expression", {"x = 20\nx + 1"}, "21"},
    {"print_then_value", {"print('a')\n7"}, "a\n7"},
    {"nothing", {"x = 1"}, ""},
    {"none_is_not_shown", {"None"}, ""},
    {"a_semicolon_hides_the_value", {"1 + 1;"}, ""},
    {"a_semicolon_in_a_string_does_not", {"';'"}, "';'"},
    {"state_is_kept", {"a = 3", "def f(n): return a * n", "f(5)"}, "15"},
    {"text_as_repr", {"'it''s'"}, "'its'"},
    {"underscore", {"41", "_ + 1"}, "42"},
    {"globals_are_the_session's", {"q = 1\n__name__, 'q' in globals()"}, "('__main__', True)"},
    {"a_long_list_one_item_a_line",
     {"[10**30 + i for i in range(3)]"},
     "[1000000000000000000000000000000,\n 1000000000000000000000000000001,\n 1000000000000000000000000000002]"},
    {"a_list_of_79_columns_in_one_line", {"['" + std::string(75, 'x') + "']"}, "['" + std::string(75, 'x') + "']"},
    {"nested",
     {"{'a': list(range(20)), 'b': list(range(20)), 'c': 1}"},
     "{'a': [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],\n 'b': [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, "
     "12, 13, 14, 15, 16, 17, 18, 19],\n 'c': 1}"},
    {"sets_are_sorted", {"{3, 1, 2}, frozenset([2, 1]), set()"}, "({1, 2, 3}, frozenset({1, 2}), set())"},
    {"one_tuple", {"(1,)"}, "(1,)"},
    {"a_list_in_itself", {"a = [1]\na.append(a)\na"}, "[1, [...]]"},
    {"counter", {"import collections\ncollections.Counter('aab')"}, "Counter({'a': 2, 'b': 1})"},
    {"function", {"def f(x, y=2): pass\nf"}, "<function __main__.f(x, y=2)>"},
    {"class", {"class A: pass\nA, int"}, "(__main__.A, int)"},
    {"sympy",
     {"import sympy\nx = sympy.Symbol('x')\nsympy.solve(x**2 - 2), sympy.Rational(1, 3) + x"},
     "([-sqrt(2), sqrt(2)], x + 1/3)"},
    {"numpy", {"import numpy\nnumpy.arange(3)"}, "array([0, 1, 2])"},
    {"display", {"display([1, 2])\n3"}, "[1, 2]\n3"},
    {"a_common_margin_goes", {"    x = 1\n    x + 1"}, "2"},
    {"exception",
     {"1", "# first\nx = 1\n\ny = x / 0\nx\nx"},
     Header("ZeroDivisionError") + "Cell In[2], line 4\n      1 # first\n      2 x = 1\n----> 4 y = x / 0\n      5 x\n      6 x\n "
                                   "ZeroDivisionError: division by zero"},
    {"exception_in_a_function",
     {"def f(a):\n    return a / 0\nprint('out')\nf(1)"},
     "out\n" + Header("ZeroDivisionError") +
         "Cell In[1], line 4\n      2     return a / 0\n      3 print('out')\n----> 4 f(1)\n Cell In[1], line 2, in f(a)\n      1 "
         "def f(a):\n----> 2 "
         "    return a / 0\n ZeroDivisionError: division by zero"},
    {"syntax_error", {"x = 1\ny = 1 +* 2"}, "  Cell In[1], line 2\n    y = 1 +* 2\n           ^\nSyntaxError: invalid syntax"},
    {"plot", {"import matplotlib.pyplot as plt\nlines = plt.plot([1, 2])\nplt.show()\nprint('shown')"}, "shown"},
    {"pool_of_processes",
     {"import multiprocessing\ndef f(x): return x * x\nwith multiprocessing.Pool(2) as pool:\n    r = pool.map(f, [1, 2, 3])\nr"},
     "[1, 4, 9]"},
};

INSTANTIATE_TEST_SUITE_P(Sandbox, NotebookTest, testing::ValuesIn(kShown), [](const testing::TestParamInfo<Shown>& tested) {
  std::string name = ShownName(tested);
  std::erase(name, '\'');
  return name;
});

TEST_F(JailTest, NoPathOfTheMachineInATraceback) {
  const RunResult result = Run(session_, "import sympy\nsympy.Integer('x' * 3)");
  ASSERT_EQ(result.status, RunStatus::kError);
  EXPECT_NE(result.traceback.find("sympy/core/"), std::string::npos) << result.traceback;
  EXPECT_EQ(result.traceback.find("/python/"), std::string::npos) << result.traceback;
  EXPECT_EQ(result.traceback.find("site-packages"), std::string::npos) << result.traceback;
}

TEST_F(JailTest, PartsOfAResult) {
  const RunResult result = Run(session_, "import sys\nprint('out')\nprint('err', file=sys.stderr)\n5");
  EXPECT_EQ(result.status, RunStatus::kOk);
  EXPECT_EQ(result.stdout_text, "out\n");
  EXPECT_EQ(result.stderr_text, "err\n");
  EXPECT_EQ(result.value, "5");
  EXPECT_GT(result.wall.count(), 0);
  const RunResult failed = Run(session_, "{}['k']");
  EXPECT_EQ(failed.status, RunStatus::kError);
  EXPECT_EQ(failed.exception, "KeyError: 'k'");
}

TEST_F(JailTest, CloseEndsWhatRuns) {
  std::promise<RunResult> promise;
  sandbox_->Run(session_, "while True: pass", Limits(60000), [&](RunResult result) { promise.set_value(std::move(result)); });
  sandbox_->Close(session_);
  const RunResult result = promise.get_future().get();
  EXPECT_EQ(result.status, RunStatus::kSessionLost);
  EXPECT_EQ(result.cause, "closed");
}

TEST_F(JailTest, InterruptKeepsTheSession) {
  std::promise<RunResult> promise;
  ASSERT_EQ(Run(session_, "import time; x = 5").status, RunStatus::kOk);
  sandbox_->Run(session_, "print('begun')\nwhile True: pass", Limits(60000),
                [&](RunResult result) { promise.set_value(std::move(result)); });
  std::future<RunResult> future = promise.get_future();
  // An interrupt that comes before the code began is for nothing: again until it is told.
  while (future.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) sandbox_->Interrupt(session_);
  const RunResult result = future.get();
  EXPECT_EQ(result.status, RunStatus::kError);
  EXPECT_EQ(result.exception, "KeyboardInterrupt: ");
  EXPECT_EQ(Run(session_, "x").value, "5");
}

TEST_F(JailTest, SessionsAboveTheLimitWait) {
  SandboxOptions options = SmallLimits();
  options.max_sessions = 3;  // two are open: the sibling and the test's own
  Restart(options);
  std::vector<SessionId> sessions;
  std::atomic<int> done = 0;
  for (int i = 0; i < 5; ++i) {
    const SessionId id = sandbox_->Open();
    sessions.push_back(id);
    sandbox_->Run(id, "1", Limits(10000), [&, id](RunResult result) {
      EXPECT_EQ(result.value, "1") << result.cause;
      sandbox_->Close(id);
      ++done;
    });
  }
  EXPECT_TRUE(Eventually([&] { return done == 5; }));
}

TEST_F(JailTest, ManySessionsSideBySide) {
  std::atomic<int> right = 0;
  std::atomic<int> done = 0;
  for (int i = 0; i < 40; ++i) {
    const SessionId id = sandbox_->Open();
    sandbox_->Run(id, "x = " + std::to_string(i), Limits(30000), [&, id, i](RunResult) {
      sandbox_->Run(id, "x * 2", Limits(30000), [&, id, i](RunResult result) {
        if (result.value == std::to_string(2 * i)) ++right;
        sandbox_->Close(id);
        ++done;
      });
    });
  }
  EXPECT_TRUE(Eventually([&] { return done == 40; }));
  EXPECT_EQ(right, 40);
}

TEST_F(JailTest, WarmSessionsAreNotSharedOrReused) {
  SandboxOptions options = SmallLimits();
  options.warm_sessions = 2;
  check_invariant_ = false;  // the pool's sessions come and go
  sandbox_ = StartSandbox(options);
  for (int i = 0; i < 6; ++i) {
    const SessionId id = sandbox_->Open();
    EXPECT_EQ(Run(id, "'seen' in globals()").value, "False");
    EXPECT_EQ(Run(id, "seen = 1").status, RunStatus::kOk);
    sandbox_->Close(id);
  }
}

TEST_F(JailTest, RandomNumbersDiffer) {
  const SessionId other = sandbox_->Open();
  const std::string code = "import random, numpy\nrandom.random(), numpy.random.rand()";
  EXPECT_NE(Run(session_, code).value, Run(other, code).value);
  sandbox_->Close(other);
}

TEST_F(JailTest, ALostSessionSaysSoAgain) {
  EXPECT_EQ(Run(session_, "import os\nos._exit(1)").status, RunStatus::kSessionLost);
  EXPECT_EQ(Run(session_, "1").status, RunStatus::kSessionLost);
}

TEST_F(JailTest, CodeOfAMegabyte) { EXPECT_EQ(Run(session_, "x = '" + std::string(1 << 20, 'y') + "'\nlen(x)").value, "1048576"); }

struct Refusal {
  const char* name;
  std::vector<std::string> disabled;
  Tier minimum;
  char tier;  // '-': refused
};

TEST(TierTest, LayersThatAreSwitchedOffLowerTheTierLoudly) {
  const Tier best = ProbeTier(SmallLimits()).tier;
  if (best == Tier::kNone) GTEST_SKIP() << "no jail or no library set on this machine";
  const Refusal refusals[] = {
      {"no cgroup", {"cgroup"}, Tier::kB, best <= Tier::kB ? 'B' : '-'},
      {"no cgroup, A wanted", {"cgroup"}, Tier::kA, '-'},
      {"no namespaces", {"namespaces"}, Tier::kB, '-'},
      {"no namespaces, C allowed", {"namespaces"}, Tier::kC, 'C'},
      {"no namespaces and no scopes", {"namespaces", "landlock scopes"}, Tier::kC, '-'},
      {"no seccomp", {"seccomp"}, Tier::kC, '-'},
      {"no landlock", {"landlock"}, Tier::kC, '-'},
  };
  for (const Refusal& refusal : refusals) {
    SandboxOptions options = SmallLimits();
    options.disabled_layers = refusal.disabled;
    options.minimum_tier = refusal.minimum;
    try {
      const auto sandbox = StartSandbox(options);
      EXPECT_EQ(Letter(sandbox->tier().tier), refusal.tier) << refusal.name;
      EXPECT_NE(sandbox->tier().why_not_higher, "") << refusal.name;
    } catch (const base::Error& error) {
      EXPECT_EQ(refusal.tier, '-') << refusal.name << ": " << error.what();
      EXPECT_EQ(error.code(), base::ExitCode::kUnavailable);
      EXPECT_NE(std::string(error.what()).find(refusal.disabled.front()), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
}

TEST(LibrarySetTest, AMissingOneSaysHowToMakeIt) {
  SandboxOptions options;
  options.library_set = "no-such-set";
  try {
    StartSandbox(options);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("make-jail-python no-such-set"), std::string::npos) << error.what();
  }
  options.library_set = "/no/such/python";
  EXPECT_THROW(StartSandbox(options), base::Error);
}

}  // namespace
}  // namespace mathcoder::sandbox
