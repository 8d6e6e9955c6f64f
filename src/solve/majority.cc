#include "solve/majority.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <unordered_map>

namespace mathcoder::solve {
namespace {

std::string Canonical(const std::string& answer) {
  std::string text;
  for (const char c : answer) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) text += c;
  }
  while (text.size() >= 2 && text.front() == '$' && text.back() == '$') text = text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

Majority MajorityAnswer(std::span<const chat::Transcript> samples, const SameAnswer& same) {
  Majority majority;
  std::unordered_map<std::string, std::size_t> group;  // of each text seen: its place in majority.counts
  for (const chat::Transcript& sample : samples) {
    if (sample.final_answer.empty()) continue;
    const auto [seen, is_new] = group.try_emplace(Canonical(sample.final_answer), majority.counts.size());
    if (is_new && same) {
      const auto it =
          std::ranges::find_if(majority.counts, [&](const auto& entry) { return same(entry.first, sample.final_answer); });
      seen->second = static_cast<std::size_t>(it - majority.counts.begin());
    }
    if (seen->second == majority.counts.size()) majority.counts.emplace_back(sample.final_answer, 0);
    ++majority.counts[seen->second].second;
  }
  std::ranges::stable_sort(majority.counts, std::greater<>(), &std::pair<std::string, std::size_t>::second);
  if (!majority.counts.empty()) {
    majority.answer = majority.counts.front().first;
    majority.count = majority.counts.front().second;
  }
  return majority;
}

}  // namespace mathcoder::solve
