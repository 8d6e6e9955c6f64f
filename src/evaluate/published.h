// Scores that others published, from docs/paper-results.md, which is compiled in: the document and the report cannot differ.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mathcoder::evaluate {

struct PublishedRow {
  std::string model;
  std::map<std::string, std::string> scores;  // by benchmark name, in percent as written: "64.2"; absent: not published
  std::string source;
};

// The first table of the document whose head is "| model | benchmark... | source |". Throws base::BadInput naming the line where it
// is malformed: every row needs a model and a source.
std::vector<PublishedRow> ReadPublished(std::string_view markdown);
const std::vector<PublishedRow>& PublishedResults();

}  // namespace mathcoder::evaluate
