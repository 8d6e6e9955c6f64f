#include "math/second_reading.h"

#include <algorithm>
#include <optional>

#include "math/read.h"

namespace mathcoder::math {
namespace {

bool HasUnit(const Expr& e) {
  return e.kind == Kind::kUnit || e.kind == Kind::kMoney || std::any_of(e.args.begin(), e.args.end(), HasUnit);
}

std::optional<Expr> Again(std::string_view text, const Expr& first, const ReadOptions& options) {
  ReadResult read = ReadMath(text, options);
  if (!read.ok() || read.expr() == first) return std::nullopt;
  return std::get<Expr>(std::move(read.state));
}

}  // namespace

std::vector<SecondReading> SecondReadings(std::string_view reference_text, const Expr& reference, std::string_view answer_text,
                                          const Expr& answer) {
  std::vector<SecondReading> readings;
  ReadOptions options;
  options.second = true;
  const auto a = Again(reference_text, reference, options), b = Again(answer_text, answer, options);
  // A letter is a unit only where the other side says a unit too: 5m is not 5.
  const auto add = [&](const Expr& left, const Expr& right) {
    if (HasUnit(left) == HasUnit(right)) readings.push_back({left, right, false});
  };
  if (a) add(*a, answer);
  if (b) add(reference, *b);
  if (a && b) add(*a, *b);
  const auto doubtful = [](std::string_view text) { return text.find_first_of("/IVXE") != std::string_view::npos; };
  if (!doubtful(reference_text) && !doubtful(answer_text)) return readings;
  options.second = false;
  options.doubtful = true;
  const auto c = doubtful(reference_text) ? Again(reference_text, reference, options) : std::nullopt;
  const auto d = doubtful(answer_text) ? Again(answer_text, answer, options) : std::nullopt;
  if (c) readings.push_back({*c, answer, true});
  if (d) readings.push_back({reference, *d, true});
  if (c && d) readings.push_back({*c, *d, true});
  return readings;
}

}  // namespace mathcoder::math
