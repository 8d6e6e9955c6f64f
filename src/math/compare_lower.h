// From the tree of what was written (math/expr.h) to scalars in a Dag. What is no scalar (a set inside f({1, 2})) or has no meaning
// here (f(x), the segment AB) becomes an atom: a variable whose identity is its name and the values of its arguments.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "math/compare_dag.h"
#include "math/expr.h"

namespace mathcoder::math {

struct LowerOptions {
  bool degrees_as_numbers = false;   // 74 degrees is 74; otherwise 74 pi/180
  bool drop_units = false;           // 3 cm is 3; otherwise 3 times the unit
  int plus_minus = 1;                // which of the two values of a +- b: 1 or -1
  bool log_is_base_10 = false;       // \log without a base; otherwise natural
  bool bars_conjugate = false;       // \bar z is the conjugate of z; otherwise a name
  std::string prime_variable = "x";  // y' is dy by this: PrimeVariable() finds it
  bool indexed = false;              // F_k is the value of F at k: where indices of sums run through subscripts
};

struct NodeMatrix {  // row-major
  int rows = 0, columns = 0;
  std::vector<int> entries;
};

class Lowerer {
 public:
  Lowerer(Dag* dag, const LowerOptions& options) : dag_(*dag), options_(options) {}

  int Lower(const Expr& expression);
  // Sums, products, powers, transposes and inverses of small matrices; nullopt: not such, or not carried out. `basis` > 0: i, j, k
  // are the unit vectors of that many dimensions.
  std::optional<NodeMatrix> MatrixOf(const Expr& expression, int basis);
  // Are two nodes equal by more than fingerprints? Asked for arguments of atoms. Unset: no.
  std::function<bool(int, int)> same_value;

  // Sums and products with bounds that are no numbers can be tried at whole values of their bounds' variables: the nodes with these
  // replaced (the k-th variable by first + k) and the sums added up. False: there is no such sum.
  bool TryBounds(std::int64_t first, int* a, int* b);
  void set_options(const LowerOptions& options) { options_ = options; }

 private:
  struct Atom {
    std::string head;
    std::vector<int> args;  // nodes
    int node;
    int bound;  // of a sum: the node of its variable; -1
  };

  int Decimal(std::string_view text);
  int Based(const Expr& expression);
  int Call(const Expr& expression);
  int Logarithm(int argument) { return dag_.Unary(MC_LOG, argument); }
  int Ratio(int a, int b) { return dag_.Divide(a, b); }
  int Trigonometric(std::string_view name, int x, bool* known);
  int Bound(const Expr& expression, std::size_t variable);  // lowers args[0] with the variable bound
  int Calculus(const Expr& expression);
  int Deep(int node, std::vector<int> values,
           int* steps);  // substitutes in arguments of atoms too; values[i] < 0: variable i stays
  int AtomOf(std::string head, std::vector<int> args, std::uint32_t flags = 0, int bound = -1);
  std::optional<int> GeometricSeries(int body, int variable, int from);
  std::optional<int> OfMatrix(std::string_view name, const Expr& argument);  // det, trace, norm
  // The derivative of a named function: y'', d^2y/dx^2 and y''(x) are one atom.
  int DerivativeAtom(std::string_view function, std::int64_t order, std::string_view variable);
  std::optional<int> Counting(const Expr& name, const Expr& arguments);  // C(n, k) and P(n, k), read as products
  int Opaque(const Expr& expression, std::uint32_t flags = 0);
  // Text that is the same for equal structures; scalars in it are collected as arguments.
  void Shape(const Expr& expression, std::string* head, std::vector<int>* args);

  Dag& dag_;
  LowerOptions options_;
  std::vector<Atom> atoms_;
  std::vector<std::pair<std::string, int>> bound_;  // names of bound variables and their nodes
};

bool HoldsMatrix(const Expr& expression);  // its value is a matrix, or has one in it: not below det, trace, norm
bool HoldsBasis(const Expr& expression);   // i, j, k or their hats in a sum of products
// By what primes differentiate: the variable of a derivative that stands on either side, else x.
std::string PrimeVariable(const Expr& a, const Expr& b);

// Parts that are compared as numbers; not sets, statements, words.
bool IsScalar(const Expr& expression);

}  // namespace mathcoder::math
