// Operations on small matrices and vectors, carried out on nodes before anything is compared.
#include <algorithm>

#include "math/compare_judge.h"
#include "math/compare_lower.h"

namespace mathcoder::math {
namespace {

constexpr int kLargest = 8;        // rows and columns
constexpr int kLargestSquare = 6;  // of determinants and inverses

std::size_t Index(int i) { return static_cast<std::size_t>(i); }

// A determinant by cofactors over sets of columns: 2^n products instead of n!.
int DeterminantOf(Dag* dag, const NodeMatrix& m) {
  const auto n = Index(m.columns);
  std::vector<int> minors(std::size_t{1} << n, dag->Rational(0, 1));
  minors[0] = dag->Rational(1, 1);
  for (std::size_t set = 1; set < minors.size(); ++set) {
    std::size_t row = 0;
    for (std::size_t c = 0; c < n; ++c) row += (set >> c) & 1U;
    --row;
    int total = dag->Rational(0, 1);
    std::size_t before = 0;  // columns of the set in front of c
    for (std::size_t c = 0; c < n; ++c) {
      if (((set >> c) & 1U) == 0) continue;
      const int term = dag->Multiply(m.entries[row * n + c], minors[set & ~(std::size_t{1} << c)]);
      total = (row + before) % 2 == 0 ? dag->Add(total, term) : dag->Subtract(total, term);
      ++before;
    }
    minors[set] = total;
  }
  return minors.back();
}

NodeMatrix Transposed(const NodeMatrix& m) {
  NodeMatrix t{.rows = m.columns, .columns = m.rows, .entries = {}};
  for (int c = 0; c < m.columns; ++c) {
    for (int r = 0; r < m.rows; ++r) t.entries.push_back(m.entries[Index(r * m.columns + c)]);
  }
  return t;
}

std::optional<NodeMatrix> Inverse(Dag* dag, const NodeMatrix& m) {
  if (m.rows != m.columns || m.rows > kLargestSquare) return std::nullopt;
  const int determinant = DeterminantOf(dag, m);
  std::int64_t value = 1;
  if (dag->IsInteger(determinant, &value) && value == 0) return std::nullopt;
  NodeMatrix out{.rows = m.rows, .columns = m.columns, .entries = {}};
  for (int r = 0; r < m.rows; ++r) {
    for (int c = 0; c < m.columns; ++c) {  // the cofactor of column r and row c
      NodeMatrix minor{.rows = m.rows - 1, .columns = m.columns - 1, .entries = {}};
      for (int i = 0; i < m.rows; ++i) {
        for (int j = 0; j < m.columns; ++j) {
          if (i != c && j != r) minor.entries.push_back(m.entries[Index(i * m.columns + j)]);
        }
      }
      const int cofactor = minor.rows == 0 ? dag->Rational(1, 1) : DeterminantOf(dag, minor);
      out.entries.push_back(dag->Divide((r + c) % 2 == 0 ? cofactor : dag->Negate(cofactor), determinant));
    }
  }
  return out;
}

std::optional<NodeMatrix> Product(Dag* dag, const NodeMatrix& a, const NodeMatrix& b) {
  if (a.columns != b.rows) return std::nullopt;
  NodeMatrix out{.rows = a.rows, .columns = b.columns, .entries = {}};
  for (int r = 0; r < a.rows; ++r) {
    for (int c = 0; c < b.columns; ++c) {
      int total = dag->Rational(0, 1);
      for (int k = 0; k < a.columns; ++k) {
        total = dag->Add(total, dag->Multiply(a.entries[Index(r * a.columns + k)], b.entries[Index(k * b.columns + c)]));
      }
      out.entries.push_back(total);
    }
  }
  return out;
}

NodeMatrix Scaled(Dag* dag, NodeMatrix m, int factor) {
  for (int& entry : m.entries) entry = dag->Multiply(entry, factor);
  return m;
}

int BasisOf(const Expr& e) {  // which unit vector; -1
  if (e.kind != Kind::kSymbol && e.kind != Kind::kConstant) return -1;
  if (e.text == "hat(i)" || e.text == "i" || e.text == "vec(i)") return 0;
  if (e.text == "hat(j)" || e.text == "j" || e.text == "vec(j)") return 1;
  if (e.text == "hat(k)" || e.text == "k" || e.text == "vec(k)") return 2;
  return -1;
}

}  // namespace

bool HoldsMatrix(const Expr& e) {
  if (e.kind == Kind::kMatrix) return true;
  if (e.kind == Kind::kCall && (e.text == "det" || e.text == "trace" || e.text == "rank" || e.text == "norm")) return false;
  return std::any_of(e.args.begin(), e.args.end(), HoldsMatrix);
}

bool HoldsBasis(const Expr& e) {
  if (e.kind == Kind::kAdd || e.kind == Kind::kMultiply || e.kind == Kind::kNegate || e.kind == Kind::kDivide)
    return std::any_of(e.args.begin(), e.args.end(), HoldsBasis);
  return BasisOf(e) >= 0;
}

std::optional<NodeMatrix> Lowerer::MatrixOf(const Expr& e, int basis) {
  const auto inner = [&](const Expr& part) { return MatrixOf(part, basis); };
  const bool operation = HoldsMatrix(e) || (basis > 0 && HoldsBasis(e));
  switch (e.kind) {
    case Kind::kMatrix: {
      const int rows = e.number > 0 ? static_cast<int>(e.args.size()) / e.number : 0;
      if (rows < 1 || rows > kLargest || e.number > kLargest || Index(rows * e.number) != e.args.size()) return std::nullopt;
      NodeMatrix m{.rows = rows, .columns = e.number, .entries = {}};
      for (const Expr& entry : e.args) {
        if (!IsScalar(entry)) return std::nullopt;
        m.entries.push_back(Lower(entry));
      }
      return m;
    }
    case Kind::kGroup: {
      if (e.args.size() == 1) return inner(e.args[0]);
      if (e.args.empty() || e.args.size() > Index(kLargest) || !std::all_of(e.args.begin(), e.args.end(), IsScalar))
        return std::nullopt;
      NodeMatrix m{.rows = static_cast<int>(e.args.size()), .columns = 1, .entries = {}};
      for (const Expr& entry : e.args) m.entries.push_back(Lower(entry));
      return m;
    }
    case Kind::kNegate: {
      const auto m = e.args.size() == 1 ? inner(e.args[0]) : std::nullopt;
      if (!m) return std::nullopt;
      return Scaled(&dag_, *m, dag_.Rational(-1, 1));
    }
    case Kind::kAdd: {
      std::optional<NodeMatrix> total;
      for (const Expr& part : e.args) {
        const auto next = inner(part);
        if (!next || (total && (next->rows != total->rows || next->columns != total->columns))) return std::nullopt;
        if (!total) {
          total = next;
          continue;
        }
        for (std::size_t i = 0; i < next->entries.size(); ++i) total->entries[i] = dag_.Add(total->entries[i], next->entries[i]);
      }
      return total;
    }
    case Kind::kDivide: {
      if (e.args.size() != 2 || HoldsMatrix(e.args[1]) || !IsScalar(e.args[1])) return std::nullopt;
      const auto m = inner(e.args[0]);
      if (!m) return std::nullopt;
      return Scaled(&dag_, *m, dag_.Divide(dag_.Rational(1, 1), Lower(e.args[1])));
    }
    case Kind::kMultiply: {
      int factor = dag_.Rational(1, 1);
      std::optional<NodeMatrix> total;
      for (const Expr& part : e.args) {
        const bool scalar = IsScalar(part) && !HoldsMatrix(part) && !(basis > 0 && HoldsBasis(part));
        if (scalar) {
          factor = dag_.Multiply(factor, Lower(part));
          continue;
        }
        const auto next = inner(part);
        if (!next) return std::nullopt;
        total = total ? Product(&dag_, *total, *next) : next;
        if (!total) return std::nullopt;
      }
      if (!total) return std::nullopt;
      return Scaled(&dag_, std::move(*total), factor);
    }
    case Kind::kPower: {
      if (e.args.size() != 2 || !operation) return std::nullopt;
      auto m = inner(e.args[0]);
      const Expr& exponent = e.args[1];
      if (!m) return std::nullopt;
      if ((exponent.kind == Kind::kSymbol || exponent.kind == Kind::kText) &&
          (exponent.text == "T" || exponent.text == "t" || exponent.text == "top" || exponent.text == "intercal"))
        return Transposed(*m);
      std::int64_t times = 0;
      if (!IsScalar(exponent) || !dag_.IsInteger(Lower(exponent), &times) || std::abs(times) > 1000 || m->rows != m->columns)
        return std::nullopt;
      if (times < 0) {
        m = Inverse(&dag_, *m);
        if (!m) return std::nullopt;
        times = -times;
      }
      NodeMatrix power{.rows = m->rows, .columns = m->rows, .entries = {}};
      for (int i = 0; i < m->rows * m->rows; ++i) power.entries.push_back(dag_.Rational(i % (m->rows + 1) == 0 ? 1 : 0, 1));
      for (NodeMatrix square = *m; times > 0; times /= 2) {
        if (times % 2 != 0) power = *Product(&dag_, power, square);
        if (times > 1) square = *Product(&dag_, square, square);
        if (dag_.full()) return std::nullopt;
      }
      return power;
    }
    case Kind::kCall:
      if (e.text == "transpose" && e.args.size() == 1) {
        const auto m = inner(e.args[0]);
        if (!m) return std::nullopt;
        return Transposed(*m);
      }
      return std::nullopt;
    case Kind::kSymbol:
    case Kind::kConstant: {
      const int which = BasisOf(e);
      if (which < 0 || which >= basis) return std::nullopt;
      NodeMatrix m{.rows = basis, .columns = 1, .entries = {}};
      for (int i = 0; i < basis; ++i) m.entries.push_back(dag_.Rational(i == which ? 1 : 0, 1));
      return m;
    }
    default:
      return std::nullopt;
  }
}

std::optional<int> Lowerer::OfMatrix(std::string_view name, const Expr& argument) {
  const auto m = MatrixOf(argument, 0);
  if (!m) return std::nullopt;
  if (name == "norm" && m->columns == 1) {
    int total = dag_.Rational(0, 1);
    for (const int entry : m->entries) total = dag_.Add(total, dag_.Multiply(entry, entry));
    return dag_.SquareRoot(total);
  }
  if (m->rows != m->columns) return std::nullopt;
  if (name == "det" && m->rows <= kLargestSquare) return DeterminantOf(&dag_, *m);
  if (name != "trace") return std::nullopt;
  int total = dag_.Rational(0, 1);
  for (int i = 0; i < m->rows; ++i) total = dag_.Add(total, m->entries[Index(i * m->columns + i)]);
  return total;
}

// nullopt: no operation on matrices or vectors on either side.
std::optional<Ruling> Judge::Matrices(const Expr& a, const Expr& b) {
  const auto operation = [](const Expr& e) {
    return e.kind != Kind::kMatrix && e.kind != Kind::kGroup && (IsScalar(e) || (e.kind == Kind::kCall && e.text == "transpose"));
  };
  const auto vector = [](const Expr& e) {
    const bool tuple = e.kind == Kind::kGroup && (e.text == "()" || e.text == "<>" || e.text == "[]");
    return (tuple || e.kind == Kind::kMatrix) && e.args.size() >= 2 && e.args.size() <= 3;
  };
  int basis = 0;
  for (const auto& [sum, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
    if (operation(*sum) && HoldsBasis(*sum) && vector(*other)) basis = static_cast<int>(other->args.size());
  }
  const bool works = (operation(a) && HoldsMatrix(a)) || (operation(b) && HoldsMatrix(b)) || basis > 0;
  if (!works) return std::nullopt;
  Dag dag;
  Lowerer lowerer(&dag, {});
  auto x = lowerer.MatrixOf(a, basis), y = lowerer.MatrixOf(b, basis);
  const auto one = [&](const std::optional<NodeMatrix>& m) { return m && m->entries.size() == 1; };
  if (!x && one(y) && IsScalar(a) && !HoldsMatrix(a)) x = NodeMatrix{.rows = 1, .columns = 1, .entries = {lowerer.Lower(a)}};
  if (!y && one(x) && IsScalar(b) && !HoldsMatrix(b)) y = NodeMatrix{.rows = 1, .columns = 1, .entries = {lowerer.Lower(b)}};
  if (!x || !y || !budget_.Spend(static_cast<long>(dag.nodes().size()) / 8))
    return Ruling{Equality::kUnknown, "matrix", "an operation on matrices that could not be carried out"};
  const bool vectors = (x->rows == 1 || x->columns == 1) && (y->rows == 1 || y->columns == 1) &&
                       (a.kind == Kind::kGroup || b.kind == Kind::kGroup || x->columns == y->columns);
  const bool shapes = vectors ? x->entries.size() == y->entries.size() : x->rows == y->rows && x->columns == y->columns;
  if (!shapes) return Ruling{Equality::kDifferent, "matrix", "matrices of other shapes"};
  Ruling total{Equality::kEqual, "matrix", "all entries agree"};
  for (std::size_t i = 0; i < x->entries.size(); ++i) {
    const Ruling entry = CompareNodes(&dag, x->entries[i], y->entries[i], &budget_);
    if (entry.equality == Equality::kEqual) continue;
    total = Both(total, {entry.equality, "matrix", "entry " + std::to_string(i + 1) + ": " + entry.reason});
    if (total.equality == Equality::kDifferent) break;
  }
  return total;
}

}  // namespace mathcoder::math
