#include "evaluate/published.h"

#include <algorithm>

#include "base/error.h"
#include "evaluate/resources.h"

namespace mathcoder::evaluate {
namespace {

std::string Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  return first == std::string_view::npos ? "" : std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

// The cells between the bars of "| a | b |".
std::vector<std::string> Cells(std::string_view line) {
  std::vector<std::string> cells;
  std::size_t at = line.find('|');
  while (at != std::string_view::npos) {
    const std::size_t bar = line.find('|', at + 1);
    if (bar == std::string_view::npos) break;
    cells.push_back(Trimmed(line.substr(at + 1, bar - at - 1)));
    at = bar;
  }
  return cells;
}

}  // namespace

std::vector<PublishedRow> ReadPublished(std::string_view markdown) {
  std::vector<PublishedRow> rows;
  std::vector<std::string> head;
  std::size_t number = 0;
  for (std::size_t at = 0; at < markdown.size();) {
    const std::size_t end = std::min(markdown.find('\n', at), markdown.size());
    const std::string_view line = markdown.substr(at, end - at);
    at = end + 1;
    ++number;
    const std::vector<std::string> cells = Cells(line);
    if (head.empty()) {
      if (cells.size() >= 3 && cells.front() == "model" && cells.back() == "source") head = cells;
      continue;
    }
    if (cells.empty()) break;                                                  // the end of the table
    if (cells.front().find_first_not_of("-:") == std::string::npos) continue;  // the line under the head
    if (cells.size() != head.size() || cells.back().empty()) {
      throw base::BadInput("docs/paper-results.md:" + std::to_string(number) + ": a row needs " + std::to_string(head.size()) +
                           " cells, and a source in the last");
    }
    PublishedRow row{.model = cells.front(), .scores = {}, .source = cells.back()};
    for (std::size_t i = 1; i + 1 < cells.size(); ++i) {
      if (!cells[i].empty()) row.scores[head[i]] = cells[i];
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

const std::vector<PublishedRow>& PublishedResults() {
  static const std::vector<PublishedRow> rows = ReadPublished(PublishedResultsMarkdown());
  return rows;
}

}  // namespace mathcoder::evaluate
