#include "math/compare_sample.h"

#include <algorithm>
#include <cmath>

#include "math/compare_calculus.h"

namespace mathcoder::math {
namespace {

using exact::Point;

constexpr std::int64_t kLargest = 1000000000000000;  // of a place; a point's numerator stays within 64 bits

std::uint64_t Draw(const Dag& dag, int variable, int round) {
  return Scatter(static_cast<std::uint64_t>(round) + 1000, ScatterText(dag.name(variable)))[0];
}

// Scales: around 1, below 1, some, small, tens, thousands.
Point PositiveReal(std::uint64_t draw, int round) {
  static constexpr std::int64_t kTops[] = {3, 1, 9, 1, 40, 3000};
  static constexpr std::int64_t kParts[] = {1, 1, 1, 20, 1, 1};
  const auto scale = static_cast<std::size_t>(round % 6);
  Point p{0, 1, 0, 1};
  p.re_den = 1009 * kParts[scale];
  p.re_num = 1 + static_cast<std::int64_t>(draw % static_cast<std::uint64_t>(kTops[scale] * 1009 - 1));
  return p;
}

// n, i_1: letters that by custom are whole numbers.
bool WholeByName(const std::string& name) {
  if (name.rfind("s:", 0) != 0 || name.size() < 3) return false;
  return name[2] >= 'i' && name[2] <= 'n' && (name.size() == 3 || name[3] == '_');
}

bool Branches(const Dag& dag, const exact::Node& n) {
  switch (n.op) {
    case MC_POW:
      return !dag.IsInteger(n.b);
    case MC_LOG:
    case MC_SQRT:
    case MC_ASIN:
    case MC_ACOS:
    case MC_ACOSH:
    case MC_ATANH:
    case MC_ABS:
    case MC_SIGN:
    case MC_MIN:
    case MC_MAX:
      return true;
    default:
      return false;
  }
}

bool Jumps(int op) { return op == MC_FLOOR || op == MC_CEIL || op == MC_ROUND || op == MC_MOD || op == MC_GCD || op == MC_LCM; }

std::vector<std::int64_t> PlacesAround(std::vector<std::int64_t> constants) {
  std::sort(constants.begin(), constants.end());
  constants.erase(std::unique(constants.begin(), constants.end()), constants.end());
  if (constants.size() > 4) constants.resize(4);
  std::int64_t sum = 0;
  for (const std::int64_t c : constants) sum = std::min(kLargest / 2, sum + c);
  std::vector<std::int64_t> ends{0};
  for (const std::int64_t c : constants) {
    if (c != 0) ends.push_back(c), ends.push_back(-c);
  }
  std::sort(ends.begin(), ends.end());
  std::vector<std::int64_t> places{2 * sum + 1, -2 * sum - 2};  // beyond all, sums and doubles included
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    if (ends[i + 1] > ends[i]) places.push_back(ends[i] + (ends[i + 1] - ends[i]) / 2);
  }
  return places;
}

}  // namespace

SampleNeeds NeedsOf(const Dag& dag, int a, int b) {
  SampleNeeds needs;
  const int last = std::max(a, b);
  const auto variables = static_cast<std::size_t>(dag.variables());
  needs.whole.assign(variables, 0);
  needs.named.assign(variables, 0);
  std::vector<int> at(variables, -1);
  std::vector<char> needed(static_cast<std::size_t>(last) + 1, 0);
  needed[static_cast<std::size_t>(a)] = needed[static_cast<std::size_t>(b)] = 1;
  std::vector<std::pair<int, bool>> uses;  // an argument whose variables are whole, by use alone or where the name says so too
  std::vector<int> turns;                  // arguments of sine and cosine
  std::vector<std::int64_t> constants;
  for (int i = last; i >= 0; --i) {
    if (needed[static_cast<std::size_t>(i)] == 0) continue;
    const exact::Node n = dag.node(i);
    if (n.a >= 0) needed[static_cast<std::size_t>(n.a)] = 1;
    if (n.b >= 0) needed[static_cast<std::size_t>(n.b)] = 1;
    if (n.op == MC_VARIABLE) at[static_cast<std::size_t>(n.num)] = i;
    if (n.op == MC_RATIONAL) {
      const double size = n.big_num != nullptr ? std::abs(std::strtod(n.big_num, nullptr)) / std::strtod(n.big_den, nullptr)
                          : n.den != 0         ? std::abs(static_cast<double>(n.num)) / static_cast<double>(n.den)
                                               : 0;
      if (size <= static_cast<double>(kLargest / 2)) constants.push_back(static_cast<std::int64_t>(size));
    }
    needs.slow = needs.slow || n.op == MC_ZETA || n.op == MC_GAMMA || n.op == MC_FACTORIAL || n.op == MC_ERF || n.op == MC_BINOMIAL;
    if ((dag.flags(i) & Dag::kVariable) == 0) continue;
    needs.branches = needs.branches || Branches(dag, n);
    needs.jumps = needs.jumps || Jumps(n.op);
    needs.conjugates = needs.conjugates || n.op == MC_RE || n.op == MC_IM || n.op == MC_ARG || n.op == MC_CONJ;
    if (n.op == MC_POW && dag.IsSmallRational(n.a) && dag.node(n.a).num < 0) uses.emplace_back(n.b, true);
    if (Jumps(n.op) || n.op == MC_FACTORIAL) uses.emplace_back(n.a, false);
    if (n.op == MC_SIN || n.op == MC_COS) turns.push_back(n.a);
    if (n.op == MC_BINOMIAL) uses.emplace_back(n.a, false), uses.emplace_back(n.b, false);
  }
  int pi = -1;
  for (int i = 0; i <= last && pi < 0; ++i) {
    if (dag.node(i).op == MC_PI) pi = i;
  }
  for (const int turn : turns) {
    if (pi >= 0 && pi < turn && DependsOn(dag, turn, pi)) uses.emplace_back(turn, false);
  }
  for (const auto& [argument, sure] : uses) {
    for (std::size_t v = 0; v < variables; ++v) {
      const std::string& name = dag.name(static_cast<int>(v));
      if (at[v] < 0 || at[v] > argument || (!sure && !WholeByName(name)) || !DependsOn(dag, argument, at[v])) continue;
      if (sure) {
        needs.whole[v] = 1;
      } else {
        needs.named[v] = 1;
      }
    }
  }
  for (std::size_t v = 0; v < variables; ++v) {
    if (needs.whole[v] != 0) needs.named[v] = 0;
    needs.by_name = needs.by_name || needs.named[v] != 0;
  }
  needs.places = PlacesAround(std::move(constants));
  return needs;
}

