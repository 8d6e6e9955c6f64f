#include "weights/pre_tokenizer.h"

#include <array>
#include <string_view>

namespace mathcoder::weights {
namespace {

using base::SortedJson;

// Regular expressions as the models' own tokenizer.json have them.
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct Row {
  std::string_view name;
  std::string_view split;  // a Split before the bytes; empty: none
  bool digits;             // Digits, each alone
  bool gpt2;               // ByteLevel with its own (GPT-2's) expression
  bool ignore_merges;
};

// The first row that fits is taken. Names that llama.cpp treats alike are one row.
constexpr std::array<Row, 7> kRows = {{{"llama-bpe", kLlama3, false, false, true},
                                       {"dbrx", kLlama3, false, false, false},
                                       {"qwen2", kQwen2, false, false, false},
                                       {"tekken", kTekken, false, false, true},
                                       {"smollm", "", true, true, false},
                                       {"starcoder", "", true, true, false},
                                       {"gpt-2", "", false, true, false}}};

SortedJson ByteLevel(bool gpt2) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", gpt2}};
}

void Flatten(const SortedJson& rule, std::vector<SortedJson>& steps) {
  if (rule.is_object() && rule.value("type", "") == "Sequence" && rule.contains("pretokenizers")) {
    for (const SortedJson& step : rule["pretokenizers"]) Flatten(step, steps);
  } else {
    steps.push_back(rule);
  }
}

}  // namespace

std::optional<std::string> RecognisePreTokenizer(const SortedJson& rule, bool ignore_merges) {
  std::vector<SortedJson> steps;
  Flatten(rule, steps);
  std::string split;
  bool digits = false;
  bool bytes = false;
  bool gpt2 = false;
  for (const SortedJson& step : steps) {
    if (!step.is_object() || bytes) return std::nullopt;
    const std::string type = step.value("type", "");
    if (type == "Split" && split.empty() && !digits) {
      if (step.value("behavior", "") != "Isolated" || step.value("invert", false)) return std::nullopt;
      if (!step.contains("pattern") || !step["pattern"].is_object()) return std::nullopt;
      split = step["pattern"].value("Regex", "");
      if (split.empty()) return std::nullopt;
    } else if (type == "Digits" && !digits && split.empty()) {
      digits = step.value("individual_digits", false);
      if (!digits) return std::nullopt;
    } else if (type == "ByteLevel") {
      bytes = true;
      gpt2 = step.value("use_regex", true);
    } else {
      return std::nullopt;
    }
  }
  for (const Row& row : kRows) {
    if (bytes && row.split == split && row.digits == digits && row.gpt2 == gpt2 && row.ignore_merges == ignore_merges) {
      return std::string(row.name);
    }
  }
  return std::nullopt;
}

std::optional<SortedJson> PreTokenizerRule(const std::string& name, bool& ignore_merges) {
  for (const Row& row : kRows) {
    if (row.name != name) continue;
    ignore_merges = row.ignore_merges;
    SortedJson steps = SortedJson::array();
    if (!row.split.empty()) {
      steps.push_back({{"type", "Split"}, {"pattern", {{"Regex", row.split}}}, {"behavior", "Isolated"}, {"invert", false}});
    }
    if (row.digits) steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
    steps.push_back(ByteLevel(row.gpt2));
    if (steps.size() == 1) return steps[0];
    return SortedJson{{"type", "Sequence"}, {"pretokenizers", steps}};
  }
  return std::nullopt;
}

std::vector<std::string> PreTokenizerNames() {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.emplace_back(row.name);
  return names;
}

}  // namespace mathcoder::weights
