#include "evaluate/summary.h"

#include <algorithm>
#include <tuple>

namespace mathcoder::evaluate {
namespace {

using base::Json;
using Items = std::vector<const Item*>;

// Numbers in natural order, then words: levels 1, 2, 10.
bool NaturalLess(const std::string& a, const std::string& b) {
  const bool numbers = !a.empty() && !b.empty() && a.size() < 10 && b.size() < 10 &&
                       a.find_first_not_of("0123456789") == std::string::npos &&
                       b.find_first_not_of("0123456789") == std::string::npos;
  return numbers ? std::stol(a) < std::stol(b) : a < b;
}

Breakdown BreakDown(const Items& items, std::uint64_t seed, const std::function<std::string(const Item&)>& key) {
  std::map<std::string, Items, bool (*)(const std::string&, const std::string&)> parts(NaturalLess);
  for (const Item* item : items) {
    if (const std::string name = key(*item); !name.empty()) parts[name].push_back(item);
  }
  Breakdown breakdown;
  for (const auto& [name, part] : parts) breakdown.emplace_back(name, ScoreOf(part, seed));
  return breakdown;
}

// Scored items by question, questions in order.
std::vector<Items> ByQuestion(std::span<const Item* const> items) {
  std::map<std::tuple<std::string, std::string, std::size_t>, Items> questions;
  for (const Item* item : items) {
    if (!item->infrastructure_failure()) questions[{item->model, item->task.benchmark, item->task.index}].push_back(item);
  }
  std::vector<Items> result;
  for (auto& [key, question] : questions) {
    std::ranges::sort(question, {}, [](const Item* item) { return item->task.sample; });
    result.push_back(std::move(question));
  }
  return result;
}

std::vector<Vote> Votes(const Items& question, const SameAnswer& same) {
  std::vector<Vote> votes;
  std::vector<const Item*> firsts;  // of each distinct answer
  for (const Item* item : question) {
    Vote vote{-1, item->correct()};
    for (std::size_t i = 0; i < firsts.size() && vote.answer < 0 && !item->answer.empty(); ++i) {
      if (firsts[i]->answer == item->answer || (same && same(item->task.benchmark, firsts[i]->answer, item->answer)))
        vote.answer = static_cast<int>(i);
    }
    if (vote.answer < 0 && !item->answer.empty()) {
      vote.answer = static_cast<int>(firsts.size());
      firsts.push_back(item);
    }
    votes.push_back(vote);
  }
  return votes;
}

void AddCurves(const Items& items, const SummaryOptions& options, Group& group) {
  const std::vector<Items> questions = ByQuestion(items);
  std::vector<std::vector<Vote>> votes;
  for (const Items& question : questions) votes.push_back(Votes(question, options.same));
  for (std::size_t k = 1;; k = std::min(k * 2, group.samples)) {
    std::vector<double> pass;
    std::vector<double> majority;
    for (std::size_t i = 0; i < questions.size(); ++i) {
      const std::size_t n = questions[i].size();
      if (n < k) continue;  // samples were lost to the infrastructure: the question says nothing of k
      const auto right = static_cast<std::size_t>(std::ranges::count_if(questions[i], &Item::correct));
      pass.push_back(PassAtK(n, right, k));
      majority.push_back(MajorityAtK(votes[i], k, options.seed + i));
    }
    if (pass.empty()) break;
    group.pass_at.emplace_back(k, Mean(pass));
    group.majority_at.emplace_back(k, Mean(majority));
    if (k == group.samples) break;
  }
}

Group GroupOf(const Items& items, const SummaryOptions& options) {
  Group group{.benchmark = items.front()->task.benchmark, .model = items.front()->model};
  std::map<std::size_t, std::size_t> samples;
  for (const Item* item : items) group.samples = std::max(group.samples, ++samples[item->task.index]);
  group.questions = samples.size();
  group.score = ScoreOf(items, options.seed);
  if (const auto found = options.seconds.find(group.benchmark); found != options.seconds.end()) group.seconds = found->second;
  if (group.samples > 1) AddCurves(items, options, group);
  group.by_subject = BreakDown(items, options.seed, [](const Item& item) { return item.subject; });
  group.by_level = BreakDown(items, options.seed, [](const Item& item) { return item.level; });
  group.by_blocks = BreakDown(items, options.seed, [](const Item& item) { return std::to_string(item.code_blocks); });
  return group;
}

Json ToJson(const Breakdown& breakdown) {
  Json json = Json::object();
  for (const auto& [name, score] : breakdown) json[name] = ToJson(score);
  return json;
}

Json ToJson(const Curve& curve) {
  Json json = Json::object();
  for (const auto& [k, value] : curve) json[std::to_string(k)] = value;
  return json;
}

Json ToJson(const Group& group) {
  Json json = {{"questions", group.questions}, {"samples", group.samples}};
  json.update(ToJson(group.score));
  json["seconds"] = group.seconds ? Json(*group.seconds) : Json();
  if (group.samples > 1) {
    json["pass_at"] = ToJson(group.pass_at);
    json["majority_at"] = ToJson(group.majority_at);
  }
  if (!group.by_subject.empty()) json["by_subject"] = ToJson(group.by_subject);
  if (!group.by_level.empty()) json["by_level"] = ToJson(group.by_level);
  json["by_code_blocks"] = ToJson(group.by_blocks);
  return json;
}

}  // namespace

Score ScoreOf(std::span<const Item* const> items, std::uint64_t seed) {
  Score score;
  for (const Item* item : items) {
    if (item->infrastructure_failure()) {
      ++score.infrastructure_failures;
      continue;
    }
    ++score.n;
    switch (item->outcome) {
      case grade::Outcome::kCorrect:
        ++score.correct;
        break;
      case grade::Outcome::kWrong:
        ++score.wrong;
        break;
      case grade::Outcome::kUnknown:
        ++score.unknown;
        break;
      case grade::Outcome::kNoAnswer:
        ++score.no_answer;
        break;
    }
    score.truncated += item->truncated() ? 1 : 0;
    score.timed_out += item->timed_out ? 1 : 0;
    score.session_lost += item->ending == chat::Ending::kSessionLost ? 1 : 0;
  }
  const std::vector<Items> questions = ByQuestion(items);
  if (questions.size() == score.n) {
    score.interval = WilsonInterval(score.correct, score.n);
  } else if (score.correct == 0 || score.correct == score.n) {  // every resample would be the same: no width
    score.interval = WilsonInterval(score.correct == 0 ? 0 : questions.size(), questions.size());
  } else {  // samples of one question are not independent
    std::vector<double> means;
    for (const Items& question : questions) {
      means.push_back(static_cast<double>(std::ranges::count_if(question, &Item::correct)) / static_cast<double>(question.size()));
    }
    score.interval = BootstrapMean(means, seed, 2000);
  }
  return score;
}

Summary Summarize(std::span<const Item> items, const SummaryOptions& options) {
  std::vector<std::pair<std::string, std::string>> order;  // benchmark, model
  std::map<std::pair<std::string, std::string>, Items> groups;
  std::vector<std::string> file_order;
  std::map<std::string, Items> files;
  std::vector<std::string> benchmarks;
  for (const Item& item : items) {
    const auto key = std::pair(item.task.benchmark, item.model);
    if (groups[key].empty()) order.push_back(key);
    groups[key].push_back(&item);
    if (std::ranges::find(benchmarks, item.task.benchmark) == benchmarks.end()) benchmarks.push_back(item.task.benchmark);
    if (item.file.empty()) continue;
    if (files[item.file].empty()) file_order.push_back(item.file);
    files[item.file].push_back(&item);
  }
  Summary summary;
  for (const std::string& benchmark : benchmarks) {
    for (const auto& key : order) {
      if (key.first == benchmark) summary.groups.push_back(GroupOf(groups[key], options));
    }
  }
  for (const std::string& file : file_order) {
    const Items& part = files[file];
    summary.files.push_back({file, part.front()->task.benchmark, part.front()->model, ScoreOf(part, options.seed)});
  }
  return summary;
}

Json ToJson(const Score& score) {
  return {{"n", score.n},
          {"correct", score.correct},
          {"accuracy", score.accuracy()},
          {"interval", {score.interval.low, score.interval.high}},
          {"wrong", score.wrong},
          {"unknown", score.unknown},
          {"no_answer", score.no_answer},
          {"truncated", score.truncated},
          {"timed_out", score.timed_out},
          {"session_lost", score.session_lost},
          {"infrastructure_failures", score.infrastructure_failures}};
}

Json ToJson(const Summary& summary, std::span<const Item> items, std::uint64_t seed) {
  Json benchmarks = Json::object();
  for (const Group& group : summary.groups) {
    Json& entry = benchmarks[group.benchmark];
    const auto models = std::ranges::count(summary.groups, group.benchmark, &Group::benchmark);
    if (models == 1) {
      entry = ToJson(group);
      continue;
    }
    if (entry.is_null()) {
      Items all;
      for (const Item& item : items) {
        if (item.task.benchmark == group.benchmark) all.push_back(&item);
      }
      entry = ToJson(ScoreOf(all, seed));
      entry["seconds"] = nullptr;
      entry["models"] = Json::object();
    }
    entry["models"][group.model] = ToJson(group);
  }
  Json json = {{"benchmarks", std::move(benchmarks)}};
  if (!summary.files.empty()) {
    json["files"] = Json::array();
    for (const FileCount& file : summary.files) {
      Json entry = {{"file", file.file}, {"benchmark", file.benchmark}, {"model", file.model}};
      entry.update(ToJson(file.score));
      json["files"].push_back(std::move(entry));
    }
  }
  return json;
}

}  // namespace mathcoder::evaluate
