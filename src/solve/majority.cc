#include "solve/majority.h"

#include <algorithm>
#include <cctype>

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

Majority MajorityAnswer(std::span<const chat::Transcript> samples) {
  Majority majority;
  std::vector<std::string> canonical;  // beside majority.counts
  for (const chat::Transcript& sample : samples) {
    if (sample.final_answer.empty()) continue;
    const std::string key = Canonical(sample.final_answer);
    const auto it = std::ranges::find(canonical, key);
    if (it == canonical.end()) {
      canonical.push_back(key);
      majority.counts.emplace_back(sample.final_answer, 1);
    } else {
      ++majority.counts[static_cast<std::size_t>(it - canonical.begin())].second;
    }
  }
  std::ranges::stable_sort(majority.counts, std::greater<>(), &std::pair<std::string, std::size_t>::second);
  if (!majority.counts.empty()) {
    majority.answer = majority.counts.front().first;
    majority.count = majority.counts.front().second;
  }
  return majority;
}

}  // namespace mathcoder::solve
