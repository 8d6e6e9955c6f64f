#include "math/functions.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace mathcoder::math {
namespace {

constexpr std::uint8_t kMany = 255;

// Sorted by spelling (checked below).
constexpr Function kFunctions[] = {
    {"Abs", "abs"},
    {"Ceil", "ceil"},
    {"Derivative", "derivative", 2, kMany},
    {"Determinant", "det"},
    {"Im", "im"},
    {"Integral", "integral", 1, kMany},
    {"Intersection", "intersection", 1, kMany},
    {"Limit", "limit", 3, 4},
    {"Max", "max", 1, kMany},
    {"Min", "min", 1, kMany},
    {"Mod", "mod", 2, 2},
    {"Product", "product", 2, kMany},
    {"Re", "re"},
    {"Sum", "sum", 2, kMany},
    {"Transpose", "transpose"},
    {"Union", "union", 1, kMany},
    {"abs", "abs"},
    {"acos", "acos", 1, 1, true},
    {"acosh", "acosh", 1, 1, true},
    {"acot", "acot", 1, 1, true},
    {"acoth", "acoth", 1, 1, true},
    {"acsc", "acsc", 1, 1, true},
    {"acsch", "acsch", 1, 1, true},
    {"arccos", "acos", 1, 1, true},
    {"arccosh", "acosh", 1, 1, true},
    {"arccot", "acot", 1, 1, true},
    {"arccoth", "acoth", 1, 1, true},
    {"arccsc", "acsc", 1, 1, true},
    {"arccsch", "acsch", 1, 1, true},
    {"arcctg", "acot", 1, 1, true},
    {"arcosh", "acosh", 1, 1, true},
    {"arcsec", "asec", 1, 1, true},
    {"arcsech", "asech", 1, 1, true},
    {"arcsin", "asin", 1, 1, true},
    {"arcsinh", "asinh", 1, 1, true},
    {"arctan", "atan", 1, 1, true},
    {"arctanh", "atanh", 1, 1, true},
    {"arctg", "atan", 1, 1, true},
    {"arg", "arg"},
    {"arsinh", "asinh", 1, 1, true},
    {"artanh", "atanh", 1, 1, true},
    {"asec", "asec", 1, 1, true},
    {"asech", "asech", 1, 1, true},
    {"asin", "asin", 1, 1, true},
    {"asinh", "asinh", 1, 1, true},
    {"atan", "atan", 1, 1, true},
    {"atan2", "atan2", 2, 2},
    {"atanh", "atanh", 1, 1, true},
    {"binom", "binomial", 2, 2},
    {"binomial", "binomial", 2, 2},
    {"cbrt", "cbrt"},
    {"ceil", "ceil"},
    {"ceiling", "ceil"},
    {"choose", "binomial", 2, 2},
    {"cis", "cis", 1, 1, true},
    {"comb", "binomial", 2, 2},
    {"conj", "conjugate"},
    {"conjugate", "conjugate"},
    {"cos", "cos", 1, 1, true},
    {"cosec", "csc", 1, 1, true},
    {"cosh", "cosh", 1, 1, true},
    {"cot", "cot", 1, 1, true},
    {"cotan", "cot", 1, 1, true},
    {"coth", "coth", 1, 1, true},
    {"csc", "csc", 1, 1, true},
    {"csch", "csch", 1, 1, true},
    {"ctg", "cot", 1, 1, true},
    {"deg", "deg"},
    {"det", "det"},
    {"diff", "derivative", 2, kMany},
    {"dim", "dim"},
    {"erf", "erf"},
    {"erfc", "erfc"},
    {"exp", "exp", 1, 1, true},
    {"factorial", "factorial"},
    {"factorial2", "factorial2"},
    {"floor", "floor"},
    {"gamma", "gamma"},
    {"gcd", "gcd", 1, kMany},
    {"im", "im"},
    {"integrate", "integral", 2, kMany},
    {"ker", "ker"},
    {"lcm", "lcm", 1, kMany},
    {"lg", "log10"},
    {"limit", "limit", 3, 4},
    {"linesegment", "segment", 2, 2},
    {"ln", "ln", 1, 1, true},
    {"log", "log", 1, 2, true},
    {"log10", "log10", 1, 1, true},
    {"log2", "log2", 1, 1, true},
    {"max", "max", 1, kMany},
    {"min", "min", 1, kMany},
    {"mod", "mod", 2, 2},
    {"nCk", "binomial", 2, 2},
    {"nCr", "binomial", 2, 2},
    {"nPr", "permutations", 2, 2},
    {"norm", "norm"},
    {"nthroot", "root", 2, 2},
    {"perm", "permutations", 2, 2},
    {"permutations", "permutations", 2, 2},
    {"rank", "rank"},
    {"re", "re"},
    {"root", "root", 2, 2},
    {"round", "round", 1, 2},
    {"sec", "sec", 1, 1, true},
    {"sech", "sech", 1, 1, true},
    {"segment", "segment", 2, 2},
    {"setminus", "setminus", 2, 2},
    {"sgn", "sign", 1, 1, true},
    {"sign", "sign"},
    {"sin", "sin", 1, 1, true},
    {"sinh", "sinh", 1, 1, true},
    {"sqrt", "sqrt"},
    {"tan", "tan", 1, 1, true},
    {"tanh", "tanh", 1, 1, true},
    {"tg", "tan"},
    {"tr", "trace"},
    {"trace", "trace"},
    {"transpose", "transpose"},
    {"trunc", "trunc"},
};

static_assert(std::is_sorted(std::begin(kFunctions), std::end(kFunctions),
                             [](const Function& a, const Function& b) { return a.spelled < b.spelled; }));

// Where in the table the spellings of each first letter begin; most letter runs are words of which none begins so.
constexpr std::size_t kLetters = 'z' - 'A' + 1;
constexpr std::array<std::uint8_t, kLetters + 1> kFirst = [] {
  static_assert(std::size(kFunctions) < 256);
  std::array<std::uint8_t, kLetters + 1> first{};
  for (std::size_t letter = 0; letter <= kLetters; ++letter) {
    while (first[letter] < std::size(kFunctions) && kFunctions[first[letter]].spelled[0] < static_cast<char>('A' + letter))
      ++first[letter];
  }
  return first;
}();

// Whether a bare function begins with these two letters.
constexpr std::array<std::array<bool, 26>, 26> kBarePairs = [] {
  std::array<std::array<bool, 26>, 26> pairs{};
  for (const Function& f : kFunctions) {
    if (f.bare) pairs[static_cast<std::size_t>(f.spelled[0] - 'a')][static_cast<std::size_t>(f.spelled[1] - 'a')] = true;
  }
  return pairs;
}();

// Canonical names without a spelling of their own in the table.
constexpr std::string_view kOthers[] = {"angle", "bar", "compose", "hat", "tilde", "dot", "triangle", "vec"};

}  // namespace

