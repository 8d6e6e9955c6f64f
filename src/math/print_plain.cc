// Plain notation that the reader takes back to an equal tree: every operation that is not plainly one thing stands in parentheses.
#include <algorithm>

#include "math/commands.h"
#include "math/expr.h"
#include "math/functions.h"

namespace mathcoder::math {
namespace {

class Printer {
 public:
  std::string Print(const Expr& e) {
    Append(e);
    return std::move(out_);
  }

 private:
  static bool IsAtom(const Expr& e) {
    switch (e.kind) {
      case Kind::kInteger: case Kind::kDecimal: case Kind::kConstant: case Kind::kSymbol: case Kind::kSet: case Kind::kMatrix:
      case Kind::kEllipsis: case Kind::kSetBuilder: case Kind::kCases: return true;
      case Kind::kCall: return e.text != "factorial" && e.text != "factorial2";
      default: return false;
    }
  }
  void Operand(const Expr& e) {
    // "[x]" alone is its content among operators: a list of one keeps a second pair
    if (IsAtom(e)) {
      Append(e);
      return;
    }
    out_ += '(';
    Append(e);
    out_ += ')';
  }
  void Join(const std::vector<Expr>& args, std::string_view separator, bool operands, std::size_t from = 0) {
    for (std::size_t i = from; i < args.size(); ++i) {
      if (i > from) out_ += separator;
      if (operands) Operand(args[i]);
      else Element(args[i]);
    }
  }
  // A part of a list: what has commas of its own needs brackets, which a list does not survive unchanged.
  void Element(const Expr& e) { Append(e); }

  void Symbol(std::string_view text) {
    std::size_t primes = text.size();
    while (primes > 0 && text[primes - 1] == '\'') --primes;
    const std::string_view tail = text.substr(primes);
    text = text.substr(0, primes);
    std::string_view base = text, subscript;
    const std::size_t underscore = text.find('_', text.find(')') == std::string_view::npos ? 0 : text.find(')'));
    if (underscore != std::string_view::npos && underscore > 0) {
      base = text.substr(0, underscore);
      subscript = text.substr(underscore + 1);
    }
    const bool single = base.size() == 1 && base != "e" && base != "i" && base != "E" && base != "I" && base != "d";
    const Spelling* known = base.size() > 1 ? FindPlainName(base) : nullptr;
    const bool named = known != nullptr && known->type == Tok::kName && known->text == base && base != "EmptySet";
    const bool accented = !base.empty() && base.back() == ')';
    const bool lone_constant = base.size() == 1 && !subscript.empty() && base != "d";
    if (single || named || accented || lone_constant) {
      if (accented && FindPlainName(base.substr(0, base.find('('))) == nullptr) out_ += '\\';
      if (accented && out_.size() > 0 && out_.back() == '\\') {
        out_ += base.substr(0, base.find('('));
        out_ += '{';
        out_ += base.substr(base.find('(') + 1, base.size() - base.find('(') - 2);
        out_ += '}';
      } else {
        out_ += base;
      }
      if (!subscript.empty()) {
        out_ += "_{";
        out_ += subscript;
        out_ += '}';
      }
    } else {
      const bool program = text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string_view::npos;
      const bool letters = text.find_first_of("_0123456789") == std::string_view::npos;
      out_ += program && !letters ? "\\variable{" : "\\mathit{";
      out_ += text;
      out_ += '}';
    }
    out_ += tail;
  }

