// Plots as inline SVG: text in, text out. Labels are escaped; colours come from the page's style sheet (page/report.css).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mathcoder::evaluate {

// For text and attributes of HTML and SVG.
std::string EscapeHtml(std::string_view text);

struct Bar {
  std::string label;
  double value = 0;          // 0 .. 1
  double low = 0, high = 0;  // its interval
  std::size_t n = 0;
};
// Shares with their intervals, one bar a label, 0 to 100%.
std::string BarPlot(const std::string& title, const std::vector<Bar>& bars);

struct Line {
  std::string label;
  std::vector<std::pair<double, double>> points;  // x >= 1, y in 0 .. 1
};
// Shares against a count on a logarithmic axis.
std::string LinePlot(const std::string& title, const std::string& x_label, const std::vector<Line>& lines);

// How often values fall where; the median is written under it. Empty values give an empty plot that says so.
std::string HistogramPlot(const std::string& title, const std::string& unit, std::vector<double> values);

}  // namespace mathcoder::evaluate
