// Names of modes, outcomes and flags, and the policies that a mode stands for.
#include <algorithm>
#include <charconv>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "grade/grade.h"

namespace mathcoder::grade {
namespace {

struct Flag {
  std::string_view name;
  bool Policy::*own = nullptr;
  bool math::CompareOptions::*compare = nullptr;
  // How on and off are spelled beside "on" and "off"; empty: not at all.
  std::string_view on;
  std::string_view off;
};

const std::vector<Flag>& Flags() {
  using Options = math::CompareOptions;
  static const std::vector<Flag> flags = {
      {"round_to_reference", nullptr, &Options::round_to_reference, "", ""},
      {"reference_is_rounded", nullptr, &Options::reference_is_rounded, "", ""},
      {"percent", nullptr, &Options::percent_either_way, "either", "exact"},
      {"units", nullptr, &Options::ignore_units, "ignore", "exact"},
      {"degrees", nullptr, &Options::degrees_as_numbers, "ignore", "exact"},
      {"ordered_lists", nullptr, &Options::ordered_lists, "", ""},
      {"value_of_equation", nullptr, &Options::value_of_equation, "", ""},
      {"symmetric", nullptr, &Options::symmetric, "", ""},
      {"fold_case", nullptr, &Options::fold_case_of_text, "", ""},
      {"choice_letters", &Policy::choice_letters, nullptr, "", ""},
      {"percent_sign", &Policy::percent_sign_as_unit, nullptr, "unit", "exact"},
      {"any_of_boxes", &Policy::any_of_boxes, nullptr, "", ""},
      {"drop_letters", &Policy::drop_letters, nullptr, "", ""},
  };
  return flags;
}

std::string KnownFlags() {
  std::string known;
  for (const Flag& flag : Flags()) {
    known += std::string(flag.name) + (flag.on.empty() ? "" : "=" + std::string(flag.on) + "|" + std::string(flag.off)) + ", ";
  }
  return known + "relative_tolerance=NUMBER";
}

base::Error Wrong(std::string_view spelled, const std::string& what) {
  return base::Error("policy '" + std::string(spelled) + "': " + what, base::ExitCode::kUsage);
}

Policy OfMode(Mode mode) {
  Policy policy;
  policy.mode = mode;
  if (mode == Mode::kLenient) {
    policy.compare.round_to_reference = true;
    policy.compare.reference_is_rounded = true;
    policy.compare.relative_tolerance = 1e-3;
    policy.compare.percent_either_way = true;
    policy.compare.symmetric = true;
    policy.any_of_boxes = true;
  }
  return policy;
}

void Set(Policy& policy, std::string_view spelled, std::string_view item) {
  const std::size_t equals = item.find('=');
  const std::string_view name = item.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? std::string_view("on") : item.substr(equals + 1);
  if (name == "relative_tolerance") {
    double tolerance = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), tolerance);
    if (read.ec != std::errc() || read.ptr != value.data() + value.size() || !(tolerance >= 0 && tolerance < 1)) {
      throw Wrong(spelled, "relative_tolerance needs a number from 0 to 1, found '" + std::string(value) + "'");
    }
    policy.compare.relative_tolerance = tolerance;
    return;
  }
  const auto flag = std::find_if(Flags().begin(), Flags().end(), [&](const Flag& candidate) { return candidate.name == name; });
  if (flag == Flags().end()) throw Wrong(spelled, "unknown flag '" + std::string(name) + "'; known are " + KnownFlags());
  const bool on = value == "on" || (!flag->on.empty() && value == flag->on);
  const bool off = value == "off" || (!flag->off.empty() && value == flag->off);
  if (!on && !off) {
    throw Wrong(spelled, "flag '" + std::string(name) + "' is on" + (flag->on.empty() ? "" : " (" + std::string(flag->on) + ")") +
                             " or off" + (flag->off.empty() ? "" : " (" + std::string(flag->off) + ")") + ", found '" +
                             std::string(value) + "'");
  }
  if (flag->own != nullptr) {
    policy.*(flag->own) = on;
  } else {
    policy.compare.*(flag->compare) = on;
  }
}

}  // namespace

std::string_view Name(Mode mode) {
  switch (mode) {
    case Mode::kStrict:
      return "strict";
    case Mode::kLenient:
      return "lenient";
    case Mode::kMathCoder:
      return "mathcoder";
  }
  return "";
}

std::optional<Mode> ModeOf(std::string_view name) {
  for (const Mode mode : {Mode::kStrict, Mode::kLenient, Mode::kMathCoder}) {
    if (name == Name(mode)) return mode;
  }
  return std::nullopt;
}

std::string_view Name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kCorrect:
      return "correct";
    case Outcome::kWrong:
      return "wrong";
    case Outcome::kUnknown:
      return "unknown";
    case Outcome::kNoAnswer:
      return "no_answer";
  }
  return "";
}

Policy PolicyOf(std::string_view spelled) {
  std::string_view rest = spelled;
  const std::string_view first = rest.substr(0, rest.find(','));
  const std::optional<Mode> mode = ModeOf(first);
  if (!mode) throw Wrong(spelled, "unknown mode '" + std::string(first) + "'; known are strict, lenient, mathcoder");
  Policy policy = OfMode(*mode);
  while (rest.find(',') != std::string_view::npos) {
    rest.remove_prefix(rest.find(',') + 1);
    Set(policy, spelled, rest.substr(0, rest.find(',')));
  }
  return policy;
}

}  // namespace mathcoder::grade
