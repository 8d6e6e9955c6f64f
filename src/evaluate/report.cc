#include "evaluate/report.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/file.h"
#include "evaluate/plot.h"
#include "evaluate/resources.h"

namespace mathcoder::evaluate {
namespace {

using base::Json;

std::string Format(const char* format, auto... values) {
  char text[512];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

std::string Cell(const std::string& text, const char* css = "") {
  return std::string("<td class=\"") + css + "\">" + EscapeHtml(text) + "</td>";
}

// The hash that a content policy names a script by.
std::string PolicyHash(std::string_view script) {
  const std::string hex = base::Sha256(script);
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return "'sha256-" + text + "'";
}

std::string TitleOf(const ReportInput& input, const std::string& benchmark) {
  const auto found = std::ranges::find(input.benchmark_titles, benchmark, &std::pair<std::string, std::string>::first);
  return found == input.benchmark_titles.end() ? benchmark : found->second;
}

std::string Percent(double share) { return Format("%.1f", 100 * share); }

std::string ModelName(const ReportInput& input, const std::string& model) {
  if (!model.empty()) return model;
  if (input.manifest.contains("solve")) return input.manifest["solve"].value("model", "this run");
  return "this run";
}

// Rows: models; columns: benchmarks. This run's first, the published ones below.
std::string PaperTable(const ReportInput& input) {
  std::string html = "<table id=\"results\"><thead><tr><th>model</th>";
  for (const auto& [name, title] : input.benchmark_titles) html += "<th>" + EscapeHtml(title) + "</th>";
  html += "<th>source</th></tr></thead><tbody>\n";
  std::vector<std::string> models;
  for (const Group& group : input.summary.groups) {
    if (std::ranges::find(models, group.model) == models.end()) models.push_back(group.model);
  }
  const std::string mode = input.manifest.contains("grade") ? input.manifest["grade"].value("mode", "") : "";
  for (const std::string& model : models) {
    html += "<tr class=\"own\">" + Cell(ModelName(input, model));
    for (const auto& [name, title] : input.benchmark_titles) {
      const auto group =
          std::ranges::find_if(input.summary.groups, [&](const Group& g) { return g.model == model && g.benchmark == name; });
      if (group == input.summary.groups.end()) {
        html += "<td></td>";
        continue;
      }
      const Score& score = group->score;
      html += "<td class=\"number\"><b>" + Percent(score.accuracy()) + "</b><br><small>" + Percent(score.interval.low) + " to " +
              Percent(score.interval.high) + "<br>" + std::to_string(score.correct) + " of " + std::to_string(score.n) +
              "</small></td>";
    }
    html += Cell("this run, mode " + mode) + "</tr>\n";
  }
  for (const PublishedRow& row : input.published) {
    html += "<tr>" + Cell(row.model);
    for (const auto& [name, title] : input.benchmark_titles) {
      const auto score = row.scores.find(name);
      html += Cell(score == row.scores.end() ? "" : score->second, "number");
    }
    html += Cell(row.source) + "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

std::string CountsTable(const ReportInput& input) {
  std::string html =
      "<table "
      "id=\"counts\"><thead><tr><th>model</th><th>benchmark</th><th>questions</th><th>samples</th><th>n</th><th>correct</"
      "th><th>accuracy %</th>"
      "<th>95% interval</th><th>wrong</th><th>unknown</th><th>no answer</th><th>truncated</th><th>timed out</th><th>session "
      "lost</th>"
      "<th>not scored</th><th>seconds</th></tr></thead><tbody>\n";
  for (const Group& group : input.summary.groups) {
    const Score& score = group.score;
    html += "<tr>" + Cell(ModelName(input, group.model)) + Cell(TitleOf(input, group.benchmark));
    for (const std::size_t count : {group.questions, group.samples, score.n, score.correct})
      html += Cell(std::to_string(count), "number");
    html += Cell(Percent(score.accuracy()), "number") +
            Cell(Percent(score.interval.low) + " to " + Percent(score.interval.high), "number");
    for (const std::size_t count : {score.wrong, score.unknown, score.no_answer, score.truncated, score.timed_out,
                                    score.session_lost, score.infrastructure_failures}) {
      html += Cell(std::to_string(count), "number");
    }
    html += Cell(group.seconds && input.with_times ? Format("%.0f", *group.seconds) : "", "number") + "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

std::string FilesTable(const ReportInput& input) {
  if (input.summary.files.empty()) return "";
  std::string html =
      "<h2>Files</h2>\n<p>What was counted in each file of transcripts. In the published ones a name ends in the published "
      "grader's verdict: in mode "
      "mathcoder every transcript of a -correct file is correct and none of a -wrong file.</p>\n"
      "<table id=\"files\"><thead><tr><th>file</th><th>benchmark</th><th>transcripts</th><th>correct</th><th>not "
      "correct</th></tr></thead><tbody>\n";
  for (const FileCount& file : input.summary.files) {
    html += "<tr>" + Cell(file.file) + Cell(TitleOf(input, file.benchmark)) + Cell(std::to_string(file.score.n), "number") +
            Cell(std::to_string(file.score.correct), "number") + Cell(std::to_string(file.score.n - file.score.correct), "number") +
            "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

std::vector<Bar> Bars(const Breakdown& breakdown) {
  std::vector<Bar> bars;
  for (const auto& [name, score] : breakdown) {
    if (score.n > 0) bars.push_back({name, score.accuracy(), score.interval.low, score.interval.high, score.n});
  }
  return bars;
}

std::string Plots(const ReportInput& input) {
  std::string html;
  std::vector<Bar> all;
  for (const Group& group : input.summary.groups) {
    const std::string several = group.model.empty() ? "" : " " + group.model;
    all.push_back({TitleOf(input, group.benchmark) + several, group.score.accuracy(), group.score.interval.low,
                   group.score.interval.high, group.score.n});
  }
  html += BarPlot("Accuracy by benchmark", all);
  for (const Group& group : input.summary.groups) {
    const std::string name = TitleOf(input, group.benchmark) + (group.model.empty() ? "" : ", " + group.model);
    if (!group.by_level.empty()) html += BarPlot(name + ": accuracy by level", Bars(group.by_level));
    if (!group.by_subject.empty()) html += BarPlot(name + ": accuracy by subject", Bars(group.by_subject));
    html += BarPlot(name + ": accuracy by blocks of code", Bars(group.by_blocks));
    if (group.samples > 1) {
      const auto points = [](const Curve& curve) {
        std::vector<std::pair<double, double>> result;
        for (const auto& [k, value] : curve) result.emplace_back(static_cast<double>(k), value);
        return result;
      };
      html += LinePlot(name + ": accuracy against samples", "samples a question",
                       {{"pass@k", points(group.pass_at)}, {"maj@k", points(group.majority_at)}});
    }
  }
  std::vector<double> tokens;
  std::vector<double> seconds;
  for (const Item& item : input.items) {
    if (item.generated_tokens > 0) tokens.push_back(static_cast<double>(item.generated_tokens));
    if (item.seconds) seconds.push_back(*item.seconds);
  }
  html += HistogramPlot("Generated tokens of a problem", "tokens", tokens);
  if (input.with_times) {
    html += HistogramPlot("Time of a problem, beside others", "seconds", seconds);
  } else {
    html +=
        "<p class=\"note\">Times are not shown: this run is deterministic, and its page repeats byte by byte. They are in "
        "timings.jsonl.</p>\n";
  }
  return html;
}

std::string Browser(const ReportInput& input) {
  std::string html = "<h2>Transcripts</h2>\n<div id=\"filters\">";
  const auto choice = [&](const char* id, const char* label, const char* first,
                          const std::vector<std::pair<std::string, std::string>>& options) {
    html += std::string("<label>") + label + " <select id=\"" + id + "\"><option value=\"\">" + first + "</option>";
    for (const auto& [value, text] : options)
      html += "<option value=\"" + EscapeHtml(value) + "\">" + EscapeHtml(text) + "</option>";
    html += "</select></label> ";
  };
  choice("filter-outcome", "show", "all",
         {{"correct", "correct"},
          {"wrong", "wrong"},
          {"truncated", "truncated"},
          {"unknown", "unknown verdict"},
          {"no_answer", "no answer"},
          {"timed_out", "timed out"},
          {"session_lost", "session lost"},
          {"infrastructure_failure", "infrastructure failure"}});
  choice("filter-benchmark", "of", "every benchmark", input.benchmark_titles);
  std::vector<std::pair<std::string, std::string>> models;
  for (const Group& group : input.summary.groups) {
    if (!group.model.empty() && std::ranges::find(models, std::pair(group.model, group.model)) == models.end())
      models.emplace_back(group.model, group.model);
  }
  if (models.size() > 1) choice("filter-model", "by", "every model", models);
  html +=
      "<label>with <input id=\"filter-text\" type=\"search\" placeholder=\"words of question, answer, id\"></label> <span "
      "id=\"shown\"></span></div>\n";
  if (KatexScript().empty())
    html +=
        "<p class=\"note\" id=\"no-katex\">Mathematics is shown as its source: this program was built without KaTeX (package "
        "libjs-katex).</p>\n";
  if (input.transcripts->left_out() > 0) {
    html += "<p class=\"note\">" + std::to_string(input.transcripts->left_out()) +
            " transcripts are not in this page, which would be too large; all are in transcripts.jsonl.</p>\n";
  }
  html +=
      "<div id=\"browser\"><div id=\"list\"></div><article id=\"transcript\"><p class=\"note\">Choose a "
      "transcript.</p></article></div>\n";
  html += "<script type=\"application/json\" id=\"index\">" + ScriptSafe(base::Dump(input.transcripts->index())) + "</script>\n";
  for (std::size_t i = 0; i < input.transcripts->pages().size(); ++i) {
    html += "<script type=\"application/json\" id=\"t" + std::to_string(i) + "\">" + input.transcripts->pages()[i] + "</script>\n";
  }
  return html;
}

}  // namespace

std::string ScriptSafe(std::string json) {
  std::string safe;
  safe.reserve(json.size() + json.size() / 16);
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '<' || c == '>' || c == '&') {
      safe += Format("\\u%04x", static_cast<unsigned>(c));
    } else if (json.compare(i, 3, "\xE2\x80\xA8") == 0 || json.compare(i, 3, "\xE2\x80\xA9") == 0) {
      safe += json[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      safe += c;
    }
  }
  return safe;
}

void TranscriptPages::Add(const Item& item, const chat::Transcript& transcript) {
  Json blocks = Json::array();
  for (const chat::Block& block : transcript.blocks) blocks.push_back({std::string(chat::Name(block.kind)), block.text});
  Json page = {{"question", transcript.problem.question}, {"blocks", std::move(blocks)}, {"verdict", ToJson(item)}};
  page["ending_detail"] = transcript.ending_detail;
  Json executions = Json::array();
  for (const chat::Execution& execution : transcript.executions) {
    if (execution.verdict != chat::ExecutionVerdict::kOk)
      executions.push_back({execution.code_block, std::string(chat::Name(execution.verdict)), execution.detail});
  }
  page["executions"] = std::move(executions);
  std::string text = ScriptSafe(base::Dump(page));
  std::size_t& used = item.correct() && !item.truncated() ? good_bytes_ : other_bytes_;
  if (used + text.size() > max_bytes_ / 2) {
    ++left_out_;
    return;
  }
  used += text.size();
  Json flags = Json::array({OutcomeName(item)});
  if (item.truncated()) flags.push_back("truncated");
  if (item.timed_out) flags.push_back("timed_out");
  if (item.ending == chat::Ending::kSessionLost) flags.push_back("session_lost");
  std::string question = transcript.problem.question.substr(0, 160);
  index_.push_back({{"b", item.task.benchmark},
                    {"i", item.task.index},
                    {"s", item.task.sample},
                    {"m", item.model},
                    {"id", item.id},
                    {"q", std::move(question)},
                    {"a", item.answer.substr(0, 120)},
                    {"r", item.reference.substr(0, 120)},
                    {"f", std::move(flags)}});
  pages_.push_back(std::move(text));
}

std::string RenderReport(const ReportInput& input) {
  const std::string katex(KatexScript());
  const std::string script(ReportScript());
  std::string html = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n";
  // Styles of elements are KaTeX's; nothing is loaded from anywhere.
  html +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; form-action 'none'; style-src "
      "'unsafe-inline'; script-src " +
      (katex.empty() ? "" : PolicyHash(katex) + " ") + PolicyHash(script) + "\">\n";
  html += "<meta name=\"viewport\" content=\"width=device-width\"><title>" + EscapeHtml(input.title) + "</title>\n<style>" +
          std::string(ReportStyle()) + "</style></head>\n<body>\n";
  html += "<h1>" + EscapeHtml(input.title) + "</h1>\n";
  if (!input.complete) html += "<p class=\"warning\">This run was interrupted: the numbers are of what was finished.</p>\n";
  html += "<h2>Beside the published results</h2>\n" + PaperTable(input);
  html +=
      "<p class=\"note\">Percent correct, with a 95% interval (Wilson; of several samples a question: bootstrap over questions). "
      "Published rows are of the whole test "
      "sets, graded by their authors; look at n, and compare in mode mathcoder.</p>\n";
  html += "<h2>Counts</h2>\n" + CountsTable(input) + FilesTable(input);
  html += "<h2>Plots</h2>\n<div id=\"plots\">" + Plots(input) + "</div>\n" + Browser(input);
  html += "<h2>Manifest</h2>\n<details><summary>what this run was made with</summary><pre id=\"manifest\">" +
          EscapeHtml(input.manifest.dump(2, ' ', false, Json::error_handler_t::replace)) + "</pre></details>\n";
  if (!katex.empty()) {
    html +=
        "<!-- KaTeX, copyright (c) 2013-2020 Khan Academy and other contributors, MIT licence: permission is granted, free of "
        "charge, to any person obtaining a copy of "
        "this software, to deal in it without restriction, provided that this notice is included; it comes without warranty of any "
        "kind. -->\n<script>" +
        katex + "</script>\n";
  }
  return html + "<script>" + script + "</script>\n</body></html>\n";
}

}  // namespace mathcoder::evaluate