  void Call(const Expr& e) {
    const auto wrapped = [&](std::string_view name) {
      out_ += name;
      out_ += '(';
      Join(e.args, ", ", false);
      out_ += ')';
    };
    const auto bounded = [&](std::string_view name) {
      out_ += name;
      out_ += '(';
      Append(e.args[0]);
      out_ += ", ";
      if (e.args.size() == 4) {
        out_ += '(';
        Join(e.args, ", ", false, 1);
        out_ += ')';
      } else {
        Join(e.args, ", ", false, 1);
      }
      out_ += ')';
    };
    if ((e.text == "sum" || e.text == "product") && e.args.size() == 4) return bounded(e.text == "sum" ? "Sum" : "Product");
    if (e.text == "integral" && (e.args.size() == 2 || e.args.size() == 4)) return bounded("Integral");
    if (e.text == "derivative" && e.args.size() == 2) return bounded("Derivative");
    if (e.text == "derivative" && e.args.size() == 3) {
      out_ += "Derivative(";
      Append(e.args[0]);
      out_ += ", (";
      Join(e.args, ", ", false, 1);
      out_ += "))";
      return;
    }
    if (e.text == "limit" && e.args.size() == 3) {
      out_ += "Limit(";
      Join(e.args, ", ", false);
      out_ += e.number == 1 ? ", dir='+')" : e.number == -1 ? ", dir='-')" : ")";
      return;
    }
    if (e.text == "log" && e.number == 10 && e.args.size() == 1) return wrapped("\\log");
    if (e.text == "mod" && e.args.size() == 2) return wrapped("Mod");
    if ((e.text == "union" || e.text == "intersection" || e.text == "setminus") && e.args.size() > 1) {
      const std::string_view sign = e.text == "union" ? " ∪ " : e.text == "intersection" ? " ∩ " : " ∖ ";
      out_ += '(';
      Join(e.args, sign, true);
      out_ += ')';
      return;
    }
    if (e.text == "compose" && e.args.size() == 2) {
      out_ += '(';
      Join(e.args, " ∘ ", true);
      out_ += ')';
      return;
    }
    if (e.text == "angle" || e.text == "triangle") {
      out_ += e.text == "angle" ? "\\angle{" : "\\triangle{";
      Join(e.args, " ", false);
      out_ += '}';
      return;
    }
    if (e.text == "factorial" || e.text == "factorial2") return wrapped(e.text);
    if (e.text == "bar" || e.text == "vec" || e.text == "hat" || e.text == "tilde") return wrapped(e.text);
    if (FindFunction(e.text) != nullptr) return wrapped(e.text);
    if (e.text == "f" || e.text == "g" || e.text == "h" || e.text.starts_with("f_") || e.text.starts_with("g_") || e.text.starts_with("h_")) {
      Symbol(e.text);
      return wrapped("");
    }
    out_ += "\\operatorname{";
    out_ += e.text;
    out_ += '}';
    wrapped("");
  }

  void Append(const Expr& e);

