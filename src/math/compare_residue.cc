#include "math/compare_residue.h"

namespace mathcoder::math {
namespace {

using Wide = unsigned __int128;

std::uint64_t MultiplyOne(std::uint64_t a, std::uint64_t b, std::uint64_t p) {
  return static_cast<std::uint64_t>(static_cast<Wide>(a) * b % p);
}

std::uint64_t PowerOne(std::uint64_t a, std::uint64_t e, std::uint64_t p) {
  std::uint64_t result = 1;
  for (; e != 0; e >>= 1) {
    if ((e & 1) != 0) result = MultiplyOne(result, a, p);
    a = MultiplyOne(a, a, p);
  }
  return result;
}

// Tonelli and Shanks; a is a square modulo p.
std::uint64_t RootOne(std::uint64_t a, std::uint64_t p) {
  std::uint64_t odd = p - 1;
  int twos = 0;
  while (odd % 2 == 0) odd /= 2, ++twos;
  std::uint64_t other = 2;
  while (PowerOne(other, (p - 1) / 2, p) == 1) ++other;
  std::uint64_t c = PowerOne(other, odd, p);
  std::uint64_t t = PowerOne(a, odd, p);
  std::uint64_t root = PowerOne(a, (odd + 1) / 2, p);
  while (t != 1) {
    int i = 0;
    for (std::uint64_t square = t; square != 1; ++i) square = MultiplyOne(square, square, p);
    std::uint64_t b = c;
    for (int j = i; j + 1 < twos; ++j) b = MultiplyOne(b, b, p);
    root = MultiplyOne(root, b, p);
    c = MultiplyOne(b, b, p);
    t = MultiplyOne(t, c, p);
    twos = i;
  }
  return root;
}

std::uint64_t Mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

struct Roots {
  Residue minus_one;
  std::array<Residue, kSmallPrimes.size()> small;
  Roots() {
    for (std::size_t k = 0; k < 2; ++k) {
      minus_one[k] = RootOne(kPrimes[k] - 1, kPrimes[k]);
      for (std::size_t i = 0; i < small.size(); ++i) small[i][k] = RootOne(static_cast<std::uint64_t>(kSmallPrimes[i]), kPrimes[k]);
    }
  }
};

const Roots& AllRoots() {
  static const Roots roots;
  return roots;
}

}  // namespace

Residue ResidueOf(std::int64_t value) {
  Residue r;
  for (std::size_t k = 0; k < 2; ++k) {
    const std::uint64_t size = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    r[k] = size % kPrimes[k];
    if (value < 0 && r[k] != 0) r[k] = kPrimes[k] - r[k];
  }
  return r;
}

Residue ResidueOfDigits(std::string_view decimal) {
  const bool negative = !decimal.empty() && decimal.front() == '-';
  if (negative) decimal.remove_prefix(1);
  Residue r = {0, 0};
  for (std::size_t k = 0; k < 2; ++k) {
    for (const char c : decimal) {
      r[k] = static_cast<std::uint64_t>((static_cast<Wide>(r[k]) * 10 + static_cast<std::uint64_t>(c - '0')) % kPrimes[k]);
    }
  }
  return negative ? Negate(r) : r;
}

Residue Add(const Residue& a, const Residue& b) {
  Residue r;
  for (std::size_t k = 0; k < 2; ++k) {
    r[k] = a[k] + b[k];
    if (r[k] >= kPrimes[k]) r[k] -= kPrimes[k];
  }
  return r;
}

Residue Negate(const Residue& a) {
  Residue r;
  for (std::size_t k = 0; k < 2; ++k) r[k] = a[k] == 0 ? 0 : kPrimes[k] - a[k];
  return r;
}

Residue Multiply(const Residue& a, const Residue& b) {
  return {MultiplyOne(a[0], b[0], kPrimes[0]), MultiplyOne(a[1], b[1], kPrimes[1])};
}

std::optional<Residue> Invert(const Residue& a) {
  if (a[0] == 0 || a[1] == 0) return std::nullopt;
  if (a[0] == 1 && a[1] == 1) return a;
  Residue r;
  for (std::size_t k = 0; k < 2; ++k) {  // extended Euclid: several times faster than a power
    std::int64_t s0 = 0, s1 = 1;
    std::uint64_t r0 = kPrimes[k], r1 = a[k];
    while (r1 != 0) {
      const std::uint64_t q = r0 / r1;
      const std::uint64_t r2 = r0 - q * r1;
      const std::int64_t s2 = s0 - static_cast<std::int64_t>(q) * s1;
      r0 = r1, r1 = r2, s0 = s1, s1 = s2;
    }
    r[k] = s0 < 0 ? kPrimes[k] - static_cast<std::uint64_t>(-s0) : static_cast<std::uint64_t>(s0);
  }
  return r;
}

Residue Power(const Residue& a, std::uint64_t exponent) {
  return {PowerOne(a[0], exponent, kPrimes[0]), PowerOne(a[1], exponent, kPrimes[1])};
}

bool IsZero(const Residue& a) { return a[0] == 0 && a[1] == 0; }

const Residue& RootOfMinusOne() { return AllRoots().minus_one; }
const Residue& RootOfSmallPrime(int index) { return AllRoots().small[static_cast<std::size_t>(index)]; }

Residue Scatter(std::uint64_t tag, const Residue& a, const Residue& b) {
  Residue r;
  std::uint64_t state = Mix(tag ^ 0x6d617468636f6465ULL);
  for (const std::uint64_t word : {a[0], a[1], b[0], b[1]}) state = Mix(state ^ word);
  for (std::size_t k = 0; k < 2; ++k) r[k] = Mix(state + k + 1) % kPrimes[k];
  return r;
}

Residue ScatterText(std::string_view text) {
  std::uint64_t low = 0xcbf29ce484222325ULL, high = 0x84222325cbf29ce4ULL;
  for (const char c : text) {
    low = (low ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    high = Mix(high ^ static_cast<unsigned char>(c));
  }
  return Scatter(text.size() + 7919, {low, high});
}

}  // namespace mathcoder::math
