#include "grade/published.h"

#include <optional>
#include <utility>

#include "grade/published_reader.h"
#include "grade/published_text.h"
#include "grade/published_value.h"

namespace mathcoder::grade {
namespace {

std::vector<std::string_view> SplitAtCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

// "(1/2, 3)" becomes "(0.5,3)": each part evaluated and printed. As it was where it is no tuple or any part cannot be evaluated.
std::string EvaluatedTuple(const std::string& text) {
  const bool tuple =
      text.size() >= 2 && ((text.front() == '(' && text.back() == ')') || (text.front() == '[' && text.back() == ']'));
  if (!tuple) return text;
  const std::vector<std::string_view> parts = SplitAtCommas(std::string_view(text).substr(1, text.size() - 2));
  if (parts.size() < 2) return text;
  std::string result(1, text.front());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) result += ',';
    if (parts[i].find("infty") != std::string_view::npos || parts[i] == "a" || parts[i] == "-a") {
      result += parts[i];
      continue;
    }
    const std::optional<PublishedExpr> part = ReadPublished(parts[i]);
    const std::optional<std::string> printed = part ? PublishedPrinted(*part) : std::nullopt;
    if (!printed) return text;
    result += *printed;
  }
  return result += text.back();
}

}  // namespace

PublishedVerdict GradePublished(std::string_view reference, std::string_view message, const PublishedOptions& options) {
  PublishedVerdict verdict{
      .correct = false, .rule = {}, .reference = PublishedAnswer(reference), .answer = PublishedAnswer(PublishedChoice(message))};
  if (options.drop_letters) verdict.answer = WithoutLetters(verdict.answer);
  const auto decide = [&](bool correct, const char* rule) {
    verdict.correct = correct;
    verdict.rule = rule;
    return verdict;
  };
  std::string gold = ReplaceAll(verdict.reference, " ", "");
  std::string answer = ReplaceAll(verdict.answer, " ", "");
  if (gold.empty() || answer.empty()) return decide(false, "empty");
  if (gold == answer) return decide(true, "same text");
  gold = EvaluatedTuple(gold);
  answer = EvaluatedTuple(answer);
  if (gold == answer) return decide(true, "same tuple");
  const std::optional<PublishedExpr> right = ReadPublished(answer);
  const std::optional<PublishedExpr> left = right ? ReadPublished(gold) : std::nullopt;
  if (!left) return decide(false, "not read");
  if (*left == *right) return decide(true, "same formula");
  return PublishedClose(*left, *right) ? decide(true, "within 0.01") : decide(false, "different");
}

std::string PublishedCompletion(const std::vector<chat::Block>& blocks) {
  if (blocks.empty()) return {};
  const std::string_view text = blocks.back().text;
  constexpr std::string_view kBox = "oxed{";
  std::size_t box = text.find(kBox);
  while (box != std::string_view::npos && text.substr(box + kBox.size()).starts_with("}")) box = text.find(kBox, box + 1);
  if (box == std::string_view::npos) return std::string(text);
  int depth = 1;
  std::size_t end = box + kBox.size();
  for (; end < text.size() && depth > 0; ++end) depth += text[end] == '{' ? 1 : text[end] == '}' ? -1 : 0;
  return depth > 0 ? std::string(text) : std::string(text.substr(box, end - box));
}

}  // namespace mathcoder::grade
