// Functions by cases: at a point the conditions say which value holds there.
#include <algorithm>

#include "math/compare_judge.h"
#include "math/compare_sample.h"

namespace mathcoder::math {
namespace {

constexpr int kEnough = 6;

// Both sides as values with conditions; a plain expression is one value that always holds.
class Piecewise {
 public:
  Piecewise(const Expr& a, const Expr& b, Budget* budget) : budget_(*budget), lowerer_(&dag_, {}) {
    sides_[0] = Branches(a);
    sides_[1] = Branches(b);
  }

  Ruling Compare() {
    if (sides_[0].empty() || sides_[1].empty()) return {Equality::kUnknown, "cases", "cases that could not be read as values"};
    int all = dag_.Rational(0, 1);
    for (const auto& side : sides_) {
      for (const Branch& branch : side) {
        all = dag_.Add(all, branch.value);
        if (branch.condition != nullptr) Collect(*branch.condition, &all);
      }
    }
    const SampleNeeds needs = NeedsOf(dag_, all, all);
    std::vector<std::pair<std::vector<int>, bool>> points;  // and whether it lies on an end of a case
    const auto add = [&](Region region, int from, int to) {
      for (int round = from; round < to; ++round) {
        std::vector<int> values;
        for (const exact::Point& p : SampleAt(dag_, needs, region, round)) values.push_back(dag_.Rational(p.re_num, p.re_den));
        points.emplace_back(std::move(values), false);
      }
    };
    add(Region::kPositive, 0, 5);
    add(Region::kMixed, 10, 16);
    add(Region::kPlaces, 0, static_cast<int>(std::min<std::size_t>(needs.places.size(), 10)));
    if (dag_.variables() == 1) {
      for (const int end : ends_) points.emplace_back(std::vector<int>{end}, true);
    }
    int agreed = 0, probable = 0, open = 0;
    for (const auto& [point, end] : points) {
      if (!budget_.Spend(50)) break;
      const auto x = ValueAt(sides_[0], point), y = ValueAt(sides_[1], point);
      if (!x || !y) {
        open += end ? 0 : 1;
        continue;
      }
      const Ruling ruling = CompareNodes(&dag_, *x, *y, &budget_);
      if (ruling.equality == Equality::kDifferent && ((dag_.flags(*x) | dag_.flags(*y)) & Dag::kUndefined) == 0)
        return {Equality::kDifferent, "cases", "at a point: " + Describe(dag_, *x) + " and " + Describe(dag_, *y)};
      if (!Holds(ruling)) {
        open += end ? 0 : 1;
        continue;
      }
      ++agreed;
      probable += ruling.equality == Equality::kProbablyEqual ? 1 : 0;
    }
    if (agreed >= kEnough && open == 0)
      return {Equality::kProbablyEqual, "cases", "equal at " + std::to_string(agreed) + " points, ends included"};
    return {Equality::kUnknown, "cases", "cases that could not be compared everywhere"};
  }

 private:
  struct Branch {
    int value;
    const Expr* condition;  // nullptr: otherwise
  };

  std::vector<Branch> Branches(const Expr& e) {
    if (IsScalar(e)) return {{lowerer_.Lower(e), nullptr}};
    std::vector<Branch> out;
    if (e.kind != Kind::kCases || e.args.size() % 2 != 0) return out;
    for (std::size_t i = 0; i + 1 < e.args.size(); i += 2) {
      if (!IsScalar(e.args[i])) return {};
      const Expr& condition = e.args[i + 1];
      const bool rest = condition.kind == Kind::kText || condition.text == "True" || condition.text == "true";
      if (rest && condition.kind == Kind::kText && condition.text != "otherwise" && condition.text != "else" &&
          condition.text != "true")
        return {};
      out.push_back({lowerer_.Lower(e.args[i]), rest ? nullptr : &condition});
    }
    return out;
  }

  // The differences of a condition's sides, so that sampling sees their constants; and constants as ends of the cases.
  void Collect(const Expr& condition, int* all) {
    if (condition.kind == Kind::kRelation && condition.args.size() == 2 && IsScalar(condition.args[0]) &&
        IsScalar(condition.args[1])) {
      for (const Expr& side : condition.args) {
        const int node = lowerer_.Lower(side);
        *all = dag_.Add(*all, dag_.Unary(MC_ABS, node));
        if ((dag_.flags(node) & (Dag::kVariable | Dag::kInfinite | Dag::kUndefined)) == 0 && ends_.size() < 8) {
          ends_.push_back(node);
          ends_.push_back(dag_.Negate(node));
        }
      }
      return;
    }
    for (const Expr& part : condition.args) Collect(part, all);
  }

  std::optional<bool> HoldsAt(const Expr& condition, const std::vector<int>& point) {
    switch (condition.kind) {
      case Kind::kRelation: {
        if (condition.args.size() != 2 || !IsScalar(condition.args[0]) || !IsScalar(condition.args[1])) return std::nullopt;
        const int left = dag_.Substitute(lowerer_.Lower(condition.args[0]), point);
        const int right = dag_.Substitute(lowerer_.Lower(condition.args[1]), point);
        const NodeOrder order = OrderNodes(&dag_, left, right, &budget_);
        if (order.equality == Equality::kUnknown) return std::nullopt;
        const std::string& r = condition.text;
        if (r == "=") return order.sign == 0;
        if (r == "!=") return order.sign != 0;
        if (r == "<" || r == "<=") return order.sign < 0 || (order.sign == 0 && r == "<=");
        if (r == ">" || r == ">=") return order.sign > 0 || (order.sign == 0 && r == ">=");
        return std::nullopt;
      }
      case Kind::kAnd:
      case Kind::kList:
      case Kind::kOr: {
        const bool any = condition.kind == Kind::kOr || condition.text == "or";
        for (const Expr& part : condition.args) {
          const auto holds = HoldsAt(part, point);
          if (!holds) return std::nullopt;
          if (*holds == any) return any;
        }
        return !any;
      }
      case Kind::kGroup:
        if (condition.args.size() == 1) return HoldsAt(condition.args[0], point);
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }

  std::optional<int> ValueAt(const std::vector<Branch>& side, const std::vector<int>& point) {
    for (const Branch& branch : side) {
      const auto holds = branch.condition == nullptr ? std::optional(true) : HoldsAt(*branch.condition, point);
      if (!holds) return std::nullopt;
      if (*holds) return dag_.Substitute(branch.value, point);
    }
    return std::nullopt;
  }

  Budget& budget_;
  Dag dag_;
  Lowerer lowerer_;
  std::vector<Branch> sides_[2];
  std::vector<int> ends_;
};

}  // namespace

Ruling Judge::PiecesOf(const Expr& a, const Expr& b) { return Piecewise(a, b, &budget_).Compare(); }

}  // namespace mathcoder::math
