// Fuzzes equality: no input may crash it; verdicts that take longer than 100 ms are counted, and fail the run with --bound 1 (the short
// run among the tests asserts no time: sanitizers and busy machines would decide).
//
// Under libFuzzer (clang, -DMATHCODER_LIBFUZZER) the input is two texts, separated by a zero byte or a newline. Otherwise this is a
// program of its own: `compare_fuzz --inputs N --seed S` makes pairs of trees from a grammar over every kind of node, well-formed
// and not, huge numbers and deep towers included, and mutates them; it prints the slowest verdicts and what the verdicts were.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "math/compare.h"
#include "math/read.h"

namespace mathcoder::math {
namespace {

constexpr auto kBound = std::chrono::milliseconds(100);

Comparison CompareTexts(std::string_view a, std::string_view b) {
  const ReadResult x = ReadMath(a), y = ReadMath(b);
  if (!x.ok() || !y.ok()) return {};
  return CompareMath(x.expr(), y.expr());
}

#ifndef MATHCODER_LIBFUZZER

using Rng = std::mt19937_64;

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : rng_(seed) {}

  std::uint64_t Pick(std::uint64_t n) { return rng_() % n; }

  Expr Tree(int depth) {
    if (depth <= 0) return Leaf();
    Expr e;
    switch (Pick(24)) {
      case 0:
      case 1:
      case 2:
        return Leaf();
      case 3:
      case 4:
      case 5:
        e.kind = Kind::kAdd;
        break;
      case 6:
      case 7:
      case 8:
        e.kind = Kind::kMultiply;
        break;
      case 9:
      case 10:
        e.kind = Kind::kDivide;
        break;
      case 11:
      case 12:
      case 13:
        e.kind = Kind::kPower;
        break;
      case 14:
        e.kind = Kind::kNegate;
        break;
      case 15:
      case 16:
      case 17: {
        e.kind = Kind::kCall;
        static constexpr const char* kNames[] = {
            "sin",      "cos",       "tan",     "cot",   "sec",        "csc",       "asin",         "acos",     "atan",
            "acot",     "asec",      "acsc",    "sinh",  "cosh",       "tanh",      "asinh",        "acosh",    "atanh",
            "exp",      "ln",        "log",     "log2",  "log10",      "sqrt",      "cbrt",         "root",     "abs",
            "sign",     "floor",     "ceil",    "round", "gamma",      "factorial", "factorial2",   "re",       "im",
            "arg",      "conjugate", "mod",     "gcd",   "lcm",        "min",       "max",          "binomial", "permutations",
            "integral", "sum",       "product", "limit", "derivative", "union",     "intersection", "setminus", "f",
            "segment",  "det",       "atan2",   "cis",   "erf",        "zeta",      "norm",         "trunc"};
        e.text = kNames[Pick(std::size(kNames))];
        e.number = static_cast<std::int32_t>(Pick(8)) == 0 ? 10 : 0;
        break;
      }
      default: {
        static constexpr Kind kKinds[] = {Kind::kPlusMinus,  Kind::kPercent,  Kind::kDegree,  Kind::kUnit,     Kind::kMoney,
                                          Kind::kTime,       Kind::kRatio,    Kind::kOrdinal, Kind::kRelation, Kind::kAnd,
                                          Kind::kOr,         Kind::kNot,      Kind::kImplies, Kind::kGroup,    Kind::kSet,
                                          Kind::kSetBuilder, Kind::kList,     Kind::kMatrix,  Kind::kCases,    Kind::kApply,
                                          Kind::kMixed,      Kind::kRelation, Kind::kGroup,   Kind::kList};
        e.kind = kKinds[Pick(std::size(kKinds))];
        static constexpr const char* kRelations[] = {"=",  "=",  "!=",    "<",      "<=", ">",
                                                     ">=", "in", "notin", "subset", "~",  "congruent"};
        static constexpr const char* kBrackets[] = {"()", "[]", "(]", "[)", "<>"};
        static constexpr const char* kUnits[] = {"cm", "m/s", "ft^2", "miles per hour", "apples", "degrees C", "///", ""};
        if (e.kind == Kind::kRelation) e.text = kRelations[Pick(std::size(kRelations))];
        if (e.kind == Kind::kGroup) e.text = kBrackets[Pick(std::size(kBrackets))];
        if (e.kind == Kind::kUnit) e.text = kUnits[Pick(std::size(kUnits))];
        if (e.kind == Kind::kMoney) e.text = "$";
        if (e.kind == Kind::kTime) e.text = Pick(2) == 0 ? "pm" : "";
        if (e.kind == Kind::kList) e.text = Pick(3) == 0 ? "or" : "";
        e.number = static_cast<std::int32_t>(Pick(4));
        break;
      }
    }
    std::uint64_t count = Arity(e);
    if (Pick(40) == 0) count = Pick(5);  // of another shape than any reader makes
    for (std::uint64_t i = 0; i < count; ++i) e.args.push_back(Tree(depth - 1 - static_cast<int>(Pick(2))));
    return e;
  }

