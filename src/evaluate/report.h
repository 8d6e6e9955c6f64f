// report.html: one file that opens offline and loads nothing: tables, plots, and every transcript to look at.
//
// Transcripts are what a model wrote, so they are hostile: they enter the page as JSON in which no '<' is left, reach the document
// as text only, and the page's content policy lets no other script run than the two whose hashes it names.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "chat/transcript.h"
#include "evaluate/item.h"
#include "evaluate/published.h"
#include "evaluate/summary.h"

namespace mathcoder::evaluate {

// Collects what the browser of transcripts shows. Wrong, unknown and truncated ones have their own share of the room, so that a
// large run shows all kinds.
class TranscriptPages {
 public:
  explicit TranscriptPages(std::size_t max_bytes = std::size_t{48} << 20) : max_bytes_(max_bytes) {}
  void Add(const Item& item, const chat::Transcript& transcript);

  std::size_t left_out() const { return left_out_; }
  const base::Json& index() const { return index_; }
  const std::vector<std::string>& pages() const { return pages_; }

 private:
  const std::size_t max_bytes_;
  std::size_t good_bytes_ = 0, other_bytes_ = 0, left_out_ = 0;
  base::Json index_ = base::Json::array();  // what filters and the list need
  std::vector<std::string> pages_;          // JSON of each, safe inside <script>
};

struct ReportInput {
  std::string title;
  base::Json manifest;
  Summary summary;
  std::span<const Item> items;
  std::span<const PublishedRow> published;
  const TranscriptPages* transcripts = nullptr;
  std::vector<std::pair<std::string, std::string>> benchmark_titles;  // name, title: columns of the table, in order
  bool with_times = true;                                             // false: nothing that differs between two equal runs
  bool complete = true;                                               // false: the run was interrupted, and the page says so
};
std::string RenderReport(const ReportInput& input);

// JSON that can stand inside <script>: no '<', '>', '&', no line separators of JavaScript.
std::string ScriptSafe(std::string json);

}  // namespace mathcoder::evaluate
