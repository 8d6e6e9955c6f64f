// Residues modulo two fixed 61-bit primes: the map under which a normal form is fingerprinted. Both primes are 1 modulo 24 and have
// every prime up to 47 as a square, so that i and the square roots of all products of those primes have residues as well, chosen
// once: the map respects + - * / on everything built from rationals, variables, i and such roots. Other residue: proven different.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mathcoder::math {

using Residue = std::array<std::uint64_t, 2>;

inline constexpr Residue kPrimes = {2305843009213245121ULL, 2305843009209384649ULL};
inline constexpr std::array<int, 15> kSmallPrimes = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47};

Residue ResidueOf(std::int64_t value);
Residue ResidueOfDigits(std::string_view decimal);  // an optional '-', then digits
Residue Add(const Residue& a, const Residue& b);
Residue Negate(const Residue& a);
Residue Multiply(const Residue& a, const Residue& b);
std::optional<Residue> Invert(const Residue& a);  // nullopt: zero modulo one of the two
Residue Power(const Residue& a, std::uint64_t exponent);
bool IsZero(const Residue& a);  // modulo both
const Residue& RootOfMinusOne();
const Residue& RootOfSmallPrime(int index);  // of kSmallPrimes
// A pseudo-random element that depends on the tag and the residues only.
Residue Scatter(std::uint64_t tag, const Residue& a, const Residue& b = {0, 0});
Residue ScatterText(std::string_view text);

}  // namespace mathcoder::math
