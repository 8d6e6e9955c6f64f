// FindAnswer of grade.h: which part of a message is its answer.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grade/boxes.h"
#include "grade/choices.h"
#include "grade/cues.h"
#include "grade/grade.h"
#include "grade/message.h"
#include "grade/words.h"
#include "math/read.h"

namespace mathcoder::grade {
namespace {

using chat::Block;
using chat::BlockKind;

// What programs and models print where they have nothing.
bool SaysNothing(std::string_view text) {
  constexpr std::size_t kLongest = 4;
  text = WithoutFrame(text);
  if (text.size() > kLongest) return false;
  const std::string lower = LowerAscii(text);
  return lower.empty() || lower == "[]" || lower == "()" || lower == "{}" || lower == "none" || lower == "null" || lower == "nan" ||
         lower == "...";
}

bool ReadsAsFormula(std::string_view text) {
  if (HoldsWords(text)) return false;
  math::ReadOptions options;
  options.prose = false;
  return math::ReadMath(WithoutFrame(text), options).ok();
}

// "\\text{Total} = 42": a formula whose words only name its value.
bool ReadsAsNamedValue(std::string_view text) {
  const math::ReadResult read = math::ReadMath(WithoutFrame(text));
  return read.ok() && read.expr().kind == math::Kind::kRelation && read.expr().text == "=" &&
         read.expr().args[0].kind == math::Kind::kText && read.expr().args[1].kind != math::Kind::kText;
}

// "Total: 42": what stands behind a label of letters. nullopt: no label.
std::optional<std::string> BehindLabel(std::string_view sentence) {
  constexpr std::size_t kLongestLabel = 40;
  const std::size_t colon = sentence.substr(0, kLongestLabel).find(':');
  if (colon == std::string_view::npos || colon < 3 || colon + 1 >= sentence.size() || !IsBlank(sentence[colon + 1]))
    return std::nullopt;
  const std::string_view label = sentence.substr(0, colon);
  if (!std::all_of(label.begin(), label.end(), [](char byte) { return IsLetter(byte) || byte == ' '; })) return std::nullopt;
  return std::string(CutStatement(sentence.substr(colon + 1)));
}

// A formula, or a number with its unit: "12 cups".
bool StatesValue(std::string_view text) {
  if (ReadsAsFormula(text)) return true;
  return std::any_of(text.begin(), text.end(), IsDigit) && math::ReadMath(text).ok();
}

std::optional<FinalAnswer> Stated(std::optional<std::string> found, const char* rule) {
  if (!found || SaysNothing(*found)) return std::nullopt;
  return FinalAnswer{std::move(*found), rule};
}

// "\text{The answer is } 42" in a box: the words that a formula holds, without the commands around them.
std::string WithoutTextCommands(std::string_view formula) {
  std::string text;
  int open = 0;
  for (std::size_t i = 0; i < formula.size(); ++i) {
    if (formula.substr(i).starts_with("\\text{")) {
      i += 5;
      ++open;
    } else if (formula[i] == '}' && open > 0) {
      --open;
    } else {
      text += formula[i];
    }
  }
  return text;
}

std::optional<FinalAnswer> InBoxes(std::string_view text) {
  std::optional<BoxedAnswer> found = AnswerInBoxes(text);
  if (!found || SaysNothing(found->text)) return std::nullopt;
  if (!found->merged && HoldsWords(found->text)) {
    if (auto stated = AnswerBehindCue(WithoutTextCommands(found->text)); stated && !SaysNothing(*stated))
      return FinalAnswer{std::move(*stated), "box"};
  }
  return FinalAnswer{std::move(found->text), found->merged ? "merged boxes" : "box"};
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

// A sentence that states a value at its end.
std::optional<std::string> InSentence(std::string_view sentence) {
  if (auto stated = AnswerOfSentence(sentence); stated && StatesValue(*stated)) return stated;
  if (auto formula = FormulaAtEnd(sentence); formula && (ReadsAsFormula(*formula) || ReadsAsNamedValue(*formula))) return formula;
  if (auto stated = EndOfStep(sentence); stated && ReadsAsFormula(*stated)) return stated;
  if (auto stated = BehindLabel(sentence); stated && StatesValue(*stated)) return stated;
  return std::nullopt;
}

// "Option C is the correct answer.", "Therefore, **42** is the answer."
std::optional<FinalAnswer> BeforeItsPraise(std::string_view text) {
  const std::string_view sentence = WithoutFrame(LastSentence(LastLine(text)));
  std::string_view before = BeforePraise(sentence);
  if (before.size() == sentence.size()) return std::nullopt;
  if (const std::size_t comma = before.rfind(", "); comma != std::string_view::npos) before.remove_prefix(comma + 2);
  for (const std::string_view lead : {"So ", "so ", "Thus ", "thus ", "Hence ", "hence ", "Therefore ", "therefore "}) {
    if (before.starts_with(lead)) before.remove_prefix(lead.size());
  }
  before = WithoutFrame(before);
  if (!ChoicesIn(before) && !ReadsAsFormula(before)) return std::nullopt;
  return Stated(std::string(before), "cue");
}

// The last line, where it is an answer: a formula, or a sentence that states one.
std::optional<FinalAnswer> InLastLine(std::string_view text) {
  if (auto display = DisplayAtEnd(text); display && ReadsAsFormula(*display)) return Stated(std::move(display), "last line");
  std::string_view line = LastLine(text);
  if (line.size() < Trim(text).size()) line.remove_prefix(BulletLength(line));
  if (SaysNothing(line)) return std::nullopt;
  if (ReadsAsFormula(line)) return FinalAnswer{std::string(WithoutFrame(line)), "last line"};
  if (Refuses(text)) return std::nullopt;
  const std::string_view sentence = LastSentence(line);
  if (auto stated = InSentence(sentence)) return Stated(std::move(stated), "last line");
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

// What the last text says by cues, JSON, bold and its last line; boxes come before.
std::optional<FinalAnswer> InWords(std::string_view text) {
  if (auto found = Stated(AnswerInBold(text), "bold")) return found;
  return InLastLine(text);
}

std::optional<FinalAnswer> ByCue(std::string_view text) {
  if (auto found = Stated(AnswerInJson(text), "json")) return found;
  if (auto found = Stated(AnswerBehindCue(text), "cue")) return found;
  return BeforeItsPraise(text);
}

// The blocks behind the last closed thought, and the text of the first of them without it. Everything, where nothing is behind it.
std::vector<Block> BlocksBehindThoughts(const std::vector<Block>& blocks) {
  for (std::size_t i = blocks.size(); i-- > 0;) {
    if (blocks[i].kind != BlockKind::kText) continue;
    const std::string_view behind = BehindThoughts(blocks[i].text);
    const bool thoughts = behind.size() < blocks[i].text.size();
    if (!thoughts) continue;
    std::vector<Block> rest(blocks.begin() + static_cast<std::ptrdiff_t>(i), blocks.end());
    rest[0].text = std::string(behind);
    return rest;
  }
  return {};
}

FinalAnswer InBlocks(const std::vector<Block>& blocks) {
  if (auto found = FromLastText(blocks, InBoxes)) return *found;
  const bool ends_in_text = !blocks.empty() && blocks.back().kind == BlockKind::kText;
  if (auto found = FromLastText(blocks, ByCue)) return *found;
  if (ends_in_text) {
    if (auto found = InWords(blocks.back().text)) return *found;
  }
  if (const std::string_view output = LastOutput(blocks); !SaysNothing(output))
    return {std::string(WithoutFrame(output)), "last output"};
  // Words alone ("no solution") are an answer too, when nothing else is there.
  if (ends_in_text && !EndsInOpenBox(blocks.back().text)) {
    if (const std::string_view line = LastLine(blocks.back().text); !SaysNothing(line))
      return {std::string(WithoutFrame(line)), "last line"};
  }
  return {"", "none"};
}

FinalAnswer InMessage(std::string_view message) {
  if (auto found = InBoxes(message)) return *found;
  const std::string_view whole = Trim(message);
  if (SaysNothing(whole)) return {"", "none"};
  const bool one_line = whole.find('\n') == std::string_view::npos;
  if (auto found = Stated(AnswerInJson(whole), "json")) return *found;
  if (one_line && whole.starts_with("A: ")) return {std::string(WithoutFrame(whole.substr(3))), "cue"};
  if (one_line && ReadsAsFormula(whole)) return {std::string(WithoutFrame(whole)), "given"};
  // Cut within its answer: what is there may be half of it.
  if (EndsInOpenBox(whole)) return {"", "none"};
  if (auto found = ByCue(message)) return *found;
  if (auto found = Stated(AnswerInBold(message), "bold")) return *found;
  if (!one_line) {
    if (auto found = InLastLine(message)) return *found;
    return {std::string(WithoutFrame(LastLine(message))), "last line"};
  }
  // A sentence that ends in a value states that value; any other text is the answer as it stands.
  if (!Refuses(whole)) {
    if (const auto stated = InSentence(whole)) return {*stated, "last line"};
  }
  return {std::string(WithoutFrame(whole)), "given"};
}

}  // namespace

FinalAnswer FindAnswer(const std::vector<chat::Block>& blocks) {
  if (const std::vector<Block> said = BlocksBehindThoughts(blocks); !said.empty()) {
    if (FinalAnswer found = InBlocks(said); found.rule != "none") return found;
  }
  return InBlocks(blocks);
}

FinalAnswer FindAnswer(std::string_view message) { return InMessage(BehindThoughts(message)); }

}  // namespace mathcoder::grade