long AgreementBits(const Dag& dag, int a, int b) {
  double largest = 0;
  const int last = std::max(a, b);
  std::vector<char> needed(static_cast<std::size_t>(last) + 1, 0);
  needed[static_cast<std::size_t>(a)] = needed[static_cast<std::size_t>(b)] = 1;
  std::vector<double> bits(static_cast<std::size_t>(last) + 1, 0);  // log2 of a constant's size, as far as its form tells
  for (int i = last; i >= 0; --i) {
    if (needed[static_cast<std::size_t>(i)] == 0) continue;
    if (dag.node(i).a >= 0) needed[static_cast<std::size_t>(dag.node(i).a)] = 1;
    if (dag.node(i).b >= 0) needed[static_cast<std::size_t>(dag.node(i).b)] = 1;
  }
  const auto size_of = [&](int i) { return std::exp2(std::min(1000.0, bits[static_cast<std::size_t>(i)])); };
  for (int i = 0; i <= last; ++i) {
    if (needed[static_cast<std::size_t>(i)] == 0) continue;
    const exact::Node n = dag.node(i);
    double& size = bits[static_cast<std::size_t>(i)];
    const auto inner = [&](int k) { return bits[static_cast<std::size_t>(k)]; };
    if (n.op == MC_RATIONAL) {
      const auto digits = [](const char* text) { return 3.33 * static_cast<double>(std::char_traits<char>::length(text)); };
      size = n.big_num != nullptr ? std::max(digits(n.big_num), digits(n.big_den))
                                  : std::log2(std::max({std::abs(static_cast<double>(n.num)), static_cast<double>(n.den), 1.0}));
    } else if ((dag.flags(i) & Dag::kVariable) != 0) {
      continue;
    } else if (n.op == MC_PI || n.op == MC_E) {
      size = 1.7;
    } else if (n.op == MC_POW) {
      size = std::max(1.0, inner(n.a)) * size_of(n.b);
    } else if (n.op == MC_EXP) {
      size = 1.45 * size_of(n.a);
    } else if (n.op == MC_NEG || n.op == MC_ADD || n.op == MC_MUL || n.op == MC_DIV) {
      size = n.b < 0 ? inner(n.a) : n.op == MC_ADD ? std::max(inner(n.a), inner(n.b)) : inner(n.a) + inner(n.b);
    }
    largest = std::max(largest, size);
  }
  return 32 + static_cast<long>(std::min(1e9, 3 * largest));
}

std::vector<Point> SampleAt(const Dag& dag, const SampleNeeds& needs, Region region, int round) {
  std::vector<Point> points;
  for (int v = 0; v < dag.variables(); ++v) {
    const std::uint64_t draw = Draw(dag, v, round);
    const auto index = static_cast<std::size_t>(v);
    const bool whole =
        index < needs.whole.size() && (needs.whole[index] != 0 || (region == Region::kWhole && needs.named[index] != 0));
    Point p = PositiveReal(draw, round);
    const bool minus = dag.variables() == 1 ? round % 2 == 0 : ((draw >> 40) & 1) != 0;
    if (whole || (region == Region::kWhole && !needs.by_name)) {
      p = {1 + static_cast<std::int64_t>(draw % 12) + round % 12, 1, 0, 1};
      if (region == Region::kWhole && !whole && minus) p.re_num = -p.re_num;
    } else if (region == Region::kMixed) {
      // with one variable its sign is the point of the region; with more the draws leave none positive throughout
      if (dag.variables() == 1 || minus) p.re_num = -p.re_num;
    } else if (region == Region::kPlaces && !needs.places.empty()) {
      const std::size_t count = needs.places.size();
      const std::size_t which = dag.variables() == 1 ? static_cast<std::size_t>(round) % count : (draw >> 20) % count;
      p = {needs.places[which] * 101 + 37, 101, 0, 1};
    } else if (region == Region::kComplex) {
      const Point other = PositiveReal(draw >> 7, round + 1);
      p.im_num = (draw & 1) != 0 ? other.re_num : -other.re_num;
      p.im_den = other.re_den;
      if (minus) p.re_num = -p.re_num;
    }
    points.push_back(p);
  }
  return points;
}

}  // namespace mathcoder::math
