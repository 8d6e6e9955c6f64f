// LaTeX for a person: brackets by precedence, fractions as fractions.
#include <algorithm>

#include "math/commands.h"
#include "math/expr.h"
#include "math/functions.h"

namespace mathcoder::math {
namespace {

// What binds tighter has a higher level.
enum Level { kLoose, kStatement, kSum, kProduct, kSign, kPowerBase, kAtomLevel };

Level LevelOf(const Expr& e) {
  switch (e.kind) {
    case Kind::kList: return kLoose;
    case Kind::kRelation: case Kind::kAnd: case Kind::kOr: case Kind::kNot: case Kind::kImplies: return kStatement;
    case Kind::kAdd: case Kind::kPlusMinus: case Kind::kRatio: return kSum;
    case Kind::kMultiply: case Kind::kUnit: case Kind::kMixed: return kProduct;
    case Kind::kNegate: case Kind::kMoney: return kSign;
    case Kind::kDivide: case Kind::kPower: case Kind::kPercent: case Kind::kDegree: case Kind::kApply: return kPowerBase;
    case Kind::kDecimal: return e.text.find('e') == std::string::npos ? kAtomLevel : kProduct;
    case Kind::kCall: return e.text == "factorial" || e.text == "sum" || e.text == "product" || e.text == "integral" ||
                                     e.text == "limit" || e.text == "derivative" || e.text == "mod" || e.text == "union" ||
                                     e.text == "intersection" || e.text == "setminus" ? kProduct : kAtomLevel;
    default: return kAtomLevel;
  }
}

class Printer {
 public:
  std::string Print(const Expr& e) {
    Append(e);
    return std::move(out_);
  }

 private:
  void At(const Expr& e, Level least) {
    if (LevelOf(e) >= least) return Append(e);
    out_ += "\\left(";
    Append(e);
    out_ += "\\right)";
  }
  void Group(const Expr& e) {
    out_ += '{';
    Append(e);
    out_ += '}';
  }
  void Join(const std::vector<Expr>& args, std::string_view separator, Level least, std::size_t from = 0) {
    for (std::size_t i = from; i < args.size(); ++i) {
      if (i > from) out_ += separator;
      At(args[i], least);
    }
  }
  // A digit behind a command needs no space, a letter does.
  void Command(std::string_view name) {
    out_ += '\\';
    out_ += name;
    out_ += ' ';
  }

  void Symbol(std::string_view text) {
    const std::size_t close = text.find(')');
    std::size_t underscore = text.find('_', close == std::string_view::npos ? 1 : close);
    if (text.empty() || underscore == std::string_view::npos) underscore = text.size();
    std::string_view base = text.substr(0, underscore);
    const std::size_t open = base.find('(');
    if (open != std::string_view::npos && close != std::string_view::npos) {
      const std::string_view accent = base.substr(0, open);
      const std::string_view inner = base.substr(open + 1, close - open - 1);
      out_ += accent == "bar" ? "\\overline{" : "\\" + std::string(accent) + "{";
      Symbol(inner);
      out_ += '}';
    } else if (base == "Reals" || base == "Naturals" || base == "Integers" || base == "Rationals" || base == "Complexes") {
      out_ += "\\mathbb{";
      out_ += base == "Integers" ? 'Z' : base[0] == 'R' && base[1] == 'a' ? 'Q' : base[0];
      out_ += '}';
    } else if (const Spelling* known = FindCommand(base); known != nullptr && known->type == Tok::kName && known->text == base) {
      Command(base);
    } else if (base.find_first_not_of('\'', 1) == std::string_view::npos && base != "e" && base != "i") {
      out_ += base;
    } else {
      out_ += "\\mathit{";
      out_ += base;
      out_ += '}';
    }
    if (underscore < text.size()) {
      out_ += "_{";
      out_ += text.substr(underscore + 1);
      out_ += '}';
    }
  }

  void Call(const Expr& e);
  void Append(const Expr& e);

