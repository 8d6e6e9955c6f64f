// FindAnswer of grade.h: which part of a message is its answer.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grade/boxes.h"
#include "grade/cues.h"
#include "grade/grade.h"
#include "grade/words.h"
#include "math/read.h"

namespace mathcoder::grade {
namespace {

using chat::Block;
using chat::BlockKind;

// What programs and models print where they have nothing.
bool SaysNothing(std::string_view text) {
  const std::string lower = LowerAscii(WithoutFrame(text));
  return lower.empty() || lower == "[]" || lower == "()" || lower == "{}" || lower == "none" || lower == "null" || lower == "nan" ||
         lower == "...";
}

bool ReadsAsFormula(std::string_view text) {
  if (HoldsWords(text)) return false;
  math::ReadOptions options;
  options.prose = false;
  return math::ReadMath(WithoutFrame(text), options).ok();
}

// A formula, or a number with its unit: "12 cups".
bool StatesValue(std::string_view text) {
  if (ReadsAsFormula(text)) return true;
  return std::any_of(text.begin(), text.end(), IsDigit) && math::ReadMath(text).ok();
}

std::optional<FinalAnswer> InBoxes(std::string_view text) {
  std::optional<BoxedAnswer> found = AnswerInBoxes(text);
  if (!found || SaysNothing(found->text)) return std::nullopt;
  return FinalAnswer{std::move(found->text), found->merged ? "merged boxes" : "box"};
}

std::optional<FinalAnswer> Stated(std::optional<std::string> found, const char* rule) {
  if (!found || SaysNothing(*found)) return std::nullopt;
  return FinalAnswer{std::move(*found), rule};
}

// The only number of a sentence without formulas: "You answered 70 questions correctly." Two numbers, or one that touches letters
// or signs, state nothing.
std::optional<std::string> OnlyNumber(std::string_view sentence) {
  if (sentence.find_first_of("\\$^_=+*/<>{}[]|") != std::string_view::npos) return std::nullopt;
  std::optional<std::string> number;
  for (std::size_t i = 0; i < sentence.size();) {
    if (!IsDigit(sentence[i])) {
      ++i;
      continue;
    }
    std::size_t begin = i;
    const auto inside = [&](std::size_t at) {
      return IsDigit(sentence[at]) ||
             ((sentence[at] == '.' || sentence[at] == ',') && at + 1 < sentence.size() && IsDigit(sentence[at + 1]));
    };
    while (i < sentence.size() && inside(i)) ++i;
    if (begin > 0 && sentence[begin - 1] == '-' && (begin == 1 || IsBlank(sentence[begin - 2]))) --begin;
    const bool alone = (begin == 0 || IsBlank(sentence[begin - 1]) || sentence[begin - 1] == '(') &&
                       (i == sentence.size() || (!IsLetter(sentence[i]) && sentence[i] != '-' && sentence[i] != ':'));
    if (!alone || number) return std::nullopt;
    number = std::string(sentence.substr(begin, i - begin));
  }
  return number;
}

// The last line, where it is an answer: a formula, or a sentence that states one.
std::optional<FinalAnswer> InLastLine(std::string_view text) {
  if (auto display = DisplayAtEnd(text); display && ReadsAsFormula(*display)) return Stated(std::move(display), "last line");
  const std::string_view line = LastLine(text);
  if (SaysNothing(line)) return std::nullopt;
  if (ReadsAsFormula(line)) return FinalAnswer{std::string(WithoutFrame(line)), "last line"};
  const std::string_view sentence = LastSentence(line);
  if (auto stated = AnswerOfSentence(sentence); stated && StatesValue(*stated)) return Stated(std::move(stated), "last line");
  if (auto formula = OnlyFormulaAtEnd(sentence); formula && ReadsAsFormula(*formula))
    return Stated(std::move(formula), "last line");
  return Stated(OnlyNumber(sentence), "last line");
}

std::string_view LastOutput(const std::vector<Block>& blocks) {
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    if (block->kind != BlockKind::kExecution) continue;
    const std::string_view line = LastLine(block->text);
    // An exception is no answer: "NameError: name 'x' is not defined".
    const std::size_t colon = line.find(':');
    const bool error = block->text.find("Traceback (most recent call last)") != std::string::npos ||
                       (colon != std::string_view::npos && line.substr(0, colon).ends_with("Error"));
    return error ? std::string_view() : line;
  }
  return {};
}

template <typename Find>
std::optional<FinalAnswer> FromLastText(const std::vector<Block>& blocks, Find find) {
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    if (block->kind != BlockKind::kText) continue;
    if (auto found = find(block->text)) return found;
  }
  return std::nullopt;
}

}  // namespace

FinalAnswer FindAnswer(const std::vector<Block>& blocks) {
  if (auto found = FromLastText(blocks, InBoxes)) return *found;
  if (auto found = FromLastText(blocks, [](std::string_view text) { return Stated(AnswerBehindCue(text), "cue"); })) return *found;
  const bool ends_in_text = !blocks.empty() && blocks.back().kind == BlockKind::kText;
  if (ends_in_text) {
    if (auto found = Stated(AnswerInBold(blocks.back().text), "bold")) return *found;
    if (auto found = InLastLine(blocks.back().text)) return *found;
  }
  if (const std::string_view output = LastOutput(blocks); !SaysNothing(output))
    return {std::string(WithoutFrame(output)), "last output"};
  // Words alone ("no solution") are an answer too, when nothing else is there.
  if (ends_in_text) {
    if (const std::string_view line = LastLine(blocks.back().text); !SaysNothing(line))
      return {std::string(WithoutFrame(line)), "last line"};
  }
  return {"", "none"};
}

FinalAnswer FindAnswer(std::string_view message) {
  if (auto found = InBoxes(message)) return *found;
  const std::string_view whole = Trim(message);
  if (SaysNothing(whole)) return {"", "none"};
  const bool one_line = whole.find('\n') == std::string_view::npos;
  if (one_line && ReadsAsFormula(whole)) return {std::string(WithoutFrame(whole)), "given"};
  if (auto found = Stated(AnswerBehindCue(message), "cue")) return *found;
  if (auto found = Stated(AnswerInBold(message), "bold")) return *found;
  if (!one_line) {
    if (auto found = InLastLine(message)) return *found;
    return {std::string(WithoutFrame(LastLine(message))), "last line"};
  }
  // A sentence that ends in a value states that value; any other text is the answer as it stands.
  if (auto stated = AnswerOfSentence(whole); stated && StatesValue(*stated)) return {*stated, "last line"};
  if (auto formula = OnlyFormulaAtEnd(whole); formula && ReadsAsFormula(*formula)) return {*formula, "last line"};
  return {std::string(WithoutFrame(whole)), "given"};
}

}  // namespace mathcoder::grade