  Expr Mutated(const Expr& e) {
    Expr out = e;
    for (std::uint64_t times = 1 + Pick(3); times > 0; --times) {
      Expr* at = &out;
      while (!at->args.empty() && Pick(4) != 0) at = &at->args[Pick(at->args.size())];
      switch (Pick(6)) {
        case 0:
          *at = Tree(2);
          break;
        case 1:
          if (at->args.size() > 1) std::swap(at->args.front(), at->args.back());
          break;
        case 2: {
          Expr inner = *at;
          *at = Expr{.kind = Kind::kAdd, .text = "", .number = 0, .args = {}};
          at->args.push_back(std::move(inner));
          at->args.push_back(Leaf());
          break;
        }
        case 3:
          if (!at->args.empty()) at->args.pop_back();
          break;
        case 4:
          if (!at->args.empty()) {
            Expr child = at->args[Pick(at->args.size())];
            *at = std::move(child);
          }
          break;
        default:
          *at = Leaf();
          break;
      }
    }
    return out;
  }

 private:
  std::uint64_t Arity(const Expr& e) {
    switch (e.kind) {
      case Kind::kDivide:
      case Kind::kPower:
      case Kind::kRelation:
      case Kind::kImplies:
      case Kind::kSetBuilder:
      case Kind::kMixed:
      case Kind::kApply:
        return 2;
      case Kind::kNegate:
      case Kind::kPercent:
      case Kind::kDegree:
      case Kind::kUnit:
      case Kind::kMoney:
      case Kind::kOrdinal:
      case Kind::kNot:
        return 1;
      case Kind::kCall:
        if (e.text == "integral" || e.text == "sum" || e.text == "product") return Pick(2) == 0 ? 4 : 2;
        if (e.text == "limit") return 3;
        if (e.text == "root" || e.text == "mod" || e.text == "binomial" || e.text == "gcd" || e.text == "lcm" || e.text == "min" ||
            e.text == "max" || e.text == "derivative" || e.text == "union" || e.text == "setminus" || e.text == "intersection") {
          return 2;
        }
        return 1;
      case Kind::kCases:
      case Kind::kMatrix:
        return 4;
      default:
        return 2 + Pick(2);
    }
  }

  Expr Leaf() {
    Expr e;
    switch (Pick(12)) {
      case 0:
      case 1:
      case 2:
        e.text = std::to_string(Pick(13));
        break;
      case 3:
        e.text = std::to_string(Pick(1000000));
        break;
      case 4:
        e.text = std::string(1 + Pick(60), static_cast<char>('1' + Pick(9)));
        break;
      case 5: {
        e.kind = Kind::kDecimal;
        static constexpr const char* kDecimals[] = {
            "0.5",    ".25",     "3.141592653589793",  "1e400", "1e-400", "1.5e99999999999", "0.(3)",
            "0.1(6)", "123.456", "0.30000000000000004"};
        e.text = kDecimals[Pick(std::size(kDecimals))];
        break;
      }
      case 6: {
        e.kind = Kind::kConstant;
        static constexpr const char* kConstants[] = {"pi", "e", "i", "infinity", "undefined"};
        e.text = kConstants[Pick(std::size(kConstants))];
        break;
      }
      case 7:
        if (Pick(4) == 0) {
          e.kind = Pick(2) == 0 ? Kind::kText : Kind::kChoice;
          e.text = Pick(2) == 0 ? "A" : "no solution";
          break;
        }
        [[fallthrough]];
      default: {
        e.kind = Kind::kSymbol;
        static constexpr const char* kNames[] = {"x", "y", "z", "n", "k", "x_1"};
        e.text = kNames[Pick(std::size(kNames))];
        break;
      }
    }
    return e;
  }

