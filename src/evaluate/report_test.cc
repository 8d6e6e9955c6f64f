#include "evaluate/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "evaluate/plot.h"
#include "evaluate/resources.h"
#include "evaluate/testing.h"

namespace mathcoder::evaluate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t Count(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string Page(const std::string& hostile) {
  Item item = ItemOf("gsm8k", 0, 0, grade::Outcome::kWrong, hostile);
  item.id = hostile;
  item.model = hostile;
  item.file = hostile;
  item.subject = hostile;
  item.level = hostile;
  item.reason = hostile;
  chat::Transcript transcript;
  transcript.problem.question = hostile;
  transcript.blocks = {
      {chat::BlockKind::kText, hostile}, {chat::BlockKind::kCode, hostile}, {chat::BlockKind::kExecution, hostile}};
  TranscriptPages pages;
  pages.Add(item, transcript);
  const std::vector<Item> items = {item};
  ReportInput input{.title = hostile,
                    .manifest = {{"grade", {{"mode", hostile}}}, {"solve", {{"model", hostile}}}},
                    .summary = Summarize(items, {}),
                    .items = items,
                    .published = PublishedResults(),
                    .transcripts = &pages,
                    .benchmark_titles = {{"gsm8k", hostile}}};
  return RenderReport(input);
}

TEST(Report, HostileTextStaysText) {
  const std::string harmless = Page("harmless");
  for (const std::string hostile : {"</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>",
                                    "\"><svg onload=alert(1)>", "<!--<script>", "]]>", "\xE2\x80\xA8", "' onmouseover='alert(1)"}) {
    const std::string page = Page(hostile);
    for (const char* tag : {"<script", "</script", "<img", "<svg", "<!--"})
      EXPECT_EQ(Count(page, tag), Count(harmless, tag)) << hostile << " " << tag;
    EXPECT_EQ(Count(page, "=\"' on"), 0U);
  }
  EXPECT_THAT(harmless, HasSubstr("Content-Security-Policy"));
  EXPECT_THAT(harmless, HasSubstr("default-src 'none'"));
}

TEST(Report, ShowsRunAndPaper) {
  const std::string page = Page("harmless");
  EXPECT_THAT(page, HasSubstr("MathCoder-CL-34B"));
  EXPECT_THAT(page, HasSubstr("arXiv 2310.03731, table 2"));
  EXPECT_THAT(page, HasSubstr("<svg class=\"plot\""));
  EXPECT_THAT(page, HasSubstr("id=\"filter-outcome\""));
  EXPECT_THAT(page, HasSubstr("id=\"files\""));
  EXPECT_EQ(page.find("http://") == std::string::npos ? 0 : Count(page, "src=\"http"), 0U) << "nothing is loaded";
  EXPECT_EQ(page.find("no-katex") == std::string::npos, !KatexScript().empty());
}

TEST(Report, ScriptSafeKeepsTheValue) {
  const std::string text = "a<b>&\"\\\xE2\x80\xA8\xE2\x80\xA9\xE2\x82\xAC";
  const std::string safe = ScriptSafe(base::Dump(base::Json(text)));
  EXPECT_EQ(safe.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(base::Json::parse(safe).get<std::string>(), text);
}

TEST(Report, ATooLargeRunSaysWhatIsLeftOut) {
  TranscriptPages pages(4000);
  chat::Transcript transcript;
  transcript.blocks = {{chat::BlockKind::kText, std::string(600, 'x')}};
  for (std::size_t i = 0; i < 10; ++i) pages.Add(ItemOf("gsm8k", i, 0, grade::Outcome::kCorrect), transcript);
  EXPECT_GT(pages.left_out(), 0U);
  const std::size_t before = pages.pages().size();
  pages.Add(ItemOf("gsm8k", 10, 0, grade::Outcome::kWrong), transcript);
  EXPECT_EQ(pages.pages().size(), before + 1) << "wrong ones have their own share";
}

TEST(Published, EveryRowHasASource) {
  const auto& rows = PublishedResults();
  ASSERT_GE(rows.size(), 9U);
  for (const PublishedRow& row : rows) {
    EXPECT_FALSE(row.source.empty()) << row.model;
    EXPECT_TRUE(row.scores.contains("gsm8k")) << row.model;
  }
  EXPECT_EQ(rows[0].model, "MathCoder-L-7B");
  EXPECT_EQ(rows[0].scores.at("simuleq"), "47.5");
}

TEST(Published, MalformedTables) {
  const std::string head = "text\n\n| model | gsm8k | source |\n|---|---|---|\n";
  EXPECT_EQ(ReadPublished(head + "| a | 1.0 | x |\n\n| b | 2 | y |\n").size(), 1U) << "the table ends at the empty line";
  EXPECT_THROW(ReadPublished(head + "| a | 1.0 | |\n"), base::Error);
  EXPECT_THROW(ReadPublished(head + "| a | 1.0 |\n"), base::Error);
}

TEST(Plots, EscapeAndHoldWhatTheyShow) {
  const std::string bars = BarPlot("a <b> title", {{"x & y", 0.5, 0.4, 0.6, 10}});
  EXPECT_THAT(bars, HasSubstr("a &lt;b&gt; title"));
  EXPECT_THAT(bars, HasSubstr("x &amp; y: 50.0% of 10, 95% interval 40.0 to 60.0"));
  EXPECT_THAT(LinePlot("t", "samples", {{"pass@k", {{1, 0.25}, {4, 0.5}}}}), HasSubstr("pass@k, 4: 50.0%"));
  EXPECT_THAT(HistogramPlot("t", "tokens", {}), HasSubstr("not known"));
  EXPECT_THAT(HistogramPlot("t", "tokens", {1, 2, 3}), HasSubstr("median 2"));
  for (const auto& svg : {bars, HistogramPlot("t", "s", {0, 0, 0}), HistogramPlot("t", "s", {1e9})})
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace mathcoder::evaluate
