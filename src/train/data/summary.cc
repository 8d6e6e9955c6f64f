#include "train/data/summary.h"

#include <algorithm>
#include <cstdio>

namespace mathcoder::train {
namespace {

using chat::TokenRole;

std::string Percent(double part, double whole) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f%%", whole > 0 ? 100 * part / whole : 0.0);
  return text;
}

// 6338588: "6,338,588".
std::string Grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string Counted(std::uint64_t n, const std::string& what) { return Grouped(n) + " " + what + (n == 1 ? "" : "s"); }

std::string Repeat(double repeat) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", repeat);
  return text;
}

}  // namespace

DataSummary Summarise(const TokenCache& cache, const Split& split, const PackOptions& pack, std::size_t batch_rows) {
  DataSummary summary;
  summary.counts = cache.counts();
  summary.train_examples = split.train.size();
  summary.held_out_examples = split.held_out.size();
  for (std::size_t i = 0; i < cache.files().size(); ++i) {
    summary.files.push_back({cache.files()[i], pack.repeats.empty() ? 1.0 : pack.repeats[i], 0, 0});
  }
  for (const std::uint32_t i : split.train) {
    DataSummary::File& file = summary.files[cache.file(i)];
    ++file.examples;
    file.tokens += cache.length(i);
    summary.longest = std::max(summary.longest, cache.length(i));
    const std::span<const std::uint8_t> roles = cache.roles(i);
    for (std::size_t t = 0; t < roles.size(); ++t) {
      ++summary.tokens_by_role[roles[t]];
      if (t > 0 && cache.mask().role_weight[roles[t]] > 0) ++summary.learned_by_role[roles[t]];
    }
  }
  const EpochPlan plan(cache, split.train, pack, 0);
  summary.epoch = plan.stats();
  summary.row_length = pack.length;
  summary.batch_rows = batch_rows;
  summary.steps_per_epoch = plan.steps(batch_rows);
  summary.first_batch = plan.batch(0, batch_rows);
  for (const std::uint32_t i : plan.row(0)) summary.first_row.push_back(cache.Where(i));
  return summary;
}

std::string ToText(const DataSummary& summary) {
  std::string text = "data\n";
  for (const DataSummary::File& file : summary.files) {
    text += "  " + file.name + ": " + Counted(file.examples, "example") + ", " + Counted(file.tokens, "token") +
            (file.repeat != 1 ? ", " + Repeat(file.repeat) + " times an epoch" : "") + "\n";
  }
  text += "  " + Counted(summary.counts.records, "record") + ": " + Grouped(summary.train_examples) + " to train on, " +
          Grouped(summary.held_out_examples) + " held out, " + Grouped(summary.counts.dropped) + " too long and left out, " +
          Grouped(summary.counts.truncated) + " cut, " + Grouped(summary.counts.without_loss) + " with nothing to learn\n";
  std::uint64_t all = 0;
  std::uint64_t learned = 0;
  for (std::size_t role = 0; role < kRoles; ++role) {
    all += summary.tokens_by_role[role];
    learned += summary.learned_by_role[role];
  }
  text += "tokens\n";
  for (std::size_t role = 0; role < kRoles; ++role) {
    if (summary.tokens_by_role[role] == 0) continue;
    const std::string name(Name(static_cast<TokenRole>(role)));
    text += "  " + name + std::string(11 - name.size(), ' ') + Grouped(summary.tokens_by_role[role]) + " (" +
            Percent(static_cast<double>(summary.tokens_by_role[role]), static_cast<double>(all)) + ")" +
            (summary.learned_by_role[role] > 0 ? ", learned" : "") + "\n";
  }
  text += "  in all     " + Grouped(all) + ", " + Percent(static_cast<double>(learned), static_cast<double>(all)) +
          " learned, longest example " + Grouped(summary.longest) + "\n";
  text += "rows\n  " + Counted(summary.epoch.rows, "row") + " of " + Grouped(summary.row_length) + " an epoch, " +
          Percent(summary.epoch.efficiency, 1) + " full\n";
  text += "  " + Counted(summary.steps_per_epoch, "step") + " of " + Counted(summary.batch_rows, "row") + " an epoch\n";
  text += "first batch\n  " + Counted(summary.first_batch.rows, "row") + ", " + Counted(summary.first_batch.tokens, "token") +
          ", loss weight " + Repeat(summary.first_batch.loss_weight) + "\n  its first row:";
  for (const std::string& where : summary.first_row) text += " " + where;
  return text + "\n";
}

base::Json ToJson(const DataSummary& summary) {
  base::Json files = base::Json::array();
  for (const DataSummary::File& file : summary.files) {
    files.push_back({{"file", file.name}, {"repeat", file.repeat}, {"examples", file.examples}, {"tokens", file.tokens}});
  }
  base::Json roles;
  for (std::size_t role = 0; role < kRoles; ++role) {
    roles[std::string(Name(static_cast<TokenRole>(role)))] = {{"tokens", summary.tokens_by_role[role]},
                                                              {"learned", summary.learned_by_role[role]}};
  }
  return {{"files", std::move(files)},
          {"records", summary.counts.records},
          {"train_examples", summary.train_examples},
          {"held_out_examples", summary.held_out_examples},
          {"dropped", summary.counts.dropped},
          {"truncated", summary.counts.truncated},
          {"without_loss", summary.counts.without_loss},
          {"roles", std::move(roles)},
          {"longest", summary.longest},
          {"row_length", summary.row_length},
          {"rows", summary.epoch.rows},
          {"efficiency", summary.epoch.efficiency},
          {"batch_rows", summary.batch_rows},
          {"steps_per_epoch", summary.steps_per_epoch},
          {"first_batch",
           {{"rows", summary.first_batch.rows},
            {"tokens", summary.first_batch.tokens},
            {"loss_weight", summary.first_batch.loss_weight},
            {"first_row", summary.first_row}}}};
}

}  // namespace mathcoder::train
