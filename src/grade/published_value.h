// Numbers as the published grader had them: it printed a formula and let Python evaluate the text, so that integers stay integers,
// a quotient is a double, and a name that Python's math does not have ends the comparison. Pure functions.
#pragma once

#include <optional>
#include <string>

#include "grade/published_reader.h"

namespace mathcoder::grade {

// Are the two within the published tolerance of 1e-2? First as Python computes it, then as exact numbers. False where either could
// not be evaluated.
bool PublishedClose(const PublishedExpr& left, const PublishedExpr& right);

// What Python prints for the value: "3", "0.5", "True". nullopt where it could not be evaluated.
std::optional<std::string> PublishedPrinted(const PublishedExpr& expression);

}  // namespace mathcoder::grade
