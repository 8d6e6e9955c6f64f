#include "evaluate/compare.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <tuple>

#include "base/error.h"
#include "base/jsonl.h"

namespace mathcoder::evaluate {
namespace {

// benchmark, model, question, nth with this text, sample
using Key = std::tuple<std::string, std::string, std::string, std::size_t, std::uint32_t>;

bool SeveralModels(std::span<const Item> items) {
  return std::ranges::any_of(items, [&](const Item& item) { return item.model != items.front().model; });
}

// Files may repeat a question: the nth of the same text is the nth there.
std::map<Key, const Item*> Keyed(std::span<const Item> items, bool models) {
  std::map<std::tuple<std::string, std::string, std::string, std::uint32_t>, std::size_t> seen;
  std::vector<const Item*> sorted;
  for (const Item& item : items) sorted.push_back(&item);
  std::ranges::stable_sort(sorted, {}, [](const Item* item) { return item->task; });
  std::map<Key, const Item*> keyed;
  for (const Item* item : sorted) {
    const std::string model = models ? item->model : "";
    const std::size_t nth = seen[{item->task.benchmark, model, item->question_sha256, item->task.sample}]++;
    keyed.emplace(Key{item->task.benchmark, model, item->question_sha256, nth, item->task.sample}, item);
  }
  return keyed;
}

struct Pair {
  const Item* first;
  const Item* second;
};

std::string NameOf(const Item& item) { return item.id.empty() ? "#" + std::to_string(item.task.index) : item.id; }

PairedScore ScorePairs(const std::string& benchmark, const std::vector<Pair>& pairs, std::uint64_t seed) {
  PairedScore score{.benchmark = benchmark, .pairs = pairs.size()};
  std::map<std::tuple<std::string, std::string, std::size_t>, std::pair<double, std::size_t>>
      questions;  // sum of differences, pairs
  for (const auto& [first, second] : pairs) {
    const bool a = first->correct();
    const bool b = second->correct();
    (a && b ? score.both : a ? score.only_first : b ? score.only_second : score.neither) += 1;
    if (a && !b) score.lost.push_back(NameOf(*second));
    if (b && !a) score.gained.push_back(NameOf(*second));
    auto& question = questions[{second->task.benchmark, second->model, second->task.index}];
    question.first += static_cast<double>(b) - static_cast<double>(a);
    ++question.second;
  }
  score.questions = questions.size();
  if (!pairs.empty()) {
    score.first = static_cast<double>(score.both + score.only_first) / static_cast<double>(pairs.size());
    score.second = static_cast<double>(score.both + score.only_second) / static_cast<double>(pairs.size());
  }
  std::vector<double> differences;
  for (const auto& [key, sum] : questions) differences.push_back(sum.first / static_cast<double>(sum.second));
  score.test = McNemarTest(score.only_first, score.only_second);
  score.difference = BootstrapMean(differences, seed);
  return score;
}

std::string Format(const char* format, auto... values) {
  char text[512];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

}  // namespace

Comparison Compare(std::span<const Item> first, std::span<const Item> second, std::uint64_t seed) {
  const bool models = !first.empty() && !second.empty() && (SeveralModels(first) || SeveralModels(second));
  const std::map<Key, const Item*> a = Keyed(first, models);
  const std::map<Key, const Item*> b = Keyed(second, models);
  std::map<std::string, std::vector<Pair>> pairs;
  std::vector<Pair> all;
  Comparison comparison;
  for (const auto& [key, item] : a) {
    const auto other = b.find(key);
    if (other == b.end() || item->infrastructure_failure() || other->second->infrastructure_failure()) {
      ++comparison.unpaired;
      continue;
    }
    pairs[item->task.benchmark].push_back({item, other->second});
    all.push_back({item, other->second});
  }
  for (const auto& [key, item] : b) comparison.unpaired += a.contains(key) ? 0 : 1;
  for (const auto& [benchmark, part] : pairs) comparison.benchmarks.push_back(ScorePairs(benchmark, part, seed));
  if (pairs.size() > 1) comparison.benchmarks.push_back(ScorePairs("all", all, seed));
  return comparison;
}

std::vector<Item> ReadVerdicts(const std::filesystem::path& run) {
  const std::filesystem::path path = run / "verdicts.jsonl";
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    throw base::BadInput(run.string() + ": holds no verdicts.jsonl; give the folder of a finished `mathcoder eval -o`");
  }
  std::vector<Item> items;
  base::JsonLines lines(path);
  while (auto record = lines.Next()) {
    if (!record->ok()) throw base::BadInput(record->error());
    base::Result<Item> item = ItemFromJson(**record);
    if (!item.ok()) throw base::BadInput(lines.Where() + ": " + item.error());
    items.push_back(std::move(item).value());
  }
  return items;
}

base::Json ToJson(const Comparison& comparison) {
  base::Json benchmarks = base::Json::object();
  for (const PairedScore& score : comparison.benchmarks) {
    benchmarks[score.benchmark] = {{"questions", score.questions},
                                   {"pairs", score.pairs},
                                   {"both_correct", score.both},
                                   {"only_first", score.only_first},
                                   {"only_second", score.only_second},
                                   {"neither", score.neither},
                                   {"accuracy_first", score.first},
                                   {"accuracy_second", score.second},
                                   {"difference", score.second - score.first},
                                   {"difference_interval", {score.difference.low, score.difference.high}},
                                   {"mcnemar_exact_p", score.test.exact_p},
                                   {"mcnemar_chi_squared", score.test.chi_squared},
                                   {"mcnemar_chi_squared_p", score.test.chi_squared_p},
                                   {"lost", score.lost},
                                   {"gained", score.gained}};
  }
  return {{"benchmarks", std::move(benchmarks)}, {"unpaired", comparison.unpaired}};
}

std::string ToText(const Comparison& comparison, const std::string& first_name, const std::string& second_name) {
  std::string text = "A: " + first_name + "\nB: " + second_name + "\n\n";
  text += Format("%-14s %9s %7s %7s %7s %18s %7s %7s %9s %9s\n", "benchmark", "questions", "A %", "B %", "B - A", "95% interval",
                 "A only", "B only", "exact p", "chi2 p");
  for (const PairedScore& score : comparison.benchmarks) {
    const std::string interval = Format("[%+.1f, %+.1f]", 100 * score.difference.low, 100 * score.difference.high);
    text += Format("%-14s %9zu %7.1f %7.1f %+7.1f %18s %7zu %7zu %9.4f %9.4f\n", score.benchmark.c_str(), score.questions,
                   100 * score.first, 100 * score.second, 100 * (score.second - score.first), interval.c_str(), score.only_first,
                   score.only_second, score.test.exact_p, score.test.chi_squared_p);
  }
  if (std::ranges::any_of(comparison.benchmarks, [](const PairedScore& score) { return score.pairs > score.questions; })) {
    text +=
        "\nSeveral samples a question: McNemar's test takes them for independent; go by the interval, which is over questions.\n";
  }
  if (comparison.unpaired > 0)
    text += Format("\n%zu verdicts have no partner (other questions, or a failure of the infrastructure).\n", comparison.unpaired);
  return text;
}

}  // namespace mathcoder::evaluate
