#include "evaluate/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

namespace mathcoder::evaluate {
namespace {

constexpr double kLeft = 46, kRight = 12, kTop = 30, kBottom = 44, kHeight = 240;

std::string Format(const char* format, auto... values) {
  char text[512];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

std::string Text(double x, double y, const char* anchor, const std::string& text, const char* css = "") {
  return Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor, css) + EscapeHtml(text) + "</text>\n";
}

std::string Open(double width, const std::string& title) {
  return Format(
             "<svg class=\"plot\" role=\"img\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
             "xmlns=\"http://www.w3.org/2000/svg\">\n",
             width, kHeight, width, kHeight) +
         "<title>" + EscapeHtml(title) + "</title>\n" + Text(kLeft, 16, "start", title, "heading");
}

double ShareY(double share) { return kTop + (1 - share) * (kHeight - kTop - kBottom); }

std::string ShareAxis(double width) {
  std::string svg;
  for (int percent = 0; percent <= 100; percent += 25) {
    const double y = ShareY(percent / 100.0);
    svg += Format("<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n", kLeft, width - kRight, y, y);
    svg += Text(kLeft - 6, y + 4, "end", std::to_string(percent) + "%");
  }
  return svg;
}

// 1, 2 or 5 times a power of ten, at least `value`.
double RoundUp(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    if (factor * power >= value * 0.999999) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string BarPlot(const std::string& title, const std::vector<Bar>& bars) {
  const double slot = 64;
  const double width = std::max(260.0, kLeft + kRight + slot * static_cast<double>(bars.size()));
  std::string svg = Open(width, title) + ShareAxis(width);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const Bar& bar = bars[i];
    const double x = kLeft + slot * (static_cast<double>(i) + 0.5);
    const double y = ShareY(bar.value);
    svg += Format("<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"30\" height=\"%.1f\"><title>", x - 15, y, ShareY(0) - y) +
           EscapeHtml(bar.label) +
           Format(": %.1f%% of %zu, 95%% interval %.1f to %.1f</title></rect>\n", 100 * bar.value, bar.n, 100 * bar.low,
                  100 * bar.high);
    svg += Format("<path class=\"interval\" d=\"M%.1f %.1fV%.1fM%.1f %.1fh8M%.1f %.1fh8\"/>\n", x, ShareY(bar.low),
                  ShareY(bar.high), x - 4, ShareY(bar.low), x - 4, ShareY(bar.high));
    // Long labels on two lines, cut where they are longer still.
    std::string first = bar.label, second;
    if (first.size() > 10) {
      std::size_t space = first.rfind(' ', 11);
      if (space == std::string::npos) space = first.find(' ');
      if (space != std::string::npos) {
        second = first.substr(space + 1);
        first.resize(space);
      }
    }
    if (second.size() > 12) second = second.substr(0, 11) + "…";
    svg += Text(x, ShareY(0) + 14, "middle", first) +
           Text(x, ShareY(0) + 27, "middle", second.empty() ? "n=" + std::to_string(bar.n) : second);
    if (!second.empty()) svg += Text(x, ShareY(0) + 40, "middle", "n=" + std::to_string(bar.n));
  }
  return svg + "</svg>\n";
}

std::string LinePlot(const std::string& title, const std::string& x_label, const std::vector<Line>& lines) {
  const double width = 420;
  double most = 1;
  std::set<double> ticks;
  for (const Line& line : lines) {
    for (const auto& [x, y] : line.points) {
      most = std::max(most, x);
      ticks.insert(x);
    }
  }
  const auto place = [&](double x) {
    return kLeft + (width - kLeft - kRight - 12) * (most > 1 ? std::log(std::max(1.0, x)) / std::log(most) : 0.5);
  };
  std::string svg = Open(width, title) + ShareAxis(width);
  for (const double tick : ticks) svg += Text(place(tick), ShareY(0) + 14, "middle", Format("%.0f", tick));
  svg += Text((kLeft + width) / 2, ShareY(0) + 28, "middle", x_label);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string path;
    for (const auto& [x, y] : lines[i].points) path += Format("%s%.1f %.1f", path.empty() ? "M" : "L", place(x), ShareY(y));
    svg += Format("<path class=\"line line%zu\" d=\"", i % 6) + path + "\"/>\n";
    for (const auto& [x, y] : lines[i].points) {
      svg += Format("<circle class=\"dot dot%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>", i % 6, place(x), ShareY(y)) +
             EscapeHtml(lines[i].label) + Format(", %.0f: %.1f%%</title></circle>\n", x, 100 * y);
    }
    svg += Format("<circle class=\"dot dot%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", i % 6, width - 130,
                  kTop + 10 + 15 * static_cast<double>(i));
    svg += Text(width - 120, kTop + 14 + 15 * static_cast<double>(i), "start", lines[i].label);
  }
  return svg + "</svg>\n";
}

std::string HistogramPlot(const std::string& title, const std::string& unit, std::vector<double> values) {
  const double width = 420;
  std::string svg = Open(width, title);
  if (values.empty()) return svg + Text(width / 2, kHeight / 2, "middle", "not known of these transcripts") + "</svg>\n";
  std::ranges::sort(values);
  // The last bin holds the long tail: 99% of the values set the scale.
  constexpr std::size_t kBins = 30;
  const double top = RoundUp(std::max(1e-6, values[values.size() * 99 / 100]));
  std::vector<std::size_t> counts(kBins);
  for (const double value : values) ++counts[std::min(kBins - 1, static_cast<std::size_t>(std::max(0.0, value) / top * kBins))];
  const double most = static_cast<double>(*std::ranges::max_element(counts));
  const double slot = (width - kLeft - kRight) / kBins;
  for (std::size_t i = 0; i < kBins; ++i) {
    const double y = ShareY(static_cast<double>(counts[i]) / most);
    svg +=
        Format("<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>%zu from %.4g%s</title></rect>\n",
               kLeft + slot * static_cast<double>(i), y, slot - 1, ShareY(0) - y, counts[i], top * static_cast<double>(i) / kBins,
               i + 1 == kBins ? " up" : Format(" to %.4g", top * static_cast<double>(i + 1) / kBins).c_str());
  }
  svg += Format("<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n", kLeft, width - kRight, ShareY(0),
                ShareY(0));
  for (int i = 0; i <= 4; ++i)
    svg += Text(kLeft + (width - kLeft - kRight) * i / 4, ShareY(0) + 14, "middle", Format("%.4g", top * i / 4));
  svg += Text(kLeft - 6, kTop + 4, "end", Format("%.0f", most));
  svg += Text((kLeft + width) / 2, ShareY(0) + 30, "middle",
              unit + Format(": median %.4g, 99%% below %.4g", values[values.size() / 2], values[values.size() * 99 / 100]));
  return svg + "</svg>\n";
}

}  // namespace mathcoder::evaluate