  std::string out_;
};

void Printer::Call(const Expr& e) {
  const std::vector<Expr>& a = e.args;
  const auto between = [&](std::string_view left, std::string_view right) {
    (out_ += left) += ' ';
    Join(a, ", ", kLoose);
    (out_ += ' ') += right;
  };
  if (a.empty()) {
    Symbol(e.text);
    return;
  }
  if (e.text == "sqrt") {
    out_ += "\\sqrt";
    return Group(a[0]);
  }
  if (e.text == "root" && a.size() == 2) {
    out_ += "\\sqrt[";
    Append(a[1]);
    out_ += ']';
    return Group(a[0]);
  }
  if (e.text == "abs") return between("\\left|", "\\right|");
  if (e.text == "floor") return between("\\lfloor", "\\rfloor");
  if (e.text == "ceil") return between("\\lceil", "\\rceil");
  if (e.text == "factorial" || e.text == "factorial2") {
    if (e.text == "factorial" && a[0].kind != Kind::kCall) At(a[0], kAtomLevel);
    else between("\\left(", "\\right)");
    out_ += e.text == "factorial" ? "!" : "!!";
    return;
  }
  if (e.text == "binomial" && a.size() == 2) {
    out_ += "\\binom";
    Group(a[0]);
    return Group(a[1]);
  }
  if (e.text == "mod" && a.size() == 2) {
    At(a[0], kProduct);
    out_ += " \\bmod ";
    return At(a[1], kPowerBase);
  }
  if (e.text == "log" && a.size() == 2) {
    out_ += "\\log_";
    Group(a[1]);
    out_ += "\\left(";
    Append(a[0]);
    out_ += "\\right)";
    return;
  }
  if (e.text == "union" || e.text == "intersection" || e.text == "setminus") {
    const std::string_view sign = e.text == "union" ? " \\cup " : e.text == "intersection" ? " \\cap " : " \\setminus ";
    if (a.size() > 1) return Join(a, sign, kSign);
  }
  if ((e.text == "sum" || e.text == "product") && a.size() >= 2) {
    out_ += e.text == "sum" ? "\\sum_{" : "\\prod_{";
    Append(a[1]);
    if (a.size() > 2) {
      out_ += " = ";
      Append(a[2]);
    }
    out_ += '}';
    if (a.size() > 3) {
      out_ += '^';
      Group(a[3]);
    }
    out_ += ' ';
    return At(a[0], kProduct);
  }
  if (e.text == "integral" && a.size() >= 2) {
    out_ += "\\int";
    if (a.size() == 4) {
      out_ += '_';
      Group(a[2]);
      out_ += '^';
      Group(a[3]);
    }
    out_ += ' ';
    At(a[0], kProduct);
    out_ += " \\, d";
    return Append(a[1]);
  }
  if (e.text == "derivative" && a.size() >= 2) {
    out_ += "\\frac{d";
    if (a.size() == 3) {
      out_ += '^';
      Group(a[2]);
    }
    out_ += "}{d";
    Append(a[1]);
    if (a.size() == 3) {
      out_ += '^';
      Group(a[2]);
    }
    out_ += "} ";
    return At(a[0], kPowerBase);
  }
  if (e.text == "limit" && a.size() == 3) {
    out_ += "\\lim_{";
    Append(a[1]);
    out_ += " \\to ";
    Append(a[2]);
    out_ += e.number == 1 ? "^{+}} " : e.number == -1 ? "^{-}} " : "} ";
    return At(a[0], kProduct);
  }
  if (e.text == "angle" || e.text == "triangle") {
    out_ += e.text == "angle" ? "\\angle " : "\\triangle ";
    return Join(a, " ", kAtomLevel);
  }
  const bool f_like = e.text.size() == 1 && (e.text == "f" || e.text == "g" || e.text == "h");
  constexpr std::string_view kNative[] = {"arg", "cos", "cosh", "cot", "coth", "csc", "det", "dim", "exp", "gcd", "ker", "ln", "log", "max",
                                          "min", "sec", "sin", "sinh", "tan", "tanh"};
  constexpr std::pair<std::string_view, std::string_view> kInverse[] = {{"acos", "arccos"}, {"asin", "arcsin"}, {"atan", "arctan"}};
  std::string_view name = e.text;
  for (const auto& [plain, latex] : kInverse) {
    if (plain == name) name = latex;
  }
  if (name != e.text || std::binary_search(std::begin(kNative), std::end(kNative), name)) {
    // \log is of base 10 by custom, a program's log is natural
    if (name == "log" && e.number == 0) name = "ln";
    (out_ += '\\') += name;
  } else if (f_like || (e.text.size() > 2 && e.text[1] == '_')) {
    Symbol(e.text);
  } else {
    out_ += "\\operatorname{" + e.text + "}";
  }
  between("\\left(", "\\right)");
}

void Printer::Append(const Expr& e) {
  switch (e.kind) {
    case Kind::kInteger: out_ += e.text; return;
    case Kind::kDecimal:
      if (const std::size_t open = e.text.find('('); open != std::string::npos) {
        out_ += e.text.substr(0, open) + "\\overline{" + e.text.substr(open + 1, e.text.size() - open - 2) + "}";
      } else if (const std::size_t exponent = e.text.find('e'); exponent != std::string::npos) {
        out_ += e.text.substr(0, exponent) + " \\cdot 10^{" + e.text.substr(exponent + 1) + "}";
      } else {
        out_ += e.text;
      }
      return;
    case Kind::kBased: out_ += e.text + "_{" + std::to_string(e.number) + "}"; return;
    case Kind::kMixed:
      Append(e.args[0]);
      Append(e.args[1]);
      return;
    case Kind::kConstant:
      if (e.text == "pi") Command("pi");
      else if (e.text == "infinity") Command("infty");
      else if (e.text == "undefined") out_ += "\\text{undefined}";
      else out_ += e.text;
      return;
    case Kind::kSymbol: Symbol(e.text); return;
    case Kind::kCall: Call(e); return;
    case Kind::kApply:
      if (e.args[0].kind == Kind::kSymbol || e.args[0].kind == Kind::kPower) Append(e.args[0]);
      else At(e.args[0], kAtomLevel);
      out_ += "\\left(";
      Join(e.args, ", ", kLoose, 1);
      out_ += "\\right)";
      return;
    case Kind::kAdd:
      for (std::size_t i = 0; i < e.args.size(); ++i) {
        const bool minus = e.args[i].kind == Kind::kNegate;
        if (i > 0) out_ += minus ? " - " : " + ";
        else if (minus) out_ += '-';
        At(minus ? e.args[i].args[0] : e.args[i], kProduct);
      }
      return;
    case Kind::kMultiply:
      for (std::size_t i = 0; i < e.args.size(); ++i) {
        const Expr& factor = e.args[i];
        const auto digit_first = [](const Expr& x) {
          return x.kind == Kind::kInteger || x.kind == Kind::kDecimal || x.kind == Kind::kMixed || x.kind == Kind::kBased ||
                 (x.kind == Kind::kPower && (x.args[0].kind == Kind::kInteger || x.args[0].kind == Kind::kDecimal)) ||
                 x.kind == Kind::kDivide || x.kind == Kind::kPercent || x.kind == Kind::kDegree;
        };
        if (i > 0) {
          const Expr& before = e.args[i - 1];
          const bool plain = before.kind == Kind::kInteger || before.kind == Kind::kDecimal;
          // 2x and 2 \sqrt{3} stand side by side; what could be read as a call, a mixed number or one name does not
          const bool side = plain && !digit_first(factor) && LevelOf(factor) >= kPowerBase && factor.kind != Kind::kUnit;
          if (!side) out_ += " \\cdot ";
        }
        At(factor, i == 0 ? kProduct : kPowerBase);
      }
      return;
    case Kind::kDivide:
      out_ += "\\frac";
      Group(e.args[0]);
      Group(e.args[1]);
      return;
    case Kind::kPower:
      At(e.args[0], kAtomLevel);
      out_ += '^';
      Group(e.args[1]);
      return;
    case Kind::kNegate:
      out_ += '-';
      At(e.args[0], kProduct);
      return;
    case Kind::kPlusMinus:
      if (e.args.size() == 2) {
        At(e.args[0], kProduct);
        out_ += ' ';
      }
      out_ += e.number == 1 ? "\\mp " : "\\pm ";
      At(e.args.back(), kProduct);
      return;
    case Kind::kPercent:  // a letter with a percent sign is none
      At(e.args[0], e.args[0].kind == Kind::kSymbol ? static_cast<Level>(kAtomLevel + 1) : kPowerBase);
      out_ += "\\%";
      return;
    case Kind::kDegree: At(e.args[0], kPowerBase), out_ += "^\\circ"; return;
    case Kind::kUnit: At(e.args[0], kPowerBase), out_ += e.text[0] == '\xC2' ? e.text : "\\text{ " + e.text + "}"; return;
    case Kind::kMoney: out_ += e.text == "$" ? "\\$" : e.text; At(e.args[0], kPowerBase); return;
    case Kind::kTime: Join(e.args, ":", kAtomLevel); if (!e.text.empty()) out_ += " \\text{ " + e.text + "}"; return;
    case Kind::kRatio: Join(e.args, " : ", kProduct); return;
    case Kind::kOrdinal: Append(e.args[0]); out_ += "^{\\text{th}}"; return;
    case Kind::kRelation: {
      constexpr std::pair<std::string_view, std::string_view> kSigns[] = {
          {"!=", "\\neq"}, {"<=", "\\leq"}, {">=", "\\geq"}, {"~", "\\approx"}, {"in", "\\in"}, {"notin", "\\notin"}, {"subset", "\\subset"},
          {"subseteq", "\\subseteq"}, {"supset", "\\supset"}, {"supseteq", "\\supseteq"}, {"notsubset", "\\not\\subset"},
          {"notsubseteq", "\\not\\subseteq"}, {"congruent", "\\equiv"}, {"similar", "\\sim"}, {"parallel", "\\parallel"},
          {"perpendicular", "\\perp"}, {"divides", "\\mid"}, {"maps", "\\to"}, {"proportional", "\\propto"}};
      std::string_view sign = e.text;
      for (const auto& [name, latex] : kSigns) {
        if (name == e.text) sign = latex;
      }
      if (e.text == "congruent" && e.args.size() == 2) sign = "\\cong";
      At(e.args[0], kSum);
      (out_ += ' ') += sign;
      out_ += ' ';
      At(e.args[1], e.args[1].kind == Kind::kList ? kLoose : kSum);
      if (e.args.size() == 3) {
        out_ += " \\pmod";
        Group(e.args[2]);
      }
      return;
    }
    case Kind::kAnd: Join(e.args, " \\land ", kSum); return;
    case Kind::kOr: Join(e.args, " \\lor ", kSum); return;
    case Kind::kImplies: Join(e.args, e.text == "iff" ? " \\iff " : " \\implies ", kSum); return;
    case Kind::kNot: out_ += "\\neg "; At(e.args[0], kAtomLevel); return;
    case Kind::kGroup: {
      const bool angle = e.text == "<>";
      out_ += angle ? "\\langle " : "\\left" + e.text.substr(0, 1);
      Join(e.args, ", ", kLoose);
      if (e.text == "()" && e.args.size() == 1) out_ += ',';
      out_ += angle ? " \\rangle" : "\\right" + e.text.substr(1);
      return;
    }
    case Kind::kSet: out_ += "\\{"; Join(e.args, ", ", kLoose); out_ += "\\}"; return;
    case Kind::kSetBuilder: out_ += "\\{"; Join(e.args, " \\mid ", kLoose); out_ += "\\}"; return;
    case Kind::kList: {
      const bool rows = std::any_of(e.args.begin(), e.args.end(), [](const Expr& part) { return part.kind == Kind::kList; });
      Join(e.args, rows ? "; " : e.text == "or" ? " \\text{ or } " : ", ", kLoose);
      return;
    }
    case Kind::kMatrix: case Kind::kCases: {
      const bool cases = e.kind == Kind::kCases;
      const std::size_t columns = cases ? 2 : static_cast<std::size_t>(std::max(e.number, 1));
      out_ += cases ? "\\begin{cases}" : "\\begin{pmatrix}";
      for (std::size_t i = 0; i < e.args.size(); ++i) {
        if (i > 0) out_ += i % columns == 0 ? " \\\\ " : " & ";
        Append(e.args[i]);
      }
      out_ += cases ? "\\end{cases}" : "\\end{pmatrix}";
      return;
    }
    case Kind::kEllipsis: out_ += "\\ldots "; return;
    case Kind::kChoice: out_ += "\\text{(" + e.text + ")}"; return;
    case Kind::kText: out_ += "\\text{" + e.text + "}"; return;
  }
}

}  // namespace

std::string ToLatex(const Expr& expression) { return Printer().Print(expression); }

}  // namespace mathcoder::math
