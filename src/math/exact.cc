#include "math/exact.h"

namespace mathcoder::math::exact {
namespace {

int Count(std::span<const Node> nodes) { return static_cast<int>(nodes.size()); }

}  // namespace

Order RationalOrder(std::span<const Node> nodes, int a, int b, long max_bits) {
  Order order;
  int undefined = 0;
  order.known = mc_rational_order(nodes.data(), Count(nodes), a, b, max_bits, &order.sign, &undefined) == MC_YES;
  order.a_undefined = (undefined & 1) != 0;
  order.b_undefined = (undefined & 2) != 0;
  return order;
}

std::optional<std::string> RationalText(std::span<const Node> nodes, int a, long max_bits) {
  char text[1024];
  if (mc_rational_text(nodes.data(), Count(nodes), a, max_bits, text, sizeof text) != MC_YES) return std::nullopt;
  return std::string(text);
}

std::optional<Balls> CompareBalls(std::span<const Node> nodes, int a, int b, std::span<const Point> point, long precision) {
  Balls balls;
  if (mc_compare_balls(nodes.data(), Count(nodes), a, b, point.data(), static_cast<int>(point.size()), precision, &balls) !=
      MC_YES) {
    return std::nullopt;
  }
  return balls;
}

bool LogarithmsDiffer(std::span<const Node> nodes, int a, int b, long precision) {
  return mc_compare_logarithms(nodes.data(), Count(nodes), a, b, precision) == MC_YES;
}

bool ProveRational(std::span<const Node> nodes, int a, int b, std::span<const int> generator, std::span<const std::int64_t> square,
                   long max_terms, long max_bits) {
  return mc_prove_rational(nodes.data(), Count(nodes), a, b, generator.data(), square.data(), static_cast<int>(square.size()),
                           max_terms, max_bits) == MC_YES;
}

std::optional<RootSets> CompareRoots(std::span<const Node> nodes, int a, int b, int variable) {
  RootSets sets{};
  if (mc_compare_roots(nodes.data(), static_cast<int>(nodes.size()), a, b, variable, 24, &sets) != MC_YES) return std::nullopt;
  return sets;
}

std::optional<bool> CalciumEqual(std::span<const Node> nodes, int a, int b) {
  const int result = mc_calcium_equal(nodes.data(), Count(nodes), a, b);
  if (result == MC_FAILED) return std::nullopt;
  return result == MC_YES;
}

std::string LibraryVersions() { return mc_library_versions(); }

}  // namespace mathcoder::math::exact
