#include "math/compare_calculus.h"

#include <unordered_map>

namespace mathcoder::math {
namespace {

std::vector<int> Replace(const Dag& dag, int variable, int value) {
  std::vector<int> values;
  const auto index = static_cast<std::size_t>(dag.node(variable).num);
  for (int i = 0; i < dag.variables(); ++i) values.push_back(-1);
  values[index] = value;
  return values;
}

int SubstituteOne(Dag* dag, int node, int variable, int value) {
  std::vector<int> values = Replace(*dag, variable, value);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0) values[i] = dag->Variable(std::string(dag->name(static_cast<int>(i))));
  }
  return dag->Substitute(node, values);
}

// node = a variable + b with constants a, b: nullopt otherwise.
std::optional<std::pair<int, int>> Linear(Dag* dag, int node, int variable) {
  const auto slope = Derivative(dag, node, variable);
  if (!slope || DependsOn(*dag, *slope, variable)) return std::nullopt;
  return std::pair{*slope, SubstituteOne(dag, node, variable, dag->Rational(0, 1))};
}

}  // namespace

bool DependsOn(const Dag& dag, int node, int variable) {
  std::vector<char> needed(static_cast<std::size_t>(node) + 1, 0);
  needed.back() = 1;
  for (int i = node; i >= 0; --i) {
    if (needed[static_cast<std::size_t>(i)] == 0) continue;
    if (i == variable) return true;
    const exact::Node& n = dag.node(i);
    if (n.a >= 0) needed[static_cast<std::size_t>(n.a)] = 1;
    if (n.b >= 0) needed[static_cast<std::size_t>(n.b)] = 1;
  }
  return false;
}

