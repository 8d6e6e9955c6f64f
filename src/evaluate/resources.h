// Files that are compiled into the program (embed.cmake), so that it finds them wherever it is installed.
#pragma once

#include <string_view>
#include <vector>

namespace mathcoder::evaluate {

struct Resource {
  std::string_view name;
  std::string_view text;
};

const std::vector<Resource>& BenchmarkFiles();  // benchmarks/*.yaml
std::string_view PublishedResultsMarkdown();    // docs/paper-results.md
std::string_view ReportStyle();                 // page/report.css
std::string_view ReportScript();                // page/report.js
// KaTeX as it was found when the program was built; empty where it was not there. MIT licence, Khan Academy and contributors.
std::string_view KatexScript();
// What the sources were: "git describe" where they were built, else "unknown".
std::string_view CodeVersion();

}  // namespace mathcoder::evaluate
