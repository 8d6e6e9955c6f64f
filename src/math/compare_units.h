// Units of measurement: a table of factors to base units, and reading of combined ones ("miles per hour", "ft^2", "m/s").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mathcoder::math {

struct UnitValue {
  // The unit is factor times the product of base units to their powers. A unit that the table does not know is its own base.
  long long num = 1, den = 1;
  bool pi = false;                                 // times pi (revolutions, degrees are given in radians)
  std::vector<std::pair<std::string, int>> bases;  // sorted by name, no power 0
  // Temperatures in degrees: kelvin = (x + offset) * num/den; 0 for every other unit
  long long offset_num = 0, offset_den = 1;
};
// nullopt: the text has no form of a unit, or its factor is too long.
std::optional<UnitValue> UnitOf(std::string_view text);
// "dollars", "$", "USD" are one name; cents are 1/100 of a dollar.
UnitValue CurrencyOfSign(std::string_view sign);

}  // namespace mathcoder::math
