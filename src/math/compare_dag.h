// Scalars as a graph without repetition: each operation with the same arguments is one node, rational constants are folded while
// they are short, and cheap identities (even and odd functions, roots and logarithms of integers, exp of sums, angles that are
// twelfths of pi) are applied while a node is made. Each node carries a fingerprint (math/compare_residue.h): equal fingerprints
// say with an error of about 2^-120 that two nodes are one rational function of the same kernels; unequal ones prove a difference
// where no kernels are.
//
// A kernel is a value about which the fingerprint knows nothing: log 2, x^n, sin(x) beyond sin^2 + cos^2 = 1.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "math/compare_residue.h"
#include "math/exact.h"

namespace mathcoder::math {

class Dag {
 public:
  // What a node or something below it is.
  enum Flag : std::uint32_t {
    kVariable = 1,    // depends on a variable
    kKernel = 2,      // holds a kernel: unequal fingerprints prove nothing
    kUndefined = 8,   // divides by zero
    kNoisy = 16,      // a decimal of 15 digits or more that may be a rounded double
    kMeaning = 32,    // a variable stands for something with a meaning that is not computed here (an integral)
    kProbable = 64,   // two atoms were identified on evidence, not by proof
    kInfinite = 128,  // infinity as a number
  };

  int Rational(std::int64_t num, std::int64_t den);
  int BigRational(std::string num, std::string den);  // decimal digits, a '-' on num only; den > 0
  int Variable(std::string_view name);                // one index a name
  int Constant(int op);                               // MC_PI, MC_E, MC_I, MC_EULER_GAMMA
  int Infinity();
  int Undefined();
  int Add(int a, int b);
  int Multiply(int a, int b);
  int Divide(int a, int b);
  int Negate(int a);
  int Subtract(int a, int b) { return Add(a, Negate(b)); }
  int Power(int a, int b);
  int SquareRoot(int a);
  int Unary(int op, int a);          // MC_EXP, MC_LOG, MC_SIN, ... MC_ZETA
  int Binary(int op, int a, int b);  // MC_MOD ... MC_BINOMIAL
  void SetFlag(int node, Flag flag) { facts_[Index(node)].flags |= flag; }

  // The node with each variable replaced by values[its index].
  int Substitute(int node, const std::vector<int>& values);

  // By value, since the tables move while nodes are made.
  std::uint32_t flags(int node) const { return facts_[Index(node)].flags; }
  Residue fingerprint(int node) const { return facts_[Index(node)].residue; }
  const std::vector<exact::Node>& nodes() const { return nodes_; }
  exact::Node node(int index) const { return nodes_[Index(index)]; }
  int variables() const { return static_cast<int>(names_.size()); }
  const std::string& name(int variable) const { return names_[Index(variable)]; }
  bool IsInteger(int node, std::int64_t* value = nullptr) const;
  bool IsSmallRational(int node) const { return nodes_[Index(node)].op == MC_RATIONAL && nodes_[Index(node)].big_num == nullptr; }
  bool full() const { return nodes_.size() > kMaxNodes; }  // further nodes are Undefined: no verdict may rest on them

 private:
  static constexpr std::size_t kMaxNodes = 6000;
  struct Facts {
    Residue residue;
    std::uint32_t flags;
  };
  static std::size_t Index(int i) { return static_cast<std::size_t>(i); }

  int Make(exact::Node node, const Residue& residue, std::uint32_t flags);
  int MakeOp(int op, int a, int b, const Residue& residue, std::uint32_t flags);
  int Kernel(int op, int a, int b);
  int RootOfRational(int a);
  int RationalPower(int a, std::int64_t num, std::int64_t den);
  int ExpOf(int a);
  int LogOf(int a);
  int SineOrCosine(int op, int a);
  int Settled(int a);
  int Folded(int kernel);
  void Factors(int a, int power, int* coefficient, std::vector<std::pair<int, int>>* factors);
  int GcdOrLcm(int op, int a, int b);
  int InfinitySign(int a) const;  // 1, -1: plus, minus infinity alone; 0: something else
  bool Finite(int a) const { return (flags(a) & (kInfinite | kVariable | kUndefined)) == 0; }
  bool PiMultiple(int a, std::int64_t* num, std::int64_t* den) const;
  bool LeadsNegative(int a) const;

  std::vector<exact::Node> nodes_;
  std::vector<Facts> facts_;
  std::vector<std::string> names_;
  std::deque<std::string> digits_;  // of big rationals: stable addresses
  std::unordered_multimap<std::uint64_t, int> index_;
};

}  // namespace mathcoder::math
