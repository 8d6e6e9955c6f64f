#include "math/second_reading.h"

#include <algorithm>
#include <optional>

#include "math/read.h"

namespace mathcoder::math {
namespace {

bool HasUnit(const Expr& e) {
  return e.kind == Kind::kUnit || e.kind == Kind::kMoney || std::any_of(e.args.begin(), e.args.end(), HasUnit);
}

std::optional<Expr> Again(std::string_view text, const ReadResult& first, const ReadOptions& options) {
  // Most texts came to nothing that these options change.
  if (!(options.second && first.doubts.second) && !(options.doubtful && first.doubts.doubtful)) return std::nullopt;
  ReadResult read = ReadMath(text, options);
  if (!read.ok() || read.expr() == first.expr()) return std::nullopt;
  return std::get<Expr>(std::move(read.state));
}

}  // namespace

std::vector<SecondReading> SecondReadings(std::string_view reference_text, const ReadResult& reference_read,
                                          std::string_view answer_text, const ReadResult& answer_read) {
  const Expr &reference = reference_read.expr(), &answer = answer_read.expr();
  std::vector<SecondReading> readings;
  ReadOptions options;
  options.second = true;
  const auto a = Again(reference_text, reference_read, options), b = Again(answer_text, answer_read, options);
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
  const auto c = doubtful(reference_text) ? Again(reference_text, reference_read, options) : std::nullopt;
  const auto d = doubtful(answer_text) ? Again(answer_text, answer_read, options) : std::nullopt;
  if (c) readings.push_back({*c, answer, true});
  if (d) readings.push_back({reference, *d, true});
  if (c && d) readings.push_back({*c, *d, true});
  return readings;
}

}  // namespace mathcoder::math
