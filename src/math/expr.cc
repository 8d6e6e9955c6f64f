#include "math/expr.h"

#include <array>

namespace mathcoder::math {
namespace {

constexpr std::array<std::string_view, 35> kNames = {
    "integer",  "decimal",    "based",   "mixed",    "constant",  "symbol",   "call",   "apply",   "add",
    "multiply", "divide",     "power",   "negate",   "plusminus", "percent",  "degree", "unit",    "money",
    "time",     "ratio",      "ordinal", "relation", "and",       "or",       "not",    "implies", "group",
    "set",      "setbuilder", "list",    "matrix",   "cases",     "ellipsis", "choice", "text"};

// Atoms: their text alone says everything.
bool IsPlainAtom(const Expr& e) {
  return e.args.empty() && e.number == 0 &&
         (e.kind == Kind::kInteger || e.kind == Kind::kDecimal || e.kind == Kind::kConstant || e.kind == Kind::kSymbol);
}

void Append(const Expr& e, std::string* out) {
  if (IsPlainAtom(e)) {
    *out += e.text;
    return;
  }
  *out += '(';
  *out += Name(e.kind);
  if (!e.text.empty()) {
    *out += ' ';
    const bool quoted = e.text.find_first_of(" ()\"") != std::string::npos;
    if (quoted) *out += '"';
    *out += e.text;
    if (quoted) *out += '"';
  }
  if (e.number != 0) *out += " #" + std::to_string(e.number);
  for (const Expr& arg : e.args) {
    *out += ' ';
    Append(arg, out);
  }
  *out += ')';
}

}  // namespace

std::string_view Name(Kind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::string ToSexpr(const Expr& expression) {
  std::string out;
  Append(expression, &out);
  return out;
}

}  // namespace mathcoder::math
