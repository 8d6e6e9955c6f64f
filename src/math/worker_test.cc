// A worker that is killed in the middle of a computation.
#include "math/worker.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "math/compare.h"
#include "math/read.h"

namespace mathcoder::math {
namespace {

Expr Tree(const std::string& text) {
  const ReadResult read = ReadMath(text);
  EXPECT_TRUE(read.ok()) << text;
  return read.ok() ? read.expr() : Expr{};
}

// Children of this process that run (or are left as zombies of) the worker.
int Workers() {
  int count = 0;
  DIR* proc = opendir("/proc");
  while (const dirent* entry = proc != nullptr ? readdir(proc) : nullptr) {
    std::ifstream stat(std::string("/proc/") + entry->d_name + "/stat");
    std::string line;
    if (!std::getline(stat, line)) continue;
    const std::size_t name = line.rfind(')');
    if (line.find("(mathcoder-mathd") == std::string::npos || name == std::string::npos) continue;
    char state = 0;
    int parent = 0;
    if (std::sscanf(line.c_str() + name + 1, " %c %d", &state, &parent) == 2 && parent == getpid()) ++count;
  }
  if (proc != nullptr) closedir(proc);
  return count;
}

TEST(Worker, IsKilledInTheMiddleAndReplaced) {
  // An identity in a field of degree 2^8 and above it: Calcium needs seconds, balls only overlap.
  std::string sum = "\\sqrt{2}";
  for (const int n : {3, 5, 7, 11, 13, 17, 19}) sum += "+\\sqrt{" + std::to_string(n) + "}";
  const std::string a = "\\sqrt{" + sum + "}\\sqrt{" + sum + "+1}", b = "\\sqrt{(" + sum + ")^2+" + sum + "}";
  {
    Comparer comparer({.deadline = std::chrono::milliseconds(100), .workers = 1});
    const auto start = std::chrono::steady_clock::now();
    const Comparison hard = comparer.Compare(Tree(a), Tree(b));
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_NE(hard.equality, Equality::kDifferent);
    EXPECT_NE(hard.rule, "calcium") << "the worker had an answer: the input is no test of a deadline any more";
    // generous: what is tested is that nobody waits for a computation of seconds
    EXPECT_LT(took, std::chrono::seconds(2));
    // the one that took its place answers; on a slow machine not at the first question
    Comparison easy;
    for (int tries = 0; tries < 100 && easy.equality != Equality::kEqual; ++tries) {
      easy = comparer.Compare(Tree("cos(pi/5)"), Tree("(1+sqrt(5))/4"));
      usleep(10000);
    }
    EXPECT_EQ(easy.equality, Equality::kEqual);
    EXPECT_EQ(easy.rule, "calcium");
    comparer.Compare(Tree("cos(pi/5)"), Tree("(1+sqrt(5))/4"));
    EXPECT_LE(Workers(), 2) << "killed ones are reaped";
  }
  EXPECT_EQ(Workers(), 0);
}

}  // namespace
}  // namespace mathcoder::math