namespace {

// Nodes are shared, so each is differentiated once: without the table the work would double with each sharing.
using Table = std::unordered_map<int, std::optional<int>>;
std::optional<int> Differentiated(Dag* dag, int node, int variable, Table* table);

std::optional<int> Rule(Dag* dag, int node, int variable, Table* table) {
  if (node == variable) return dag->Rational(1, 1);
  if (dag->full()) return std::nullopt;
  if ((dag->flags(node) & Dag::kVariable) == 0 || !DependsOn(*dag, node, variable)) return dag->Rational(0, 1);
  const exact::Node n = dag->node(node);
  const std::optional<int> da = Differentiated(dag, n.a, variable, table);
  if (!da) return std::nullopt;
  std::optional<int> db;
  if (n.b >= 0) {
    db = Differentiated(dag, n.b, variable, table);
    if (!db) return std::nullopt;
  }
  const int one = dag->Rational(1, 1);
  const auto square = [&](int x) { return dag->Multiply(x, x); };
  const auto chain = [&](int outer) { return dag->Multiply(outer, *da); };
  switch (n.op) {
    case MC_ADD:
      return dag->Add(*da, *db);
    case MC_NEG:
      return dag->Negate(*da);
    case MC_MUL:
      return dag->Add(dag->Multiply(*da, n.b), dag->Multiply(n.a, *db));
    case MC_DIV:
      return dag->Divide(dag->Subtract(dag->Multiply(*da, n.b), dag->Multiply(n.a, *db)), square(n.b));
    case MC_POW:
      if (!DependsOn(*dag, n.b, variable)) return chain(dag->Multiply(n.b, dag->Power(n.a, dag->Subtract(n.b, one))));
      return dag->Multiply(node, dag->Add(dag->Multiply(*db, dag->Unary(MC_LOG, n.a)), dag->Divide(dag->Multiply(n.b, *da), n.a)));
    case MC_EXP:
      return chain(node);
    case MC_LOG:
      return dag->Divide(*da, n.a);
    case MC_SQRT:
      return dag->Divide(*da, dag->Multiply(dag->Rational(2, 1), node));
    case MC_SIN:
      return chain(dag->Unary(MC_COS, n.a));
    case MC_COS:
      return chain(dag->Negate(dag->Unary(MC_SIN, n.a)));
    case MC_ASIN:
      return dag->Divide(*da, dag->SquareRoot(dag->Subtract(one, square(n.a))));
    case MC_ACOS:
      return dag->Negate(dag->Divide(*da, dag->SquareRoot(dag->Subtract(one, square(n.a)))));
    case MC_ATAN:
      return dag->Divide(*da, dag->Add(one, square(n.a)));
    case MC_SINH:
      return chain(dag->Unary(MC_COSH, n.a));
    case MC_COSH:
      return chain(dag->Unary(MC_SINH, n.a));
    case MC_ASINH:
      return dag->Divide(*da, dag->SquareRoot(dag->Add(square(n.a), one)));
    case MC_ACOSH:
      return dag->Divide(*da, dag->SquareRoot(dag->Subtract(square(n.a), one)));
    case MC_ATANH:
      return dag->Divide(*da, dag->Subtract(one, square(n.a)));
    case MC_ABS:
      return chain(dag->Unary(MC_SIGN, n.a));
    default:
      return std::nullopt;
  }
}

std::optional<int> Differentiated(Dag* dag, int node, int variable, Table* table) {
  if (const auto it = table->find(node); it != table->end()) return it->second;
  const std::optional<int> result = Rule(dag, node, variable, table);
  (*table)[node] = result;
  return result;
}

std::optional<int> Integrated(Dag* dag, int node, int variable, int* steps) {
  if (dag->full() || --*steps < 0) return std::nullopt;
  if (!DependsOn(*dag, node, variable)) return dag->Multiply(node, variable);
  const int one = dag->Rational(1, 1);
  if (node == variable) return dag->Multiply(dag->Rational(1, 2), dag->Multiply(node, node));
  const exact::Node n = dag->node(node);
  switch (n.op) {
    case MC_ADD: {
      const auto a = Integrated(dag, n.a, variable, steps);
      const auto b = a ? Integrated(dag, n.b, variable, steps) : a;
      if (!b) return std::nullopt;
      return dag->Add(*a, *b);
    }
    case MC_NEG: {
      const auto a = Integrated(dag, n.a, variable, steps);
      if (!a) return std::nullopt;
      return dag->Negate(*a);
    }
    case MC_MUL:
      for (const auto& [factor, rest] : {std::pair{n.a, n.b}, std::pair{n.b, n.a}}) {
        if (DependsOn(*dag, factor, variable)) continue;
        const auto inner = Integrated(dag, rest, variable, steps);
        if (!inner) return std::nullopt;
        return dag->Multiply(factor, *inner);
      }
      // a product of sums is distributed, so that polynomials are powers of the variable in the end
      for (const auto& [sum, rest] : {std::pair{n.a, n.b}, std::pair{n.b, n.a}}) {
        const exact::Node s = dag->node(sum);
        if (s.op == MC_ADD) return Integrated(dag, dag->Add(dag->Multiply(s.a, rest), dag->Multiply(s.b, rest)), variable, steps);
        if (s.op == MC_NEG) return Integrated(dag, dag->Negate(dag->Multiply(s.a, rest)), variable, steps);
        if (s.op == MC_MUL && !DependsOn(*dag, s.a, variable)) {
          return Integrated(dag, dag->Multiply(s.a, dag->Multiply(s.b, rest)), variable, steps);
        }
        if (s.op == MC_MUL && !DependsOn(*dag, s.b, variable)) {
          return Integrated(dag, dag->Multiply(s.b, dag->Multiply(s.a, rest)), variable, steps);
        }
      }
      {  // x^a x^b
        const auto exponent = [&](int i) -> std::optional<int> {
          if (i == variable) return one;
          const exact::Node p = dag->node(i);
          if (p.op == MC_POW && p.a == variable && !DependsOn(*dag, p.b, variable)) return p.b;
          if (p.op == MC_SQRT && p.a == variable) return dag->Rational(1, 2);
          return std::nullopt;
        };
        const auto a = exponent(n.a), b = exponent(n.b);
        if (a && b) return Integrated(dag, dag->Power(variable, dag->Add(*a, *b)), variable, steps);
        for (const auto& [m, rest] : {std::pair{n.a, n.b}, std::pair{n.b, n.a}}) {  // (x^a u) x^b
          const exact::Node inner = dag->node(m);
          const auto r = exponent(rest);
          if (inner.op != MC_MUL || !r) continue;
          const auto u = exponent(inner.a), v = exponent(inner.b);
          if (u && v) return Integrated(dag, dag->Power(variable, dag->Add(*r, dag->Add(*u, *v))), variable, steps);
        }
      }
      return std::nullopt;
    case MC_DIV:
      if (!DependsOn(*dag, n.b, variable)) {
        const auto a = Integrated(dag, n.a, variable, steps);
        if (!a) return std::nullopt;
        return dag->Divide(*a, n.b);
      }
      if (dag->node(n.a).op == MC_ADD) {
        const exact::Node s = dag->node(n.a);
        return Integrated(dag, dag->Add(dag->Divide(s.a, n.b), dag->Divide(s.b, n.b)), variable, steps);
      }
      if (!DependsOn(*dag, n.a, variable)) {
        if (const auto linear = Linear(dag, n.b, variable)) {
          return dag->Divide(dag->Multiply(n.a, dag->Unary(MC_LOG, dag->Unary(MC_ABS, n.b))), linear->first);
        }
      }
      return std::nullopt;
    case MC_SQRT:
    case MC_POW: {
      const int exponent = n.op == MC_SQRT ? dag->Rational(1, 2) : n.b;
      std::int64_t times = 0;
      if (DependsOn(*dag, exponent, variable)) return std::nullopt;
      if (const auto linear = Linear(dag, n.a, variable)) {
        const int next = dag->Add(exponent, one);
        if (dag->IsInteger(next, &times) && times == 0) {
          return dag->Divide(dag->Unary(MC_LOG, dag->Unary(MC_ABS, n.a)), linear->first);
        }
        return dag->Divide(dag->Power(n.a, next), dag->Multiply(next, linear->first));
      }
      if (dag->IsInteger(exponent, &times) && times >= 2 && times <= 16) {
        return Integrated(dag, dag->Multiply(n.a, dag->Power(n.a, dag->Rational(times - 1, 1))), variable, steps);
      }
      return std::nullopt;
    }
    case MC_EXP:
    case MC_SIN:
    case MC_COS: {
      const auto linear = Linear(dag, n.a, variable);
      if (!linear) return std::nullopt;
      const int inner = n.op == MC_EXP ? node : n.op == MC_SIN ? dag->Negate(dag->Unary(MC_COS, n.a)) : dag->Unary(MC_SIN, n.a);
      return dag->Divide(inner, linear->first);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<int> Derivative(Dag* dag, int node, int variable) {
  Table table;
  return Differentiated(dag, node, variable, &table);
}

std::optional<int> Antiderivative(Dag* dag, int node, int variable) {
  int steps = 400;  // products of sums are distributed
  return Integrated(dag, node, variable, &steps);
}

std::optional<int> Accumulate(Dag* dag, int node, int variable, std::int64_t from, std::int64_t to, bool product) {
  if (to - from >= 256 || from < -1000000 || to > 1000000) return std::nullopt;
  int total = dag->Rational(product ? 1 : 0, 1);
  for (std::int64_t k = from; k <= to; ++k) {
    const int term = SubstituteOne(dag, node, variable, dag->Rational(k, 1));
    total = product ? dag->Multiply(total, term) : dag->Add(total, term);
    if (dag->full()) return std::nullopt;
  }
  return total;
}

}  // namespace mathcoder::math
