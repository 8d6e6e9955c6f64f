// What stands behind a value: units, currencies, percent and degrees in words.
#include <algorithm>

#include "math/compare_units.h"
#include "math/parser.h"
#include "math/spelled.h"
#include "math/words.h"

namespace mathcoder::math {
namespace {

bool IsNumeric(const Expr& e) {
  if (e.kind == Kind::kSymbol || e.kind == Kind::kText || e.kind == Kind::kRelation) return false;
  return std::all_of(e.args.begin(), e.args.end(), IsNumeric);
}

}  // namespace

bool Parser::AtUnit(const Expr& before) const {
  if (!options_.units) return false;
  if (before.kind == Kind::kText || before.kind == Kind::kRelation || before.kind == Kind::kMatrix) return false;
  const bool numeric = IsNumeric(before);
  // 15 €, 75¢, 18.90\$
  if (Is(Tok::kMoney)) {
    const Tok next = Ahead().type;
    const bool amount =
        next == Tok::kNumber || next == Tok::kFraction || next == Tok::kMinus || next == Tok::kLeftBrace || next == Tok::kOpen;
    return numeric && before.kind != Kind::kMoney && before.kind != Kind::kUnit && !amount;
  }
  if (Is(Tok::kUnit)) return true;
  // 0.0 m/s: single letters are units where nothing else is left
  if (Is(Tok::kText)) {
    const std::string lower = Lower(Now().text);
    if (IsHalfDay(lower)) return false;
    std::size_t words = 1;
    for (std::size_t i = 0, start = 0; i <= lower.size(); ++i) {
      if (i < lower.size() && lower[i] != ' ') {
        const char c = lower[i];
        const bool plain = (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '\'' || c == '/' || c == '^' ||
                           (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
        if (!plain) return false;
        continue;
      }
      const std::string_view word = std::string_view(lower).substr(start, i - start);
      if (IsSentenceWord(word)) return false;
      start = i + 1;
      ++words;
    }
    if (words > 7) return false;
    return numeric || IsUnitWord(lower) || !CurrencyOf(lower).empty() || IsUnitWord(lower.substr(0, lower.find(' ')));
  }
  if (Is(Tok::kWord) && numeric) {
    // 21 dogs, 14 right triangles: words to the end of the part
    std::size_t n = 0;
    while (Ahead(n).type == Tok::kWord || Ahead(n).type == Tok::kUnit) {
      if (IsSentenceWord(Lower(Ahead(n).text)) || Ahead(n).text == ".") return false;
      ++n;
    }
    const Tok end = Ahead(n).type;
    return n <= 4 && (end == Tok::kEnd || end == Tok::kComma || end == Tok::kWordAnd || end == Tok::kWordOr || end == Tok::kPlus ||
                      end == Tok::kMinus || end == Tok::kClose || end == Tok::kRightBrace || end == Tok::kRelation);
  }
  return false;
}

bool Parser::TakeUnitPower(std::string* unit) {
  std::size_t n = 0;
  if (Is(Tok::kRightBrace)) return false;
  std::string power;
  if (Is(Tok::kSuperscript)) {
    power = Now().text;
    n = 1;
  } else if (Is(Tok::kCaret)) {
    const bool braces = Ahead(1).type == Tok::kLeftBrace;
    const Token& digit = Ahead(braces ? 2 : 1);
    if (digit.type != Tok::kNumber || Source(digit).size() != 1) return false;
    if (braces && Ahead(3).type != Tok::kRightBrace) return false;
    power = Source(digit);
    n = braces ? 4 : 2;
  } else {
    return false;
  }
  *unit += "^" + power;
  at_ += n;
  return true;
}

bool Parser::IsWordOfUnit() const { return Is(Tok::kUnit) || Is(Tok::kText) || Is(Tok::kWord); }

// 5 feet 6 inches, 2 hours and 15 minutes, 5 dollars and 25 cents: one quantity in two units. Metric ones are never written so: 3 m
// and 20 cm are two lengths.
bool Parser::IsSumOfUnits(const Expr& large, const Expr& small) {
  const auto unit = [](const Expr& e) -> std::optional<UnitValue> {
    if (e.args.size() != 1 || (e.args[0].kind != Kind::kInteger && e.args[0].kind != Kind::kDecimal)) return std::nullopt;
    if (e.kind == Kind::kMoney) return CurrencyOfSign(e.text);
    return e.kind == Kind::kUnit ? UnitOf(e.text) : std::nullopt;
  };
  const Expr& last = large.kind == Kind::kAdd ? large.args.back() : large;
  const auto a = unit(last), b = unit(small);
  if (!a || !b || a->bases != b->bases || a->bases.size() != 1 || a->offset_num != 0 || b->offset_num != 0) return false;
  const long double ratio = static_cast<long double>(a->num) / a->den * b->den / b->num;
  if (ratio < 1.5L) return false;
  if (large.kind == Kind::kMoney || small.kind == Kind::kMoney) return large.kind == small.kind;
  for (long double power = 10; power < 1e12L; power *= 10) {
    if (ratio > power * 0.999L && ratio < power * 1.001L) return false;
  }
  return true;
}

Expr Parser::ParseUnit(Expr value) {
  std::string unit;
  if (Is(Tok::kMoney)) {
    const std::string_view sign = Now().text;
    ++at_;
    return Make(Kind::kMoney, sign, std::move(value));
  }
  while (const int power =
             IsWordOfUnit() ? PowerOfTen(Lower(Now().text.substr(0, Now().text.find(' ')))) : 0) {  // 2.5 million dollars
    Token& word = tokens_[at_];
    const std::size_t space = word.text.find(' ');
    if (space == std::string_view::npos) {
      ++at_;
    } else {
      word.text.remove_prefix(space + 1);
    }
    const bool money = value.kind == Kind::kMoney;
    Expr inner = money ? std::move(value.args[0]) : std::move(value);
    Expr scale = Leaf(Kind::kInteger, "1" + std::string(static_cast<std::size_t>(power), '0'));
    inner = Make(Kind::kMultiply, "", std::move(inner), std::move(scale));
    if (money) {
      value.args.clear();
      value.args.push_back(std::move(inner));
    } else {
      value = std::move(inner);
    }
    if (!IsWordOfUnit()) return value;
  }
  while (true) {
    if (Is(Tok::kTimes) && !unit.empty() && Ahead().type == Tok::kUnit) {  // N·m
      unit += '*';
      ++at_;
      unit += Now().text;
      ++at_;
      TakeUnitPower(&unit);
      continue;
    }
    if (Is(Tok::kUnit) || Is(Tok::kText) || Is(Tok::kWord)) {
      if (!unit.empty() && unit.back() != '/') unit += ' ';
      bool space = false;
      for (char c : Now().text) {  // single spaces
        if (c == ' ' || c == '\n' || c == '\t' || c == '~') {
          space = true;
          continue;
        }
        if (space && !unit.empty()) unit += ' ';
        space = false;
        unit += c;
      }
      ++at_;
      TakeUnitPower(&unit);
    } else if (Is(Tok::kSlash) && (Ahead().type == Tok::kUnit || Ahead().type == Tok::kText || Ahead().type == Tok::kWord)) {
      unit += '/';
      ++at_;
    } else if (Is(Tok::kSlash) && Ahead().type == Tok::kLetter && (Ahead().text == "h" || Ahead().text == "s")) {
      unit += '/';
      unit += Ahead().text;
      at_ += 2;
      TakeUnitPower(&unit);
    } else {
      break;
    }
  }
  const std::string lower = Lower(unit);
  if (lower == "percent" || lower == "per cent") return Make(Kind::kPercent, "", std::move(value));
  if (lower == "degrees" || lower == "degree" || lower == "deg") return Make(Kind::kDegree, "", std::move(value));
  if (lower == "degrees celsius") return Make(Kind::kUnit, "°C", std::move(value));
  if (lower == "degrees fahrenheit") return Make(Kind::kUnit, "°F", std::move(value));
  if (lower == "pounds" || lower == "pound") {
    doubts_.second = true;
    if (options_.second) return Make(Kind::kMoney, "£", std::move(value));
  }
  if (const std::string_view currency = CurrencyOf(lower); !currency.empty()) {
    // $5 dollars says it twice
    if (value.kind == Kind::kMoney) return value;
    return Make(Kind::kMoney, currency, std::move(value));
  }
  while (!unit.empty() && unit.back() == '.') unit.pop_back();
  return Make(Kind::kUnit, unit, std::move(value));
}

}  // namespace mathcoder::math