const Function* FindFunction(std::string_view spelled) {
  if (spelled.empty() || spelled[0] < 'A' || spelled[0] > 'z') return nullptr;
  const std::size_t letter = static_cast<std::size_t>(spelled[0] - 'A');
  const Function* const end = kFunctions + kFirst[letter + 1];
  const auto* found = std::lower_bound(kFunctions + kFirst[letter], end, spelled,
                                       [](const Function& f, std::string_view name) { return f.spelled < name; });
  return found != end && found->spelled == spelled ? found : nullptr;
}

const Function* FindBarePrefix(std::string_view letters) {
  const auto small = [](char c) { return c >= 'a' && c <= 'z'; };
  if (letters.size() < 2 || !small(letters[0]) || !small(letters[1])) return nullptr;
  if (!kBarePairs[static_cast<std::size_t>(letters[0] - 'a')][static_cast<std::size_t>(letters[1] - 'a')]) return nullptr;
  for (std::size_t length = std::min<std::size_t>(letters.size(), 7); length >= 2; --length) {
    const Function* found = FindFunction(letters.substr(0, length));
    if (found != nullptr && found->bare) return found;
  }
  return nullptr;
}

bool IsCanonicalFunction(std::string_view name) {
  for (const Function& f : kFunctions) {
    if (f.canonical == name) return true;
  }
  return std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers);
}

}  // namespace mathcoder::math
