// Fuzzes the reader of mathematics. With libFuzzer (-fsanitize=fuzzer, MATHCODER_LIBFUZZER) this is its target; without it, a driver of
// its own mutations, since GCC has no libFuzzer:
//   read_fuzz --inputs 10000000 --seed 1 [--seconds N] [FILE with one seed a line ...]
// Fails on a crash, on an input that takes longer than 20 ms of processor time, on an error's position outside of the input and on a
// printed tree that no longer reads (plain notation).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "math/read.h"

namespace {

using mathcoder::math::Expr;
using mathcoder::math::ReadMath;
using mathcoder::math::ReadOptions;
using mathcoder::math::ReadResult;

[[noreturn]] void Report(const char* what, std::string_view input) {
  std::fprintf(stderr, "read_fuzz: %s, input of %zu bytes:\n", what, input.size());
  std::fwrite(input.data(), 1, input.size(), stderr);
  std::fputc('\n', stderr);
  std::abort();
}

bool HoldsWords(const Expr& e) {
  using mathcoder::math::Kind;
  if (e.kind == Kind::kText || e.kind == Kind::kUnit || e.kind == Kind::kMoney) return true;
  for (const Expr& arg : e.args) {
    if (HoldsWords(arg)) return true;
  }
  return false;
}

// Where no doubt was met, the options that settle doubts change nothing.
void CheckDoubts(std::string_view input, const ReadResult& result) {
  for (const bool second : {true, false}) {
    if (second ? result.doubts.second : result.doubts.doubtful) continue;
    ReadOptions options;
    (second ? options.second : options.doubtful) = true;
    const ReadResult again = ReadMath(input, options);
    if (again.ok() != result.ok() || (again.ok() && !(again.expr() == result.expr()))) Report("another reading without a doubt", input);
  }
}

// Returns whether it was read.
bool One(std::string_view input) {
  const ReadResult result = ReadMath(input);
  CheckDoubts(input, result);
  if (!result.ok()) {
    if (result.error().position > input.size() || result.error().message.empty()) Report("a position outside of the input", input);
    return false;
  }
  const std::string plain = ToPlain(result.expr());
  (void)ToLatex(result.expr());
  (void)ToSexpr(result.expr());
  // What prints longer than the caps allow, or is prose, need not read back.
  if (plain.size() < 1000 && !HoldsWords(result.expr())) (void)ReadMath(plain);
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  One(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}

#ifndef MATHCODER_LIBFUZZER
namespace {

constexpr std::string_view kSeeds[] = {
    "\\frac{1}{2}x^2-\\sqrt[3]{x}", "(x-1)(x+1)", "2 sin t cos t", "\\left[-3,-\\frac{4}{3}\\right)", "(-\\infty,5)\\cup (5,\\infty)",
    "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "Matrix([[1, 2], [3, 4]])", "\\int_0^{\\infty} e^{-x^2} dx", "∫_a^b xdx",
    "\\sum_{k=1}^{n} \\frac{1}{k^2}", "\\lim_{x \\to 3^{+}} \\frac{1}{x}", "||x|-|y||", "|x||y|", "\\{x \\mid x > 2\\}", "{1, 2, 3}",
    "x = 2, y = 3", "a=1 or b=2", "-80 \\leq g(x) \\leq 82", "n \\equiv 5 \\pmod{17}", "1,234,567", "10{,}000", "3\\frac{1}{2}", "0.\\overline{3}",
    "152A_{11}", "33.5\\%", "\\$15,\\!000", "74^\\circ", "12:00", "1:2:3", "f''(x) + f^{-1}(2)", "\\log_2 8", "\\sin^{-1} x", "C_n^3",
    "\\binom{16}{2}", "x!!", "10\\text{ cm}", "4 \\text{ blue boxes and } 6 \\text{ red ones}", "The answer is 42", "\\boxed{\\frac12}",
    "Interval.Ropen(0, oo)", "Piecewise((x, x > 0), (0, True))", "Limit(1/x, x, 0, dir='-')", "\\frac{d}{dx} \\tan x", "∠ABC", "x² + √2 ≤ π",
    "\\begin{cases} x & x > 0 \\\\ -x & \\text{otherwise} \\end{cases}", "<1, 2>", "C(5,2) + 5 m", "3 pounds III", "1/2x, 12,34,567", "\\overline{x}^2_{i}", "$k \\in {1,2,3}$", "1.43E-13"};
constexpr std::string_view kPieces[] = {
    "(", ")", "[", "]", "{", "}", "\\{", "\\}", "|", "\\left|", "\\right|", "\\left(", "\\right.", "^", "_", "^{", "_{", "**", "\\frac", "\\frac{",
    "}{", "\\sqrt", "\\sqrt[", "\\int ", "\\sum_{", "\\lim_{x \\to ", "dx", "\\sin", "\\log_", "f(", "f'", "!", "%", "\\%", "$", "\\$", ",", ";", ":", "=",
    "<", ">", "\\leq ", "\\in ", "\\cup ", "\\pm ", "\\cdot ", "\\text{", "\\text{ and }", "\\begin{pmatrix}", "\\end{pmatrix}", "\\begin{cases}",
    "\\end{cases}", "&", "\\\\", "Matrix([[", "]])", "Sum(", "oo", "pi", "I", "e", "1", "23", "0.5", "1,000", "E5", "x", "abc", "feet", " ", "-", "+", "/",
    "\xE2\x88\x9A", "\xC2\xB2", "\xFF", "\\overline{", "\\boxed{", "°", "...", "\\mod ", "\\operatorname{", "\\mathrm{", "\\variable{", "\\not"};

class Mutator {
 public:
  Mutator(std::uint64_t seed, std::vector<std::string> seeds) : random_(seed), seeds_(std::move(seeds)) {}

  const std::string& Next() {
    if (left_ == 0) {
      current_ = seeds_[Below(seeds_.size())];
      left_ = 1 + Below(16);
    }
    --left_;
    for (std::size_t n = 1 + Below(3); n > 0; --n) Mutate();
    if (current_.size() > 9000) current_.resize(200);
    return current_;
  }

 private:
  std::size_t Below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
  std::string_view Piece() { return kPieces[Below(std::size(kPieces))]; }
  void Mutate() {
    const std::size_t at = Below(current_.size() + 1);
    const std::size_t length = Below(current_.size() - at + 1);
    switch (Below(10)) {
      case 0: case 1: case 2: case 3: current_.insert(at, Piece()); break;
      case 4: current_.erase(at, Below(8)); break;
      case 5: if (at < current_.size()) current_[at] = static_cast<char>(Below(256)); break;
      case 6: current_.replace(at, Below(6), Piece()); break;
      case 7: current_.insert(at, current_.substr(at, length)); break;
      case 8: {
        const std::string& other = seeds_[Below(seeds_.size())];
        const std::size_t from = Below(other.size());
        current_.insert(at, other.substr(from, Below(other.size() - from + 1)));
        break;
      }
      default:  // many of one kind: depth and length
        if (Below(40) == 0) {
          const std::string_view piece = Piece();
          for (std::size_t n = Below(300); n > 0; --n) current_.insert(at, piece);
        }
    }
  }

  std::mt19937_64 random_;
  std::vector<std::string> seeds_;
  std::string current_;
  std::size_t left_ = 0;
};

double ProcessorMs() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t inputs = 100000, seed = 1;
  double seconds = 1e9;
  std::vector<std::string> seeds(std::begin(kSeeds), std::end(kSeeds));
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--inputs" && i + 1 < argc) {
      inputs = std::strtoull(argv[++i], nullptr, 10);
    } else if (arg == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (arg == "--seconds" && i + 1 < argc) {
      seconds = std::strtod(argv[++i], nullptr);
    } else if (!arg.starts_with("--")) {
      std::ifstream file{std::string(arg)};
      for (std::string line; std::getline(file, line);) seeds.push_back(line);
    } else {
      std::fprintf(stderr, "usage: read_fuzz [--inputs N] [--seed S] [--seconds T] [FILE...]\n");
      return 2;
    }
  }
  std::printf("read_fuzz: %llu inputs, seed %llu, %zu seeds\n", static_cast<unsigned long long>(inputs), static_cast<unsigned long long>(seed),
              seeds.size());
  Mutator mutator(seed, std::move(seeds));
  std::uint64_t done = 0, read = 0, bytes = 0;
  double slowest = 0;
  std::string slowest_input;
  const double start = ProcessorMs();
  double before = start;
  for (; done < inputs && before - start < seconds * 1e3; ++done) {
    const std::string& input = mutator.Next();
    before = ProcessorMs();
    read += One(input);
    const double took = ProcessorMs() - before;
    bytes += input.size();
    if (took > slowest) {
      slowest = took;
      slowest_input = input;
    }
    // 8192 bytes at most are read: 20 ms would be 2.5 us a byte
    if (took > 20) Report("slower than 20 ms", input);
  }
  const double total = ProcessorMs() - start;
  std::printf("%llu inputs, %.1f bytes at the mean, %.1f%% read, %.1f s, %.2f us each, slowest %.3f ms (%zu bytes: %.60s)\n",
              static_cast<unsigned long long>(done), static_cast<double>(bytes) / static_cast<double>(done),
              100.0 * static_cast<double>(read) / static_cast<double>(done), total / 1e3, total * 1e3 / static_cast<double>(done), slowest,
              slowest_input.size(), slowest_input.c_str());
  return 0;
}
#endif