  std::string out_;
};

void Printer::Append(const Expr& e) {
  switch (e.kind) {
    case Kind::kDecimal:
      if (const std::size_t open = e.text.find('('); open != std::string::npos) {
        out_ += e.text.substr(0, open) + "\\overline{" + e.text.substr(open + 1, e.text.size() - open - 2) + "}";
        return;
      }
      // 1.5e3: with a capital the exponent is one in any surroundings
      for (char c : e.text) out_ += c == 'e' ? 'E' : c;
      return;
    case Kind::kInteger: out_ += e.text; return;
    case Kind::kBased:
      if (e.text[0] >= 'A') {
        out_ += "\\text{" + e.text + "}_{" + std::to_string(e.number) + "}";
        return;
      }
      out_ += e.text + "_{" + std::to_string(e.number) + "}"; return;
    case Kind::kMixed:
      out_ += e.args[0].text + " " + e.args[1].args[0].text + "/" + e.args[1].args[1].text;
      return;
    case Kind::kConstant:
      out_ += e.text == "infinity" ? "oo" : e.text == "e" ? "\\mathrm{e}" : e.text == "i" ? "\\mathrm{i}" : e.text;
      return;
    case Kind::kSymbol: Symbol(e.text); return;
    case Kind::kCall: Call(e); return;
    case Kind::kApply: {
      const Expr& f = e.args[0];
      if (f.kind == Kind::kPower && f.args[0].kind == Kind::kSymbol) {
        Symbol(f.args[0].text);
        out_ += "^{";
        Append(f.args[1]);
        out_ += '}';
      } else {
        Append(f);
      }
      out_ += '(';
      Join(e.args, ", ", false, 1);
      out_ += ')';
      return;
    }
    case Kind::kAdd:
      for (std::size_t i = 0; i < e.args.size(); ++i) {
        const Expr& term = e.args[i];
        if (term.kind == Kind::kNegate) {
          out_ += i == 0 ? "-" : " - ";
          Operand(term.args[0]);
        } else {
          if (i > 0) out_ += " + ";
          Operand(term);
        }
      }
      return;
    case Kind::kMultiply: Join(e.args, "*", true); return;
    case Kind::kDivide: Join(e.args, "/", true); return;
    case Kind::kPower: Join(e.args, "^", true); return;
    case Kind::kNegate:
      out_ += '-';
      Operand(e.args[0]);
      return;
    case Kind::kPlusMinus:
      if (e.args.size() == 2) {
        Operand(e.args[0]);
        out_ += ' ';
      }
      out_ += e.number == 1 ? "∓" : "±";
      Operand(e.args.back());
      return;
    case Kind::kPercent:
      out_ += '(';
      Append(e.args[0]);
      out_ += ")%";
      return;
    case Kind::kDegree:
      Operand(e.args[0]);
      out_ += "°";
      return;
    case Kind::kUnit:
      Operand(e.args[0]);
      if (e.text == "°C" || e.text == "°F") out_ += e.text;
      else out_ += " \\text{" + e.text + "}";
      return;
    case Kind::kMoney:
      if (e.text == "$") out_ += "\\$";
      else if (e.text.size() == 3 && e.text[0] >= 'A' && e.text[0] <= 'Z') {
        Operand(e.args[0]);
        out_ += " \\text{" + e.text + "}";
        return;
      } else {
        out_ += e.text;
      }
      Operand(e.args[0]);
      return;
    case Kind::kTime:
      Join(e.args, ":", true);
      if (!e.text.empty()) out_ += " " + e.text;
      return;
    case Kind::kRatio: Join(e.args, " : ", true); return;
    case Kind::kOrdinal:
      Append(e.args[0]);
      out_ += "th";
      return;
    case Kind::kRelation: {
      constexpr std::pair<std::string_view, std::string_view> kSigns[] = {
          {"~", "≈"}, {"in", "∈"}, {"notin", "∉"}, {"subset", "⊂"}, {"subseteq", "⊆"}, {"supset", "⊃"}, {"supseteq", "⊇"},
          {"notsubset", "⊄"}, {"notsubseteq", "⊈"}, {"congruent", "≡"}, {"similar", "∼"}, {"parallel", "∥"}, {"perpendicular", "⊥"},
          {"divides", "∣"}, {"maps", "→"}, {"proportional", "∝"}};
      std::string_view sign = e.text;
      for (const auto& [name, spelled] : kSigns) {
        if (name == e.text) sign = spelled;
      }
      if (e.text == "congruent" && e.args.size() == 2) sign = "≅";
      for (std::size_t i = 0; i < 2 && i < e.args.size(); ++i) {
        if (i > 0) (out_ += ' ') += std::string(sign) + ' ';
        const Expr& side = e.args[i];
        const bool statement = side.kind == Kind::kRelation || side.kind == Kind::kAnd || side.kind == Kind::kOr ||
                               side.kind == Kind::kNot || side.kind == Kind::kImplies || side.kind == Kind::kUnit;
        if (statement) Operand(side);
        else Append(side);
      }
      if (e.args.size() == 3) {
        out_ += " (mod ";
        Append(e.args[2]);
        out_ += ')';
      }
      return;
    }
    case Kind::kAnd: Join(e.args, " ∧ ", true); return;
    case Kind::kOr: Join(e.args, " ∨ ", true); return;
    case Kind::kImplies: Join(e.args, e.text == "iff" ? " ⇔ " : " ⇒ ", true); return;
    case Kind::kNot:
      out_ += "¬";
      Operand(e.args[0]);
      return;
    case Kind::kGroup: {
      const bool angle = e.text == "<>";
      out_ += angle ? "⟨" : e.text.substr(0, 1);
      Join(e.args, ", ", false);
      if (e.text == "()" && e.args.size() == 1) out_ += ',';
      out_ += angle ? "⟩" : e.text.substr(1);
      return;
    }
    case Kind::kSet:
      out_ += "\\{";
      Join(e.args, ", ", false);
      out_ += "\\}";
      return;
    case Kind::kSetBuilder:
      out_ += "\\{";
      Append(e.args[0]);
      out_ += " ∣ ";
      Append(e.args[1]);
      out_ += "\\}";
      return;
    case Kind::kList: {
      const bool rows = std::any_of(e.args.begin(), e.args.end(), [](const Expr& part) { return part.kind == Kind::kList; });
      Join(e.args, rows ? "; " : e.text == "or" ? " or " : ", ", false);
      return;
    }
    case Kind::kMatrix: {
      out_ += "Matrix([";
      const std::size_t columns = static_cast<std::size_t>(std::max(e.number, 1));
      for (std::size_t i = 0; i < e.args.size(); ++i) {
        out_ += i % columns == 0 ? (i == 0 ? "[" : "], [") : ", ";
        Append(e.args[i]);
      }
      out_ += "]])";
      return;
    }
    case Kind::kCases:
      out_ += "Piecewise(";
      for (std::size_t i = 0; i + 1 < e.args.size(); i += 2) {
        if (i > 0) out_ += ", ";
        out_ += '(';
        Append(e.args[i]);
        out_ += ", ";
        if (e.args[i + 1].kind == Kind::kText) out_ += "True";
        else Append(e.args[i + 1]);
        out_ += ')';
      }
      out_ += ')';
      return;
    case Kind::kEllipsis: out_ += "..."; return;
    case Kind::kChoice: out_ += "\\text{(" + e.text + ")}"; return;
    case Kind::kText: out_ += "\\text{" + e.text + "}"; return;
  }
}

}  // namespace

std::string ToPlain(const Expr& expression) { return Printer().Print(expression); }

}  // namespace mathcoder::math