  Rng rng_;
};

// Processor time of this thread: other processes of the machine are no part of a verdict's cost.
std::chrono::nanoseconds Spent() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

struct Slow {
  double milliseconds;
  std::string what;
};

int Run(long inputs, std::uint64_t seed, bool bound) {
  std::printf("seed %llu, %ld inputs\n", static_cast<unsigned long long>(seed), inputs);
  Generator generator(seed);
  std::vector<Slow> slowest;
  long verdicts[4] = {};
  long over = 0;
  double total = 0;
  Expr last;
  CompareOptions lenient;
  lenient.round_to_reference = lenient.reference_is_rounded = lenient.percent_either_way = lenient.symmetric = true;
  lenient.relative_tolerance = 1e-3;
  for (long i = 0; i < inputs; ++i) {
    const Expr a = generator.Tree(2 + static_cast<int>(generator.Pick(5)));
    Expr b = generator.Pick(3) == 0 ? generator.Tree(3) : generator.Pick(2) == 0 ? generator.Mutated(a) : a;
    if (generator.Pick(8) == 0) b = last;
    const auto start = Spent();
    const Comparison c = CompareMath(a, b, i % 7 == 0 ? lenient : CompareOptions{});
    const auto cost = Spent() - start;
    ++verdicts[static_cast<int>(c.equality)];
    const double ms = std::chrono::duration<double, std::milli>(cost).count();
    total += ms;
    if (cost > kBound) ++over;
    if (slowest.size() < 5 || ms > slowest.back().milliseconds) {
      slowest.push_back({ms, ToSexpr(a) + "  |  " + ToSexpr(b) + "  " + c.rule});
      std::sort(slowest.begin(), slowest.end(), [](const Slow& x, const Slow& y) { return x.milliseconds > y.milliseconds; });
      if (slowest.size() > 5) slowest.pop_back();
    }
    last = a;
  }
  std::printf("equal %ld, probably %ld, different %ld, unknown %ld; mean %.2f us, over 100 ms: %ld\n", verdicts[0], verdicts[1],
              verdicts[2], verdicts[3], 1000 * total / static_cast<double>(std::max(inputs, 1L)), over);
  for (const Slow& slow : slowest) std::printf("%.3f ms  %.600s\n", slow.milliseconds, slow.what.c_str());
  return over == 0 || !bound ? 0 : 1;
}

#endif

}  // namespace
}  // namespace mathcoder::math

#ifdef MATHCODER_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::size_t middle = input.find('\0');
  if (middle == std::string_view::npos) middle = input.find('\n');
  if (middle == std::string_view::npos) middle = input.size() / 2;
  const auto start = std::chrono::steady_clock::now();
  mathcoder::math::CompareTexts(input.substr(0, middle), input.substr(std::min(middle + 1, input.size())));
  if (std::chrono::steady_clock::now() - start > 20 * mathcoder::math::kBound) std::abort();  // sanitizers slow it down
  return 0;
}
#else
int main(int argc, char** argv) {
  long inputs = 100000;
  bool bound = false;
  std::uint64_t seed = std::random_device{}();
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--inputs") == 0)
      inputs = std::atol(argv[i + 1]);
    else if (std::strcmp(argv[i], "--seed") == 0)
      seed = std::strtoull(argv[i + 1], nullptr, 10);
    else if (std::strcmp(argv[i], "--bound") == 0)
      bound = std::atol(argv[i + 1]) != 0;
    else
      return std::fprintf(stderr, "compare_fuzz: unknown option %s; known: --inputs N, --seed S, --bound 1\n", argv[i]), 2;
  }
  if (mathcoder::math::CompareTexts("1/2", "0.5").equality != mathcoder::math::Equality::kEqual) return 1;
  return mathcoder::math::Run(inputs, seed, bound);
}
#endif
